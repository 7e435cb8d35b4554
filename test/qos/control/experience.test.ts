/** What the controller learns from the difference between the expected and the actual reading. */
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../../src/core/ids.ts';
import type { BidAction } from '../../../src/core/messages/index.ts';
import { Experience } from '../../../src/qos/control/experience.ts';
import type { Reading } from '../../../src/qos/control/experience.ts';
import type { Action } from '../../../src/qos/control/policy.ts';

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

/** Reads these means one after the other; `then` has the decision on each. */
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
  it('is unknown before two readings can be compared, and after promotions, whose gain is uncertain', () => {
    expect(after([150]).lessons.doubt).toBeNull();
    expect(after([150, doing('promote', -500)], [95]).lessons.doubt).toBeNull();
  });

  it('is how much the readings of an unchanged farm differ', () => {
    expect(after([95], [95]).lessons.doubt).toBe(0);
    expect(after([95], [98]).lessons.doubt).toBeCloseTo(3);
    expect(after([95], [98], [98]).lessons.doubt).toBeCloseTo(2.4);
  });

  it('does not count the loss of a server in a farm that met its requirement', () => {
    expect(after([95], [95], [140]).lessons.doubt).toBe(0);
    expect(after([95], [95, doing('retire', 10)], [104]).lessons.doubt).toBeCloseTo(8);
  });

  it('counts how far a retirement missed its expected change, but not the uncertain gain of newcomers', () => {
    expect(after([90, doing('retire', 50)], [95]).lessons.doubt).toBeCloseTo(0);
    expect(after([90, doing('retire', 50)], [99]).lessons.doubt).toBeCloseTo(4);
    expect(after([90, doing('move', -20)], [70]).lessons.doubt).toBeNull();
  });

  it('starts again when the kind of cost changes', () => {
    const experience = after([95], [98]);
    experience.read(reading(0.05, { cost: 'over' }));
    expect(experience.lessons.doubt).toBeNull();
  });
});

describe('experience', () => {
  it('knows how much of its promise the last decision kept', () => {
    const experience = after([150, doing('promote', -400)]);
    expect(experience.read(reading(130))).toEqual({ action: 'promote', share: 0.5 });
    expect(experience.read(reading(130))).toBeNull();
  });

  it('gives promotions more or less credit, within bounds', () => {
    expect(after([150, doing('promote', -400)], [130]).lessons.credit).toBeCloseTo(0.75);
    expect(after([150, doing('promote', -400)], [150]).lessons.credit).toBe(0.7);
    expect(after([150, doing('promote', -100)], [100]).lessons.credit).toBe(2);
  });

  it('regrets a retirement that has to be undone', () => {
    expect(after([90, doing('retire', 50)], [101, doing('promote', -90)]).lessons.regret).toBe(4);
    expect(after([90, doing('retire', 50)], [95], [101, doing('promote', -90)]).lessons.regret).toBe(1);
  });

  it('regrets less as time goes by', () => {
    const experience = after([90, doing('retire', 50)], [101, doing('promote', -90)]);
    for (let n = 0; n < 20; n++) experience.read(reading(95));
    expect(experience.lessons.regret).toBeCloseTo(4 * 0.97 ** 20);
    for (let n = 0; n < 100; n++) experience.read(reading(95));
    expect(experience.lessons.regret).toBe(1);
  });

  it('remembers that the requirement was met before', () => {
    expect(after([150]).lessons.recovering).toBe(false);
    expect(after([95], [150]).lessons.recovering).toBe(true);
  });
});

describe('an exchange', () => {
  const [comes, goes] = [doing('promote', -400), doing('retire', 300)];

  it('shows how much newcomers gain, whatever the retirement costs', () => {
    expect(after([150, comes, goes], [140]).lessons.credit).toBeCloseTo(1);
    expect(after([150, comes, goes], [130]).lessons.credit).toBeCloseTo(1.125);
    expect(after([150, comes, doing('retire', 500)], [160]).lessons.credit).toBeCloseTo(1);
  });

  it('by a move within a group says nothing about promotions', () => {
    const moved = { ...comes, leaves: comes.server };
    expect(after([150, moved, doing('retire', 0)], [150]).lessons.credit).toBe(1);
  });

  it('is remembered until the next decision', () => {
    expect(after([150, comes, goes]).lessons.hasExchanged).toBe(true);
    expect(after([150, comes, goes], [140]).lessons.hasExchanged).toBe(false);
    expect(after([150, comes, comes]).lessons.hasExchanged).toBe(false);
  });

  it('does not count as an undone retirement when a promotion follows', () => {
    expect(after([150, comes, goes], [140, comes]).lessons.regret).toBe(1);
    expect(after([90, goes], [120, comes]).lessons.regret).toBe(4);
  });
});

describe('moves', () => {
  const ann = 7 as typeof NOBODY;
  const bob = 8 as typeof NOBODY;
  const proposer = 1 as typeof NOBODY;
  const move: Action = { ...doing('move', -20), candidates: [ann], leaves: bob };
  const leaving = (server: typeof NOBODY): Action => ({ ...doing('retire', 10), server });

  /** Tries Ann as newcomer: she serves, or no candidate does; then this decision follows. */
  function tried(experience: Experience, comes: boolean, ...then: Action[]): Experience {
    experience.read(reading(90));
    experience.decided(reading(90), [move], []);
    if (comes) experience.came(ann);
    experience.read(reading(88));
    experience.decided(reading(88), then, [move]);
    return experience;
  }
  /** The number of readings for which a peer rests from now on. */
  function rests(experience: Experience, peer: typeof NOBODY): number {
    for (let n = 0; n < 10_000; n++) {
      experience.read(reading(90));
      if (!experience.lessons.resting.has(peer)) return n;
      experience.decided(reading(90), [], []);
    }
    return Number.POSITIVE_INFINITY;
  }

  it('add a newcomer, until a server retires for it', () => {
    expect(tried(new Experience(), true).lessons.newcomer).toBe(ann);
    expect(tried(new Experience(), true, leaving(bob)).lessons.newcomer).toBe(NOBODY);
    expect(tried(new Experience(), false).lessons.newcomer).toBe(NOBODY);
  });

  it('end by themselves when no server retires for the newcomer', () => {
    const experience = tried(new Experience(), true);
    for (let n = 0; n < 4; n++) experience.read(reading(90));
    expect(experience.lessons.newcomer).toBe(NOBODY);
    expect([...experience.lessons.resting]).toEqual([]);
  });

  it('let a newcomer rest that had to retire itself, twice as long each time, and its proposer briefly', () => {
    const experience = tried(new Experience(), true, leaving(ann));
    expect([...experience.lessons.resting]).toEqual([ann, proposer]);
    expect(rests(tried(new Experience(), true, leaving(ann)), proposer)).toBe(1);
    expect(rests(experience, ann)).toBe(16);
    expect(rests(tried(experience, true, leaving(ann)), ann)).toBe(32);
  });

  it('are overdue when no server has retired for the newcomer after four readings', () => {
    const experience = tried(new Experience(), true);
    for (let n = 0; n < 2; n++) experience.read(reading(90));
    expect(experience.lessons.isOverdue).toBe(false);
    experience.read(reading(90));
    expect(experience.lessons).toMatchObject({ isOverdue: true, newcomer: ann });
  });

  it('pause after three failures, longer with each, whichever server proposes them; one success soon ends the pauses', () => {
    /** The number of readings until a newcomer may be tried again. */
    const pauseAfter = (...leavers: (typeof NOBODY)[]): number => {
      const experience = new Experience();
      for (const leaver of leavers) tried(experience, true, leaving(leaver));
      for (let n = 0; n < 1_000; n++) {
        experience.read(reading(90));
        if (experience.lessons.mayTry) return n;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect([3, 4, 5, 6].map((count) => pauseAfter(...Array.from({ length: count }, () => ann)))).toEqual([0, 1, 2, 4]);
    expect(pauseAfter(...Array.from({ length: 50 }, () => ann))).toBe(64);
    expect(pauseAfter(...Array.from({ length: 6 }, () => ann), bob, ann)).toBe(1);
  });

  it('let a candidate rest that nobody took the place of', () => {
    expect([...tried(new Experience(), false).lessons.resting]).toEqual([ann, proposer]);
  });

  it('let the server that retired rest, so that it does not return at once, and forgive the proposer', () => {
    const experience = tried(new Experience(), true, leaving(ann));
    expect([...tried(experience, true, leaving(bob)).lessons.resting]).toEqual([ann, bob]);
    expect(rests(tried(experience, true, leaving(ann)), proposer)).toBe(1);
  });
});
