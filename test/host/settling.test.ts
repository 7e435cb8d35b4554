/** When it is a problem that a peer has no place in the farm. Time is virtual. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problems } from '../../src/host/problems.ts';
import { Settling } from '../../src/host/settling.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const nothing = (): void => {};
const sentence = expect.stringContaining('has not found a place in the farm yet') as string;

describe('a peer without a place', () => {
  it('has a problem after ten seconds, until it finds one', () => {
    const problems = new Problems({ debug: nothing, warn: nothing, error: nothing }, nothing);
    let isLost = true;
    const settling = new Settling(problems, () => isLost);
    settling.look();
    vi.advanceTimersByTime(9_000);
    settling.look();
    expect(problems.list()).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(problems.list()).toEqual([sentence]);
    isLost = false;
    settling.look();
    expect(problems.list()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has none when it finds a place in time, or is known to be an orphan', () => {
    const problems = new Problems({ debug: nothing, warn: nothing, error: nothing }, nothing);
    let isLost = true;
    const settling = new Settling(problems, () => isLost);
    settling.look();
    isLost = false;
    settling.look();
    vi.advanceTimersByTime(20_000);
    expect(problems.list()).toEqual([]);
    isLost = true;
    problems.say('orphan', 'lost');
    settling.look();
    vi.advanceTimersByTime(20_000);
    expect(problems.list()).toEqual(['lost']);
  });
});
