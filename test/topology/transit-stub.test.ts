import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  generateTransitStub,
  type GraphTopology,
  meanRttMs,
  readAlt,
  TopologyError,
  type TransitStubOptions,
  writeAlt,
} from '../../src/topology/index.ts';

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

describe('the transit-stub generator', () => {
  test('gives the same bytes for the same seed, and other bytes for another seed', () => {
    const text = writeAlt(generateTransitStub({ seed: 47 }));
    expect(writeAlt(generateTransitStub({ seed: 47 }))).toBe(text);
    expect(writeAlt(generateTransitStub({ seed: 48 }))).not.toBe(text);
  });

  test('gives exactly T·Nt·(1+K·Ns) connected nodes in T + T·Nt·K domains, whatever is asked for', () => {
    const options = fc.record({
      transitDomains: fc.integer({ min: 1, max: 5 }),
      transitNodes: fc.integer({ min: 1, max: 7 }),
      stubs: fc.integer({ min: 0, max: 4 }),
      stubNodes: fc.integer({ min: 1, max: 9 }),
      topProbability: fc.double({ min: 0.01, max: 1 }),
      transitProbability: fc.double({ min: 0.01, max: 1 }),
      stubProbability: fc.double({ min: 0.01, max: 1 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(options, (chosen) => {
        const { transitDomains: T, transitNodes: Nt, stubs: K, stubNodes: Ns } = chosen;
        const topology = generateTransitStub(chosen);
        expect(topology.size).toBe(T * Nt * (1 + K * Ns));
        expect(topology.domainCount).toBe(T + T * Nt * K);
        for (let node = 0; node < topology.size; node++) expect(topology.rttMs(0, node)).toBeLessThan(Infinity);
        expect(readAlt(writeAlt(topology)).graph).toEqual({ ...topology.graph, title: topology.description });
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  test('adds the extra links that are asked for, between different places', () => {
    const plain = generateTransitStub({ seed: 3 });
    const rich = generateTransitStub({ seed: 3, extraTransitStub: 7, extraStubStub: 5 });
    expect(rich.edgeCount).toBe(plain.edgeCount + 12);
    const added = Array.from({ length: 12 }, (_, k) => plain.edgeCount + k);
    for (const edge of added) expect(rich.domain(rich.graph.from[edge]!)).not.toBe(rich.domain(rich.graph.to[edge]!));
    expect(meanRttMs(rich)).toBeLessThan(meanRttMs(plain));
  });

  test.each<[Partial<TransitStubOptions>, string]>([
    [{ transitDomains: 0 }, 'transit domains must be a whole number from 1 to 1000, not 0'],
    [{ stubNodes: 2.5 }, 'not 2.5'],
    [{ stubProbability: 0 }, 'above 0 and at most 1, not 0'],
    [{ topProbability: Number.NaN }, 'not NaN'],
    [{ seed: -1 }, 'the seed must be a whole number'],
    [{ stubs: 1000, stubNodes: 1000 }, '4000004 nodes; at most 1000000'],
    [{ stubs: 0, extraTransitStub: 1 }, 'need stubs'],
    [{ transitNodes: 1, stubs: 1, extraStubStub: 1 }, 'at least two stubs'],
  ])('refuses %j', (options, words) => {
    expect(() => generateTransitStub(options)).toThrow(TopologyError);
    expect(() => generateTransitStub(options)).toThrow(words);
  });
});

/** The figures that describe the shape of a transit-stub graph. */
function shapeOf(topology: GraphTopology): { degree: number; withinStub: number; stubLinks: number } {
  const { names } = topology;
  let within = { sum: 0, count: 0 };
  let between = { sum: 0, count: 0 };
  for (let a = 0; a < topology.size; a++) {
    for (let b = 0; b < a; b++) {
      if (!names[a]!.startsWith('S') || !names[b]!.startsWith('S')) continue;
      const group = topology.domain(a) === topology.domain(b) ? within : between;
      group.sum += topology.rttMs(a, b);
      group.count += 1;
    }
  }
  let links = 0;
  topology.graph.from.forEach((a, edge) => {
    const b = topology.graph.to[edge]!;
    if (names[a]!.startsWith('S') && topology.domain(a) === topology.domain(b)) links += 1;
  });
  return {
    degree: (2 * topology.edgeCount) / topology.size,
    withinStub: within.sum / within.count / (between.sum / between.count),
    stubLinks: links / within.count,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('graphs of our generator beside GT-ITM files with the same parameters', () => {
  const large = {
    transitDomains: 4,
    transitNodes: 9,
    stubNodes: 9,
    topProbability: 0.5,
    transitProbability: 0.5,
    stubProbability: 0.4,
  };
  test.each<[string, Partial<TransitStubOptions>]>([
    ['transit-stub-100-seed47', {}],
    ['transit-stub-100-seed11', {}],
    ['transit-stub-600-seed47', { transitDomains: 3, transitNodes: 8 }],
    ['transit-stub-1008-seed11', large],
  ])(
    '%s: like in degree and link density to a tenth, in the size of stubs against the whole and mean path to a third',
    (name, options) => {
      const real = readAlt(readFileSync(new URL(`../fixtures/topology/gt-itm/${name}.alt`, import.meta.url), 'utf8'));
      const ours = seeds.map((seed) => generateTransitStub({ ...options, seed }));
      const shapes = ours.map(shapeOf);
      const shape = shapeOf(real);
      const ratio = (of: (each: typeof shape) => number): number => mean(shapes.map(of)) / of(shape);
      expect(Math.abs(ratio((each) => each.degree) - 1)).toBeLessThan(0.1);
      expect(Math.abs(ratio((each) => each.stubLinks) - 1)).toBeLessThan(0.1);
      expect(Math.abs(ratio((each) => each.withinStub) - 1)).toBeLessThan(0.33);
      expect(Math.abs(mean(ours.map(meanRttMs)) / meanRttMs(real) - 1)).toBeLessThan(0.33);
    },
  );
});
