import { describe, expect, it } from 'vitest';
import { FarmClock } from '../../../src/host/world/clock.ts';

/** A machine whose clocks the test moves. */
class Machine {
  monotonic = 5_000;
  wall = 1_800_000_000_000;
  readonly monotonicMs = (): number => this.monotonic;
  readonly wallMs = (): number => this.wall;

  pass(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
  }
}

async function jumpsDuring(clock: FarmClock, act: () => void): Promise<number[]> {
  const jumps: number[] = [];
  clock.on('jumped', (byMs) => jumps.push(byMs));
  act();
  await Promise.resolve();
  return jumps;
}

describe('the clock of the farm', () => {
  it('is the wall clock as long as that behaves', async () => {
    const machine = new Machine();
    const clock = new FarmClock(machine);
    const jumps = await jumpsDuring(clock, () => {
      for (let index = 0; index < 100; index += 1) {
        machine.pass(731.25);
        expect(clock.nowMs()).toBe(machine.wall);
      }
    });
    expect(jumps).toEqual([]);
  });

  it('never goes back when the system clock is set back, reports it, and meets it again in time', async () => {
    const machine = new Machine();
    const clock = new FarmClock(machine);
    machine.pass(1_000);
    let lastMs = clock.nowMs();
    const jumps = await jumpsDuring(clock, () => {
      machine.wall -= 20_000;
      for (let second = 0; second < 500; second += 1) {
        machine.pass(1_000);
        const nowMs = clock.nowMs();
        expect(nowMs - lastMs).toBeGreaterThanOrEqual(949.99);
        lastMs = nowMs;
      }
    });
    expect(jumps).toEqual([-20_000]);
    expect(lastMs).toBe(machine.wall);
  });

  it('follows a small jump ahead without haste, and a large one at once', async () => {
    const machine = new Machine();
    const clock = new FarmClock(machine);
    const beforeMs = clock.nowMs();
    const jumps = await jumpsDuring(clock, () => {
      machine.wall += 30_000;
      machine.pass(1_000);
      expect(clock.nowMs() - beforeMs).toBeCloseTo(1_050, 5);
      machine.wall += 3_600_000;
      machine.pass(1_000);
      expect(clock.nowMs()).toBe(machine.wall);
    });
    expect(jumps).toEqual([30_000, 3_600_000]);
  });

  it('wakes no sooner than asked, and only for the latest request', async () => {
    const clock = new FarmClock();
    const woken: string[] = [];
    clock.wakeAt(clock.nowMs() + 10, () => woken.push('early'));
    const atMs = clock.nowMs() + 40;
    await new Promise<void>((resolve) => {
      clock.wakeAt(atMs, () => {
        woken.push('late');
        resolve();
      });
    });
    expect(clock.nowMs()).toBeGreaterThanOrEqual(atMs);
    expect(woken).toEqual(['late']);
  });

  it('wakes at once for a time that has passed, but not before the caller has returned', async () => {
    const clock = new FarmClock();
    let isWoken = false;
    const woken = new Promise<void>((resolve) => {
      clock.wakeAt(clock.nowMs() - 1_000, () => {
        isWoken = true;
        resolve();
      });
    });
    expect(isWoken).toBe(false);
    await woken;
  });

  it('does not wake after it was told to forget', async () => {
    const clock = new FarmClock();
    let isWoken = false;
    clock.wakeAt(clock.nowMs() + 5, () => {
      isWoken = true;
    });
    clock.cancel();
    const other = new FarmClock();
    await new Promise<void>((resolve) => other.wakeAt(other.nowMs() + 30, resolve));
    expect(isWoken).toBe(false);
  });

  it('sets a wake far away in pieces that a timer can hold', () => {
    const clock = new FarmClock();
    clock.wakeAt(clock.nowMs() + 1e13, () => {
      throw new Error('woken far too early');
    });
    clock.cancel();
  });
});
