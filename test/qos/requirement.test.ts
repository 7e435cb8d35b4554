/** What can be required, when it is met, and which limit placement works on. */
import { describe, expect, it } from 'vitest';
import { Goal, costOf } from '../../src/qos/requirement.ts';
import type { Figures, Requirement } from '../../src/qos/requirement.ts';

const nothing: Requirement = { meanMs: null, percentile: null, availability: null };
const fine: Figures = { clients: 100, meanMs: 90, overShare: 0.01, answeredShare: 1 };

describe('a goal', () => {
  it('on the mean is met at it and missed above', () => {
    const goal = new Goal({ ...nothing, meanMs: 100 });
    expect(goal.isMet({ ...fine, meanMs: 100 })).toBe(true);
    expect(goal.isMet({ ...fine, meanMs: 100.1 })).toBe(false);
    expect(goal.isMet({ ...fine, meanMs: Number.NaN })).toBe(false);
    expect(goal.budget('delay', 30)).toBe(3_000);
    expect(goal.budget('over', 30)).toBe(Number.POSITIVE_INFINITY);
    expect([goal.first, goal.limitMs, goal.clampMs]).toEqual(['delay', 0, 1_000]);
  });

  it('on a percentile is met while few enough clients are over the limit', () => {
    const goal = new Goal({ ...nothing, percentile: { share: 0.95, ms: 200 } });
    expect(goal.isMet({ ...fine, meanMs: 5_000, overShare: 0.04 })).toBe(true);
    expect(goal.isMet({ ...fine, overShare: 0.06 })).toBe(false);
    expect(goal.budget('over', 200)).toBeCloseTo(10, 9);
    expect([goal.first, goal.limitMs, goal.clampMs]).toEqual(['over', 200, 2_000]);
  });

  it('on availability is missed when too few requests are answered, however fast the others were', () => {
    const goal = new Goal({ ...nothing, availability: 0.999 });
    expect(goal.isMet({ ...fine, answeredShare: 0.9995 })).toBe(true);
    expect(goal.isMet({ ...fine, answeredShare: 0.998 })).toBe(false);
  });

  it('works on the limit that is harder to meet now', () => {
    const goal = new Goal({ meanMs: 100, percentile: { share: 0.9, ms: 200 }, availability: null });
    expect(goal.tighter({ ...fine, meanMs: 99, overShare: 0.05 })).toBe('delay');
    expect(goal.tighter({ ...fine, meanMs: 50, overShare: 0.09 })).toBe('over');
    expect(goal.use({ ...fine, meanMs: 50, overShare: 0.2 })).toBeCloseTo(2, 9);
  });

  it.each([
    [{ ...nothing, meanMs: 0 }, 'a mean delay of 0 ms cannot be required'],
    [{ ...nothing, meanMs: Number.NaN }, 'a mean delay of NaN ms'],
    [{ ...nothing, percentile: { share: 1, ms: 100 } }, '100% within 100 ms'],
    [{ ...nothing, percentile: { share: 0, ms: 100 } }, '0% within 100 ms'],
    [{ ...nothing, percentile: { share: 0.95, ms: -1 } }, '95% within -1 ms'],
    [{ ...nothing, availability: 1.01 }, 'an availability of 1.01'],
    [{ ...nothing, availability: 0 }, 'an availability of 0'],
  ] as const)('that nobody can reach is refused: %j', (requirement, told) => {
    expect(() => new Goal(requirement)).toThrow(RangeError);
    expect(() => new Goal(requirement)).toThrow(told);
  });
});

describe('the cost of a client', () => {
  it('is its delay, or one when it is over the limit, with the delay as a tie-breaker', () => {
    expect(costOf('delay', 130, 0)).toBe(130);
    expect(costOf('over', 200, 200)).toBeCloseTo(0.001, 9);
    expect(costOf('over', 201, 200)).toBeGreaterThan(1);
    // A thousand limits' worth of delay counts as much as one more client over the limit, not less.
    expect(costOf('over', 199, 200)).toBeGreaterThan(costOf('over', 100, 200));
  });
});
