/**
 * When a peer sent its last heartbeats down a tree. A child echoes the number of the last beat it heard, so each of its own beats measures
 * a round trip at no extra cost. Sixteen are kept, because a round trip may take longer than a few beats.
 *
 * Kept while there are children: most peers have none.
 */
const kept = 16;

export class SentBeats {
  readonly #atMs = Array.from({ length: kept }, () => Number.NaN);
  #last = 0;

  /** A beat was sent. The times of skipped numbers before it are unknown. */
  note(beat: number, atMs: number): void {
    for (let missed = Math.max(this.#last, beat - kept) + 1; missed < beat; missed++)
      this.#atMs[missed % kept] = Number.NaN;
    this.#last = beat;
    this.#atMs[beat % kept] = atMs;
  }

  /** When that beat was sent, ms; NaN for one that is not among those kept. */
  atMs(beat: number): number {
    if (beat <= 0 || beat > this.#last || this.#last - beat >= kept) return Number.NaN;
    return this.#atMs[beat % kept]!;
  }
}
