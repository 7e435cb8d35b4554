import { describe, expect, test } from 'vitest';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Message } from '../../src/core/messages/index.ts';
import { decode, encode } from '../../src/wire/index.ts';
import { AddressBook } from './address-book.ts';
import { errorOf, heartbeat, received, repeated, sender, spot } from './readings.ts';

describe('strictness', () => {
  // 08 01 | 52 02 | 08 09: version 1, ping, nonce 9.
  const cases: readonly (readonly [string, readonly number[], string])[] = [
    ['nothing', [], 'truncated'],
    ['a version and nothing else', [0x08, 1], 'missing-field'],
    ['a required field that is missing', [0x08, 1, 0x52, 0], 'missing-field'],
    ['a wrong wire type', [0x08, 1, 0x52, 3, 0x0a, 1, 9], 'wire-type'],
    ['a kind that is no record', [0x08, 1, 0x50, 2], 'wire-type'],
    ['a field that is given twice', [0x08, 1, 0x52, 4, 0x08, 9, 0x08, 9], 'duplicate-field'],
    ['two messages in one envelope', [0x08, 1, 0x52, 2, 0x08, 9, 0x52, 2, 0x08, 9], 'duplicate-field'],
    ['two versions', [0x08, 1, 0x08, 1, 0x52, 2, 0x08, 9], 'duplicate-field'],
    ['a varint longer than need be', [0x08, 1, 0x52, 3, 0x08, 0x89, 0], 'varint'],
    ['a tag longer than need be', [0x08, 1, 0x52, 3, 0x88, 0, 9], 'varint'],
    ['a length longer than need be', [0x08, 1, 0x52, 0x82, 0, 0x08, 9], 'varint'],
    ['2^53', [0x08, 1, 0x52, 9, 0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], 'varint'],
    ['a varint without end', [0x08, 1, 0x52, 12, 0x08, ...repeated(0xff, 11)], 'varint'],
    ['an unknown varint of 65 bits', [0x08, 1, 0x52, 13, 0x08, 9, 0x28, ...repeated(0xff, 9), 2], 'varint'],
    ['a group', [0x08, 1, 0x52, 4, 0x08, 9, 0x2b, 0x2c], 'tag'],
    ['a group in the envelope', [0x08, 1, 0x1b, 0x1c, 0x52, 2, 0x08, 9], 'tag'],
    ['field number 0', [0x08, 1, 0x52, 2, 0x08, 9, 0x00], 'tag'],
    ['a length beyond what encloses it', [0x08, 1, 0x52, 4, 0x08, 9, 0x2a, 9], 'truncated'],
    ['a length beyond the message', [0x08, 1, 0x52, 100, 0x08, 9], 'truncated'],
    ['a length of almost 2^53', [0x08, 1, 0x52, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], 'truncated'],
    ['a boolean of 2', [0x08, 1, 0x8a, 2, 4, 0x08, 1, 0x10, 2], 'out-of-range'],
    ['the first word of a list that begins with the second', [0x08, 1, 0x92, 1, 2, 0x08, 0], 'out-of-range'],
    ['a word that is not in the list', [0x08, 1, 0x92, 1, 2, 0x08, 3], 'out-of-range'],
    ['a peer that is not in the table', [0x08, 1, 0x82, 1, 4, 0x08, 1, 0x10, 2], 'out-of-range'],
    ['nobody where somebody must be', [0x08, 1, 0x82, 1, 4, 0x08, 0, 0x10, 2], 'out-of-range'],
    ['a key of 31 bytes', [0x08, 1, 0x52, 2, 0x08, 9, 0x12, 33, 0x0a, 31, ...repeated(7, 31)], 'out-of-range'],
    ['too few buckets', [0x08, 1, 0xa2, 1, 8, 0x0a, 2, 1, 1, 0x10, 0, 0x18, 0], 'list-length'],
    ['too many buckets', [0x08, 1, 0xa2, 1, 23, 0x0a, 17, ...repeated(1, 17), 0x10, 0, 0x18, 0], 'list-length'],
  ];

  test.each(cases)('refuses %s', (_, bytes, code) => {
    const names = AddressBook.of(0);
    expect(received(Uint8Array.from(bytes), names)).toBe(code);
    expect(names.heard).toEqual([]);
  });

  test('refuses text that is not UTF-8', () => {
    const message: Message = {
      kind: 'report',
      subject: 1 as PeerHandle,
      path: 'abcd',
      releaseNumber: 1,
      credential: null,
    };
    const bytes = encode(message, sender);
    const at = Buffer.from(bytes).indexOf('abcd');
    for (const bad of [
      [0xff],
      [0xc0, 0x80],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0x80],
      [0x61, 0x62, 0x63, 0xc3],
    ]) {
      const broken = bytes.slice();
      broken.set(bad, at);
      expect(errorOf(() => decode(broken, sender))).toMatchObject({ code: 'utf8', path: 'report.path' });
    }
    expect(errorOf(() => encode({ ...message, path: 'half \ud800' }, sender)).code).toBe('utf8');
  });

  test('refuses one peer twice in the table', () => {
    const entry = [0x12, 34, 0x0a, 32, ...sender.keyOf(1 as PeerHandle)];
    const bytes = Uint8Array.of(...encode({ kind: 'ping', nonce: 9 }, sender), ...entry, ...entry);
    expect(received(bytes)).toBe('duplicate-field');
  });

  test('names the path to the fault', () => {
    const card = (x: number) => ({ peer: 1 as PeerHandle, coordinate: { ...spot, x }, rttMs: 5 });
    const roster = { version: 1, ancestors: [], siblings: [card(1), card(Number.NaN)], uncles: [] };
    expect(errorOf(() => encode(heartbeat({ roster }), sender)).message).toBe(
      'heartbeat-down.roster.siblings[1].coordinate.x: NaN is not a finite number',
    );
    const bytes = encode(heartbeat({ roster: { ...roster, siblings: [card(100), card(200)] } }), sender);
    // The first field (x) of the second coordinate gets the number and type of the second (y).
    const at = Buffer.from(bytes).lastIndexOf(Buffer.from([0x08, 0x90, 0x03]));
    bytes[at] = 0x10;
    expect(errorOf(() => decode(bytes, sender))).toMatchObject({
      code: 'duplicate-field',
      path: 'heartbeat-down.roster.siblings[1].coordinate.y',
    });
  });

  test.each([
    ['a negative count', { depth: -1 }],
    ['a fraction', { beat: 1.5 }],
    ['2^53', { beat: 2 ** 53 }],
    ['an endless interval', { intervalMs: Number.POSITIVE_INFINITY }],
    ['a word of another list', { tree: 'bushes' as 'clients' }],
    ['a root that is nobody', { stamp: { root: -1 as PeerHandle, life: 1, sequence: 1 } }],
  ])('does not send %s', (_, change) => {
    expect(errorOf(() => encode(heartbeat(change), sender)).code).toBe('out-of-range');
  });
});
