/** The simulated network has its stated faults: surviving a fault that does not occur proves nothing. */
import { describe, expect, it } from 'vitest';
import { isWhole } from '../../simulator/checkers/structure.ts';
import { SimulatedFarm, handle } from '../../simulator/farm.ts';
import type { FarmOptions } from '../../simulator/farm-options.ts';
import { faultSchedule, randomSchedule } from '../../simulator/schedule.ts';
import type { Schedule } from '../../simulator/schedule.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Message } from '../../src/core/messages/index.ts';

const root = handle(0);

/** A root and some peers below it, all 20 ms apart, whole. */
function farmOf(peers: number, options: Partial<FarmOptions> = {}): SimulatedFarm {
  const rttMs = (a: PeerHandle, b: PeerHandle): number => (a === b ? 0 : 20);
  const farm = new SimulatedFarm({
    seed: 1,
    rttMs,
    tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000 },
    ...options,
  });
  farm.start(root, { as: 'root', root, neighbours: [] });
  for (let n = 1; n < peers; n++) farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
  farm.run(5_000);
  return farm;
}

/** How many messages of a kind reach a peer in this many seconds. */
function arriving(farm: SimulatedFarm, at: PeerHandle, kind: Message['kind'], seconds: number): number {
  const before = farm.peer(at)?.receive;
  if (before === undefined) throw new Error(`peer ${at} is not alive`);
  let count = 0;
  farm.act(at, (peer) => {
    const receive = peer.receive.bind(peer);
    peer.receive = (nowMs, from, message) => {
      if (message.kind === kind) count++;
      receive(nowMs, from, message);
    };
  });
  farm.run(seconds * 1_000);
  return count;
}

describe('the simulated network', () => {
  it('loses the share of messages that it was told to', () => {
    const farm = farmOf(2);
    farm.loss = 0.2;
    const arrived = arriving(farm, root, 'heartbeat-up', 300);
    expect(arrived).toBeGreaterThan(200);
    expect(arrived).toBeLessThan(270);
  });

  it('duplicates the share of messages that it was told to', () => {
    const farm = farmOf(2);
    farm.duplication = 0.5;
    const arrived = arriving(farm, root, 'heartbeat-up', 300);
    expect(arrived).toBeGreaterThan(400);
    expect(arrived).toBeLessThan(500);
  });

  it('cuts one direction and leaves the other open', () => {
    const farm = farmOf(2);
    farm.cut(handle(1), root, true);
    expect(arriving(farm, root, 'heartbeat-up', 10)).toBe(0);
    farm.cut(handle(1), root, false);
    expect(arriving(farm, root, 'heartbeat-up', 10)).toBeGreaterThan(5);
    farm.cut(root, handle(1), true);
    expect(arriving(farm, handle(1), 'heartbeat-down', 10)).toBe(0);
    farm.mendAll();
    expect(farm.runUntil(() => isWhole(farm), 60_000)).toBe(true);
  });

  it('tells the neighbours at once of a killed process, but not of a machine without power', () => {
    for (const [closes, withinMs] of [
      [true, 100],
      [false, 4_000],
    ] as const) {
      const farm = farmOf(2);
      const diedAtMs = farm.nowMs;
      farm.crash(root, closes);
      expect(farm.runUntil(() => farm.peer(handle(1))?.state.clients.orphaned === true, 10_000, 10)).toBe(true);
      expect(farm.nowMs - diedAtMs).toBeLessThanOrEqual(withinMs);
      if (!closes) expect(farm.nowMs - diedAtMs).toBeGreaterThan(2_000);
    }
  });

  it('carries nothing to a peer that cannot be dialled, until it has dialled out', () => {
    const farm = farmOf(3, { reachable: (peer) => peer !== handle(2) });
    expect(farm.peer(handle(2))?.state.ctx.reachable).toBe(false);
    expect(farm.peer(handle(2))?.state.clients.parent).not.toBe(-1);
    expect(farm.peer(handle(1))?.state.ctx.reachable).toBe(true);
  });
});

describe('a random schedule', () => {
  it('is the same for the same seed, and data that JSON keeps', () => {
    for (const draw of [(seed: number) => randomSchedule(seed, 30, 40), faultSchedule]) {
      const schedule = draw(5);
      expect(draw(5)).toEqual(schedule);
      expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
      expect(draw(6)).not.toEqual(schedule);
    }
  });

  it('of faults has lies in a third of the farms, a controller in a third, and all kinds of deeds', () => {
    const schedules = Array.from({ length: 300 }, (_, seed) => faultSchedule(seed));
    const share = (which: (schedule: Schedule) => boolean): number => schedules.filter(which).length / schedules.length;
    expect(share(({ lies }) => lies != null)).toBeCloseTo(0.3, 1);
    expect(share(({ service }) => service != null)).toBeCloseTo(0.3, 1);
    const acts = new Set(schedules.flatMap(({ deeds }) => deeds.map(({ act }) => act)));
    expect(acts.size).toBe(15);
    for (const { lies } of schedules) expect(lies?.liars ?? []).not.toContain(0);
  });

  it('has deeds of every kind, in the order of their weights', () => {
    const { deeds } = randomSchedule(1, 30, 2_000);
    const count = (act: string): number => deeds.filter((deed) => deed.act === act).length;
    for (const act of [
      'kill',
      'power-cut',
      'restart',
      'restart-blank',
      'volunteer',
      'drain',
      'leave',
      'note',
      'release',
      'readdress',
      'cut',
    ]) {
      expect(count(act), act).toBeGreaterThan(5);
    }
    expect(count('volunteer')).toBeGreaterThan(count('release'));
  });
});
