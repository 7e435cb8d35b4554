/**
 * The distances between clients of one group, from all measurements so far.
 *
 * A few round trips are measured; the others are estimated from two sources. Network coordinates predict a distance. And if both ends know
 * the round trip to the same third peer, a *landmark*, the triangle inequality bounds the distance: at most the sum of the two, at least
 * their difference. A handful of landmarks makes these bounds tight, most of all where many paths lead through the same few places. How far
 * each source can be trusted depends on the network and is learned from measured pairs: how far coordinates are off on the whole, and how
 * close the truth lies to the upper bound. Only pairs chosen at random count for that: pairs that were measured because they looked near
 * are mostly farther than they looked.
 *
 * Source for the bounds: Francis et al., "IDMaps: a global Internet host distance estimation service", 2001.
 */
import { predictRttMs } from '../../core/index.ts';
import type { Coordinate, MemberSample, PeerHandle } from '../../core/index.ts';

/** Pairs whose distance is remembered. */
const mostPairs = 16_384;
/** No round trip on this planet is longer, ms: a longer one is not believed. */
const mostRttMs = 60_000;
/** Landmarks used, the best known first. */
const mostLandmarks = 32;
/** Measured pairs that the estimates are checked against, and the fewest that prove anything. */
const pairsCompared = 1_024;
const leastPairs = 12;
/** A peer that this many others have measured is a landmark. */
const leastMeasured = 6;

export class Distances {
  readonly #measured = new Map<number, number>();
  /** Pairs that were chosen at random, not because they looked near. */
  readonly #fair = new Set<number>();
  #samples: readonly MemberSample[] = [];
  readonly #place = new Map<PeerHandle, number>();
  /** Estimates by index, row by row; NaN = not computed yet. */
  #estimates = new Float64Array(0);
  /** Round trips to the landmarks, a row for each sample; NaN = not measured. */
  #ways = new Float64Array(0);
  #landmarks = 0;
  #landmarkOf: PeerHandle[] = [];
  /** Measured over predicted round trip, overall. */
  #scale = 1;
  /** Where the truth lies between the prediction (0) and the upper bound (1), overall. */
  #lean = 0;

  /** Records a measured round trip. */
  measured(a: PeerHandle, b: PeerHandle, rttMs: number): void {
    if (!(rttMs >= 0 && rttMs <= mostRttMs)) return;
    const key = pairOf(a, b);
    this.#measured.delete(key);
    this.#measured.set(key, rttMs);
    for (const oldest of this.#measured.keys()) {
      if (this.#measured.size <= mostPairs) break;
      this.#measured.delete(oldest);
      this.#fair.delete(oldest);
    }
  }

  /** This pair was chosen at random: its measurement is fair evidence of how good estimates are. */
  pickedByLot(a: PeerHandle, b: PeerHandle): void {
    this.#fair.add(pairOf(a, b));
    // Some chosen pairs never measure anything.
    for (const oldest of this.#fair) {
      if (this.#fair.size <= mostPairs) break;
      this.#fair.delete(oldest);
    }
  }

  knows(a: PeerHandle, b: PeerHandle): boolean {
    return a === b || this.#measured.has(pairOf(a, b));
  }

  /** Takes stock: from now on, estimates are between these samples and use all measurements so far. */
  survey(samples: readonly MemberSample[]): void {
    this.#samples = samples;
    this.#place.clear();
    for (const [at, { peer }] of samples.entries()) this.#place.set(peer, at);
    this.#estimates = new Float64Array(samples.length * samples.length).fill(Number.NaN);
    this.#findLandmarks();
    this.#learn();
  }

  /** The round trip between two samples, by their indexes, ms. */
  between(from: number, to: number): number {
    const at = from * this.#samples.length + to;
    const known = this.#estimates[at] as number;
    if (!Number.isNaN(known)) return known;
    const estimate = this.#estimate(from, to);
    this.#estimates[at] = estimate;
    this.#estimates[to * this.#samples.length + from] = estimate;
    return estimate;
  }

  /** Landmarks are the servers that clients use, and every peer that many have measured. */
  #findLandmarks(): void {
    const known = new Map<PeerHandle, number>();
    for (const { server } of this.#samples) known.set(server, (known.get(server) ?? 0) + 1);
    for (const { peer } of this.#samples) {
      let count = 0;
      for (const other of this.#samples) if (other.peer !== peer && this.knows(other.peer, peer)) count++;
      if (count > 0) known.set(peer, count);
    }
    const landmarks = [...known]
      .filter(([, count]) => count >= Math.min(leastMeasured, this.#samples.length / 2))
      .sort((a, b) => b[1] - a[1])
      .slice(0, mostLandmarks);
    this.#landmarks = landmarks.length;
    this.#landmarkOf = landmarks.map(([peer]) => peer);
    this.#ways = new Float64Array(this.#samples.length * this.#landmarks);
    for (const [row, { peer, server, rttMs }] of this.#samples.entries()) {
      for (const [column, [landmark]] of landmarks.entries()) {
        const ms = landmark === server ? rttMs : peer === landmark ? 0 : this.#measured.get(pairOf(peer, landmark));
        this.#ways[row * this.#landmarks + column] = ms ?? Number.NaN;
      }
    }
  }

  #estimate(from: number, to: number): number {
    const a = this.#samples[from] as MemberSample;
    const b = this.#samples[to] as MemberSample;
    if (from === to) return 0;
    return this.#measured.get(pairOf(a.peer, b.peer)) ?? this.#guess(from, to);
  }

  /** The estimate from other measurements, as if this pair had never been measured. */
  #guess(from: number, to: number): number {
    const { predictedMs, mostMs } = this.#witnesses(from, to);
    return mostMs === Number.POSITIVE_INFINITY ? predictedMs : predictedMs + this.#lean * (mostMs - predictedMs);
  }

  /** The prediction of the coordinates, held within the bounds, and the upper bound; the latter is infinite when there is none. */
  #witnesses(from: number, to: number): { predictedMs: number; mostMs: number } {
    const a = this.#samples[from] as MemberSample;
    const b = this.#samples[to] as MemberSample;
    let leastMs = 0;
    let mostMs = Number.POSITIVE_INFINITY;
    for (let landmark = 0; landmark < this.#landmarks; landmark++) {
      if (this.#landmarkOf[landmark] === a.peer || this.#landmarkOf[landmark] === b.peer) continue;
      const oneMs = this.#ways[from * this.#landmarks + landmark] as number;
      const otherMs = this.#ways[to * this.#landmarks + landmark] as number;
      if (Number.isNaN(oneMs) || Number.isNaN(otherMs)) continue;
      leastMs = Math.max(leastMs, Math.abs(oneMs - otherMs));
      mostMs = Math.min(mostMs, oneMs + otherMs);
    }
    // Real round trips sometimes break the triangle inequality: then the upper bound is the better source.
    const predictedMs = Math.min(mostMs, Math.max(leastMs, this.#scale * predictRttMs(a.coordinate, b.coordinate)));
    return { predictedMs, mostMs };
  }

  /** Compares both sources with the measurements. */
  #learn(): void {
    this.#scale = 1;
    this.#lean = 0;
    const pairs: { from: number; to: number; ms: number }[] = [];
    for (let to = 0; to < this.#samples.length && pairs.length < pairsCompared; to++) {
      for (let from = 0; from < to; from++) {
        const key = pairOf((this.#samples[from] as MemberSample).peer, (this.#samples[to] as MemberSample).peer);
        const ms = this.#fair.has(key) ? this.#measured.get(key) : undefined;
        if (ms !== undefined) pairs.push({ from, to, ms });
      }
    }
    let measuredMs = 0;
    let predictedMs = 0;
    for (const { from, to, ms } of pairs) {
      measuredMs += ms;
      predictedMs += predictRttMs(this.#coordinate(from), this.#coordinate(to));
    }
    if (predictedMs > 0 && pairs.length >= leastPairs) this.#scale = measuredMs / predictedMs;
    let along = 0;
    let square = 0;
    for (const { from, to, ms } of pairs) {
      const { predictedMs: guessMs, mostMs } = this.#witnesses(from, to);
      if (mostMs === Number.POSITIVE_INFINITY) continue;
      along += (mostMs - guessMs) * (ms - guessMs);
      square += (mostMs - guessMs) ** 2;
    }
    if (square > 0 && pairs.length >= leastPairs) this.#lean = Math.min(1, Math.max(0, along / square));
  }

  #coordinate(place: number): Coordinate {
    return (this.#samples[place] as MemberSample).coordinate;
  }
}

/** A pair of peers as one number, the same in both directions. */
function pairOf(a: PeerHandle, b: PeerHandle): number {
  return a < b ? a * 2 ** 26 + b : b * 2 ** 26 + a;
}
