/**
 * Good placements of k servers: greedy choice, then interchange. A swap moves one server. The best swaps are found without trying each
 * pair, because for every client the two nearest servers are kept: a new server wins the clients it is nearer to; a removed one loses its
 * clients to their second nearest or to the new one. So one pass over all clients gives the best partner for a newcomer.
 *
 * Cost is the sum over all peers of the round trip to the nearest server. The root is never swapped out.
 * Source: Whitaker, "A fast algorithm for the greedy interchange for large-scale clustering and median location problems", 1983.
 */
import type { Random } from '../random.ts';

/** Gains smaller than this are rounding. */
const least = 1e-9;

export class Interchange {
  readonly #costs: Float64Array;
  readonly #size: number;
  readonly #root: number;
  /** The root, then each further server in the order in which greedy choice takes them; as many as were ever asked for. */
  readonly #greedy: number[];
  /** Round trip to the nearest of `#greedy`. */
  readonly #greedyNear: Float64Array;
  /**
   * Of the placement being improved: members, and for each client the positions of its nearest and second nearest, and how far they are.
   */
  #members: number[] = [];
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #near: Float64Array;
  readonly #next: Float64Array;

  /** `costs`: row-wise, from a server (row) to a client. */
  constructor(costs: Float64Array, size: number, root: number) {
    this.#costs = costs;
    this.#size = size;
    this.#root = root;
    this.#greedy = [root];
    this.#greedyNear = costs.slice(root * size, (root + 1) * size);
    this.#first = new Int32Array(size);
    this.#second = new Int32Array(size);
    this.#near = new Float64Array(size);
    this.#next = new Float64Array(size);
  }

  /** Sum over all peers of the round trip to the nearest member. */
  costOf(members: readonly number[]): number {
    return this.distancesOf(members).near.reduce((sum, ms) => sum + ms, 0);
  }

  /** For each client the round trips to the nearest and the second nearest member (infinity when there is but one). */
  distancesOf(members: readonly number[]): { readonly near: Float64Array; readonly next: Float64Array } {
    const near = new Float64Array(this.#size).fill(Number.POSITIVE_INFINITY);
    const next = new Float64Array(this.#size).fill(Number.POSITIVE_INFINITY);
    for (const member of members) {
      const row = member * this.#size;
      for (let client = 0; client < this.#size; client++) {
        const ms = this.#costs[row + client]!;
        if (ms < near[client]!) {
          next[client] = near[client]!;
          near[client] = ms;
        } else if (ms < next[client]!) next[client] = ms;
      }
    }
    return { near, next };
  }

  /** The first `servers` of greedy choice. */
  greedy(servers: number): readonly number[] {
    while (this.#greedy.length < servers) this.#takeNextGreedy();
    return this.#greedy.slice(0, servers);
  }

  /** As many of greedy choice as bring the cost to `allowed`. */
  greedyUntil(allowed: number): readonly number[] {
    while (this.#greedy.length < this.#size && this.#greedyNear.reduce((sum, ms) => sum + ms, 0) > allowed)
      this.#takeNextGreedy();
    return [...this.#greedy];
  }

  #takeNextGreedy(): void {
    const near = this.#greedyNear;
    const taken = new Set(this.#greedy);
    let [best, bestGain] = [-1, -1];
    for (let candidate = 0; candidate < this.#size; candidate++) {
      if (taken.has(candidate)) continue;
      const row = candidate * this.#size;
      let gain = 0;
      for (let client = 0; client < this.#size; client++) {
        const saved = near[client]! - this.#costs[row + client]!;
        if (saved > 0) gain += saved;
      }
      if (gain > bestGain) [best, bestGain] = [candidate, gain];
    }
    this.#greedy.push(best);
    const row = best * this.#size;
    for (let client = 0; client < this.#size; client++)
      near[client] = Math.min(near[client]!, this.#costs[row + client]!);
  }

  /** The same placement without the member whose loss costs least. */
  withoutLeast(members: readonly number[]): readonly number[] {
    this.#load(members);
    const losses = new Float64Array(members.length);
    for (let client = 0; client < this.#size; client++)
      losses[this.#first[client]!]! += this.#next[client]! - this.#near[client]!;
    let out = -1;
    for (let at = 0; at < members.length; at++) {
      if (members[at] !== this.#root && (out < 0 || losses[at]! < losses[out]!)) out = at;
    }
    return members.filter((_, at) => at !== out);
  }

  /** The same placement with up to `count` members put anywhere else. */
  shaken(members: readonly number[], count: number, random: Random): readonly number[] {
    const shaken = [...members];
    const taken = new Set(members);
    for (let swap = 0; swap < count && shaken.length > 1 && taken.size < this.#size; swap++) {
      const at = random.below(shaken.length);
      const newcomer = random.below(this.#size);
      if (shaken[at] === this.#root || taken.has(newcomer)) continue;
      shaken[at] = newcomer;
      taken.add(newcomer);
    }
    return shaken;
  }

  /** Improves the starts one after the other until no swap helps or the cost is at most `enough`; returns the best. */
  improveFirst(starts: readonly (readonly number[])[], enough: number): readonly number[] {
    let best: readonly number[] = [];
    let bestCost = Number.POSITIVE_INFINITY;
    for (const start of starts) {
      const improved = this.#improve(start, enough);
      const cost = this.costOf(improved);
      if (cost < bestCost) [best, bestCost] = [improved, cost];
      if (bestCost <= enough) break;
    }
    return best;
  }

  #improve(start: readonly number[], enough: number): readonly number[] {
    this.#load(start);
    let cost = this.#near.reduce((sum, ms) => sum + ms, 0);
    const isMember = new Uint8Array(this.#size);
    for (const member of start) isMember[member] = 1;
    const losses = new Float64Array(start.length);
    let sinceLast = 0;
    for (let candidate = 0; sinceLast < this.#size && cost > enough; candidate = (candidate + 1) % this.#size) {
      sinceLast++;
      if (isMember[candidate] === 1) continue;
      const { gain, out } = this.#bestPartner(candidate, losses);
      if (gain <= least) continue;
      isMember[this.#members[out]!] = 0;
      isMember[candidate] = 1;
      this.#swap(out, candidate);
      cost -= gain;
      sinceLast = 0;
    }
    return [...this.#members];
  }

  /** Who should go if this one came, and what that would save. */
  #bestPartner(candidate: number, losses: Float64Array): { gain: number; out: number } {
    const row = candidate * this.#size;
    losses.fill(0);
    let won = 0;
    for (let client = 0; client < this.#size; client++) {
      const ms = this.#costs[row + client]!;
      const near = this.#near[client]!;
      if (ms < near) won += near - ms;
      else losses[this.#first[client]!]! += (ms < this.#next[client]! ? ms : this.#next[client]!) - near;
    }
    let out = -1;
    for (let at = 0; at < losses.length; at++) {
      if (this.#members[at] !== this.#root && (out < 0 || losses[at]! < losses[out]!)) out = at;
    }
    return out < 0 ? { gain: 0, out } : { gain: won - losses[out]!, out };
  }

  #load(members: readonly number[]): void {
    this.#members = [...members];
    for (let client = 0; client < this.#size; client++) this.#lookAgain(client);
  }

  #swap(out: number, candidate: number): void {
    this.#members[out] = candidate;
    const row = candidate * this.#size;
    for (let client = 0; client < this.#size; client++) {
      if (this.#first[client] === out || this.#second[client] === out) {
        this.#lookAgain(client);
        continue;
      }
      const ms = this.#costs[row + client]!;
      if (ms < this.#near[client]!) {
        this.#second[client] = this.#first[client]!;
        this.#next[client] = this.#near[client]!;
        this.#first[client] = out;
        this.#near[client] = ms;
      } else if (ms < this.#next[client]!) {
        this.#second[client] = out;
        this.#next[client] = ms;
      }
    }
  }

  /** Finds a client's nearest and second nearest member anew. */
  #lookAgain(client: number): void {
    let [first, second] = [0, -1];
    let [near, next] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let at = 0; at < this.#members.length; at++) {
      const ms = this.#costs[this.#members[at]! * this.#size + client]!;
      if (ms < near) {
        [second, next] = [first, near];
        [first, near] = [at, ms];
      } else if (ms < next) [second, next] = [at, ms];
    }
    this.#first[client] = first;
    this.#second[client] = second;
    this.#near[client] = near;
    this.#next[client] = next;
  }
}
