/**
 * Records, and choices between records: values made of numbered fields.
 *
 * Fields are written in the order of their numbers, so the same value always gives the same bytes (signatures depend on it). They may be
 * read in any order. An unknown field is skipped, so a newer peer can send more to peers that understand it. A known field must be valid:
 * present if required, given once, and of its wire type.
 */
import type { ConstantType, FieldType, ListType, OptionalType, PartField, Sink, Source, ValueType } from './values.ts';
import { WireError, placed } from './wire-error.ts';
import type { WireType } from './writer.ts';

/** The encoding of a record of type `T`: for each of its fields a permanent number and a type. */
export type Fields<T> = {
  readonly [K in keyof T]-?: ConstantType<T[K]> | readonly [number: number, type: FieldType<T[K]>];
};

interface Field {
  readonly key: string;
  readonly number: number;
  readonly type: ValueType<unknown> | OptionalType<unknown> | ListType<unknown>;
  readonly value: ValueType<unknown>;
  /** A list of numbers: one value that holds all items. */
  readonly packed: boolean;
}

/** Reads and writes the fields of a record, without the length prefix of a nested one. */
export class RecordLayout<T> {
  readonly #constants: (readonly [string, unknown])[] = [];
  readonly #fields: Field[] = [];
  readonly #byNumber = new Map<number, number>();

  /** Throws `Error` for a schema that contradicts itself. */
  constructor(name: string, fields: Fields<T>) {
    type Entry = ConstantType<unknown> | readonly [number, Field['type']];
    for (const [key, entry] of Object.entries(fields as Readonly<Record<string, Entry>>)) {
      if ('presence' in entry) {
        this.#constants.push([key, entry.constant]);
        continue;
      }
      const [number, type] = entry;
      const value = type.presence === 'list' ? type.item : type.presence === 'optional' ? type.value : type;
      const packed = type.presence === 'list' && value.wireType !== 2 && !isPeer(value);
      this.#fields.push({ key, number, type, value, packed });
    }
    this.#fields.sort((a, b) => a.number - b.number);
    for (const [at, field] of this.#fields.entries()) {
      if (this.#byNumber.has(field.number)) throw new Error(`${name} has two fields of number ${field.number}`);
      if (!Number.isInteger(field.number) || field.number < 1)
        throw new Error(`${name}.${field.key}: bad field number`);
      this.#byNumber.set(field.number, at);
    }
  }

  /** A description of the fields, in the order of their numbers. */
  get parts(): readonly PartField[] {
    return this.#fields.map(({ key, number, type, value }) => ({ key, number, presence: type.presence, value }));
  }

  write(sink: Sink, record: T): void {
    const values = record as Readonly<Record<string, unknown>>;
    for (const field of this.#fields) {
      if (sink.signing && field.value.role === 'signature') continue;
      try {
        writeField(sink, field, values[field.key]);
      } catch (error) {
        throw placed(error, field.key);
      }
    }
  }

  /** Reads to the end of the value that the reader is in. */
  read(source: Source): T {
    const record: Record<string, unknown> = {};
    for (const [key, value] of this.#constants) record[key] = value;
    const { reader } = source;
    while (!reader.done) {
      const { field: number, wireType } = reader.tag();
      const at = this.#byNumber.get(number);
      const field = at === undefined ? undefined : this.#fields[at];
      if (field === undefined) {
        reader.skip(wireType);
        continue;
      }
      try {
        readField(source, field, wireType, record);
      } catch (error) {
        throw placed(error, field.key);
      }
    }
    for (const field of this.#fields) completeField(field, record);
    return record as T;
  }
}

function isPeer(value: ValueType<unknown>): boolean {
  return value.role === 'mentioned' || value.role === 'introduced';
}

/** In signed bytes a peer is written as its key, which has a length prefix. */
function wireTypeOf(sink: Sink, value: ValueType<unknown>): WireType {
  return sink.signing && isPeer(value) ? 2 : value.wireType;
}

function writeField(sink: Sink, field: Field, value: unknown): void {
  const { type } = field;
  if (type.presence === 'optional' && Object.is(value, type.absent)) return;
  if (type.presence !== 'list') {
    sink.writer.tag(field.number, wireTypeOf(sink, field.value));
    field.value.write(sink, value);
    return;
  }
  const items = value as readonly unknown[];
  checkLength(type, items.length);
  if (items.length === 0) return;
  if (field.packed) {
    sink.writer.tag(field.number, 2);
    const mark = sink.writer.open();
    for (const item of items) type.item.write(sink, item);
    sink.writer.close(mark);
    return;
  }
  for (const [i, item] of items.entries()) {
    sink.writer.tag(field.number, wireTypeOf(sink, type.item));
    try {
      type.item.write(sink, item);
    } catch (error) {
      throw placed(error, `[${i}]`);
    }
  }
}

function readField(source: Source, field: Field, wireType: WireType, record: Record<string, unknown>): void {
  const wanted = field.packed ? 2 : field.value.wireType;
  if (wireType !== wanted) throw new WireError('wire-type', `wire type ${wireType} instead of ${wanted}`);
  const earlier = record[field.key];
  const { type } = field;
  if (type.presence !== 'list' || field.packed) {
    if (earlier !== undefined) throw new WireError('duplicate-field', 'is given twice');
    if (type.presence === 'list') record[field.key] = readPacked(source, type);
    else readInto(source, field.value, record, field.key);
    return;
  }
  const items = (earlier ?? []) as unknown[];
  record[field.key] = items;
  if (items.length >= type.maxItems) checkLength(type, items.length + 1);
  try {
    readInto(source, type.item, items, items.length);
  } catch (error) {
    throw placed(error, `[${items.length}]`);
  }
}

function readPacked(source: Source, type: ListType<unknown>): unknown[] {
  const items: unknown[] = [];
  const outer = source.reader.enter();
  while (!source.reader.done) {
    if (items.length >= type.maxItems) checkLength(type, items.length + 1);
    items.push(type.item.read(source));
  }
  source.reader.leave(outer);
  return items;
}

function readInto(source: Source, value: ValueType<unknown>, target: object, key: string | number): void {
  const read = value.read(source);
  (target as Record<string | number, unknown>)[key] = read;
  if (isPeer(value)) source.mention(target, key, read as number, value.role === 'introduced');
}

/** Gives an absent field its default, or throws if it is required. */
function completeField(field: Field, record: Record<string, unknown>): void {
  const { type } = field;
  const value = record[field.key];
  try {
    if (type.presence === 'list') checkLength(type, value === undefined ? 0 : (value as unknown[]).length);
    if (value !== undefined) return;
    if (type.presence === 'required') throw new WireError('missing-field', `is missing (field ${field.number})`);
    record[field.key] = type.presence === 'list' ? type.empty() : type.absent;
  } catch (error) {
    throw placed(error, field.key);
  }
}

function checkLength(type: ListType<unknown>, length: number): void {
  if (length >= type.minItems && length <= type.maxItems) return;
  throw new WireError('list-length', `${length} items or more where ${type.minItems} to ${type.maxItems} are allowed`);
}

/** A record as a value: its length, then its fields. `proto` is its name in a .proto file. */
export function record<T>(proto: string, fields: Fields<T>): ValueType<T> {
  const layout = new RecordLayout<T>(proto, fields);
  return nested(proto, { of: 'record', members: layout.parts }, layout);
}

interface Layout<T> {
  write(sink: Sink, value: T): void;
  read(source: Source): T;
}

/** A length-prefixed value. */
export function nested<T>(proto: string, parts: NonNullable<ValueType<T>['parts']>, layout: Layout<T>): ValueType<T> {
  return {
    presence: 'required',
    wireType: 2,
    proto,
    role: 'plain',
    parts,
    write: (sink, value) => {
      const mark = sink.writer.open();
      layout.write(sink, value);
      sink.writer.close(mark);
    },
    read: (source) => {
      const outer = source.reader.enter();
      const value = layout.read(source);
      source.reader.leave(outer);
      return value;
    },
  };
}
