import { randomBytes } from 'node:crypto';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { describe, expect, test } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import { AddressBook } from '../../../src/host/world/address-book.ts';
import { BookFullError, Strangers, TooManyStrangersError } from '../../../src/host/world/strangers.ts';
import { startNetwork, startPair } from '../../network/test-network.ts';

const limits = { atOnce: 10, atOnceByStranger: 3, perSecond: 1e-6 };
const nobody = (): boolean => false;

describe('a peer that names others', () => {
  test('may name as many as a farm has, and not one more', () => {
    const book = new AddressBook();
    const names = new Strangers(book, nobody, limits).namesFrom('one');
    for (let i = 0; i < limits.atOnce; i++) names.handleOf(randomBytes(32), []);
    expect(() => names.handleOf(randomBytes(32), [])).toThrow(TooManyStrangersError);
    expect(book.size).toBe(limits.atOnce);
  });

  test('may name known ones as often as it likes', () => {
    const names = new Strangers(new AddressBook(), nobody, limits).namesFrom('one');
    const key = randomBytes(32);
    const handles = new Set(Array.from({ length: 100 }, () => names.handleOf(key, [])));
    expect(handles.size).toBe(1);
  });

  test('may name few while it is a stranger, and as many as others once it has a place here', () => {
    const [book, strangers] = [new AddressBook(), new Set(['one'])];
    const names = new Strangers(book, (sender) => strangers.has(sender), limits).namesFrom('one');
    const name = (): unknown => names.handleOf(randomBytes(32), []);
    for (let i = 0; i < limits.atOnceByStranger; i++) name();
    expect(name).toThrow(TooManyStrangersError);
    strangers.clear();
    for (let i = 0; i < limits.atOnce; i++) name();
    expect(name).toThrow(TooManyStrangersError);
  });

  test('finds room in a full book, at the cost of whoever has named most', () => {
    const book = new AddressBook(25);
    const strangers = new Strangers(book, nobody, limits);
    const name = (sender: string, count: number): number[] =>
      Array.from({ length: count }, () => strangers.namesFrom(sender).handleOf(randomBytes(32), []));
    const few = name('honest', 3);
    const keys = few.map((handle) => book.keyOf(handle as PeerHandle));
    for (const flooder of ['a', 'b', 'c', 'd', 'e', 'f']) name(flooder, limits.atOnce);
    const more = name('honest', 2);
    expect(book.size).toBeLessThanOrEqual(25);
    expect(keys.every((key) => book.knows(key))).toBe(true);
    expect(more.every((handle) => book.knows(book.keyOf(handle as PeerHandle)))).toBe(true);
  });

  test('costs its sender nothing when the book is full of peers that are needed: the message is dropped', () => {
    const book = new AddressBook(5);
    for (let i = 0; i < 5; i++) book.handleOf(randomBytes(32));
    const names = new Strangers(book, nobody, limits).namesFrom('one');
    expect(() => names.handleOf(randomBytes(32), [])).toThrow(BookFullError);
  });
});

describe('a peer with another kind of key than ours', () => {
  test('gets no connection, and harms nobody', async () => {
    const [other, ours] = [
      await startNetwork({ privateKey: await generateKeyPair('secp256k1') }),
      await startNetwork(),
    ];
    other.learn(ours.peerId, ours.addresses());
    await expect(other.openStream(ours.peerId, '/test')).rejects.toThrow();
    const [friend] = await startPair();
    friend.learn(ours.peerId, ours.addresses());
    friend.send(ours.peerId, new Uint8Array(3));
    await new Promise<void>((resolve) => ours.once('message', () => resolve()));
    expect(ours.connectedPeers()).toEqual([friend.peerId]);
  });
});
