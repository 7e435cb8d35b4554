/** Possible reports of clients and servers for tests: plausible figures, of which a test changes those that it is about. */
import { origin, unitsPerMs } from '../../src/core/reach/coordinates.ts';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import { mix } from '../../src/core/hash.ts';
import type { Aggregate, Bid, Coordinate, MemberSample } from '../../src/core/messages/index.ts';
import type { Announcement } from '../../src/qos/round/announcement.ts';
import { Tally } from '../../src/qos/round/tally.ts';

export function peerNumber(n: number): PeerHandle {
  return n as PeerHandle;
}

/** The coordinate this many ms from the origin. */
export function at(x: number, y = 0): Coordinate {
  return { ...origin, x: x * unitsPerMs, y: y * unitsPerMs, height: 0 };
}

export const announcement: Announcement = {
  round: 7,
  cost: 'delay',
  clampMs: 1_000,
  limitMs: 0,
  freshMs: 4_000,
  usualMs: 0,
};

export function fingerprint(peer: PeerHandle): number {
  return mix(peer + 77);
}

export function sample(peer: number, rest: Partial<MemberSample> = {}): MemberSample {
  return {
    peer: peerNumber(peer),
    coordinate: at(0),
    delayMs: 100,
    server: peerNumber(0),
    rttMs: 50,
    secondMs: Number.NaN,
    willing: true,
    ...rest,
  };
}

export function bid(server: number, change: number, rest: Partial<Bid> = {}): Bid {
  const { action = 'promote' } = rest;
  const candidates = action === 'retire' ? [] : [peerNumber(1_000 + server)];
  return { action, server: peerNumber(server), candidates, coordinate: at(100 * server), change, ...rest };
}

export function aggregate(rest: Partial<Aggregate> = {}): Aggregate {
  return { ...new Tally(7, fingerprint).freeze(), worst: NOBODY, worstServer: NOBODY, ...rest };
}

/** A client with this delay, alone in its subtree. */
export function lone(peer: number, delayMs: number, rest: Partial<MemberSample> = {}, round = 7): Aggregate {
  const tally = new Tally(round, fingerprint);
  tally.addSelf({ delayMs, server: peerNumber(0), requests: 2, failures: 0 }, 0);
  tally.addSample(sample(peer, { delayMs, rttMs: Math.min(delayMs, 50), ...rest }));
  if (rest.willing ?? true) tally.descend(peerNumber(peer), delayMs, NOBODY, delayMs);
  return tally.freeze();
}
