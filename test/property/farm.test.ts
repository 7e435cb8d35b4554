/**
 * A farm keeps its shape under random faults: schedules of arrivals, deaths, restarts, departures, cuts, loss and duplicates, each checked
 * at every step and again at rest.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomSchedule } from '../../simulator/schedule.ts';
import { playWell, replay, schedules, settings } from './schedules.ts';

/** Heartbeats after which a farm without faults is whole again, and its servers agree; the worst of all runs. */
const wholeBeats = 60;
const agreedBeats = 75;

describe('a farm under random faults', () => {
  it('never has a loop, ends with everybody in one place, the servers agreed, and each message delivered once in order', () => {
    const beats: number[] = [];
    fc.assert(
      fc.property(schedules(), (schedule) => {
        const outcome = playWell(schedule);
        expect(outcome.wholeAfterBeats, replay(schedule)).toBeLessThanOrEqual(wholeBeats);
        expect(outcome.agreedAfterBeats, replay(schedule)).toBeLessThanOrEqual(agreedBeats);
        beats.push(outcome.wholeAfterBeats);
      }),
      settings(500),
    );
    beats.sort((a, b) => a - b);
    expect(beats[beats.length >> 1]).toBeLessThanOrEqual(5);
    expect(beats[Math.floor(beats.length * 0.95)]).toBeLessThanOrEqual(15);
  });

  it('does so when deed follows deed at once', () => {
    const hasty = schedules({ deeds: [60, 120] }).map((schedule) => ({
      ...schedule,
      deeds: schedule.deeds.map((deed) => ({ ...deed, afterMs: Math.floor(deed.afterMs / 20) })),
    }));
    fc.assert(
      fc.property(hasty, (schedule) => {
        playWell(schedule);
      }),
      settings(150),
    );
  });

  it('does so when a tenth of all messages is lost', () => {
    fc.assert(
      fc.property(schedules(), (schedule) => {
        playWell({ ...schedule, lossShare: 0.1, duplicationShare: 0.05 });
      }),
      settings(150),
    );
  });

  it.each([11, 12, 13, 14])('does so with 200 peers (seed %i)', (seed) => {
    const schedule = randomSchedule(seed, 200, 250, 500);
    const outcome = playWell(schedule);
    expect(outcome.wholeAfterBeats, replay(schedule)).toBeLessThanOrEqual(wholeBeats);
  });

  it.each([21, 22])('does so with 1,000 peers (seed %i)', (seed) => {
    const schedule = randomSchedule(seed, 1_000, 400, 100);
    const outcome = playWell(schedule);
    expect(outcome.wholeAfterBeats, replay(schedule)).toBeLessThanOrEqual(wholeBeats);
  });

  it('delivers 99.9% of the messages due to peers that were present throughout, and reports the rest as lost', () => {
    let deliveries = 0;
    let lost = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const { farm, multicast } = playWell(randomSchedule(seed, 40, 100, 1_000));
      const due = multicast.due(farm);
      deliveries += due.deliveries;
      lost += due.lost;
    }
    expect(deliveries).toBeGreaterThan(5_000);
    expect(lost / deliveries).toBeLessThanOrEqual(0.001);
  });
});

describe('a simulated farm', () => {
  it('does the same thing again for the same seed', () => {
    fc.assert(
      fc.property(schedules(), (schedule) => {
        const [first, second] = [playWell(schedule).farm, playWell(schedule).farm];
        expect(second.traceHash).toBe(first.traceHash);
        expect(second.messages).toBe(first.messages);
      }),
      settings(40),
    );
  });

  it('does something else for another seed', () => {
    const hashes = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const schedule = { ...randomSchedule(1, 20, 30), seed };
      hashes.add(playWell(schedule).farm.traceHash);
    }
    expect(hashes.size).toBe(20);
  });
});
