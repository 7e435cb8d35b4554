/**
 * When a peer sent its last heartbeats down a tree: a child echoes the number of the one it heard last, and so each of its own beats is a
 * round trip that costs nothing. Sixteen are kept: a way may be longer than a few beats.
 *
 * Kept while there are children: most peers have none to send one to.
 */
const kept = 16;

export class SentBeats {
  readonly #atMs = Array.from({ length: kept }, () => Number.NaN);
  #last = 0;

  /** A beat was sent. When those between it and the last one were, nobody knows. */
  note(beat: number, atMs: number): void {
    for (let missed = Math.max(this.#last, beat - kept) + 1; missed < beat; missed++)
      this.#atMs[missed % kept] = Number.NaN;
    this.#last = beat;
    this.#atMs[beat % kept] = atMs;
  }

  /** When that beat was sent, ms; NaN for one that is not among the last. */
  atMs(beat: number): number {
    if (beat <= 0 || beat > this.#last || this.#last - beat >= kept) return Number.NaN;
    return this.#atMs[beat % kept]!;
  }
}
