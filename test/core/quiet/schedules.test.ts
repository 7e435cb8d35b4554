/**
 * The short way of a heartbeat must change no state. Each schedule is played with and without it, in networks of all sizes, and after each
 * deed every peer must be in the same state. Rows, seats and fields that disagree show here.
 */
import { describe, expect, it } from 'vitest';
import { SimulatedFarm, generous, handle } from '../../../simulator/farm.ts';
import type { FarmOptions } from '../../../simulator/farm-options.ts';
import { Random } from '../../../simulator/random.ts';
import { idleLayer } from '../idle-layer.ts';

const root = handle(0);
const peers = 40;
const deeds = 24;

interface World extends Pick<FarmOptions, 'rttMs' | 'tree' | 'ticksPerMs'> {
  /** Some links are cut for a while. */
  readonly cuts?: boolean;
  /** The longest time between two deeds, ms. */
  readonly pauseMs?: number;
}

const near = (a: number, b: number): number => 20 + ((a * b * 37 + (a + b) * 11) % 90);
const worlds: Readonly<Record<string, World>> = {
  'of short ways': { rttMs: near },
  'of ways that differ by direction': { rttMs: (a, b) => 20 + ((a * 31 + b * 17) % 60) },
  'of fractions of a millisecond': { rttMs: (a, b) => 10.37 + near(a, b), ticksPerMs: 16 },
  'of long ways': { rttMs: (a, b) => 300 + ((a * b * 37 + (a + b) * 11) % 900) },
  'of ways longer than a heartbeat': { rttMs: (a, b) => 1_500 + ((a * b * 37 + (a + b) * 11) % 2_500) },
  'without ways': { rttMs: () => 0 },
  'with slower pulses by and by': {
    rttMs: near,
    tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 5_000 },
    pauseMs: 400_000,
  },
  'of narrow trees': { rttMs: near, tree: { fanOut: 2 } },
  'whose ways are cut now and then': { rttMs: near, cuts: true },
};

/** All that a heartbeat reads or writes, of every peer. */
function stateOf(farm: SimulatedFarm): unknown {
  const peersThen = farm.living().map(({ self, state: { ctx, clients, servers, backup } }) => {
    const { seats } = ctx.pulses;
    const children = clients.children.map((child) => [
      [child.peer, child.size, child.height, child.reachable, child.hasChildren, child.evicted],
      [child.coordinate, child.rtt.medianMs(), seats.heardAtMs(child.seat), seats.rosterVersion(child.seat)],
    ]);
    return [
      [self, ctx.role, ctx.coordinate, ctx.intervalMs, ctx.patienceMs, ctx.timers.next(), ctx.releaseNumber, ctx.castDigest],
      [clients.parent, clients.parentBeat, clients.parentHeardAtMs, clients.parentIntervalMs, clients.parentRosterVersion],
      [clients.beat, clients.rosterVersion, clients.place, clients.passed, clients.orphaned, clients.moving, clients.closed],
      [backup, servers.parent, servers.children.map(({ peer }) => peer)],
      children,
    ]; // prettier-ignore
  });
  return { nowMs: farm.nowMs, messages: farm.messages, wakes: farm.wakes, hash: farm.traceHash, peers: peersThen };
}

/** Plays a schedule that follows from its seed. Returns the state after each deed, as text. */
function played(
  world: World,
  seed: number,
  isShort: boolean,
): { readonly states: string[]; readonly farm: SimulatedFarm } {
  const random = new Random(seed);
  const { cuts = false, pauseMs = 20_000, ...options } = world;
  const farm = new SimulatedFarm({
    seed,
    crashCloses: seed % 2 === 0,
    layers: () => [() => idleLayer(isShort)],
    ...options,
  });
  farm.start(root, { as: 'root', root, neighbours: [] });
  const publish = (number: number): void =>
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, number, new Uint8Array(32).fill(number), 1_000));
  publish(1);
  for (let n = 1; n < peers; n++)
    farm.after(n * 150, () => void farm.start(handle(n), { as: 'peer', root, neighbours: [] }));
  farm.run(60_000);
  const states: string[] = [];
  for (let deed = 0; deed < deeds; deed++) {
    const who = handle(1 + random.below(peers - 1));
    const isLikely = random.next() < 0.6;
    const deeds: (() => void)[] = [
      () => farm.crash(who, isLikely),
      () => {
        farm.crash(who, isLikely);
        farm.run(random.below(60));
        farm.restart(who, random.next() < 0.7);
      },
      () => void farm.restart(who, isLikely),
      () => farm.act(who, (peer, nowMs) => peer.volunteer(nowMs, generous)),
      () => farm.act(who, (peer, nowMs) => peer.drain(nowMs)),
      () => farm.act(who, (peer, nowMs) => (isLikely ? peer.leave(nowMs) : peer.addressChanged(nowMs))),
      () => publish(2 + deed),
      () => {
        const parent = farm.peer(who)?.state.clients.parent ?? -1;
        if (!cuts || parent < 0) return;
        farm.cut(who, handle(parent), isLikely);
        farm.run(3_000 + random.below(8_000));
        farm.cut(who, handle(parent), false);
      },
    ];
    deeds[random.below(deeds.length)]?.();
    farm.run(random.below(pauseMs));
    states.push(JSON.stringify(stateOf(farm)));
  }
  farm.run(120_000);
  states.push(JSON.stringify(stateOf(farm)));
  return { states, farm };
}

describe('the short way of a heartbeat in a world', () => {
  it.each(Object.keys(worlds))('%s leads where the long one does', (name) => {
    for (const seed of [1, 2, 3, 4]) {
      const world = worlds[name] as World;
      const short = played(world, seed, true);
      const long = played(world, seed, false);
      if (seed === 1) expect(short.farm.quietBeats).toBeGreaterThan(1_000);
      expect(long.farm.quietBeats).toBe(0);
      const differs = short.states.findIndex((state, at) => state !== long.states[at]);
      expect(differs === -1 ? null : `seed ${seed}, after deed ${differs}`).toBe(null);
    }
  });
});
