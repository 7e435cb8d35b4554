/**
 * The last five round trips to a neighbour, and their median: one late message does not move it, a changed path does after three.
 *
 * The median is read far more often than a round trip is added, so it is computed when one is added. Five fields and no array: a farm in
 * one process has two of these for each peer.
 */
type Ms = number | null;

/** Scratch space for sorting, so that sorting allocates nothing. */
const sorted = new Float64Array(5);

export class RttWindow {
  #medianMs: Ms = null;
  #newest: Ms = null;
  #second: Ms = null;
  #third: Ms = null;
  #fourth: Ms = null;
  #oldest: Ms = null;

  add(rttMs: number): void {
    if (!(rttMs >= 0)) return;
    this.#oldest = this.#fourth;
    this.#fourth = this.#third;
    this.#third = this.#second;
    this.#second = this.#newest;
    this.#newest = rttMs;
    let count = insert(this.#newest, 0);
    count = insert(this.#second, count);
    count = insert(this.#third, count);
    count = insert(this.#fourth, count);
    count = insert(this.#oldest, count);
    this.#medianMs = sorted[count >> 1] ?? null;
  }

  /** NaN before the first. Of an even number of samples, the upper one of the two in the middle. */
  medianMs(): number {
    return this.#medianMs ?? Number.NaN;
  }

  /** All five are there and equal: another of the same value changes nothing. */
  get isSteady(): boolean {
    const newest = this.#newest;
    return (
      newest !== null &&
      newest === this.#second &&
      newest === this.#third &&
      newest === this.#fourth &&
      newest === this.#oldest
    );
  }

  forget(): void {
    this.#newest = null;
    this.#second = null;
    this.#third = null;
    this.#fourth = null;
    this.#oldest = null;
    this.#medianMs = null;
  }
}

/** Puts a sample among those that are sorted already; returns how many there are then. */
function insert(sample: Ms, count: number): number {
  if (sample === null) return count;
  let at = count;
  for (; at > 0 && (sorted[at - 1] ?? 0) > sample; at--) sorted[at] = sorted[at - 1] ?? 0;
  sorted[at] = sample;
  return count + 1;
}
