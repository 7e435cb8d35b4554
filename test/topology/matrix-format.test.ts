import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  generateCities,
  generatePlane,
  readMatrix,
  readTopology,
  scale,
  TopologyError,
  writeMatrix,
} from '../../src/topology/index.ts';

const csv = `# two ends of the world
,Lisbon,Tokyo,"Ann Arbor, MI"
Lisbon,0,204,110
Tokyo,206,0,160.5
"Ann Arbor, MI",110,160.5,0
`;

describe('a matrix', () => {
  test('in CSV with names gives its figures, and the mean where the two directions differ', () => {
    const topology = readMatrix(csv);
    expect(topology.names).toEqual(['Lisbon', 'Tokyo', 'Ann Arbor, MI']);
    expect(topology.rttMs(0, 1)).toBe(205);
    expect(topology.rttMs(1, 0)).toBe(205);
    expect(topology.rttMs(2, 1)).toBe(160.5);
    expect(topology.description).toBe('two ends of the world');
    expect(topology.edgeCount).toBeUndefined();
    expect(topology.domainCount).toBe(3);
  });

  test('separated by blanks and without names is numbered, and its diagonal is taken as 0', () => {
    const topology = readMatrix('0.2  10\t30\n10 0.1 20\n\n# note\n30 20 0.3\n');
    expect(topology.names).toEqual(['0', '1', '2']);
    expect(topology.rttMs(0, 0)).toBe(0);
    expect(topology.rttMs(0, 2)).toBe(30);
  });

  test('may have names only above its columns or only beside its rows', () => {
    expect(readMatrix('a b\n0 1\n1 0').names).toEqual(['a', 'b']);
    expect(readMatrix('a 0 1\nb 1 0').names).toEqual(['a', 'b']);
    expect(readMatrix('x a b\na 0 1\nb 1 0').names).toEqual(['a', 'b']);
  });

  test('violates the triangle inequality where the measurements do', () => {
    const topology = readMatrix('0 10 100\n10 0 10\n100 10 0');
    expect(topology.rttMs(0, 2)).toBe(100);
  });

  test.each([
    ['a missing row', '0 1 2\n1 0 3\n', 1, 'not square: 2 rows'],
    ['a row too long', '0 1\n1 0 7\n', 2, 'has 3 cells'],
    ['a negative figure', '0,5\n-1,0\n', 2, 'the RTT from "1" to "0" is "-1"; it must be 0 or more'],
    ['NaN', '0,5\nNaN,0\n', 2, '"NaN"'],
    ['an empty cell', '0,5\n,0\n', 2, '""'],
    ['a hexadecimal figure', '0,5\n0x10,0\n', 2, '"0x10"'],
    ['names that disagree', ',a,b\nb,0,1\na,1,0\n', 1, '"a" above it and "b" beside it'],
    ['a name used twice', 'a,a\n0,1\n1,0\n', 1, 'given to two nodes'],
    ['names without figures', 'a,b\n', 1, 'no figures'],
    ['a quote in the middle', 'a"b,c\n0,1\n1,0\n', 1, 'quotes'],
  ])('with %s is refused, naming the line and the value', (_, text, line, words) => {
    let error: unknown;
    try {
      readMatrix(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TopologyError);
    expect((error as TopologyError).message).toContain(words);
    expect((error as TopologyError).line).toBe(line);
  });

  test('that is empty is refused', () => {
    expect(() => readTopology(' \n# nothing\n')).toThrow(/the text is empty/);
  });

  test('damaged anywhere gives a topology or a TopologyError, nothing else', () => {
    const original = writeMatrix(generateCities());
    const damage = fc.tuple(
      fc.nat(original.length),
      fc.nat(12),
      fc.oneof(fc.constantFrom('"', ',', '\n', '-', 'NaN', '1e308'), fc.string()),
    );
    fc.assert(
      fc.property(damage, ([at, length, piece]) => {
        try {
          const topology = readTopology(original.slice(0, at) + piece + original.slice(at + length));
          expect(topology.rttMs(0, 1)).toBeGreaterThanOrEqual(0);
          expect(topology.rttMs(0, 1)).toBeLessThan(Infinity);
        } catch (error) {
          expect(error).toBeInstanceOf(TopologyError);
        }
      }),
      { numRuns: 500, seed: 2 },
    );
  });

  test('written from any topology reads back the same', () => {
    for (const topology of [generateCities(), scale(generatePlane({ nodes: 12, seed: 3 }), 0.1)]) {
      const again = readMatrix(writeMatrix(topology));
      expect(again.names).toEqual(topology.names);
      expect(again.description).toBe(topology.description);
      for (let a = 0; a < topology.size; a++) {
        for (let b = 0; b < topology.size; b++)
          expect(Math.abs(again.rttMs(a, b) - topology.rttMs(a, b))).toBeLessThanOrEqual(0.00005001);
      }
    }
  });
});
