/**
 * A pseudo-random number generator that is started with a seed.
 *
 * Topology generators must give the same bytes for the same seed, on every machine and in every version of Node, so they use their own
 * generator: xoshiro128** (four 32-bit words of state, integer operations only), with its state filled by splitmix32 as its authors advise.
 * Any change here changes every generated topology.
 *
 * Reference: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021.
 */
import { TopologyError } from './topology-error.ts';

export class SeededRandom {
  readonly #state: Uint32Array;

  /** @param seed an integer from 0 to 2^53-1 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new TopologyError(`the seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${seed}`);
    }
    let mixed = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x85ebca6b);
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mixed = (mixed + 0x9e3779b9) | 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      return word ^ (word >>> 15);
    });
  }

  /** The next 32 bits, as an integer from 0 to 2^32-1. */
  bits(): number {
    const [a, b, c, d] = this.#state as unknown as [number, number, number, number];
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.#state[0] = a ^ fourth;
    this.#state[1] = b ^ third;
    this.#state[2] = third ^ (b << 9);
    this.#state[3] = (fourth << 11) | (fourth >>> 21);
    return result;
  }

  /** A number from 0 (included) to 1 (excluded). */
  unit(): number {
    return this.bits() / 2 ** 32;
  }

  /** A whole number from 0 to count-1. Scaled, not rejected: the bias is below count / 2^32. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }
}
