/** The figures of docs/protocol/tree.md, in virtual time, on a transit-stub network: they do not depend on the machine. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Graph } from '../../src/topology/index.ts';
import { linkStress } from '../../simulator/link-stress.ts';
import { measureTree } from '../../simulator/measure-tree.ts';
import type { TreeFigures } from '../../simulator/measure-tree.ts';
import { spread } from '../../simulator/spread.ts';

describe('a farm of 150 peers', () => {
  let figures: TreeFigures;
  beforeAll(() => {
    figures = measureTree({ peers: 150, seed: 1, kills: 30 });
  });

  it('never has a loop', () => {
    expect(figures.loops).toBe(0);
  });

  it('repairs after a silent death within 3.6 heartbeats at the median, 5 at the 99th percentile', () => {
    expect(figures.repairBeats.silent.count).toBeGreaterThan(20);
    expect(figures.repairBeats.silent.p50).toBeLessThanOrEqual(3.6);
    expect(figures.repairBeats.silent.p99).toBeLessThanOrEqual(5);
  });

  it('repairs after a closed connection within one heartbeat', () => {
    expect(figures.repairBeats.closed.count).toBeGreaterThan(20);
    expect(figures.repairBeats.closed.p99).toBeLessThanOrEqual(1.5);
    expect(figures.repairBeats.closed.p50).toBeLessThanOrEqual(0.5);
  });

  it('reaches everybody with a stretch of at most 1.8 on average, 2.8 at the 95th percentile', () => {
    expect(figures.stretch.mean).toBeLessThanOrEqual(1.8);
    expect(figures.stretch.p95).toBeLessThanOrEqual(2.8);
  });

  it('puts at most five copies of a message on a link, on average', () => {
    expect(figures.linkStress.mean).toBeLessThanOrEqual(5);
  });

  it('costs a peer at most 300 bytes of control a second, on average', () => {
    expect(figures.controlBytesPerSecond.mean).toBeLessThanOrEqual(300);
  });
});

describe('link stress', () => {
  /** 0 - 1 - 2 - 3 in a row. */
  const row: Graph = {
    title: 'a row',
    names: ['a', 'b', 'c', 'd'],
    domains: Int32Array.of(0, 1, 2, 3),
    places: undefined,
    from: Int32Array.of(0, 1, 2),
    to: Int32Array.of(1, 2, 3),
    lengths: Float64Array.of(1, 1, 1),
  };

  it('counts the copies on each link, for a star and for a chain', () => {
    const star = [1, 2, 3].map((to) => [0, to] as const);
    expect(linkStress(row, star).sort((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(linkStress(row, [[0, 1] as const, [1, 2] as const, [2, 3] as const])).toEqual([1, 1, 1]);
  });

  it('takes the shortest path, and says so when there is none', () => {
    expect(linkStress({ ...row, from: Int32Array.of(0, 1, 0), to: Int32Array.of(1, 2, 2) }, [[0, 2]])).toEqual([1]);
    expect(() => linkStress({ ...row, to: Int32Array.of(1, 2, 2) }, [[0, 3]])).toThrow(
      /no path leads from node 0 to node 3/,
    );
  });
});

describe('a spread', () => {
  it('gives mean and percentiles', () => {
    const found = spread(Array.from({ length: 101 }, (_, i) => i));
    expect(found).toEqual({ mean: 50, p50: 50, p95: 95, p99: 99, max: 100, count: 101 });
  });
});
