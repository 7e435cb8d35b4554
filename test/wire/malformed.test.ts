/**
 * Fuzzing: 20,000 damaged messages. Reading each one ends at once in a message, in "unknown", or in a `WireError`, and a refused message
 * leaves nothing in the address book.
 *
 * Every run takes a new seed and prints it when it fails; BANYAN_FUZZ_SEED=<number> runs that one again.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/core/messages/index.ts';
import type { DurableRow, PeerNames } from '../../src/wire/index.ts';
import {
  WireError,
  decode,
  decodeDurable,
  encode,
  encodeDurable,
  largestMessageBytes,
  sizeLimits,
} from '../../src/wire/index.ts';
import { AddressBook } from './address-book.ts';
import { arbitraryDurable, arbitraryMessage, peerCount } from './arbitrary-messages.ts';
import { repeated, varint } from './readings.ts';

const runs = 20_000;
const seed = Number(process.env['BANYAN_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** The most processor time that reading one message may take, far above what the largest valid message needs. */
const longestMs = 2_000;

/** Mulberry32: small, fast, good enough to break bytes with. */
function dice(from: number): (sides: number) => number {
  let state = from >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * sides);
  };
}

type Roll = (sides: number) => number;
type Harm = (bytes: Uint8Array, roll: Roll, other: Uint8Array) => Uint8Array;

const joined = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const noise = (roll: Roll, length: number): number[] => Array.from({ length }, () => roll(256));
const hugeLengths = [0x7f, 0xffff, 2 ** 31 - 1, 2 ** 32, 2 ** 53 - 1];

const harms: Readonly<Record<string, Harm>> = {
  'bits flipped': (bytes, roll) => {
    const copy = bytes.slice();
    for (let n = roll(4); n >= 0; n--) {
      const at = roll(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << roll(8));
    }
    return copy;
  },
  'bytes overwritten': (bytes, roll) => {
    const copy = bytes.slice();
    const at = roll(copy.length);
    copy.set(noise(roll, Math.min(1 + roll(4), copy.length - at)), at);
    return copy;
  },
  truncated: (bytes, roll) => bytes.slice(0, roll(bytes.length)),
  'a piece cut out': (bytes, roll) => {
    const at = roll(bytes.length);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + roll(8)));
  },
  'spliced with another': (bytes, roll, other) =>
    joined(bytes.subarray(0, roll(bytes.length)), other.subarray(roll(other.length))),
  'another put inside': (bytes, roll, other) => {
    const at = roll(bytes.length);
    return joined(bytes.subarray(0, at), other, bytes.subarray(at));
  },
  'something appended': (bytes, roll) => joined(bytes, noise(roll, 1 + roll(20))),
  'random after the version': (_, roll) => joined([0x08, 1], noise(roll, roll(120))),
  random: (_, roll) => Uint8Array.from(noise(roll, roll(200))),
  'a length bomb': (bytes, roll) => {
    const at = 2 + roll(bytes.length - 2);
    return joined(bytes.subarray(0, at), varint(hugeLengths[roll(hugeLengths.length)] ?? 0), bytes.subarray(at + 1));
  },
  'nested deeply': (_, roll) => {
    const tag = [0x3b, 0x0b, 0x3a, 0x42, 0x4a][roll(5)] ?? 0;
    let inner: number[] = [];
    if (tag % 8 === 3) inner = repeated(tag, 1 + roll(5_000));
    else for (let depth = roll(120); depth >= 0; depth--) inner = [tag, ...varint(inner.length), ...inner];
    return joined([0x08, 1], inner);
  },
  'a huge count': (bytes, roll) => {
    // The same small field again and again: peers, members' records, heads, buckets, packed ones.
    const item =
      [
        [0x12, 0],
        [0x0a, 0],
        [0x0a, 2, 8, 1],
        [0x3a, 0],
        [0x08, 1],
      ][roll(5)] ?? [];
    const many = repeated(item, 1 + roll(3_000)).flat();
    const body = [[0xaa, 1], [0xd2, 1], [0xa2, 1], [0x42]][roll(4)] ?? [];
    return roll(2) === 0 ? joined(bytes, many) : joined([0x08, 1], body, varint(many.length), many);
  },
};

describe(`malformed bytes (BANYAN_FUZZ_SEED=${seed})`, () => {
  const book = AddressBook.of(peerCount);
  const sound = fc.sample(arbitraryMessage, { numRuns: 400, seed }).map((message) => encode(message, book));
  const names = Object.keys(harms);

  test(`of messages: ${runs} of them, none crashes or hangs`, () => {
    const roll = dice(seed);
    const outcomes = new Map<string, number>();
    for (let run = 0; run < runs; run++) {
      const name = names[run % names.length] ?? '';
      const [one, other] = [sound[roll(sound.length)], sound[roll(sound.length)]];
      if (one === undefined || other === undefined) throw new Error('no sample');
      const bytes = harms[name]?.(one, roll, other) ?? one;
      const outcome = outcomeOf(bytes, `seed ${seed}, run ${run} (${name})`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // The damage must be varied: some messages are still read, and refusals have many reasons.
    for (const outcome of [
      'message',
      'unknown-kind',
      'truncated',
      'varint',
      'tag',
      'wire-type',
      'missing-field',
      'utf8',
    ]) {
      expect([outcome, outcomes.get(outcome) ?? 0], `seed ${seed}`).not.toEqual([outcome, 0]);
    }
    for (const outcome of ['duplicate-field', 'out-of-range', 'list-length', 'unsupported-version']) {
      expect([outcome, outcomes.get(outcome) ?? 0], `seed ${seed}`).not.toEqual([outcome, 0]);
    }
  });

  test('of the largest allowed size are read or refused in time', () => {
    const fill: readonly (readonly [string, readonly number[]])[] = [
      ['members with tiny records', [0x0a, 0]],
      ['members with unknown fields', [0x78, 1]],
      ['peers', [0x12, 0]],
    ];
    for (const [name, item] of fill) {
      const many = repeated(item, Math.floor((largestMessageBytes - 20) / item.length)).flat();
      const bytes = item[0] === 0x12 ? joined([0x08, 1], many) : joined([0x08, 1, 0xaa, 1], varint(many.length), many);
      expect(bytes.length).toBeLessThanOrEqual(sizeLimits.members);
      outcomeOf(bytes, name);
    }
  });

  test('of durable rows are refused with a WireError', () => {
    const roll = dice(seed + 1);
    const rows = fc.sample(arbitraryDurable, { numRuns: 200, seed }).map((record) => encodeDurable(record, book));
    for (let run = 0; run < 4_000; run++) {
      const name = names[run % names.length] ?? '';
      const [row, other] = [rows[roll(rows.length)], rows[roll(rows.length)]];
      if (row === undefined || other === undefined) throw new Error('no sample');
      const value = harms[name]?.(row.value, roll, other.value) ?? row.value;
      onlyWireErrors(() => decodeRow({ ...row, value }), `seed ${seed}, durable run ${run} (${name})`, value);
    }
  });
});

function decodeRow(row: DurableRow): void {
  decodeDurable(row, AddressBook.of(0));
}

/** Reads the bytes and returns the outcome. Throws, with the bytes, if the outcome is not an allowed one. */
function outcomeOf(bytes: Uint8Array, where: string): string {
  const book = AddressBook.of(0);
  // Processor time, not clock time: other load on this machine must not count.
  const before = process.cpuUsage();
  const outcome = onlyWireErrors(() => messageOrKind(bytes, book), where, bytes);
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1_000;
  if (tookMs > longestMs) throw new Error(`${where}: took ${tookMs.toFixed(0)} ms to read ${hex(bytes)}`);
  if (typeof outcome === 'string') {
    if (book.heard.length > 0) throw new Error(`${where}: refused, and yet in the address book: ${hex(bytes)}`);
    return outcome;
  }
  // A message that was read is valid: it can be written again and is then read as the same.
  const names: PeerNames = {
    keyOf: (peer) => book.keyOf(peer),
    addressesOf: () => [],
    handleOf: (...from) => book.handleOf(...from),
  };
  const again = onlyWireErrors(() => messageOrKind(encode(outcome, names), names), `${where}, again`, bytes);
  expect(again, where).toEqual(outcome);
  return 'message';
}

function messageOrKind(bytes: Uint8Array, names: PeerNames): Message | 'unknown-kind' {
  const decoded = decode(bytes, names);
  return decoded.type === 'message' ? decoded.message : decoded.type;
}

function onlyWireErrors<T>(act: () => T, where: string, bytes: Uint8Array): T | string {
  try {
    return act();
  } catch (error) {
    if (error instanceof WireError && error.message.length > 0) return error.code;
    throw new Error(`${where}: ${String(error)} while reading ${hex(bytes)}`, { cause: error });
  }
}

function hex(bytes: Uint8Array): string {
  return `${bytes.length} bytes: ${Buffer.from(bytes.subarray(0, 2_000)).toString('hex')}`;
}
