/**
 * What a peer must not forget, as rows for a database: a kind, a key, a value.
 *
 * A new row replaces the old one of the same kind and key. Values are envelopes like those of messages, with a version of their own,
 * because a database outlives many versions of the program. A peer that must be found again after a restart is stored with the addresses it
 * had.
 */
import { durableKeyOf } from '../core/index.ts';
import type { DurableKey, DurableRecord, Role } from '../core/index.ts';
import { choice } from './choices.ts';
import { open, seal } from './envelope.ts';
import type { Format } from './envelope.ts';
import { durableLimitBytes } from './limits.ts';
import type { PeerNames } from './peer-table.ts';
import { memberRecord, releaseNotice, treeKind } from './schema.ts';
import { utf8Bytes } from './utf8.ts';
import { bool, enumeration, float64, introducedPeer, introducedPeerOrNobody, peer, uint, unlessNaN } from './values.ts';
import { WireError } from './wire-error.ts';

/** The kind and key of a row of the state database. */
export interface RowKey {
  /** The record's `type`. */
  readonly kind: string;
  /** What tells rows of one kind apart: a peer's key, a tree's name, or empty when there is only one row. */
  readonly key: Uint8Array;
}

/** A row of the state database. */
export interface DurableRow extends RowKey {
  readonly value: Uint8Array;
}

/** Raised only for what an older program would misunderstand. */
export const durableVersion = 1;

const role = enumeration<Role>('Role', { root: 1, server: 2, client: 3, outside: 4 });

/** All kinds of durable record. Numbers 1 to 7 belong to the envelope. */
export const durables = choice<DurableRecord, 'type'>('type', {
  incarnation: [8, { value: [1, uint] }],
  standing: [9, { charter: [1, uint], epoch: [2, uint], term: [3, uint] }],
  role: [10, { role: [1, role] }],
  parent: [11, { tree: [1, treeKind], peer: [2, introducedPeerOrNobody] }],
  member: [12, { peer: [1, introducedPeer], record: [2, memberRecord], atMs: [3, float64] }],
  release: [13, { notice: [1, releaseNotice], installed: [2, bool] }],
  attached: [14, { atMs: [1, float64] }],
  'client-record': [
    15,
    { peer: [1, peer], delayMs: [2, unlessNaN(float64)], failures: [3, float64], requests: [4, float64] },
  ],
  limits: [16, { uploadBytesPerSecond: [1, uint], storageBytes: [2, uint], clients: [3, uint] }],
});

const durableFormat: Format<DurableRecord> = {
  what: 'record format',
  version: durableVersion,
  choice: durables,
  limitOf: () => durableLimitBytes,
  largestBytes: durableLimitBytes,
};

const theOnly = new Uint8Array(0);

/** The row that a key of the core names, with the handle replaced by bytes that mean the same to every process. */
export function encodeDurableKey({ type, which }: DurableKey, names: Pick<PeerNames, 'keyOf'>): RowKey {
  if (which === null) return { kind: type, key: theOnly };
  return { kind: type, key: typeof which === 'string' ? utf8Bytes(which) : names.keyOf(which).slice() };
}

/** The row that keeps a record. Throws `WireError` for values that its fields cannot hold. */
export function encodeDurable(record: DurableRecord, names: Pick<PeerNames, 'keyOf' | 'addressesOf'>): DurableRow {
  return { ...encodeDurableKey(durableKeyOf(record), names), value: seal(durableFormat, record, names) };
}

/**
 * The record that a row keeps; null for a kind that only a newer program knows. Throws `WireError` when the row is damaged,
 * or was written by a newer program in a way that this one would misunderstand.
 */
export function decodeDurable(row: DurableRow, names: Pick<PeerNames, 'keyOf' | 'handleOf'>): DurableRecord | null {
  const opened = open(durableFormat, row.value, names);
  if (opened.type === 'unknown') return null;
  const record = opened.value;
  if (record.type !== row.kind) {
    throw new WireError('out-of-range', `a row of kind '${row.kind}' holds a record of type '${record.type}'`);
  }
  const { key } = encodeDurableKey(durableKeyOf(record), names);
  if (key.length !== row.key.length || key.some((byte, i) => byte !== row.key[i])) {
    throw new WireError('out-of-range', `a row of kind '${row.kind}' holds the record of another key`);
  }
  return record;
}
