import { describe, expect, test } from 'vitest';
import type { TreeKind } from '../../src/core/ids.ts';
import type { Roster, Stamp } from '../../src/core/messages/index.ts';
import { choice } from '../../src/wire/choices.ts';
import type { Cases } from '../../src/wire/choices.ts';
import { record } from '../../src/wire/records.ts';
import type { Fields } from '../../src/wire/records.ts';
import { bool, enumeration, list, optional, peer, sint, text, uint } from '../../src/wire/values.ts';

// The compiler is the test here: each `@ts-expect-error` fails the build if the line below it compiles.
type Toy = { readonly kind: 'on'; readonly level: number } | { readonly kind: 'off' };

describe('the compiler refuses a schema', () => {
  test('that lacks a field, has one too many, or gives one the wrong type', () => {
    const whole: Fields<Stamp> = { root: [1, peer], life: [2, uint], sequence: [3, uint] };
    // @ts-expect-error sequence is missing
    const lacking: Fields<Stamp> = { root: [1, peer], term: [2, uint] };
    // @ts-expect-error Stamp has no colour
    const surplus: Fields<Stamp> = { ...whole, colour: [4, uint] };
    // @ts-expect-error a term is a number
    const wrong: Fields<Stamp> = { ...whole, term: [2, bool] };
    // @ts-expect-error a root is a peer, not any number
    const unbranded: Fields<Stamp> = { ...whole, root: [1, uint] };
    // @ts-expect-error a stamp may be null, this field may not
    const nullable: Fields<{ stamp: Stamp }> = { stamp: [1, optional(record('Stamp', whole))] };
    // @ts-expect-error a version is one number, not a list
    const many: Pick<Fields<Roster>, 'version'> = { version: [1, list(uint, 3)] };
    expect([lacking, surplus, wrong, unbranded, nullable, many]).toHaveLength(6);
  });

  test('that lacks a kind or a word', () => {
    // @ts-expect-error 'off' is missing
    const lacking: Cases<Toy, 'kind'> = { on: [1, { level: [1, uint] }] };
    // @ts-expect-error 'clients' is missing
    const words = enumeration<TreeKind>('TreeKind', { servers: 1 });
    expect([lacking, words]).toHaveLength(2);
  });
});

describe('a schema that contradicts itself stops the program at its start', () => {
  test('two fields of one number', () => {
    expect(() => record<{ a: number; b: string }>('Pair', { a: [1, uint], b: [1, text(4)] })).toThrow(
      'Pair has two fields of number 1',
    );
  });

  test('two cases of one number', () => {
    const cases: Cases<Toy, 'kind'> = { on: [8, { level: [1, sint] }], off: [8, {}] };
    expect(() => choice<Toy, 'kind'>('kind', cases)).toThrow('off has the same number as another case');
  });

  test('two words of one number, or number 0', () => {
    expect(() => enumeration<TreeKind>('TreeKind', { servers: 1, clients: 1 })).toThrow(/share a number/);
    expect(() => enumeration<TreeKind>('TreeKind', { servers: 0, clients: 1 })).toThrow(/share a number, or use 0/);
  });
});
