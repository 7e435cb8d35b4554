/** Distances between clients: measurements take precedence, and estimates stay within their bounds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Distances } from '../../../src/qos/group/distances.ts';
import { at, peerNumber, sample } from '../findings.ts';

/** Clients on a plane that all use peer 0 at its origin. `detour`: the factor by which round trips exceed the coordinates' prediction. */
function plane(places: readonly (readonly [number, number])[], detour = 1): ReturnType<typeof sample>[] {
  return places.map(([x, y], n) =>
    sample(n + 1, { coordinate: at(x, y), rttMs: detour * Math.hypot(x, y), delayMs: 1e4 }),
  );
}

const places = fc.array(fc.tuple(fc.integer({ min: -200, max: 200 }), fc.integer({ min: -200, max: 200 })), {
  minLength: 3,
  maxLength: 30,
});

describe('a distance', () => {
  it('is the measured one, the same from either end, and zero to oneself', () => {
    const distances = new Distances();
    distances.measured(peerNumber(1), peerNumber(2), 77);
    distances.survey(plane([[0, 0], [1, 0]])); // prettier-ignore
    expect([distances.between(0, 1), distances.between(1, 0), distances.between(0, 0)]).toEqual([77, 77, 0]);
    expect([distances.knows(peerNumber(2), peerNumber(1)), distances.knows(peerNumber(1), peerNumber(3))]).toEqual([
      true,
      false,
    ]);
  });

  it('that was measured again is the newer one, and impossible figures are ignored', () => {
    const distances = new Distances();
    distances.measured(peerNumber(1), peerNumber(2), 77);
    distances.measured(peerNumber(2), peerNumber(1), 50);
    for (const nonsense of [Number.NaN, -1, 1e9, Number.POSITIVE_INFINITY])
      distances.measured(peerNumber(1), peerNumber(2), nonsense);
    distances.survey(plane([[0, 0], [1, 0]])); // prettier-ignore
    expect(distances.between(0, 1)).toBe(50);
  });

  it('that is estimated lies between the difference and the sum of the round trips to the server', () => {
    fc.assert(
      fc.property(places, fc.double({ min: 1, max: 3, noNaN: true }), (where, detour) => {
        const samples = plane(where, detour);
        const distances = new Distances();
        distances.survey(samples);
        for (const [from, a] of samples.entries()) {
          for (const [to, b] of samples.entries()) {
            if (from === to) continue;
            expect(distances.between(from, to)).toBeGreaterThanOrEqual(Math.abs(a.rttMs - b.rttMs) - 1e-9);
            expect(distances.between(from, to)).toBeLessThanOrEqual(a.rttMs + b.rttMs + 1e-9);
          }
        }
      }),
    );
  });

  it('is estimated above the coordinates when randomly chosen pairs were longer', () => {
    const where = Array.from({ length: 40 }, (_, n) => [100 * Math.cos(n), 100 * Math.sin(n)] as const);
    const samples = plane(where, 10);
    const errorMs = (byLot: boolean): number => {
      const distances = new Distances();
      const truth = (a: number, b: number): number =>
        1.8 * Math.hypot((where[a]?.[0] ?? 0) - (where[b]?.[0] ?? 0), (where[a]?.[1] ?? 0) - (where[b]?.[1] ?? 0));
      for (let n = 0; n < 20; n++) {
        const [a, b] = [peerNumber(n + 1), peerNumber(((n * 7 + 3) % 40) + 1)];
        if (a === b) continue;
        if (byLot) distances.pickedByLot(a, b);
        distances.measured(a, b, truth(a - 1, b - 1));
      }
      distances.survey(samples);
      let sumMs = 0;
      for (let a = 0; a < 40; a++) for (let b = 0; b < a; b++) sumMs += Math.abs(distances.between(a, b) - truth(a, b));
      return sumMs / 780;
    };
    expect(errorMs(true)).toBeLessThan(5);
    expect(errorMs(false)).toBeGreaterThan(30);
  });

  it('is estimated near the upper bound when paths lead through the server', () => {
    // A star: all paths go through its middle, which coordinates of a plane cannot express.
    const where = Array.from({ length: 30 }, (_, n) => [50 * Math.cos(n), 50 * Math.sin(n)] as const);
    const samples = plane(where);
    const distances = new Distances();
    for (let n = 0; n < 30; n++) {
      const [a, b] = [peerNumber(n + 1), peerNumber(((7 * n + 3) % 30) + 1)];
      if (a === b) continue;
      distances.pickedByLot(a, b);
      distances.measured(a, b, 100);
    }
    distances.survey(samples);
    for (let other = 1; other < 30; other++) expect(distances.between(0, other)).toBeGreaterThan(80);
  });

  it('is remembered for a bounded number of pairs: the newest', () => {
    const distances = new Distances();
    for (let n = 1; n <= 40_000; n++) {
      distances.pickedByLot(peerNumber(n), peerNumber(n + 1));
      distances.measured(peerNumber(n), peerNumber(n + 1), 5);
    }
    expect(distances.knows(peerNumber(1), peerNumber(2))).toBe(false);
    expect(distances.knows(peerNumber(40_000), peerNumber(40_001))).toBe(true);
  });
});
