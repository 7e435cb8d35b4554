/** The computed optimum is the optimum: compared with exhaustive search, and with plain greedy choice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestPlacement, greedyPlacement, optimum } from '../../simulator/k-median.ts';
import type { DelayProblem, PlacementProblem } from '../../simulator/k-median.ts';
import { generatePlane, presetTopology, scaleToMeanRtt } from '../../src/topology/index.ts';
import type { Topology } from '../../src/topology/index.ts';

function problemOf(topology: Topology, root: number): PlacementProblem {
  return { size: topology.size, rttMs: (a, b) => topology.rttMs(a, b), root, serverTimeMs: 100 };
}

/** The mean delay of these members, from the definition. */
function meanMs({ size, rttMs, serverTimeMs }: PlacementProblem, members: readonly number[]): number {
  const at = (from: number, to: number): number =>
    typeof rttMs === 'function' ? (from === to ? 0 : rttMs(from, to)) : (rttMs[from * size + to] ?? Number.NaN);
  let sum = 0;
  for (let peer = 0; peer < size; peer++) sum += Math.min(...members.map((member) => at(member, peer)));
  return serverTimeMs + sum / size;
}

/** The best of all sets of each size that contain the root. */
function leastMeans(problem: PlacementProblem): number[] {
  const least: number[] = [];
  for (let set = 0; set < 2 ** problem.size; set++) {
    const members = Array.from({ length: problem.size }, (_, peer) => peer).filter((peer) => (set >> peer) & 1);
    if (!members.includes(problem.root)) continue;
    least[members.length] = Math.min(least[members.length] ?? Number.POSITIVE_INFINITY, meanMs(problem, members));
  }
  return least;
}

/** Small problems of any kind, including ones that no network would produce: one-way differences and equal distances. */
const problems: fc.Arbitrary<DelayProblem> = fc.integer({ min: 1, max: 8 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    rttMs: fc
      .array(fc.integer({ min: 0, max: 30 }), { minLength: size * size, maxLength: size * size })
      .map((cells) => Float64Array.from(cells, (ms, at) => (at % (size + 1) === 0 ? 0 : ms))),
    root: fc.integer({ min: 0, max: size - 1 }),
    serverTimeMs: fc.constantFrom(0, 100),
    requirementMs: fc.double({ min: 100, max: 120, noNaN: true }),
  }),
);

describe('the optimum', () => {
  it('equals the result of exhaustive search, and is proven, for small problems', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const least = leastMeans(problem);
        const wanted = least.findIndex((mean) => mean !== undefined && mean <= problem.requirementMs + 1e-9);
        const found = optimum(problem);
        expect(found).toMatchObject({ servers: wanted, proven: true });
        expect(found.members).toHaveLength(wanted);
        expect(found.members).toContain(problem.root);
        expect(meanMs(problem, found.members)).toBeCloseTo(found.meanMs, 9);
        expect(found.meanMs).toBeLessThanOrEqual(problem.requirementMs + 1e-9);
      }),
      { numRuns: 300, seed: 47 },
    );
  });

  it('counts exactly: a requirement that is just met by k servers needs k', () => {
    const problem = problemOf(presetTopology('continents-24'), 3);
    for (const servers of [2, 4, 7]) {
      const { meanMs: reached } = bestPlacement(problem, servers);
      expect(optimum({ ...problem, requirementMs: reached })).toMatchObject({ servers, proven: true });
      expect(optimum({ ...problem, requirementMs: reached - 0.001 })).toMatchObject({
        servers: servers + 1,
        proven: true,
      });
    }
  });

  it.each(['transit-stub-100', 'plane-100', 'waxman-100', 'continents-24'])(
    'is proven on %s, and at most what greedy choice needs',
    (name) => {
      const topology = presetTopology(name);
      for (const [root, requirementMs] of [
        [0, 150],
        [7, 130],
        [13, 120],
        [20, 110],
      ] as const) {
        const problem = { ...problemOf(topology, root), requirementMs };
        const { servers, members, proven } = optimum(problem);
        expect(proven).toBe(true);
        expect(meanMs(problem, members)).toBeLessThanOrEqual(requirementMs + 1e-9);
        if (servers > 1) expect(greedyPlacement(problem, servers - 1).meanMs).toBeGreaterThan(requirementMs);
      }
    },
  );

  it('is proven for a thousand peers, within bounded effort', () => {
    const topology = scaleToMeanRtt(generatePlane({ nodes: 1_000, seed: 5 }), 100);
    const before = process.cpuUsage();
    const found = optimum({ ...problemOf(topology, 0), requirementMs: 120 });
    const { user, system } = process.cpuUsage(before);
    expect(found).toMatchObject({ servers: 14, proven: true });
    expect((user + system) / 1e6).toBeLessThan(10);
  });

  it('is the root alone when that is enough, and everybody when nothing less is', () => {
    const problem = problemOf(presetTopology('continents-24'), 3);
    expect(optimum({ ...problem, requirementMs: 10_000 })).toMatchObject({ servers: 1, members: [3], proven: true });
    expect(optimum({ ...problem, requirementMs: 100 })).toMatchObject({ servers: 24, meanMs: 100, proven: true });
    expect(() => optimum({ ...problem, requirementMs: 99 })).toThrow('no placement can meet 99 ms');
  });
});

describe('the best placement of k servers', () => {
  it('equals the result of exhaustive search, for small problems', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        leastMeans(problem).forEach((mean, servers) => {
          expect(bestPlacement(problem, servers).meanMs).toBeCloseTo(mean, 9);
        });
      }),
      { numRuns: 100, seed: 47 },
    );
  });

  it('is never worse than greedy choice, and the same each time', () => {
    const problem = problemOf(presetTopology('plane-100'), 11);
    for (const servers of [1, 2, 5, 10, 30, 99, 100]) {
      const found = bestPlacement(problem, servers);
      expect(found.meanMs).toBeLessThanOrEqual(greedyPlacement(problem, servers).meanMs + 1e-9);
      expect(found.members).toHaveLength(servers);
      expect(bestPlacement(problem, servers)).toEqual(found);
    }
  });

  it('refuses an impossible problem', () => {
    const problem = problemOf(presetTopology('plane-50'), 0);
    expect(() => bestPlacement(problem, 0)).toThrow('cannot place 0 servers among 50 peers');
    expect(() => bestPlacement(problem, 51)).toThrow('cannot place 51 servers');
    expect(() => bestPlacement({ ...problem, rttMs: new Float64Array(9) }, 1)).toThrow('no matrix of 50 x 50');
  });
});
