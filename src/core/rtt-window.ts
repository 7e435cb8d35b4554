/**
 * The last five round trips to a neighbour, and their median: one late message does not move it, a changed way does after three.
 * The median is asked for far more often than a round trip is added, so it is worked out when one is added.
 */
const kept = 5;
/** Where samples are sorted, so that sorting makes nothing anew. */
const sorted = new Float64Array(kept);

export class RttWindow {
  /** The samples, the oldest overwritten first; null before the first. */
  #samples: number[] | null = null;
  #added = 0;
  #medianMs: number | null = null;

  add(rttMs: number): void {
    if (!(rttMs >= 0)) return;
    this.#samples ??= [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN];
    this.#samples[this.#added % kept] = rttMs;
    this.#added++;
    this.#medianMs = medianOf(this.#samples, Math.min(this.#added, kept));
  }

  /** NaN before the first. */
  medianMs(): number {
    return this.#medianMs ?? Number.NaN;
  }

  forget(): void {
    this.#added = 0;
    this.#medianMs = null;
  }
}

/** The median of the first `count` samples; of an even number, the upper one of the two in the middle. */
function medianOf(samples: readonly number[], count: number): number {
  for (let i = 0; i < count; i++) {
    const sample = samples[i] ?? Number.NaN;
    let at = i;
    for (; at > 0 && (sorted[at - 1] ?? 0) > sample; at--) sorted[at] = sorted[at - 1] ?? 0;
    sorted[at] = sample;
  }
  return sorted[count >> 1] ?? Number.NaN;
}
