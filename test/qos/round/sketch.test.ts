/** The quantile sketch of delays: its error, and that merging adds up. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelaySketch } from '../../../src/qos/round/sketch.ts';

const delays = fc.array(fc.double({ min: 0.2, max: 3.6e6, noNaN: true }), { minLength: 1, maxLength: 200 });

function sketchOf(delaysMs: readonly number[]): DelaySketch {
  const sketch = new DelaySketch();
  for (const delayMs of delaysMs) sketch.add(delayMs);
  return sketch;
}

describe('a sketch of delays', () => {
  it('knows every quantile within 2%', () => {
    fc.assert(
      fc.property(delays, fc.double({ min: 0.001, max: 1, noNaN: true }), (delaysMs, share) => {
        const sorted = [...delaysMs].sort((a, b) => a - b);
        const truth = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] as number;
        const told = sketchOf(delaysMs).quantileMs(share);
        expect(Math.abs(told - truth) / truth).toBeLessThanOrEqual(0.02);
      }),
    );
  });

  it('of parts, merged in any order, is the sketch of all', () => {
    fc.assert(
      fc.property(fc.array(delays, { minLength: 1, maxLength: 6 }), (parts) => {
        const pairs = parts.map((part) => sketchOf(part).pairs());
        const merged = new DelaySketch();
        for (const part of pairs) merged.merge(part);
        const backwards = new DelaySketch();
        for (const part of [...pairs].reverse()) backwards.merge(part);
        const all = sketchOf(parts.flat()).pairs();
        expect(merged.pairs()).toEqual(all);
        expect(backwards.pairs()).toEqual(all);
      }),
    );
  });

  it('of no delays has no quantiles; a delay shorter than all buckets goes into the first, a longer one into the last', () => {
    expect(new DelaySketch().quantileMs(0.5)).toBeNaN();
    expect(sketchOf([0, 0.05]).quantileMs(1)).toBe(0.1);
    expect(sketchOf([1e12]).pairs()).toEqual([511, 1]);
  });

  it('leaves out malformed pairs of bucket and count', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), (numbers) => {
        for (const [at, value] of DelaySketch.of(numbers).pairs().entries())
          expect(at % 2 === 0 ? value >= 0 && value < 512 : value > 0).toBe(true);
      }),
    );
    expect(DelaySketch.of([5, 2, -1, 3, 600, 1, 7, -4, 9]).pairs()).toEqual([5, 2]);
  });
});
