import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  describeTopology,
  generateCities,
  generatePlane,
  generateTransitStub,
  GraphTopology,
  meanRttMs,
  readAlt,
  readMatrix,
  scale,
  scaleToMeanRtt,
  type Topology,
  TopologyError,
} from '../../src/topology/index.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/topology/gt-itm/${name}.alt`, import.meta.url), 'utf8');

describe('scaling', () => {
  test('to a mean RTT is exact to a millionth of a millisecond over all pairs i != j', () => {
    for (const topology of [
      readAlt(fixture('transit-stub-600-seed47')),
      generateCities(),
      generatePlane({ nodes: 77 }),
    ]) {
      for (const meanMs of [4.7, 47, 470]) {
        const scaled = scaleToMeanRtt(topology, meanMs);
        let sum = 0;
        for (let a = 0; a < scaled.size; a++)
          for (let b = 0; b < scaled.size; b++) if (a !== b) sum += scaled.rttMs(a, b);
        expect(Math.abs(sum / (scaled.size * (scaled.size - 1)) - meanMs)).toBeLessThan(1e-6);
      }
    }
  });

  test('multiplies every RTT, leaves the original alone, and can be repeated', () => {
    const topology = generateTransitStub({ seed: 2 });
    const before = topology.rttMs(3, 90);
    expect(scale(scale(topology, 3), 0.5).rttMs(3, 90)).toBe(1.5 * before);
    expect(topology.rttMs(3, 90)).toBe(before);
    expect(scale(topology, 3).description).toMatch(/seed=2\), scale=3$/);
  });

  test('keeps symmetry to the last bit, whichever end is queried first', () => {
    const { graph } = generateTransitStub({ transitDomains: 2, seed: 6 });
    const thirds = { ...graph, lengths: graph.lengths.map((length) => length / 3) };
    const [there, back] = [1, 2].map(() => scaleToMeanRtt(GraphTopology.of(thirds, { cacheBytes: 0 }), 83.1)) as [
      Topology,
      Topology,
    ];
    fc.assert(
      fc.property(fc.nat(there.size - 1), fc.nat(there.size - 1), (a, b) => there.rttMs(a, b) === back.rttMs(b, a)),
      { numRuns: 1_000, seed: 2 },
    );
  });

  test.each([0, -1, Number.NaN, Infinity])('refuses a factor or a mean of %d', (value) => {
    const topology = generatePlane({ nodes: 5 });
    expect(() => scale(topology, value)).toThrow(TopologyError);
    expect(() => scaleToMeanRtt(topology, value)).toThrow(TopologyError);
  });

  test('refuses topologies that have no mean or a mean of 0', () => {
    expect(() => scaleToMeanRtt(generatePlane({ nodes: 1 }), 47)).toThrow(/one node/);
    expect(() => scaleToMeanRtt(readMatrix('0 0\n0 0'), 47)).toThrow(/all RTTs of this topology are 0/);
  });
});

describe('large topologies', () => {
  test('have their mean taken from a sample that is within 2% of all pairs', () => {
    const plane = generatePlane({ nodes: 6_000, seed: 8 });
    let sum = 0;
    for (let a = 0; a < plane.size; a++) for (let b = 0; b < a; b++) sum += 2 * plane.rttMs(a, b);
    const exact = sum / (plane.size * (plane.size - 1));
    expect(meanRttMs(plane)).not.toBe(exact);
    expect(Math.abs(meanRttMs(plane) / exact - 1)).toBeLessThan(0.02);
    expect(describeTopology(plane).sources).toBe(1_000);
  });

  test('answer the same with a cache of four rows as with one for all', () => {
    const whole = generateTransitStub({ transitDomains: 2, seed: 4 }).graph;
    const graph = { ...whole, lengths: whole.lengths.map((length) => length / 3) };
    const roomy = GraphTopology.of(graph);
    const tight = GraphTopology.of(graph, { cacheBytes: 0 });
    fc.assert(
      fc.property(fc.nat(roomy.size - 1), fc.nat(roomy.size - 1), (a, b) => tight.rttMs(a, b) === roomy.rttMs(a, b)),
      { numRuns: 2_000, seed: 2 },
    );
  });

  test('of 100,000 nodes give the RTTs from one source without a table of all pairs', () => {
    const topology = generateTransitStub({
      transitDomains: 10,
      transitNodes: 10,
      stubs: 10,
      stubNodes: 100,
      stubProbability: 0.05,
      seed: 1,
    });
    expect(topology.size).toBe(100_100);
    let farthest = 0;
    for (let node = 0; node < topology.size; node++) farthest = Math.max(farthest, topology.rttMs(7, node));
    expect(farthest).toBeLessThan(Infinity);
    expect(topology.rttMs(99_999, 7)).toBe(topology.rttMs(7, 99_999));
  });
});

describe('the summary', () => {
  test('counts and ranks: 3 nodes with RTTs 10, 20 and 60', () => {
    expect(describeTopology(readMatrix('# three\n0 10 20\n10 0 60\n20 60 0'))).toEqual({
      description: 'three',
      nodes: 3,
      edges: null,
      domains: 3,
      sources: 3,
      rttMs: { mean: 30, median: 20, p95: 60, min: 10, max: 60 },
    });
  });

  test('of a real GT-ITM file has its known figures', () => {
    const { nodes, edges, domains, rttMs } = describeTopology(readAlt(fixture('transit-stub-100-seed47')));
    expect({ nodes, edges, domains }).toEqual({ nodes: 100, edges: 187, domains: 13 });
    expect(rttMs).toEqual({ mean: expect.closeTo(196.9277, 3), median: 202, p95: 314, min: 2, max: 432 });
  });
});

test('a node that does not exist is the caller’s bug, and the error names it', () => {
  for (const topology of [generateTransitStub(), generateCities(), generatePlane()]) {
    expect(() => topology.rttMs(0.5, 0)).toThrow(/no node 0.5/);
    expect(() => topology.rttMs(0, topology.size)).toThrow(RangeError);
    expect(() => topology.rttMs(-1, 0)).toThrow(/no node -1/);
    expect(() => topology.domain(Number.NaN)).toThrow(RangeError);
  }
});
