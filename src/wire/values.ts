/**
 * The vocabulary of the schema: what one field may hold.
 *
 * A value type defines the encoding of one value and refuses values out of range, in both directions. A presence type wraps a value type: a
 * list, an optional value, a constant. `records.ts` makes records of them; `schema.ts` defines our messages.
 *
 * Peers are special. A handle means something in one process only, so a message carries a table of the keys of the peers it mentions, and
 * its fields hold positions in that table (`peer-table.ts`). In signed bytes peers are written as keys.
 */
import { NOBODY } from '../core/index.ts';
import type { PeerHandle } from '../core/index.ts';
import type { Reader } from './reader.ts';
import { utf8Bytes, utf8Text } from './utf8.ts';
import { WireError } from './wire-error.ts';
import type { WireType, Writer } from './writer.ts';

/** The target that values are written to. */
export interface Sink {
  readonly writer: Writer;
  /** True for signed bytes: peers are written as keys, and the signature is left out. */
  readonly signing: boolean;
  /** Writes a peer: its position in the table, or its key in signed bytes. */
  writePeer(peer: PeerHandle, introduced: boolean): void;
}

/** The source that values are read from. */
export interface Source {
  readonly reader: Reader;
  /** Remembers that `target[key]` names the peer at `place` of the table; it becomes a handle when the whole message is valid. */
  mention(target: object, key: string | number, place: number, introduced: boolean): void;
}

/** One value that must be there. `proto` is its name in a .proto file. */
export interface ValueType<T> {
  readonly presence: 'required';
  readonly wireType: WireType;
  readonly proto: string;
  /** `mentioned` and `introduced`: a peer, the latter with its addresses. `signature`: not part of what is signed. */
  readonly role: 'plain' | 'mentioned' | 'introduced' | 'signature';
  /** The parts of a composed value, for tools that describe the schema. */
  readonly parts?: Parts;
  /** The unit of the number, where the field's name does not say it. */
  readonly unit?: string;
  readonly write: (sink: Sink, value: T) => void;
  readonly read: (source: Source) => T;
}

/** A description of a composed value type, for documents and other tools. */
export type Parts =
  | { readonly of: 'enumeration'; readonly members: readonly (readonly [string, number])[] }
  | { readonly of: 'record'; readonly members: readonly PartField[] }
  | { readonly of: 'choice'; readonly members: readonly PartField[] };

export interface PartField {
  readonly key: string;
  readonly number: number;
  readonly presence: 'required' | 'optional' | 'list';
  readonly value: ValueType<unknown>;
}

/** A value that is not sent when it equals `absent`: null, or NaN for "not measured". */
export interface OptionalType<T> {
  readonly presence: 'optional';
  readonly value: ValueType<unknown>;
  readonly absent: T;
}

export interface ListType<T> {
  readonly presence: 'list';
  readonly item: ValueType<unknown>;
  readonly minItems: number;
  readonly maxItems: number;
  readonly empty: () => T;
}

/** A field that always has this value and is never sent: the `type` of a record that stands alone. */
export interface ConstantType<T> {
  readonly presence: 'constant';
  readonly constant: T;
}

export type FieldType<T> = ValueType<T> | OptionalType<T> | ListType<T>;

/** Erases the type of a value, for code that interprets the schema. */
export function erased<T>(type: ValueType<T>): ValueType<unknown> {
  return type as unknown as ValueType<unknown>;
}

function outOfRange(value: unknown, wanted: string): WireError {
  return new WireError('out-of-range', `${String(value)} is not ${wanted}`);
}

/** A whole number from 0 to 2^53 - 1. */
export const uint: ValueType<number> = {
  presence: 'required',
  wireType: 0,
  proto: 'uint64',
  role: 'plain',
  write: (sink, value) => {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(value, 'a whole number from 0 to 2^53 - 1');
    sink.writer.varint(value);
  },
  read: (source) => source.reader.varint(),
};

/** A whole number of magnitude below 2^52, encoded as zig-zag. */
export const sint: ValueType<number> = {
  presence: 'required',
  wireType: 0,
  proto: 'sint64',
  role: 'plain',
  write: (sink, value) => {
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 52) throw outOfRange(value, 'a whole number below 2^52');
    sink.writer.varint(value < 0 ? -2 * value - 1 : 2 * value);
  },
  read: (source) => {
    const coded = source.reader.varint();
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
  },
};

// Below this, dividing by the scale and multiplying again always gives the same whole number (two roundings of 2^-53).
const largestScaled = 2 ** 50;

/** A number rounded to 1/`perUnit` and sent as a whole number. `signed` allows negative ones; `most` bounds them. */
export function scaled(
  perUnit: number,
  range: { readonly signed?: boolean; readonly most?: number } = {},
): ValueType<number> {
  const whole = range.signed === true ? sint : uint;
  const most = range.most === undefined ? largestScaled : range.most * perUnit;
  const check = (count: number): number => {
    if (Math.abs(count) > most) throw outOfRange(count / perUnit, `at most ${most / perUnit}`);
    return count;
  };
  return {
    presence: 'required',
    wireType: 0,
    proto: whole.proto,
    role: 'plain',
    ...(perUnit === 1 ? {} : { unit: `in 1/${perUnit}` }),
    write: (sink, value) => {
      if (!Number.isFinite(value)) throw outOfRange(value, 'a finite number');
      whole.write(sink, check(Math.round(value * perUnit)));
    },
    read: (source) => check(whole.read(source)) / perUnit,
  };
}

/** A finite double, exactly. */
export const float64: ValueType<number> = {
  presence: 'required',
  wireType: 1,
  proto: 'double',
  role: 'plain',
  write: (sink, value) => {
    if (!Number.isFinite(value)) throw outOfRange(value, 'a finite number');
    sink.writer.float64(value);
  },
  read: (source) => {
    const value = source.reader.float64();
    if (!Number.isFinite(value)) throw outOfRange(value, 'a finite number');
    return value;
  },
};

export const bool: ValueType<boolean> = {
  presence: 'required',
  wireType: 0,
  proto: 'bool',
  role: 'plain',
  write: (sink, value) => sink.writer.varint(value ? 1 : 0),
  read: (source) => {
    const coded = source.reader.varint();
    if (coded > 1) throw outOfRange(coded, 'true (1) or false (0)');
    return coded === 1;
  },
};

/** `least` to `most` bytes; with one argument, up to that many. */
export function bytes(most: number, least = 0): ValueType<Uint8Array> {
  return {
    presence: 'required',
    wireType: 2,
    proto: 'bytes',
    role: 'plain',
    write: (sink, value) => {
      if (value.length < least || value.length > most) throw outOfRange(`${value.length} bytes`, `${least} to ${most}`);
      sink.writer.block(value);
    },
    read: (source) => source.reader.block(least, most),
  };
}

/** The issuer's signature of a statement, 64 bytes of Ed25519. It is not part of the signed bytes. */
export const signature: ValueType<Uint8Array> = { ...bytes(64), role: 'signature' };

/** Text of at most `mostBytes` bytes of UTF-8. */
export function text(mostBytes: number): ValueType<string> {
  const raw = bytes(mostBytes);
  return {
    presence: 'required',
    wireType: 2,
    proto: 'string',
    role: 'plain',
    write: (sink, value) => raw.write(sink, utf8Bytes(value)),
    read: (source) => utf8Text(raw.read(source)),
  };
}

/** One word of a fixed list; each has a permanent number, and 0 means none. */
export function enumeration<T extends string>(proto: string, numbers: Readonly<Record<T, number>>): ValueType<T> {
  const byName = new Map<string, number>(Object.entries<number>(numbers));
  const byNumber = new Map<number, T>(Object.entries<number>(numbers).map(([name, number]) => [number, name as T]));
  if (byNumber.size !== byName.size || byNumber.has(0)) throw new Error(`${proto}: two words share a number, or use 0`);
  return {
    presence: 'required',
    wireType: 0,
    proto,
    role: 'plain',
    parts: { of: 'enumeration', members: [...byName] },
    write: (sink, value) => {
      const number = byName.get(value);
      if (number === undefined) throw outOfRange(`'${value}'`, `a ${proto} (${[...byName.keys()].join(', ')})`);
      sink.writer.varint(number);
    },
    read: (source) => {
      const number = source.reader.varint();
      const name = byNumber.get(number);
      if (name === undefined) throw outOfRange(number, `the number of a ${proto}`);
      return name;
    },
  };
}

function peerType(role: 'mentioned' | 'introduced', orNobody: boolean): ValueType<PeerHandle> {
  return {
    presence: 'required',
    wireType: 0,
    proto: 'uint32',
    role,
    unit: orNobody ? 'place in peers, or 0 for nobody' : 'place in peers',
    write: (sink, value) => {
      const exists = Number.isSafeInteger(value) && value >= 0;
      if (!exists && !(value === NOBODY && orNobody)) throw outOfRange(value, 'the handle of a peer');
      sink.writePeer(value, role === 'introduced');
    },
    // A position in the table for now; the caller that reads a field of this role passes its place to `mention`.
    read: (source) => {
      const place = source.reader.varint();
      if (place === 0 && !orNobody) throw outOfRange('nobody', 'a peer');
      return place as PeerHandle;
    },
  };
}

/** A peer, by its key alone. */
export const peer = peerType('mentioned', false);
/** A peer, by its key alone, or NOBODY. */
export const peerOrNobody = peerType('mentioned', true);
/** A peer that the receiver may have to dial: its addresses go with its key. */
export const introducedPeer = peerType('introduced', false);
/** A peer that the receiver may have to dial, or NOBODY. */
export const introducedPeerOrNobody = peerType('introduced', true);

/** A value, or null when it is absent. */
export function optional<T>(value: ValueType<T>): OptionalType<T | null> {
  return { presence: 'optional', value: erased(value), absent: null };
}

/** A number, or NaN when it was not measured: NaN is not sent. */
export function unlessNaN(value: ValueType<number>): OptionalType<number> {
  return { presence: 'optional', value: erased(value), absent: Number.NaN };
}

/** A flag that is rarely set: false is not sent. */
export function ifSet(): OptionalType<boolean> {
  return { presence: 'optional', value: erased(bool), absent: false };
}

/** `minItems` to `maxItems` values. Numbers stand packed, as proto3 has it; peers, and what has a length, one by one. */
export function list<T>(item: ValueType<T>, maxItems: number, minItems = 0): ListType<readonly T[]> {
  return { presence: 'list', item: erased(item), minItems, maxItems, empty: () => [] };
}

/** A field with the same value in every record of its type. */
export function constant<const T>(value: T): ConstantType<T> {
  return { presence: 'constant', constant: value };
}
