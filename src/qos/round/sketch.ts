/**
 * A quantile sketch (DDSketch): quantiles of many delays in a few numbers that add up.
 *
 * Each delay falls into a bucket. Bucket borders grow by a constant factor, so the middle of a bucket is within 2% of every delay in it.
 * Two sketches are merged by adding counts, in any order. There are about 450 buckets between 0.1 ms and an hour, and a farm's delays fill
 * a few dozen.
 *
 * Source: the idea of Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
 * 2019.
 */

const growth = 1.04;
const smallestMs = 0.1;
const mostBuckets = 512;
const logGrowth = Math.log(growth);

export class DelaySketch {
  readonly #counts = new Map<number, number>();
  #total = 0;

  /** Reads pairs of bucket and count, as `pairs` gives them; malformed pairs are left out. */
  static of(pairs: readonly number[]): DelaySketch {
    const sketch = new DelaySketch();
    sketch.merge(pairs);
    return sketch;
  }

  add(delayMs: number): void {
    const bucket = delayMs <= smallestMs ? 0 : 1 + Math.floor(Math.log(delayMs / smallestMs) / logGrowth);
    this.#count(Math.min(bucket, mostBuckets - 1), 1);
  }

  merge(pairs: readonly number[]): void {
    for (let i = 0; i + 1 < pairs.length; i += 2) this.#count(pairs[i] as number, pairs[i + 1] as number);
  }

  #count(bucket: number, count: number): void {
    if (!(bucket >= 0 && bucket < mostBuckets && count > 0)) return;
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#total += count;
  }

  /** The smallest delay that this share (0 to 1) of all delays does not exceed, ms, within 2%; NaN for an empty sketch. */
  quantileMs(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (const [bucket, count] of this.#sorted()) {
      seen += count;
      if (seen >= rank) return bucket === 0 ? smallestMs : smallestMs * growth ** (bucket - 0.5);
    }
    return Number.NaN;
  }

  /** The wire form: pairs of bucket and count in one flat list, buckets rising. */
  pairs(): number[] {
    return this.#sorted().flat();
  }

  #sorted(): [number, number][] {
    return [...this.#counts].sort((a, b) => a[0] - b[0]);
  }
}
