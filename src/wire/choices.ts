/**
 * Choices between records: exactly one of several, each in a field of its own (protobuf's `oneof`).
 *
 * A union of the core, discriminated by `kind` or `type`, becomes a choice: the word is not sent, because the number of the field implies
 * it. An unknown case is not malformed: a newer peer may send things that an older one does not know.
 */
import type { Fields } from './records.ts';
import { RecordLayout, nested } from './records.ts';
import type { PartField, Sink, Source, ValueType } from './values.ts';
import { erased } from './values.ts';
import { WireError, placed } from './wire-error.ts';

/** For each member of the union `U`, discriminated by `D`: a permanent field number, and its other fields. */
export type Cases<U extends { readonly [P in D]: string }, D extends string> = {
  readonly [K in U[D]]: readonly [number: number, fields: Fields<Omit<Extract<U, { readonly [P in D]: K }>, D>>];
};

/** One case of a choice: its field number and its encoding. */
export interface Case<U> {
  readonly name: string;
  readonly number: number;
  readonly layout: RecordLayout<U>;
}

/** Exactly one of several records, each in a field of its own: protobuf's `oneof`. */
export class Choice<U> {
  readonly #byName = new Map<string, Case<U>>();
  readonly #byNumber = new Map<number, Case<U>>();
  readonly discriminator: string;

  constructor(discriminator: string, cases: readonly Case<U>[]) {
    this.discriminator = discriminator;
    for (const one of cases) {
      if (this.#byNumber.has(one.number)) throw new Error(`${one.name} has the same number as another case`);
      this.#byName.set(one.name, one);
      this.#byNumber.set(one.number, one);
    }
  }

  /** The case that a value belongs to; throws `WireError` when it belongs to none. */
  caseOf(value: U): Case<U> {
    const name = String((value as Readonly<Record<string, unknown>>)[this.discriminator]);
    const found = this.#byName.get(name);
    if (found === undefined)
      throw new WireError('out-of-range', `'${name}' is no ${this.discriminator} of this schema`);
    return found;
  }

  caseNumbered(number: number): Case<U> | undefined {
    return this.#byNumber.get(number);
  }

  /** The cases as fields, in the order of their numbers; their records are named after them, behind `prefix`. */
  parts(prefix: string): readonly PartField[] {
    return [...this.#byNumber.values()]
      .sort((a, b) => a.number - b.number)
      .map(({ name, number, layout }) => {
        const value = nested(prefix + pascalCase(name), { of: 'record', members: layout.parts }, layout);
        return { key: name, number, presence: 'required', value: erased(value) };
      });
  }

  write(sink: Sink, value: U): void {
    const { name, number, layout } = this.caseOf(value);
    sink.writer.tag(number, 2);
    const mark = sink.writer.open();
    try {
      layout.write(sink, value);
    } catch (error) {
      throw placed(error, name);
    }
    sink.writer.close(mark);
  }

  read(source: Source): U {
    const { reader } = source;
    let read: U | undefined;
    let unknown = 0;
    while (!reader.done) {
      const { field: number, wireType } = reader.tag();
      const found = this.caseNumbered(number);
      if (found === undefined) {
        if (wireType === 2) unknown = number;
        reader.skip(wireType);
        continue;
      }
      if (wireType !== 2) throw new WireError('wire-type', `${found.name} has wire type ${wireType}, not 2`);
      if (read !== undefined) throw new WireError('duplicate-field', 'more than one case of a choice is present');
      const outer = reader.enter();
      try {
        read = found.layout.read(source);
      } catch (error) {
        throw placed(error, found.name);
      }
      reader.leave(outer);
    }
    if (read !== undefined) return read;
    if (unknown > 0) throw new WireError('unknown-case', `field ${unknown} is no ${this.discriminator} known here`);
    throw new WireError('missing-field', `has no ${this.discriminator}`);
  }
}

/** A choice from a table of its cases; `discriminator` tells the members of the union apart. */
export function choice<U extends { readonly [P in D]: string }, D extends string>(
  discriminator: D,
  cases: Cases<U, D>,
): Choice<U> {
  type Entry = readonly [number, Fields<U>];
  return new Choice<U>(
    discriminator,
    Object.entries(cases as unknown as Readonly<Record<string, Entry>>).map(([name, [number, fields]]) => {
      const all = { [discriminator]: { presence: 'constant', constant: name }, ...fields } as Fields<U>;
      return { name, number, layout: new RecordLayout<U>(name, all) };
    }),
  );
}

/** A choice as a value: its length, then the field of the case that is present. */
export function chosen<U>(proto: string, of: Choice<U>): ValueType<U> {
  return nested(proto, { of: 'choice', members: of.parts(proto) }, of);
}

function pascalCase(name: string): string {
  return name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
