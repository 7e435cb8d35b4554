/** The faults of a simulated farm: each has its stated effect, and is counted. */
import { describe, expect, it } from 'vitest';
import { SimulatedFarm, handle } from '../../simulator/farm.ts';
import type { FarmOptions } from '../../simulator/farm-options.ts';
import type { Message } from '../../src/core/messages/index.ts';

const [root, ann, bob] = [handle(0), handle(1), handle(2)];
const fixed = { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000 };

/** Three peers 50 ms from each other, settled. */
function farmOfThree(options: Partial<FarmOptions> = {}): SimulatedFarm {
  const farm = new SimulatedFarm({ seed: 1, rttMs: () => 50, tree: fixed, ...options });
  farm.start(root, { as: 'root', root, neighbours: [] });
  for (const peer of [ann, bob]) farm.start(peer, { as: 'peer', root, neighbours: [root] });
  farm.run(30_000);
  return farm;
}

function everybodyIsIn(farm: SimulatedFarm): boolean {
  return farm.living().every((peer) => peer.role === 'root' || peer.state.upTree()?.attached === true);
}

describe('a simulated farm', () => {
  it('counts no fault while there is none', () => {
    expect(Object.values(farmOfThree().faults).every((count) => count === 0)).toBe(true);
  });

  it('loses, doubles, reorders and delays the share of messages that it is told to', () => {
    const farm = farmOfThree();
    farm.loss = 0.05;
    farm.duplication = 0.05;
    farm.reordering = 0.05;
    farm.delaySpikes = 0.05;
    const before = farm.messages;
    farm.run(1_000_000);
    const sent = farm.messages - before;
    for (const kind of ['loss', 'duplication', 'reordering', 'delay-spike'] as const) {
      expect(farm.faults[kind] / sent).toBeGreaterThan(0.035);
      expect(farm.faults[kind] / sent).toBeLessThan(0.065);
    }
    farm.mendAll();
    farm.run(30_000);
    const counted = { ...farm.faults };
    farm.run(30_000);
    expect(farm.faults).toEqual(counted);
    expect(everybodyIsIn(farm)).toBe(true);
  });

  it('counts deaths, returns and cuts', () => {
    const farm = farmOfThree();
    farm.crash(ann);
    farm.crash(bob, false);
    farm.restart(ann);
    farm.restart(bob, false);
    farm.cut(ann, bob, true);
    farm.cut(ann, bob, false);
    expect(farm.faults).toMatchObject({ crash: 1, 'power-cut': 1, restart: 1, 'restart-blank': 1, cut: 1 });
  });

  it('lets messages of a slow peer take longer', () => {
    const rttTo = (farm: SimulatedFarm): number => {
      farm.run(20_000);
      return farm.peer(ann)?.state.clients.parentRtt.medianMs() ?? Number.NaN;
    };
    const farm = farmOfThree();
    expect(rttTo(farm)).toBeCloseTo(50, -1);
    farm.slowDown(ann, 4);
    farm.run(40_000);
    expect(rttTo(farm)).toBeCloseTo(200, -1);
    expect(farm.faults['slow-peer']).toBe(1);
  });

  it('shows a peer whose clock was set back a clock that goes on, a little more slowly, and steps over a long sleep', () => {
    const farm = farmOfThree();
    const timeOf = (): number => {
      let time = Number.NaN;
      farm.act(ann, (_peer, nowMs) => {
        time = nowMs;
      });
      return time;
    };
    farm.jumpClock(ann, -3_600_000);
    const before = timeOf();
    farm.run(10_000);
    expect(timeOf() - before).toBeCloseTo(9_500, 0);
    farm.jumpClock(ann, 2 * 3_600_000);
    farm.run(1);
    expect(timeOf() - farm.nowMs).toBeCloseTo(3_600_000, 0);
    farm.run(60_000);
    expect(everybodyIsIn(farm)).toBe(true);
    expect(farm.faults['clock-jump']).toBe(2);
  });

  it('lets a liar send another message, or none', () => {
    const farm = farmOfThree();
    const heard: Message[] = [];
    farm.onSend = (from, _to, message) => {
      if (from === ann) heard.push(message);
    };
    farm.tamper = (from, _to, message) => {
      if (from !== ann) return message;
      return message.kind === 'heartbeat-up' ? { ...message, size: 1_000 } : null;
    };
    farm.run(5_000);
    expect(heard.length).toBeGreaterThan(3);
    expect(heard.every((message) => message.kind === 'heartbeat-up' && message.size === 1_000)).toBe(true);
    expect(farm.faults.lie).toBeGreaterThanOrEqual(heard.length);
  });

  it('lets messages wait for a narrow uplink', () => {
    const arrivals = (uplink: number | undefined): number => {
      const farm = farmOfThree(uplink === undefined ? {} : { uplinkBytesPerSecond: () => uplink });
      return farm.peer(ann)?.state.clients.parentRtt.medianMs() ?? Number.NaN;
    };
    expect(arrivals(2_000)).toBeGreaterThan(arrivals(undefined) + 10);
  });

  it('reckons in finer ticks when told to', () => {
    const coarse = farmOfThree({ rttMs: () => 20.5 });
    const fine = farmOfThree({ rttMs: () => 20.5, ticksPerMs: 10 });
    expect(coarse.peer(ann)?.state.clients.parentRtt.medianMs()).toBe(22);
    expect(fine.peer(ann)?.state.clients.parentRtt.medianMs()).toBeCloseTo(20.6, 5);
  });
});
