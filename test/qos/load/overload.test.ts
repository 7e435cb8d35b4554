/** When a server is full, and how many clients it sends on. */
import { describe, expect, it } from 'vitest';
import { Overload } from '../../../src/qos/load/overload.ts';
import type { Load, Witness } from '../../../src/qos/load/overload.ts';

const calm: Load = { clients: 20, served: 20, places: 0, serveMs: 40, usualMs: 40, trifleMs: 10 };
const slow: Load = { ...calm, serveMs: 121 };

/** A server that watches its own load, and the results. */
class Watch {
  readonly overload = new Overload();
  beat = 0;

  /** This many beats with this load; returns how many clients were to leave at the last one. */
  pass(load: Load, beats = 1, witness: Witness = 'itself'): number {
    let going = 0;
    for (let n = 0; n < beats; n++) going = this.overload.look(++this.beat, witness, load);
    return going;
  }

  get full(): string | null {
    return this.overload.full;
  }

  /** The number of calm beats until the server is open again. */
  beatsUntilOpen(load: Load = calm): number {
    const from = this.beat;
    while (this.full !== null && this.beat < from + 100_000) this.pass(load);
    return this.beat - from;
  }
}

describe('a server', () => {
  it('is full when the service time is three times the usual in two looks in a row, and not after one', () => {
    const watch = new Watch();
    watch.pass(slow);
    expect(watch.full).toBeNull();
    watch.pass(calm);
    watch.pass(slow);
    expect(watch.full).toBeNull();
    watch.pass(slow);
    expect(watch.full).toBe('slow');
  });

  it('is full when its clients report long waits in two rounds, even if its own measurements are short', () => {
    const watch = new Watch();
    watch.pass(slow, 1, 'clients');
    watch.pass(calm, 12);
    expect(watch.full).toBeNull();
    watch.pass(slow, 1, 'clients');
    expect(watch.full).toBe('slow');
  });

  it('is not full while the usual service time is unknown, for a negligible wait, or without requests', () => {
    const watch = new Watch();
    watch.pass({ ...slow, usualMs: 0 }, 10);
    watch.pass({ ...slow, serveMs: 4, usualMs: 0.5 }, 10);
    watch.pass({ ...slow, serveMs: Number.NaN }, 10);
    expect(watch.full).toBeNull();
  });

  it('sends on a quarter of the clients it serves while it is slow, and none when it is not', () => {
    const watch = new Watch();
    expect(watch.pass(slow)).toBe(0);
    expect(watch.pass(slow)).toBe(5);
    expect(watch.pass({ ...slow, served: 3 })).toBe(1);
    expect(watch.pass({ ...slow, serveMs: 100 })).toBe(0);
    expect(watch.full).toBe('slow');
  });

  it('is full with as many clients as it offered to take, and sends on those beyond that number', () => {
    const watch = new Watch();
    expect(watch.pass({ ...calm, places: 21 })).toBe(0);
    expect(watch.full).toBeNull();
    expect(watch.pass({ ...calm, places: 20 })).toBe(0);
    expect(watch.full).toBe('places');
    expect(watch.pass({ ...calm, places: 20, clients: 22 })).toBe(2);
    expect(watch.pass({ ...calm, places: 20, clients: 60 })).toBe(15);
  });

  it('is open again after a minute of calm, and only with a fifth of its places free', () => {
    const watch = new Watch();
    watch.pass(slow, 2);
    const beats = watch.beatsUntilOpen();
    expect(beats).toBeGreaterThanOrEqual(59);
    expect(beats).toBeLessThanOrEqual(61);
    const other = new Watch();
    other.pass({ ...calm, places: 20 });
    other.pass({ ...calm, places: 20, clients: 17 }, 500);
    expect(other.full).toBe('places');
    other.pass({ ...calm, places: 20, clients: 15 });
    expect(other.full).toBeNull();
  });

  it('is not open again while it is still half as slow', () => {
    const watch = new Watch();
    watch.pass(slow, 2);
    watch.pass({ ...calm, serveMs: 70 }, 1_000);
    expect(watch.full).toBe('slow');
    expect(watch.beatsUntilOpen()).toBe(20);
  });

  it('stays full for twice as long each time that it fills again soon', () => {
    const watch = new Watch();
    const rests: number[] = [];
    for (let n = 0; n < 5; n++) {
      watch.pass(slow, 2);
      rests.push(watch.beatsUntilOpen());
    }
    for (const [n, beats] of rests.entries()) expect(Math.abs(beats - 60 * 2 ** n)).toBeLessThanOrEqual(1);
  });

  it('forgets earlier overloads after a long calm', () => {
    const watch = new Watch();
    for (let n = 0; n < 4; n++) {
      watch.pass(slow, 2);
      watch.beatsUntilOpen();
    }
    watch.pass(calm, 10_000);
    watch.pass(slow, 2);
    expect(watch.beatsUntilOpen()).toBeLessThan(70);
  });

  it('becomes full or open fewer than sixty times in a day, whatever its load does', () => {
    const watch = new Watch();
    let changes = 0;
    for (let n = 0; n < 86_400; n++) {
      const before = watch.full;
      // The worst case: fast whenever it is full, slow whenever it is open.
      watch.pass(before === null ? slow : calm);
      if (watch.full !== before) changes++;
    }
    expect(changes).toBeGreaterThan(8);
    expect(changes).toBeLessThan(60);
  });

  it('knows how many clients it managed: fewer than it had when it was slow, and as many as it has when it is well again', () => {
    const watch = new Watch();
    expect(watch.overload.managed).toBe(0);
    watch.pass(slow, 2);
    expect(watch.overload.managed).toBe(15);
    watch.beatsUntilOpen({ ...calm, served: 17 });
    expect(watch.overload.managed).toBe(17);
  });

  it('raises that number when it manages more later', () => {
    const watch = new Watch();
    watch.pass({ ...slow, served: 8 }, 2);
    expect(watch.overload.managed).toBe(6);
    watch.beatsUntilOpen({ ...calm, served: 4 });
    watch.pass({ ...calm, served: 100, serveMs: Number.NaN }, 100);
    watch.pass({ ...calm, served: 100, serveMs: 80 }, 100);
    expect(watch.overload.managed).toBe(6);
    watch.pass({ ...calm, served: 100 });
    expect(watch.overload.managed).toBe(100);
  });

  it('that was never slow does not know its limit', () => {
    const watch = new Watch();
    watch.pass({ ...calm, served: 5 }, 1_000);
    expect(watch.overload.managed).toBe(0);
  });

  it('that is slow before its clients were counted learns nothing from it', () => {
    const watch = new Watch();
    expect(watch.pass({ ...slow, served: 0 }, 5)).toBe(0);
    expect(watch.full).toBe('slow');
    expect(watch.overload.managed).toBe(0);
  });

  it('that stops serving is not full, and remembers what it managed', () => {
    const watch = new Watch();
    watch.pass(slow, 2);
    watch.overload.reopen(watch.beat);
    expect(watch.full).toBeNull();
    expect(watch.overload.managed).toBe(15);
    watch.pass(slow);
    expect(watch.full).toBeNull();
  });
});
