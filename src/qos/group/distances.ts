/**
 * How far clients of one group are from each other, by all that was ever measured.
 *
 * A few ways are measured; the others are estimated, from two witnesses. Network coordinates predict a distance. And if both ends know the
 * way to the same third peer, the way between them is at most the sum of the two and at least their difference: with a handful of such
 * landmarks these bounds close in, most of all where many ways lead through the same few places. Which witness is to be believed
 * depends on the network, so it is learned from pairs that were measured: how far coordinates are off on the whole, and how close to the
 * upper bound the truth lies. Only pairs picked by lot count for that: those that were measured because they looked near are mostly
 * farther than they looked.
 *
 * Source for the bounds: Francis et al., "IDMaps: a global Internet host distance estimation service", 2001.
 */
import { predictRttMs } from '../../core/index.ts';
import type { Coordinate, MemberSample, PeerHandle } from '../../core/index.ts';

/** Pairs whose distance is remembered. */
const mostPairs = 16_384;
/** No way on this planet is longer, ms: who says so is not believed. */
const mostRttMs = 60_000;
/** Landmarks used, the best known first. */
const mostLandmarks = 32;
/** Measured pairs that the estimate is checked against, and the fewest that say anything. */
const pairsCompared = 1_024;
const leastPairs = 12;
/** A peer that so many have measured the way to is a landmark. */
const leastMeasured = 6;

export class Distances {
  readonly #measured = new Map<number, number>();
  /** Pairs that were picked to be measured by lot, and not because they looked near. */
  readonly #fair = new Set<number>();
  #samples: readonly MemberSample[] = [];
  readonly #place = new Map<PeerHandle, number>();
  /** Estimates by place, row by row; NaN = not computed yet. */
  #estimates = new Float64Array(0);
  /** Ways to the landmarks: for each sample a row; NaN = not measured. */
  #ways = new Float64Array(0);
  #landmarks = 0;
  #landmarkOf: PeerHandle[] = [];
  /** Measured over predicted, on the whole. */
  #scale = 1;
  /** How far from the prediction (0) to the upper bound (1) the truth lies, on the whole. */
  #lean = 0;

  /** Notes a measured way. */
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

  /** This pair is picked by lot: what it measures is fair evidence of how good estimates are. */
  pickedByLot(a: PeerHandle, b: PeerHandle): void {
    this.#fair.add(pairOf(a, b));
    // Some that were picked never measure anything.
    for (const oldest of this.#fair) {
      if (this.#fair.size <= mostPairs) break;
      this.#fair.delete(oldest);
    }
  }

  knows(a: PeerHandle, b: PeerHandle): boolean {
    return a === b || this.#measured.has(pairOf(a, b));
  }

  /** Takes stock: estimates from now on are between these, with what is measured by now. */
  survey(samples: readonly MemberSample[]): void {
    this.#samples = samples;
    this.#place.clear();
    for (const [at, { peer }] of samples.entries()) this.#place.set(peer, at);
    this.#estimates = new Float64Array(samples.length * samples.length).fill(Number.NaN);
    this.#findLandmarks();
    this.#learn();
  }

  /** The round trip between two of the samples, by their places, ms. */
  between(from: number, to: number): number {
    const at = from * this.#samples.length + to;
    const known = this.#estimates[at] as number;
    if (!Number.isNaN(known)) return known;
    const estimate = this.#estimate(from, to);
    this.#estimates[at] = estimate;
    this.#estimates[to * this.#samples.length + from] = estimate;
    return estimate;
  }

  /** Servers that clients use are landmarks, and whoever many have measured. */
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

  /** By what others measured, as if this pair never had been. */
  #guess(from: number, to: number): number {
    const { predictedMs, mostMs } = this.#witnesses(from, to);
    return mostMs === Number.POSITIVE_INFINITY ? predictedMs : predictedMs + this.#lean * (mostMs - predictedMs);
  }

  /** What coordinates say within the bounds, and the upper bound; the latter is infinite when there is none. */
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
    // Round trips of real networks break the triangle now and then: then the upper bound is the better witness.
    const predictedMs = Math.min(mostMs, Math.max(leastMs, this.#scale * predictRttMs(a.coordinate, b.coordinate)));
    return { predictedMs, mostMs };
  }

  /** Compares both witnesses with what was measured. */
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

/** A pair of peers as one number; the way there is as long as the way back. */
function pairOf(a: PeerHandle, b: PeerHandle): number {
  return a < b ? a * 2 ** 26 + b : b * 2 ** 26 + a;
}
