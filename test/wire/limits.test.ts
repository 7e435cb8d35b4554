import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PeerHandle } from '../../src/core/ids.ts';
import { mostNoteBytes } from '../../src/core/cast/multicast.ts';
import type { MemberRecord, Message, PeerCard } from '../../src/core/messages/index.ts';
import { mostChildren } from '../../src/core/options.ts';
import { mostFanOut } from '../../src/service/charter.ts';
import { aRoot } from '../core/lone-peer.ts';
import { decode, encode, itemLimits, largestMessageBytes, sizeLimits, wireSize } from '../../src/wire/index.ts';
import { AddressBook, keyNumber } from './address-book.ts';
import { arbitraryMember, arbitraryOf, messageKinds } from './arbitrary-messages.ts';
import { errorOf, heartbeat, received, repeated, sender, spot, varint } from './readings.ts';

describe('limits', () => {
  test.each(messageKinds)('%s has one, which is enforced when reading', (kind) => {
    const limit = sizeLimits[kind];
    const [message] = fc.sample(arbitraryOf[kind] as fc.Arbitrary<Message>, { numRuns: 1, seed: 3 });
    const bytes = encode(message as Message, sender);
    // An unknown field of the envelope fills it up: 0x3a, length, zeros.
    const padded = (total: number): Uint8Array => {
      const room = total - bytes.length - 1;
      const length = room < 130 ? [room - 1] : room < 16_386 ? [((room - 2) & 127) | 128, (room - 2) >> 7] : null;
      const size = length ?? [((room - 3) & 127) | 128, (((room - 3) >> 7) & 127) | 128, (room - 3) >> 14];
      return Uint8Array.from([...bytes, 0x3a, ...size, ...new Uint8Array(room - size.length)]);
    };
    expect(padded(limit).length).toBe(limit);
    expect(received(padded(limit))).toEqual(message);
    expect(received(padded(limit + 1))).toBe('too-large');
  });

  test('a message beyond its limit is neither written nor counted', () => {
    const [record] = fc.sample(arbitraryMember, { numRuns: 1, seed: 1 });
    if (record === undefined) throw new Error('no record');
    // Each of these peers fills 2 kB with its addresses.
    const crowd = new AddressBook(() => repeated(`/dns4/${'x'.repeat(240)}/tcp/1`, 8));
    for (let n = 0; n < 600; n++) crowd.handleOf(keyNumber(n), []);
    const records = (count: number): MemberRecord[] =>
      Array.from({ length: count }, (_, n) => ({ ...record, subject: n as PeerHandle }));
    expect(errorOf(() => encode(heartbeat({ deltas: records(60) }), crowd)).code).toBe('too-large');
    expect(errorOf(() => encode({ kind: 'members', records: records(600), snapshot: true }, crowd)).code).toBe(
      'too-large',
    );
    expect(errorOf(() => wireSize({ kind: 'members', records: records(600), snapshot: true }, crowd)).code).toBe(
      'too-large',
    );
    // The next message is not affected.
    expect(received(encode(heartbeat(), crowd), crowd)).toEqual(heartbeat());
  });

  test('a message that fills its limit to the last byte is written, and with one byte more it is not', () => {
    const filled = (noteBytes: number): Message => ({
      kind: 'cast',
      origin: 0 as PeerHandle,
      incarnation: 1,
      sequence: 1,
      payload: { type: 'note', topic: 'test', bytes: new Uint8Array(noteBytes) },
      standing: { charter: 1, epoch: 1, term: 1 },
      signature: new Uint8Array(64),
    });
    // From 16,384 bytes on, each byte of the note is one byte of the message.
    const room = sizeLimits.cast - encode(filled(20_000), sender).length;
    const fitting = filled(20_000 + room);
    expect(encode(fitting, sender).length).toBe(sizeLimits.cast);
    expect(received(encode(fitting, sender))).toEqual(fitting);
    expect(errorOf(() => encode(filled(20_001 + room), sender)).code).toBe('too-large');
  });

  test('bytes beyond the largest limit are refused unread', () => {
    expect(received(new Uint8Array(largestMessageBytes + 1).fill(0xff))).toBe('too-large');
  });

  test('a list longer than its limit is refused in both directions', () => {
    const head = { origin: 0 as PeerHandle, incarnation: 1, sequence: 1 };
    const heads = repeated(head, itemLimits.heads);
    const full = encode({ kind: 'cast-heads', heads, reply: false }, sender);
    expect(received(full)).toEqual({ kind: 'cast-heads', heads, reply: false });
    expect(errorOf(() => encode({ kind: 'cast-heads', heads: [...heads, head], reply: false }, sender)).code).toBe(
      'list-length',
    );
    // One head more: 0a 06 08 01 10 01 18 01, put in front; the length of the body grows by 8.
    const bodyLength = heads.length * 8 + 2;
    const start = 4 + varint(bodyLength).length;
    const longer = Uint8Array.from([
      ...full.subarray(0, 4),
      ...varint(bodyLength + 8),
      0x0a,
      6,
      8,
      1,
      16,
      1,
      24,
      1,
      ...full.subarray(start),
    ]);
    expect(received(longer)).toBe('list-length');
  });
});

describe('the largest request of an owner or a service', () => {
  test('is as many children as a heartbeat can name, each with one short address, and not one more', () => {
    const names = new AddressBook(() => ['/ip4/10.0.0.1/tcp/4747']);
    for (let n = 0; n < 800; n++) names.handleOf(keyNumber(n), []);
    const far = { x: -99_999, y: 99_999, z: -99_999, height: 99_999, error: 10_000 };
    const cards = (from: number, count: number): PeerCard[] =>
      Array.from({ length: count }, (_, n) => ({ peer: (from + n) as PeerHandle, coordinate: far, rttMs: 300 }));
    const withSiblings = (count: number): Message =>
      heartbeat({
        roster: { version: 1e6, ancestors: cards(0, 33), siblings: cards(37, count), uncles: cards(33, 4) },
      });
    expect(() => encode(withSiblings(mostChildren), names)).not.toThrow();
    expect(errorOf(() => encode(withSiblings(mostChildren + 8), names)).code).toBe('too-large');
    expect(mostFanOut).toBe(mostChildren);
  });

  test('is a note that fits a message, with the longest topic', () => {
    const lone = aRoot();
    const topic = 'x'.repeat(85);
    lone.peer.multicast(lone.nowMs, { type: 'note', topic, bytes: new Uint8Array(mostNoteBytes) });
    const [delivered] = lone.told('delivered');
    if (delivered === undefined) throw new Error('it was not delivered');
    const message = {
      kind: 'cast',
      origin: 0 as PeerHandle,
      incarnation: Number.MAX_SAFE_INTEGER,
      sequence: Number.MAX_SAFE_INTEGER,
      payload: { type: 'note', topic: 'x'.repeat(256), bytes: new Uint8Array(mostNoteBytes) },
      standing: { charter: 2 ** 50, epoch: 2 ** 50, term: 2 ** 50 },
      signature: new Uint8Array(64),
    } as const;
    expect(encode(message, sender).length).toBeLessThanOrEqual(sizeLimits.cast);
    const longer = { type: 'note', topic, bytes: new Uint8Array(mostNoteBytes + 1) } as const;
    expect(() => lone.peer.multicast(lone.nowMs, longer)).toThrow(/a note of 64901 bytes on 'x+'; .* room for 64900/);
    expect(() =>
      lone.peer.multicast(lone.nowMs, { ...longer, topic: 'x'.repeat(86), bytes: new Uint8Array(1) }),
    ).toThrow(/a topic of 86 characters/);
  });

  test('is a view of the most servers it may ask for, with all the addresses that are kept of each', () => {
    const names = new AddressBook(() => ['a'.repeat(256), 'a'.repeat(256)]);
    for (let n = 0; n < 140; n++) names.handleOf(keyNumber(n), []);
    const [record] = fc.sample(arbitraryMember, { numRuns: 1, seed: 1 });
    if (record === undefined) throw new Error('no record');
    const subjects = Array.from({ length: 66 }, (_, n) => ({ ...record, subject: n as PeerHandle }));
    const view = { kind: 'view', version: 1, server: 0 as PeerHandle, records: subjects } as const;
    expect(() => encode(view, names)).not.toThrow();
  });
});

describe('addresses', () => {
  test('go with peers that are introduced, and with no others', () => {
    const names = AddressBook.of(0);
    const card = { peer: 5 as PeerHandle, coordinate: spot, rttMs: Number.NaN };
    const roster = { version: 1, ancestors: [card], siblings: [], uncles: [] };
    decode(encode(heartbeat({ roster }), sender), names);
    expect(names.heard).toEqual([
      { handle: 0, addresses: [] },
      { handle: 1, addresses: ['/ip4/10.0.0.105/tcp/4001'] },
    ]);
  });

  test('go with a peer that is mentioned in one field and introduced in another', () => {
    const names = AddressBook.of(0);
    const card = { peer: 3 as PeerHandle, coordinate: spot, rttMs: 1 };
    decode(
      encode(heartbeat({ roster: { version: 1, ancestors: [card], siblings: [card], uncles: [] } }), sender),
      names,
    );
    expect(names.heard).toEqual([{ handle: 0, addresses: ['/ip4/10.0.0.103/tcp/4001'] }]);
  });

  test('are not taken from a message that introduces nobody', () => {
    const names = AddressBook.of(0);
    const bytes = encode(
      { kind: 'report', subject: 1 as PeerHandle, path: '', releaseNumber: 1, credential: null },
      sender,
    );
    const entry = Buffer.from(bytes).indexOf(Buffer.from([0x12, 34]));
    const forged = Uint8Array.from([
      ...bytes.subarray(0, entry),
      0x12,
      38,
      ...bytes.subarray(entry + 2),
      0x12,
      2,
      0x2f,
      0x78,
    ]);
    expect(decode(forged, names).type).toBe('message');
    expect(names.heard).toEqual([{ handle: 0, addresses: [] }]);
  });

  test('are the first eight, at most, of those that are not too long', () => {
    const many = new AddressBook(() => [
      '/dns4/' + 'x'.repeat(260),
      ...Array.from({ length: 12 }, (_, n) => `/ip4/10.0.0.${n}/tcp/1`),
    ]);
    many.handleOf(sender.keyOf(0 as PeerHandle), []);
    const names = AddressBook.of(0);
    decode(encode({ kind: 'tree-create', root: 0 as PeerHandle, ttl: 2 }, many), names);
    expect(names.heard[0]?.addresses).toEqual(Array.from({ length: 8 }, (_, n) => `/ip4/10.0.0.${n}/tcp/1`));
  });
});
