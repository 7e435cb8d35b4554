/** The large farm, small: the same experiment as for a million peers. */
import { describe, expect, it } from 'vitest';
import { isWhole, misplaced } from '../../simulator/checkers/structure.ts';
import { newFarm, scaleExperiment } from '../../simulator/experiments/scale.ts';

describe('a farm that grows by word of mouth', () => {
  it('stands when all have arrived and settled: everybody in one place, about a server for each group', () => {
    const { farm, standsAtMs } = newFarm({ peers: 400, seconds: 1, seed: 3 });
    farm.run(standsAtMs);
    expect(misplaced(farm)).toEqual([]);
    expect(isWhole(farm)).toBe(true);
    expect(farm.living()).toHaveLength(400);
    const servers = farm.living().filter((peer) => peer.state.ctx.isServer()).length;
    expect(servers).toBeGreaterThanOrEqual(15);
    expect(servers).toBeLessThanOrEqual(25);
  });

  it('does the same again for the same seed, and something else for another', () => {
    const hash = (seed: number): number => {
      const { farm, standsAtMs } = newFarm({ peers: 150, seconds: 1, seed });
      farm.run(standsAtMs);
      return farm.traceHash;
    };
    expect(hash(5)).toBe(hash(5));
    expect(hash(5)).not.toBe(hash(6));
  });
});

describe('the scale experiment', () => {
  it('says how much happened, how fast, in how much memory, and what building took', () => {
    const steps: [number, number][] = [];
    const { result, tables } = scaleExperiment(
      { peers: 120, seconds: 20, seed: 1 },
      { step: (done, total) => steps.push([done, total]) },
    );
    expect(Object.keys(result)).toEqual([
      'peers',
      'events',
      'cpuSeconds',
      'eventsPerCpuSecond',
      'peerSecondsPerCpuSecond',
      'peakRssBytes',
      'rootMessagesPerSecond',
      'controlBytesPerPeerSecond',
      'building',
    ]);
    // A heartbeat a second: one timer, one message up, one down; and little more.
    expect(result.events).toBeGreaterThan(3 * 119 * 20 * 0.98);
    expect(result.events).toBeLessThan(5 * 120 * 20);
    expect(result.eventsPerCpuSecond).toBeCloseTo(result.events / result.cpuSeconds, 0);
    expect(result.peerSecondsPerCpuSecond).toBeCloseTo((120 * 20) / result.cpuSeconds, 0);
    expect(result.peakRssBytes).toBeGreaterThan(20e6);
    expect(result.rootMessagesPerSecond).toBeGreaterThan(2);
    expect(result.controlBytesPerPeerSecond).toBeGreaterThan(0);
    expect(result.building.events).toBeGreaterThan(120);
    expect(result.building.servers).toBeGreaterThan(1);
    expect(tables[0]?.rows.length).toBeGreaterThan(5);
    const totals = new Set(steps.map(([, total]) => total));
    expect(totals.size).toBe(1);
    expect(steps.at(-1)?.[0]).toBe([...totals][0]);
  });

  it('refuses a farm of one, and no time to measure in', () => {
    const silent = { step: (): void => {} };
    expect(() => scaleExperiment({ peers: 1, seconds: 1 }, silent)).toThrow(RangeError);
    expect(() => scaleExperiment({ peers: 10, seconds: 0 }, silent)).toThrow(/0 seconds/);
  });
});
