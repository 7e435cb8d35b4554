/** What the controller learns from the difference between what it expected and what it read. */
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../src/core/ids.ts';
import type { BidAction } from '../../src/core/messages.ts';
import { Experience } from '../../src/qos/experience.ts';
import type { Reading } from '../../src/qos/experience.ts';
import type { Action } from '../../src/qos/policy.ts';

const clients = 10;
const reading = (meanMs: number, rest: Partial<Reading> = {}): Reading => ({
  cost: 'delay',
  total: meanMs * clients,
  clients,
  met: meanMs <= 100,
  ...rest,
});
const doing = (action: BidAction, change: number): Action => ({
  action,
  server: 1 as typeof NOBODY,
  candidates: [],
  leaves: NOBODY,
  change,
});

/** Reads these means one after the other; `then` is what was decided on each. */
function after(...course: [meanMs: number, ...then: Action[]][]): Experience {
  const experience = new Experience();
  let before: readonly Action[] = [];
  for (const [meanMs, ...actions] of course) {
    experience.read(reading(meanMs));
    experience.decided(reading(meanMs), actions, before);
    before = actions;
  }
  return experience;
}

describe('doubt', () => {
  it('is unknown before two readings can be compared, and after promotions, whose gain nobody knows well', () => {
    expect(after([150]).lessons.doubt).toBeNull();
    expect(after([150, doing('promote', -500)], [95]).lessons.doubt).toBeNull();
  });

  it('is how much a farm in which nothing was done reads differently', () => {
    expect(after([95], [95]).lessons.doubt).toBe(0);
    expect(after([95], [98]).lessons.doubt).toBeCloseTo(3);
    expect(after([95], [98], [98]).lessons.doubt).toBeCloseTo(2.4);
  });

  it('is how far a retirement or a move missed what was expected of it', () => {
    expect(after([90, doing('retire', 50)], [95]).lessons.doubt).toBeCloseTo(0);
    expect(after([90, doing('retire', 50)], [99]).lessons.doubt).toBeCloseTo(4);
    expect(after([90, doing('move', -20)], [90]).lessons.doubt).toBeCloseTo(2);
  });

  it('begins anew when the cost counts something else', () => {
    const experience = after([95], [98]);
    experience.read(reading(0.05, { cost: 'over' }));
    expect(experience.lessons.doubt).toBeNull();
  });
});

describe('experience', () => {
  it('tells how much of its promise the last decision kept', () => {
    const experience = after([150, doing('promote', -400)]);
    expect(experience.read(reading(130))).toEqual({ action: 'promote', share: 0.5 });
    expect(experience.read(reading(130))).toBeNull();
  });

  it('gives promotions more or less credit, within bounds', () => {
    expect(after([150, doing('promote', -400)], [130]).lessons.credit).toBeCloseTo(0.75);
    expect(after([150, doing('promote', -400)], [150]).lessons.credit).toBe(0.7);
    expect(after([150, doing('promote', -100)], [100]).lessons.credit).toBe(1.2);
  });

  it('waits before the next move after one that brought nothing, twice as long each time, and less again after one that did', () => {
    const failed: [number, ...Action[]] = [90, doing('move', -20)];
    const pauseAfter = (...course: [number, ...Action[]][]): number => after(...course).lessons.pause;
    expect(pauseAfter(failed)).toBe(0);
    expect(pauseAfter(failed, [90])).toBe(2);
    expect(pauseAfter(failed, [90], [90])).toBe(1);
    expect(pauseAfter(failed, failed, failed, [90])).toBe(8);
    expect(pauseAfter(failed, failed, [90, doing('move', -20)], [88, doing('move', -20)], [88])).toBe(4);
  });

  it('takes a swap for a move', () => {
    const swap: [number, ...Action[]] = [90, doing('retire', 10), doing('promote', -40)];
    expect(after(swap, [90]).lessons.pause).toBe(2);
    expect(after(swap, [87]).lessons.pause).toBe(0);
  });

  it('regrets a retirement that has to be undone', () => {
    expect(after([90, doing('retire', 50)], [101, doing('promote', -90)]).lessons.regret).toBe(4);
    expect(after([90, doing('retire', 50)], [95], [101, doing('promote', -90)]).lessons.regret).toBe(1);
  });

  it('knows that the requirement was met before', () => {
    expect(after([150]).lessons.recovering).toBe(false);
    expect(after([95], [150]).lessons.recovering).toBe(true);
  });
});
