/**
 * How the root opens a round: a note that is multicast to all peers, signed by the root like every multicast.
 *
 * 26 bytes, big endian: version, kind of cost, round, clamp, limit, freshness, usual service time. A peer that does not know the version
 * takes no part in the round, which the coverage shows. The last number was added later; without it the usual service time is not known.
 */
import type { CostKind } from '../requirement.ts';

export const roundTopic = 'round';

export interface Announcement {
  /** Rises with every round, also across restarts of the root. */
  readonly round: number;
  readonly cost: CostKind;
  /** No sample counts more than this, ms. */
  readonly clampMs: number;
  /** A client with a larger delay is over the limit, ms; 0 for no limit. */
  readonly limitMs: number;
  /** Only requests of at most this age count, ms. */
  readonly freshMs: number;
  /** The usual service time (response delay minus round trip): the median over servers in earlier rounds, ms; 0 while it is not known. */
  readonly usualMs: number;
}

const version = 1;
const length = 26;
const oldLength = 22;

export function encodeAnnouncement({ round, cost, clampMs, limitMs, freshMs, usualMs }: Announcement): Uint8Array {
  const view = new DataView(new ArrayBuffer(length));
  view.setUint8(0, version);
  view.setUint8(1, cost === 'delay' ? 0 : 1);
  view.setFloat64(2, round);
  view.setFloat32(10, clampMs);
  view.setFloat32(14, limitMs);
  view.setFloat32(18, freshMs);
  view.setFloat32(22, usualMs);
  return new Uint8Array(view.buffer);
}

/** Null for anything that is not an announcement of this version. */
export function decodeAnnouncement(bytes: Uint8Array): Announcement | null {
  if (bytes.length < oldLength) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const announcement: Announcement = {
    round: view.getFloat64(2),
    cost: view.getUint8(1) === 0 ? 'delay' : 'over',
    clampMs: view.getFloat32(10),
    limitMs: view.getFloat32(14),
    freshMs: view.getFloat32(18),
    usualMs: bytes.length < length ? 0 : view.getFloat32(22),
  };
  const { round, clampMs, limitMs, freshMs, usualMs } = announcement;
  const isSound =
    Number.isSafeInteger(round) && round > 0 && clampMs > 0 && limitMs >= 0 && freshMs > 0 && usualMs >= 0;
  return view.getUint8(0) === version && isSound ? announcement : null;
}
