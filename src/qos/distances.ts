/**
 * How far clients of one group are from each other, by all that was ever measured.
 *
 * A few ways are measured; the others are estimated. Network coordinates give a first guess, put right by how far they are off about the
 * same candidate elsewhere. Then geometry bounds it: if both know the way to the same third peer, the way between them is at most
 * the sum of the two and at least their difference. With a handful of such landmarks the bounds close in on the truth, because
 * in real networks many ways lead through the same few places.
 *
 * Source for the bounds: Francis et al., "IDMaps: a global Internet host distance estimation service", 2001.
 */
import { predictRttMs } from '../core/coordinates.ts';
import type { PeerHandle } from '../core/ids.ts';
import type { MemberSample } from '../core/messages.ts';

/** Pairs whose distance is remembered. */
const mostPairs = 16_384;
/** Landmarks used, the best known first. */
const mostLandmarks = 32;
/** A peer that so many have measured the way to is a landmark. */
const leastMeasured = 6;

export class Distances {
  readonly #measured = new Map<number, number>();
  #samples: readonly MemberSample[] = [];
  readonly #place = new Map<PeerHandle, number>();
  /** Estimates by place, row by row; NaN = not computed yet. */
  #estimates = new Float64Array(0);
  /** Ways to the landmarks: for each sample a row; NaN = not measured. */
  #ways = new Float64Array(0);
  #landmarks = 0;

  /** Notes a measured way. */
  measured(a: PeerHandle, b: PeerHandle, rttMs: number): void {
    if (!(rttMs >= 0)) return;
    const key = pairOf(a, b);
    this.#measured.delete(key);
    this.#measured.set(key, rttMs);
    for (const oldest of this.#measured.keys()) {
      if (this.#measured.size <= mostPairs) break;
      this.#measured.delete(oldest);
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
    const measuredMs = this.#measured.get(pairOf(a.peer, b.peer));
    if (measuredMs !== undefined) return measuredMs;
    let leastMs = 0;
    let mostMs = Number.POSITIVE_INFINITY;
    for (let landmark = 0; landmark < this.#landmarks; landmark++) {
      const oneMs = this.#ways[from * this.#landmarks + landmark] as number;
      const otherMs = this.#ways[to * this.#landmarks + landmark] as number;
      if (Number.isNaN(oneMs) || Number.isNaN(otherMs)) continue;
      leastMs = Math.max(leastMs, Math.abs(oneMs - otherMs));
      mostMs = Math.min(mostMs, oneMs + otherMs);
    }
    // Round trips of real networks break the triangle now and then: then the upper bound is the better witness.
    return Math.min(mostMs, Math.max(leastMs, predictRttMs(a.coordinate, b.coordinate)));
  }
}

/** A pair of peers as one number; the way there is as long as the way back. */
function pairOf(a: PeerHandle, b: PeerHandle): number {
  return a < b ? a * 2 ** 26 + b : b * 2 ** 26 + a;
}
