import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Message } from '../../src/core/messages/index.ts';
import { decode, encode, protocolVersion, wireSize } from '../../src/wire/index.ts';
import { AddressBook } from './address-book.ts';
import { arbitraryMessage, arbitraryOf, messageKinds, peerCount } from './arbitrary-messages.ts';
import { errorOf, heartbeat, received, sender } from './readings.ts';

describe('a message on the wire', () => {
  test.each(messageKinds)('%s comes out as it went in', (kind) => {
    fc.assert(
      fc.property(arbitraryOf[kind] as fc.Arbitrary<Message>, (message) => {
        expect(received(encode(message, sender))).toEqual(message);
      }),
      { numRuns: 60 },
    );
  });

  test('is understood by a process with other handles', () => {
    const mirrored = (handle: number): number => peerCount - 1 - handle;
    fc.assert(
      fc.property(arbitraryMessage, (message) => {
        const bytes = encode(message, sender);
        const elsewhere = AddressBook.of(peerCount, mirrored);
        const decoded = received(bytes, elsewhere);
        expect(encode(decoded as Message, elsewhere).length).toBe(bytes.length);
        expect(received(encode(decoded as Message, elsewhere))).toEqual(message);
      }),
    );
  });

  test('has one size, which can be computed without the bytes', () => {
    fc.assert(
      fc.property(arbitraryMessage, (message) => {
        expect(wireSize(message, sender)).toBe(encode(message, sender).length);
        expect(wireSize(message, sender)).toBe(encode(message, sender).length);
      }),
    );
  });

  test('is counted once, however often the same object is sent', () => {
    let asked = 0;
    const names = { keyOf: (handle: PeerHandle) => sender.keyOf(handle), addressesOf: () => (asked++, []) };
    const message: Message = { kind: 'tree-create', root: 1 as PeerHandle, ttl: 2 };
    for (let i = 0; i < 5; i++) wireSize(message, names);
    expect(asked).toBe(1);
  });

  test('keeps coordinates of whole numbers, and rounds others to whole numbers', () => {
    const any = fc.double({ min: -6e6, max: 6e6, noNaN: true });
    fc.assert(
      fc.property(
        fc.record({ x: any, y: any, z: any, height: any, error: fc.double({ min: 0, max: 1e4, noNaN: true }) }),
        (coordinate) => {
          const pong: Message = { kind: 'pong', nonce: 1, coordinate, serverRoom: 0, clientRoom: 0 };
          const once = received(encode(pong, sender)) as typeof pong;
          for (const axis of ['x', 'y', 'z', 'height', 'error'] as const)
            expect(Math.abs(once.coordinate[axis] - coordinate[axis])).toBeLessThanOrEqual(0.5);
          expect(received(encode(once, sender))).toEqual(once);
        },
      ),
    );
  });

  test('may come in a Buffer that is part of a larger one, and keeps no reference to it', () => {
    const message: Message = {
      kind: 'report',
      subject: 2 as PeerHandle,
      path: '/a/b',
      releaseNumber: 5,
      credential: null,
    };
    const cast: Message = {
      kind: 'cast',
      origin: 2 as PeerHandle,
      incarnation: 1,
      sequence: 1,
      payload: { type: 'note', topic: 't', bytes: Uint8Array.of(1, 2, 3) },
      standing: { charter: 1, epoch: 1, term: 1 },
      signature: new Uint8Array(64),
    };
    const whole = Buffer.concat([Buffer.from('before'), encode(message, sender), encode(cast, sender)]);
    const split = 6 + encode(message, sender).length;
    expect(received(whole.subarray(6, split))).toEqual(message);
    const kept = received(whole.subarray(split));
    whole.fill(0);
    expect(kept).toEqual(cast);
  });
});

describe('a version', () => {
  test('stands first', () => {
    expect([...encode({ kind: 'ping', nonce: 0 }, sender).subarray(0, 2)]).toEqual([0x08, protocolVersion]);
    expect(errorOf(() => decode(encode({ kind: 'ping', nonce: 0 }, sender).subarray(2), sender)).code).toBe(
      'missing-field',
    );
  });

  test('that is newer is refused with a reason that names both', () => {
    const bytes = encode({ kind: 'ping', nonce: 1 }, sender);
    bytes[1] = 2;
    const error = errorOf(() => decode(bytes, sender));
    expect(error.code).toBe('unsupported-version');
    expect(error.message).toBe('version 2 of the protocol; this peer speaks up to version 1: update this one');
  });

  test('that is newer is refused for that, whatever follows it', () => {
    expect(received(Uint8Array.of(0x08, 0x05, 0xff, 0xff))).toBe('unsupported-version');
  });

  test('0 does not exist', () => {
    expect(received(Uint8Array.of(0x08, 0x00))).toBe('out-of-range');
  });
});

describe('messages of a newer peer', () => {
  test('unknown fields are skipped, wherever they are', () => {
    // Number 1000 as varint (64 bits), 64 bits, bytes, 32 bits.
    const extras = [
      [0xc0, 0x3e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8],
      [0xc2, 0x3e, 3, 0x0b, 0x0c, 0xff],
      [0xc5, 0x3e, 1, 2, 3, 4],
    ];
    const bytes = encode({ kind: 'ping', nonce: 9 }, sender);
    for (const extra of extras) {
      const inside = Uint8Array.of(...bytes.subarray(0, 3), 2 + extra.length, ...bytes.subarray(4), ...extra);
      expect(received(inside)).toEqual({ kind: 'ping', nonce: 9 });
      const before = Uint8Array.of(...bytes.subarray(0, 3), 2 + extra.length, ...extra, ...bytes.subarray(4));
      expect(received(before)).toEqual({ kind: 'ping', nonce: 9 });
    }
    const envelopeField = Uint8Array.of(...bytes.subarray(0, 2), 0x3a, 2, 0xaa, 0xbb, ...bytes.subarray(2));
    expect(received(envelopeField)).toEqual({ kind: 'ping', nonce: 9 });
  });

  test('an unknown kind is not an error and leaves no trace in the address book', () => {
    const names = AddressBook.of(0);
    // Field 900, holding anything; then a peer.
    const bytes = Uint8Array.of(
      0x08,
      1,
      0xa2,
      0x38,
      2,
      0xff,
      0xff,
      0x12,
      34,
      0x0a,
      32,
      ...sender.keyOf(1 as PeerHandle),
    );
    expect(decode(bytes, names)).toEqual({
      type: 'unknown-kind',
      field: 900,
      reason: 'field 900 is no kind known here',
    });
    expect(names.heard).toEqual([]);
  });

  test('a multicast payload of an unknown type is not an error either', () => {
    const bytes = Uint8Array.of(0x08, 1, 0x7a, 11, 0x08, 1, 0x10, 1, 0x18, 1, 0x22, 3, 0x4a, 1, 0);
    expect(decode(bytes, AddressBook.of(1))).toEqual({
      type: 'unknown-kind',
      field: 15,
      reason: 'cast.payload: field 9 is no type known here',
    });
  });
});

test('a plain heartbeat stays small', () => {
  expect(encode(heartbeat(), sender).length).toBeLessThanOrEqual(90);
  const pulse = encode({ kind: 'ping', nonce: 123_456 }, sender);
  expect(pulse.length).toBe(8);
});
