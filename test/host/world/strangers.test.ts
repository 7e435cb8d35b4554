import { randomBytes } from 'node:crypto';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { describe, expect, test } from 'vitest';
import { AddressBook } from '../../../src/host/world/address-book.ts';
import { Strangers, TooManyStrangersError } from '../../../src/host/world/strangers.ts';
import { startNetwork, startPair } from '../../network/test-network.ts';

const limits = { atOnce: 10, perSecond: 1e-6, inAll: 25 };

describe('a peer that names others', () => {
  test('may name as many as a farm has, and not one more', () => {
    const book = new AddressBook();
    const names = new Strangers(book, limits).namesFrom('one');
    for (let i = 0; i < limits.atOnce; i++) names.handleOf(randomBytes(32), []);
    expect(() => names.handleOf(randomBytes(32), [])).toThrow(TooManyStrangersError);
    expect(book.size).toBe(limits.atOnce);
  });

  test('may name known ones as often as it likes', () => {
    const names = new Strangers(new AddressBook(), limits).namesFrom('one');
    const key = randomBytes(32);
    const handles = new Set(Array.from({ length: 100 }, () => names.handleOf(key, [])));
    expect(handles.size).toBe(1);
  });

  test('has an allowance of its own, but the book has an end for all', () => {
    const book = new AddressBook();
    const strangers = new Strangers(book, limits);
    const nameTen = (sender: string): void => {
      const names = strangers.namesFrom(sender);
      for (let i = 0; i < 10; i++) names.handleOf(randomBytes(32), []);
    };
    nameTen('one');
    nameTen('two');
    expect(() => nameTen('three')).toThrow('full');
    expect(book.size).toBe(limits.inAll);
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
