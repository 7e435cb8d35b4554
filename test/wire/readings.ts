/** Helpers for the tests of the wire: messages that are read and sent, and errors that are expected. */
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Coordinate, HeartbeatDown, Message } from '../../src/core/messages/index.ts';
import { WireError, decode } from '../../src/wire/index.ts';
import { AddressBook } from './address-book.ts';
import { peerCount } from './arbitrary-messages.ts';

/** The address book of whoever sends. */
export const sender = AddressBook.of(peerCount);

/** The message in these bytes for a peer with the same handles, or the error's code. */
export function received(bytes: Uint8Array, names = AddressBook.of(peerCount)): Message | string {
  try {
    const decoded = decode(bytes, names);
    return decoded.type === 'message' ? decoded.message : decoded.type;
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

/** The `WireError` that this throws. */
export function errorOf(act: () => unknown): WireError {
  try {
    act();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A heartbeat without lists, with the given changes. */
export function heartbeat(change: Partial<HeartbeatDown> = {}): HeartbeatDown {
  return {
    kind: 'heartbeat-down',
    tree: 'clients',
    stamp: { root: 3 as PeerHandle, life: 7, sequence: 123_456 },
    depth: 4,
    beat: 98_765,
    intervalMs: 1_000,
    rosterVersion: 12,
    roster: null,
    standing: { charter: 1, epoch: 1, term: 7 },
    release: 12,
    deltas: [],
    membershipDigest: 3_000_000_000,
    castDigest: 4_000_000_000,
    ...change,
  };
}

export const spot: Coordinate = { x: 100, y: -200, z: 300, height: 50, error: 2_500 };

/** The same item `count` times. */
export function repeated<T>(item: T, count: number): T[] {
  return Array.from({ length: count }, () => item);
}

/** A number as a varint. */
export function varint(n: number): number[] {
  return n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))];
}
