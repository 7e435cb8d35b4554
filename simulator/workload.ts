/**
 * When users make requests: gaps between the requests of one client.
 *
 * The requests of many people are a Poisson process whose rate changes: with the hour of the day (`diurnal`), or when many hear of
 * something at once (`flash-crowd`). Some regions ask more than others, by Zipf's law: the busiest twice as often as the second, three
 * times as often as the third. A changing rate is drawn by thinning: candidates come at the highest rate, and each is kept with probability
 * present rate / highest rate, so the gaps are exact whatever the shape.
 *
 * Source: Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", 1979.
 */
import type { Random } from './random.ts';

export type WorkloadShape = 'poisson' | 'diurnal' | 'flash-crowd';

export const workloadShapes: readonly WorkloadShape[] = ['poisson', 'diurnal', 'flash-crowd'];

export interface WorkloadOptions {
  readonly shape: WorkloadShape;
  /** Mean time between two requests of a client of an average region, at the usual rate, ms. */
  readonly everyMs: number;
  /** Exponent of Zipf's law over regions; 0 = all ask alike. */
  readonly zipf: number;
  readonly regions: number;
}

/** A day, ms; how much more is asked at its peak than in the middle, as a share. */
const dayMs = 24 * 3_600_000;
const swing = 0.8;
/** A crowd comes at this time, ms, multiplies the rate by so much, and is gone by half in so long. */
const crowdAtMs = 15 * 60_000;
const crowdFactor = 10;
const crowdHalfMs = 5 * 60_000;

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  /** Rate of each region over the mean. */
  readonly #weight: Float64Array;

  /** @throws RangeError for a workload that cannot be one */
  constructor(options: WorkloadOptions, random: Random) {
    if (!(options.everyMs > 0)) throw new RangeError(`a request every ${options.everyMs} ms is no workload`);
    if (!(options.zipf >= 0)) throw new RangeError(`an exponent of ${options.zipf} is none of Zipf's`);
    this.#options = options;
    this.#random = random;
    const regions = Math.max(1, options.regions);
    const raw = Float64Array.from({ length: regions }, (_, rank) => (rank + 1) ** -options.zipf);
    const mean = raw.reduce((sum, weight) => sum + weight, 0) / regions;
    this.#weight = raw.map((weight) => weight / mean);
  }

  /** The rate at this time, as a multiple of the usual rate. */
  factorAt(atMs: number): number {
    switch (this.#options.shape) {
      case 'poisson':
        return 1;
      case 'diurnal':
        return 1 - swing * Math.cos((2 * Math.PI * atMs) / dayMs);
      case 'flash-crowd':
        return atMs < crowdAtMs ? 1 : 1 + (crowdFactor - 1) * 2 ** (-(atMs - crowdAtMs) / crowdHalfMs);
    }
  }

  /** Time from now to the next request of a client in this region, ms. Region 0 is the busiest. */
  gapMs(nowMs: number, region: number): number {
    const { shape, everyMs } = this.#options;
    const most = shape === 'poisson' ? 1 : shape === 'diurnal' ? 1 + swing : crowdFactor;
    const meanMs = everyMs / (most * (this.#weight[region % this.#weight.length] as number));
    let atMs = nowMs;
    do {
      atMs += -Math.log(1 - this.#random.next()) * meanMs;
    } while (this.#random.next() * most > this.factorAt(atMs));
    return atMs - nowMs;
  }
}
