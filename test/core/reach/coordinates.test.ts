/**
 * The accuracy of network coordinates, as numbers: fixed seeds, several worlds, the largest error allowed. Errors are relative to the true
 * round trip. docs/protocol/coordinates.md; Dabek et al., "Vivaldi", SIGCOMM 2004.
 */
import { describe, expect, it } from 'vitest';
import {
  isElsewhere,
  isSound,
  move,
  origin,
  predictRttMs,
  putAtOrigin,
  spotWidth,
  toldOf,
} from '../../../src/core/reach/coordinates.ts';
import type { Coordinate } from '../../../src/core/messages/index.ts';
import { Spots } from '../../../src/core/quiet/spots.ts';
import { generatePlane, presetTopology, scaleToMeanRtt } from '../../../src/topology/index.ts';
import type { Topology } from '../../../src/topology/index.ts';
import { SimulatedFarm, handle } from '../../../simulator/farm.ts';
import { Random } from '../../../simulator/random.ts';

/** Every peer measures random others `rounds` times; the median and 90th percentile of the errors over all pairs. */
function accuracy(topology: Topology, peers: number, samples: number, noise = 0): { median: number; p90: number } {
  const random = new Random(42);
  const spots = new Float64Array(peers * spotWidth);
  for (let i = 0; i < peers; i++) putAtOrigin(spots, i * spotWidth);
  for (let round = 0; round < samples; round++) {
    for (let i = 0; i < peers; i++) {
      const j = random.below(peers);
      if (i === j) continue;
      const rttMs = topology.rttMs(i, j) * (1 + noise * random.next());
      move(spots, i * spotWidth, toldOf(spots, j * spotWidth), rttMs, random.next());
    }
  }
  const told = Array.from({ length: peers }, (_, i) => toldOf(spots, i * spotWidth));
  return errors(topology, told);
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

function spotAt({ x, y, z, height, error }: Coordinate): Float64Array {
  return Float64Array.of(x, y, z, height, error);
}

function moved(from: Coordinate, theirs: Coordinate, rttMs: number): Coordinate {
  const spot = spotAt(from);
  move(spot, 0, theirs, rttMs, 0.5);
  return toldOf(spot, 0);
}

describe('a coordinate', () => {
  it('comes near the right distance when two peers measure each other', () => {
    const [a, b] = [spotAt(origin), spotAt(origin)];
    for (let i = 0; i < 60; i++) {
      move(a, 0, toldOf(b, 0), 50, 0.3);
      move(b, 0, toldOf(a, 0), 50, 0.7);
    }
    expect(predictRttMs(toldOf(a, 0), toldOf(b, 0))).toBeGreaterThan(48);
    expect(predictRttMs(toldOf(a, 0), toldOf(b, 0))).toBeLessThan(52);
  });

  it('adds up many small steps, each shorter than a unit', () => {
    const here: Coordinate = { x: 0, y: 0, z: 0, height: 10, error: 100 };
    const there: Coordinate = { ...here, x: 10_000 };
    const spot = spotAt(here);
    move(spot, 0, there, 100.22, 0.5);
    expect(toldOf(spot, 0)).toMatchObject({ x: 0, height: 10 });
    for (let i = 0; i < 100; i++) move(spot, 0, there, 100.22, 0.5);
    expect(toldOf(spot, 0)).toMatchObject({ x: -2, height: 10 });
  });

  it('is made of whole numbers that need no memory of their own', () => {
    const told = toldOf(Float64Array.of(-0.2, 1.6, -7.5, 10.2, 9_999.7), 0);
    expect(told).toStrictEqual({ x: 0, y: 2, z: -7, height: 10, error: 10_000 });
    expect(Object.is(told.x, 0)).toBe(true);
  });

  it('does not move for an impossible round trip, or from an impossible coordinate', () => {
    const here: Coordinate = { x: 100, y: 200, z: 300, height: 400, error: 5_000 };
    for (const rttMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 60_001])
      expect(moved(here, origin, rttMs)).toEqual(here);
    expect(moved(here, origin, 20)).not.toEqual(here);
    for (const there of [
      { ...origin, x: Number.NaN },
      { ...origin, y: 1e9 },
      { ...origin, height: -1 },
      { ...origin, error: 10_001 },
    ]) {
      expect(isSound(there)).toBe(false);
      expect(moved(here, there, 20)).toEqual(here);
    }
  });

  it('of a liar moves another by a share of the misfit only', () => {
    const here: Coordinate = { ...origin, error: 1_000 };
    const after = moved(here, { x: 5_000_000, y: 0, z: 0, height: 0, error: 0 }, 20);
    expect(predictRttMs(here, after)).toBeLessThan(13_000);
    expect(isSound(after)).toBe(true);
  });
});

describe('the spots of the peers of one process', () => {
  const [some, other] = [handle(2), handle(40)];

  it('are one for each, however many come', () => {
    const spots = new Spots();
    spots.open(some);
    spots.sampled(some, origin, 50, 0.3);
    const told = spots.toldOf(some);
    expect(told).not.toEqual(origin);
    spots.open(other);
    expect(spots.toldOf(some)).toEqual(told);
    expect(spots.toldOf(other)).toEqual(origin);
  });

  it('begin at the origin with each life', () => {
    const spots = new Spots();
    spots.open(some);
    spots.sampled(some, origin, 50, 0.3);
    expect(spots.isElsewhere(some, origin)).toBe(true);
    spots.open(some);
    expect(spots.isElsewhere(some, origin)).toBe(false);
  });
});

describe('the coordinate that others are told', () => {
  const told: Coordinate = { x: 100, y: 200, z: 300, height: 400, error: 5_000 };

  it('stays as it is while a peer lies within a quarter of a millisecond of it', () => {
    expect(isElsewhere(told, spotAt(told), 0)).toBe(false);
    expect(isElsewhere(told, spotAt({ ...told, x: 120 }), 0)).toBe(false);
    expect(isElsewhere(told, spotAt({ ...told, error: 4_800 }), 0)).toBe(false);
  });

  it('changes when a peer has moved by more, or knows much better where it is', () => {
    expect(isElsewhere(told, spotAt({ ...told, y: 270 }), 0)).toBe(true);
    expect(isElsewhere(told, spotAt({ ...told, z: 320, height: 410 }), 0)).toBe(true);
    expect(isElsewhere(told, spotAt({ ...told, error: 4_000 }), 0)).toBe(true);
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
