/** The simulator's event queue: every event happens once, at its tick, in the order in which it was added. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimingWheel } from '../../simulator/engine/timing-wheel.ts';

interface Happened {
  readonly tick: number;
  readonly number: number;
  readonly payload: string | undefined;
}

/** A wheel that writes down what happens; `then` may add more while it does. */
function recorded(ticks: number, then: (wheel: TimingWheel<string>, number: number) => void = () => {}) {
  const log: Happened[] = [];
  const wheel: TimingWheel<string> = new TimingWheel<string>(
    {
      happened: (_kind, _subject, _other, number, payload) => {
        log.push({ tick: wheel.now, number, payload });
        then(wheel, number);
      },
    },
    ticks,
  );
  return { wheel, log };
}

describe('a timing wheel', () => {
  it('does what a sorted list would do, for events near and far, of any number in a tick', () => {
    const delays = fc.array(fc.oneof(fc.nat(3), fc.nat(100), fc.nat(100_000), fc.nat(10_000_000)), { maxLength: 300 });
    fc.assert(
      fc.property(delays, fc.constantFrom(4, 64, 8192), (all, ticks) => {
        const { wheel, log } = recorded(ticks);
        all.forEach((tick, number) => wheel.add(tick, 0, 0, 0, number));
        wheel.run(10_000_000);
        const sorted = all.map((tick, number) => ({ tick, number, payload: undefined }));
        sorted.sort((a, b) => a.tick - b.tick || a.number - b.number);
        expect(log).toEqual(sorted);
        expect(wheel.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps that order when events add events, also for the tick that it is at', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5_000), { minLength: 1, maxLength: 40 }),
        fc.constantFrom(4, 256),
        (delays, ticks) => {
          const due: { tick: number; number: number }[] = [];
          let added = 0;
          const add = (wheel: TimingWheel<string>, from: number): void => {
            if (added >= 400) return;
            const tick = wheel.now + (delays[(from * 7 + added) % delays.length] ?? 0);
            due.push({ tick, number: added });
            wheel.add(tick, 0, 0, 0, added++);
          };
          const { wheel, log } = recorded(ticks, (on, number) => {
            add(on, number);
            if (number % 3 === 0) add(on, number + 1);
          });
          delays.forEach((_, i) => add(wheel, i));
          wheel.run(10_000_000);
          due.sort((a, b) => a.tick - b.tick || a.number - b.number);
          expect(log.map(({ tick, number }) => ({ tick, number }))).toEqual(due);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('stops where it is told to, and goes on from there', () => {
    const { wheel, log } = recorded(8);
    for (const tick of [0, 5, 5, 6, 40]) wheel.add(tick, 0, 0, 0, tick);
    wheel.run(5);
    expect(log.map(({ number }) => number)).toEqual([0, 5, 5]);
    expect(wheel.now).toBe(5);
    wheel.add(5, 0, 0, 0, 55);
    wheel.run(39);
    expect(log.map(({ number }) => number)).toEqual([0, 5, 5, 55, 6]);
    expect(wheel.size).toBe(1);
    wheel.run(40);
    expect(log.at(-1)?.tick).toBe(40);
  });

  it('runs events of the past now, and hands back payloads once', () => {
    const { wheel, log } = recorded(8);
    wheel.run(20);
    wheel.add(3, 0, 0, 0, 1, 'late');
    wheel.add(21, 0, 0, 0, 2);
    wheel.run(100);
    expect(log).toEqual([
      { tick: 20, number: 1, payload: 'late' },
      { tick: 21, number: 2, payload: undefined },
    ]);
  });

  it('refuses a ring that is no power of two', () => {
    expect(() => recorded(100)).toThrow(/100 ticks.*power of two/);
  });
});
