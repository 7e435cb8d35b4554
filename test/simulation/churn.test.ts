/** Sessions, drawn and read from traces, and the churn experiment. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { churnExperiment } from '../../simulator/experiments/churn.ts';
import { churnRun } from '../../simulator/experiments/churn-run.ts';
import type { ChurnTask } from '../../simulator/experiments/churn-run.ts';
import { Random } from '../../simulator/random.ts';
import { castSize, distributions, drawSessions, parseTrace } from '../../simulator/sessions.ts';
import { cumulative, spread } from '../../simulator/spread.ts';

describe.each(distributions)('%s sessions', (distribution) => {
  const plan = { peers: 400, medianMs: 5 * 60_000, distribution, lengthMs: 12 * 3_600_000 };
  const sessions = drawSessions(plan, new Random(1));

  it('have the median that was asked for', () => {
    // Long ones that begin near the end are whole too: nothing is cut off.
    expect(spread(sessions.map(({ arriveMs, leaveMs }) => leaveMs - arriveMs)).p50 / 60_000).toBeCloseTo(5, 0);
  });

  it('keep about as many peers there as were asked for, from beginning to end', () => {
    for (const share of [0.02, 0.3, 0.6, 0.9]) {
      const atMs = share * plan.lengthMs;
      const there = sessions.filter(({ arriveMs, leaveMs }) => arriveMs <= atMs && atMs < leaveMs).length + 1;
      expect(there).toBeGreaterThan(360);
      expect(there).toBeLessThan(440);
    }
  });

  it('of one peer never overlap, and all peers are of the cast', () => {
    const leftMs = new Map<number, number>();
    for (const { peer, arriveMs, leaveMs } of sessions) {
      expect(peer).toBeGreaterThan(0);
      expect(peer).toBeLessThan(castSize(plan));
      expect(arriveMs).toBeGreaterThan(leftMs.get(peer) ?? -1);
      leftMs.set(peer, leaveMs);
    }
  });
});

describe('a trace', () => {
  it('is read with or without a heading, in any order, by any names', () => {
    const expected = [
      { peer: 2, arriveMs: 0, leaveMs: 60_000 },
      { peer: 1, arriveMs: 5_500, leaveMs: 10_000 },
      { peer: 1, arriveMs: 20_000, leaveMs: 30_000 },
    ];
    const lines = 'anna, 5.5, 10\r\n\n# back again\nben,0,60\nanna,20,30\n';
    expect(parseTrace(`peer,arriveS,leaveS\n${lines}`)).toEqual(expected);
    expect(parseTrace(lines)).toEqual(expected);
  });

  it.each([
    ['anna,1\n', 'line 1 is "anna,1"; write peer,arriveS,leaveS'],
    ['a,b,c\nanna,x,2\n', 'line 2 is "anna,x,2"'],
    ['anna,5,5\n', 'line 1: anna leaves at 5 s, before it arrives at 5 s'],
    ['anna,-1,5\n', 'line 1 is "anna,-1,5"'],
    ['anna,0,50\nben,0,10\nanna,40,60\n', 'anna arrives at 40 s while it is still there'],
    ['# nothing\n', 'has no session in it'],
  ])('that makes no sense is refused with the reason: %j', (text, told) => {
    expect(() => parseTrace(text)).toThrow(told);
  });
});

describe('the churn experiment', () => {
  const task: ChurnTask = {
    seed: 3,
    peers: 60,
    medianSessionMin: 5,
    heartbeatS: 1,
    distribution: 'exponential',
    trace: null,
    settleMin: 4,
    watchMin: 6,
  };

  it('is the same for the same seed', () => {
    const outcome = churnRun(task, () => {});
    expect(churnRun(task, () => {})).toEqual(outcome);
    expect(churnRun({ ...task, seed: 4 }, () => {}).traceHash).not.toBe(outcome.traceHash);
    expect(outcome.deaths.closed).toBeGreaterThan(outcome.deaths.silent);
    expect(outcome.deaths.left).toBeGreaterThan(5);
  });

  it('finds that the trees bear sessions of five minutes', async () => {
    const options = { medianSessionMin: 5, heartbeatS: 1, peers: 60, seeds: 4, settleMin: 4, watchMin: 6 };
    const { result, tables, charts } = await churnExperiment(options, { step: () => {} });
    expect(result).toMatchObject({ medianSessionMin: 5, heartbeatS: 1, peers: 60, seeds: 4, loops: 0 });
    expect(result.repairHeartbeats.closed.p99).toBeLessThan(1);
    expect(result.repairHeartbeats.silent.p50).toBeGreaterThan(2);
    expect(result.repairHeartbeats.silent.p50).toBeLessThanOrEqual(3.6);
    expect(result.repairHeartbeats.p99).toBeLessThanOrEqual(5);
    expect(result.delivery).toBeGreaterThanOrEqual(0.999);
    expect(result.notes.owed).toBeGreaterThan(5_000);
    expect(result.stretch.mean).toBeLessThanOrEqual(2);
    expect(result.stretch.p95).toBeLessThanOrEqual(3);
    expect(result.disconnectedShare).toBeLessThan(0.02);
    expect(result.disconnectedShare).toBeGreaterThan(0);
    expect(tables).toHaveLength(1);
    expect(charts.map(({ id }) => id)).toEqual(['repair', 'stretch', 'link-stress', 'attendance']);
  });

  it('plays a trace, whose median it tells', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-trace-'));
    try {
      const trace = join(folder, 'trace.csv');
      const lines = Array.from({ length: 20 }, (_, n) => `peer-${n},${n},${n < 10 ? 600 : 120 + n}`);
      await writeFile(trace, lines.join('\n'));
      const options = { medianSessionMin: 60, heartbeatS: 1, peers: 300, seeds: 1, settleMin: 1, watchMin: 4, trace };
      const { result, charts } = await churnExperiment(options, { step: () => {} });
      expect(result).toMatchObject({ peers: 21, distribution: 'trace' });
      expect(result.medianSessionMin).toBeLessThan(10);
      expect(result.departures.closed + result.departures.silent + result.departures.left).toBe(10);
      // At the end the ten that stay and the root are there.
      expect(charts.at(-1)?.series[0]?.points.at(-1)?.[1]).toBe(11);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a cumulative curve', () => {
  it('rises from nothing to all, through the median', () => {
    const curve = cumulative([4, 1, 3, 2]);
    expect(curve).toEqual([[1, 0], [1, 0.25], [2, 0.5], [3, 0.75], [4, 1]]); // prettier-ignore
    expect(cumulative([])).toEqual([]);
    expect(cumulative(Array.from({ length: 5_000 }, (_, n) => n))).toHaveLength(201);
  });
});
