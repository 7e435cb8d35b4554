/**
 * What network coordinates are worth, as numbers: fixed seeds, several worlds, the largest error allowed. Errors are relative to the
 * true round trip. DESIGN section 4; Dabek et al., "Vivaldi", SIGCOMM 2004.
 */
import { describe, expect, it } from 'vitest';
import { isElsewhere, isSound, moved, origin, predictRttMs } from '../../src/core/coordinates.ts';
import type { Coordinate } from '../../src/core/messages.ts';
import { generatePlane, presetTopology, scaleToMeanRtt } from '../../src/topology/index.ts';
import type { Topology } from '../../src/topology/index.ts';
import { SimulatedFarm, handle } from '../../simulator/farm.ts';
import { Random } from '../../simulator/random.ts';

/** Every peer measures a random other so many times; the median and 90th percentile of the errors over all pairs. */
function accuracy(topology: Topology, peers: number, samples: number, noise = 0): { median: number; p90: number } {
  const random = new Random(42);
  const at: Coordinate[] = Array.from({ length: peers }, () => origin);
  for (let round = 0; round < samples; round++) {
    for (let i = 0; i < peers; i++) {
      const j = random.below(peers);
      if (i === j) continue;
      const rttMs = topology.rttMs(i, j) * (1 + noise * random.next());
      at[i] = moved(at[i] ?? origin, at[j] ?? origin, rttMs, random.next());
    }
  }
  return errors(topology, at);
}

function errors(topology: Topology, at: readonly Coordinate[]): { median: number; p90: number } {
  const found: number[] = [];
  for (let i = 0; i < at.length; i++) {
    for (let j = 0; j < i; j++) {
      const trueMs = topology.rttMs(i, j);
      if (trueMs > 0) found.push(Math.abs(predictRttMs(at[i] ?? origin, at[j] ?? origin) - trueMs) / trueMs);
    }
  }
  found.sort((a, b) => a - b);
  const share = (of: number): number => found[Math.floor(found.length * of)] ?? Number.NaN;
  return { median: share(0.5), p90: share(0.9) };
}

const worlds = [
  { name: 'a plane', topology: scaleToMeanRtt(generatePlane({ nodes: 100, seed: 5 }), 80), median: 0.06, p90: 0.25 },
  { name: 'a transit-stub network of 100', topology: presetTopology('transit-stub-100'), median: 0.09, p90: 0.3 },
  { name: 'a transit-stub network of 600', topology: presetTopology('transit-stub-600'), median: 0.09, p90: 0.3 },
];

describe('coordinates', () => {
  it.each(worlds)('predict round trips in $name', ({ topology, median, p90 }) => {
    const found = accuracy(topology, Math.min(200, topology.size), 200);
    expect(found.median).toBeLessThanOrEqual(median);
    expect(found.p90).toBeLessThanOrEqual(p90);
  });

  it.each(worlds)('still do in $name when every measurement is up to a quarter too long', ({ topology, median }) => {
    expect(accuracy(topology, Math.min(200, topology.size), 200, 0.25).median).toBeLessThanOrEqual(median + 0.15);
  });

  it('are good enough after a few samples to tell near from far', () => {
    expect(accuracy(worlds[1]?.topology as Topology, 100, 12).median).toBeLessThanOrEqual(0.35);
  });

  it('of a farm that only measures what its protocol measures are worth having', () => {
    const topology = presetTopology('transit-stub-100');
    const farm = new SimulatedFarm({
      seed: 9,
      rttMs: (a, b) => topology.rttMs(a, b),
      subnet: (peer) => topology.domain(peer),
      tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000 },
    });
    const root = handle(0);
    farm.start(root, { as: 'root', root, neighbours: [] });
    for (let n = 1; n < 100; n++)
      farm.after(n * 200, () => farm.start(handle(n), { as: 'peer', root, neighbours: [root] }));
    farm.run(320_000);
    const at = farm.living().map((peer) => peer.state.ctx.coordinate);
    expect(errors(topology, at).median).toBeLessThanOrEqual(0.4);
  });
});

describe('a coordinate', () => {
  it('comes near the right distance when two peers measure each other', () => {
    let [a, b] = [origin, origin];
    for (let i = 0; i < 60; i++) {
      a = moved(a, b, 50, 0.3);
      b = moved(b, a, 50, 0.7);
    }
    expect(predictRttMs(a, b)).toBeGreaterThan(48);
    expect(predictRttMs(a, b)).toBeLessThan(52);
  });

  it('does not move for what cannot be a round trip, or from what cannot be a place', () => {
    const here: Coordinate = { x: 1, y: 2, z: 3, height: 4, error: 0.5 };
    for (const rttMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 60_001])
      expect(moved(here, origin, rttMs, 0.5)).toBe(here);
    for (const there of [
      { ...origin, x: Number.NaN },
      { ...origin, y: 1e9 },
      { ...origin, height: -1 },
      { ...origin, error: 7 },
    ]) {
      expect(isSound(there)).toBe(false);
      expect(moved(here, there, 20, 0.5)).toBe(here);
    }
  });

  it('of a liar moves another by a share of the misfit only', () => {
    const here: Coordinate = { ...origin, error: 0.1 };
    const after = moved(here, { x: 50_000, y: 0, z: 0, height: 0, error: 0 }, 20, 0.5);
    expect(predictRttMs(here, after)).toBeLessThan(13_000);
    expect(isSound(after)).toBe(true);
  });
});

describe('what others are told of a coordinate', () => {
  const told: Coordinate = { x: 1, y: 2, z: 3, height: 4, error: 0.5 };

  it('stays as it is while a peer lies within a quarter of a millisecond of it', () => {
    expect(isElsewhere(told, told)).toBe(false);
    expect(isElsewhere(told, { ...told, x: 1.2 })).toBe(false);
    expect(isElsewhere(told, { ...told, error: 0.48 })).toBe(false);
  });

  it('changes when a peer has moved by more, or knows much better where it is', () => {
    expect(isElsewhere(told, { ...told, y: 1.7 })).toBe(true);
    expect(isElsewhere(told, { ...told, z: 3.2, height: 4.1 })).toBe(true);
    expect(isElsewhere(told, { ...told, error: 0.4 })).toBe(true);
  });

  it('follows the samples of a peer, and most of them say nothing new', () => {
    const farm = new SimulatedFarm({ seed: 3, rttMs: () => 40 });
    const root = handle(0);
    farm.start(root, { as: 'root', root, neighbours: [] });
    for (let n = 1; n < 8; n++) farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
    const coordinates = new Set<Coordinate>();
    let samples = 0;
    farm.run(5_000);
    const { ctx } = farm.peer(root)!.state;
    const sampled = ctx.sampled.bind(ctx);
    ctx.sampled = (theirs, rttMs): void => {
      samples++;
      sampled(theirs, rttMs);
      coordinates.add(ctx.coordinate);
    };
    farm.run(600_000);
    expect(coordinates.size).toBeGreaterThan(1);
    expect(coordinates.size).toBeLessThan(samples / 3);
    const others = farm.living().filter((peer) => peer.self !== root);
    for (const other of others) expect(predictRttMs(ctx.coordinate, other.state.ctx.coordinate)).toBeCloseTo(40, -1);
  });
});
