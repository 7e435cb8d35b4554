import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { DurableRecord } from '../../src/core/world.ts';
import { WireError, decodeDurable, encodeDurable } from '../../src/wire/index.ts';
import { AddressBook } from './address-book.ts';
import { arbitraryDurableOf, peerCount } from './arbitrary-messages.ts';

const book = AddressBook.of(peerCount);
const types = Object.keys(arbitraryDurableOf) as DurableRecord['type'][];

function rowKey(record: DurableRecord): string {
  const { kind, key } = encodeDurable(record, book);
  return `${kind} ${Buffer.from(key).toString('hex')}`;
}

describe('a durable record', () => {
  test.each(types)('%s is read as it was written', (type) => {
    fc.assert(
      fc.property(arbitraryDurableOf[type] as fc.Arbitrary<DurableRecord>, (record) => {
        const row = encodeDurable(record, book);
        expect(row.kind).toBe(type);
        expect(decodeDurable(row, AddressBook.of(peerCount))).toEqual(record);
      }),
    );
  });

  test('finds its peers again in a process that starts with an empty address book', () => {
    const fresh = AddressBook.of(0);
    const row = encodeDurable({ type: 'parent', tree: 'servers', peer: 7 as PeerHandle }, book);
    expect(decodeDurable(row, fresh)).toEqual({ type: 'parent', tree: 'servers', peer: 0 });
    expect(fresh.heard).toEqual([{ handle: 0, addresses: ['/ip4/10.0.0.107/tcp/4001'] }]);
    expect(fresh.keyOf(0 as PeerHandle)).toEqual(book.keyOf(7 as PeerHandle));
  });

  test('replaces the one before it of the same kind, tree or peer, and no other', () => {
    const parent = (tree: 'servers' | 'clients', peer: number): DurableRecord => ({
      type: 'parent',
      tree,
      peer: peer as PeerHandle,
    });
    expect(rowKey(parent('servers', 1))).toBe(rowKey(parent('servers', 2)));
    expect(rowKey(parent('servers', 1))).toBe(rowKey(parent('servers', NOBODY)));
    expect(rowKey(parent('servers', 1))).not.toBe(rowKey(parent('clients', 1)));
    const client = (peer: number, requests: number): DurableRecord => ({
      type: 'client-record',
      peer: peer as PeerHandle,
      delayMs: 5.5,
      failures: 0,
      requests,
    });
    expect(rowKey(client(1, 1))).toBe(rowKey(client(1, 2)));
    expect(rowKey(client(1, 1))).not.toBe(rowKey(client(2, 1)));
    expect(rowKey({ type: 'incarnation', value: 1 })).toBe(rowKey({ type: 'incarnation', value: 2 }));
    expect(rowKey({ type: 'incarnation', value: 1 })).not.toBe(rowKey({ type: 'attached', atMs: 1 }));
  });

  test('under the key of another record counts as damaged', () => {
    const row = encodeDurable({ type: 'incarnation', value: 4 }, book);
    expect(() => decodeDurable({ ...row, kind: 'attached' }, book)).toThrow(
      new WireError('out-of-range', "a row of kind 'attached' holds a record of type 'incarnation'"),
    );
    expect(() => decodeDurable({ ...row, key: Uint8Array.of(1) }, book)).toThrow(/holds the record of another key/);
  });

  test('that is damaged is refused with an explanation, not half read', () => {
    const row = encodeDurable({ type: 'role', role: 'server' }, book);
    expect(() => decodeDurable({ ...row, value: row.value.subarray(0, 4) }, book)).toThrow(WireError);
  });

  test('of an unknown kind is read as null, and one of a newer format is an error', () => {
    const unknown = { kind: 'horoscope', key: new Uint8Array(0), value: Uint8Array.of(0x08, 1, 0xa2, 0x38, 1, 0) };
    expect(decodeDurable(unknown, book)).toBeNull();
    const newer = { ...unknown, value: Uint8Array.of(0x08, 2) };
    expect(() => decodeDurable(newer, book)).toThrow(
      'version 2 of the record format; this peer speaks up to version 1: update this one',
    );
  });

  test.each([
    ['a time that is not a number', { type: 'attached', atMs: Number.NaN }],
    ['a negative incarnation', { type: 'incarnation', value: -1 }],
  ] as const)('does not write down %s', (_, record) => {
    expect(() => encodeDurable(record, book)).toThrow(WireError);
  });
});
