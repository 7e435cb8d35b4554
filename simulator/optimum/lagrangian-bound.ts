/**
 * Proof that k servers are too few: a lower bound on what any placement of k servers costs, and branching where the bound alone
 * does not settle it.
 *
 * Let every client pay a price to its server, and open the servers that earn most: a server's profit is what its clients pay beyond their
 * round trips. The k best profits give a lower bound, whatever the prices, because clients may here be served twice or not at all. Then the
 * prices are corrected by subgradient steps: a client served twice pays less, one not served pays more. At good prices the bound comes
 * close to the true optimum, and sites whose opening would lift the bound over what is allowed are ruled out; the few that remain are tried
 * both ways, open and closed.
 *
 * Source: Held and Karp's relaxation as used for k-median by Cornuéjols, Fisher and Nemhauser, "Location of bank accounts to optimize
 * float", 1977; step lengths after Polyak.
 */

export interface Verdict {
  /** No placement of k servers costs `allowed` or less. */
  readonly proven: boolean;
  /** The best placement met on the way, when one was met that is better than what was known. */
  readonly members: readonly number[] | null;
}

/** What is known of a site in a part of the search: it may be a server, it is one, or it is none. */
const free = 0;
const open = 1;
const closed = 2;

/** One part of the search: which sites are decided, and prices to begin with. */
interface Part {
  readonly sites: Uint8Array;
  readonly prices: Float64Array;
  readonly steps: number;
}

/** How a part ended: no placement in it is good enough, one was found, or it is to be divided at a site. */
type End =
  | { readonly type: 'refuted' }
  | { readonly type: 'found'; readonly members: readonly number[] }
  | { readonly type: 'undecided'; readonly site: number; readonly prices: Float64Array };

const rootSteps = 400;
const partSteps = 60;
const shortestStep = 0.004;

export class LagrangianBound {
  readonly #costs: Float64Array;
  readonly #size: number;
  readonly #servers: number;
  readonly #profits: Float64Array;
  readonly #slopes: Float64Array;
  /** How often each site was among the best of late: 0 to 1. */
  readonly #favour: Float64Array;
  readonly #root: Part;
  #afterRoot: Part | null = null;
  #site = -1;
  /** Client-site pairs that may still be looked at: the effort, counted so that it is the same on every machine. */
  #effort: number;

  /** `costs`: row-wise, from a server (row) to a client. `near`, `next`: those of a good placement of `servers`, for the first prices. */
  constructor(
    costs: Float64Array,
    size: number,
    root: number,
    servers: number,
    { near, next }: { readonly near: Float64Array; readonly next: Float64Array },
  ) {
    this.#costs = costs;
    this.#size = size;
    this.#servers = servers;
    this.#profits = new Float64Array(size);
    this.#slopes = new Float64Array(size);
    this.#favour = new Float64Array(size);
    this.#effort = 4e7 + 450 * size * size;
    const sites = new Uint8Array(size);
    sites[root] = open;
    const prices = near.map((ms, client) => (Number.isFinite(next[client]) ? (ms + next[client]!) / 2 : ms));
    this.#root = { sites, prices, steps: rootSteps };
  }

  /** The bound alone. `known`: the least cost of a placement of so many servers that is known, above `allowed`. */
  rootBound(allowed: number, known: number): Verdict {
    const end = this.#examine(this.#root, allowed, known);
    if (end.type === 'undecided') {
      this.#afterRoot = { sites: this.#root.sites, prices: end.prices, steps: partSteps };
      this.#site = end.site;
    }
    return { proven: end.type === 'refuted', members: end.type === 'found' ? end.members : null };
  }

  /** Goes on where `rootBound` had to give up: divides what is left until all parts are refuted, one is found, or the effort is spent. */
  branch(allowed: number, known: number): Verdict {
    if (this.#afterRoot === null) return this.rootBound(allowed, known);
    const parts = this.#divided(this.#afterRoot, this.#site);
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (this.#effort <= 0) return { proven: false, members: null };
      const end = this.#examine(part, allowed, known);
      if (end.type === 'found') return { proven: false, members: end.members };
      if (end.type === 'undecided') parts.push(...this.#divided({ ...part, prices: end.prices }, end.site));
    }
    return { proven: true, members: null };
  }

  /** The part in which the site is no server, and the one in which it is: the latter is looked at first. */
  #divided({ sites, prices }: Part, site: number): Part[] {
    return [closed, open].map((state) => {
      const half = Uint8Array.from(sites);
      half[site] = state;
      return { sites: half, prices, steps: partSteps };
    });
  }

  /** Mends the prices until the bound is above `allowed`, or they are as good as they get. Decides sites of the part on the way. */
  #examine({ sites, prices: start, steps }: Part, allowed: number, known: number): End {
    const prices = Float64Array.from(start);
    let bestPrices = prices;
    let best = Number.NEGATIVE_INFINITY;
    let stepLength = 1;
    let sinceBetter = 0;
    this.#favour.fill(0);
    for (let step = 0; step < steps && stepLength > shortestStep; step++) {
      const left = this.#left(sites);
      if (left.length <= this.#servers)
        return this.#costOf(left) > allowed ? { type: 'refuted' } : { type: 'found', members: left };
      const { chosen, value, squares } = this.#relaxed(sites, left, prices);
      if (value > allowed) return { type: 'refuted' };
      if (squares === 0 || value > best) {
        if (this.#costOf(chosen) <= allowed) return { type: 'found', members: chosen };
      }
      if (value > best) {
        best = value;
        bestPrices = Float64Array.from(prices);
        sinceBetter = 0;
        this.#decide(sites, left, chosen, allowed - value);
      } else if (++sinceBetter >= 8) {
        stepLength /= 2;
        sinceBetter = 0;
      }
      if (squares === 0) break;
      const length = (stepLength * (known * 1.001 - value)) / squares;
      for (let client = 0; client < this.#size; client++) prices[client]! += length * this.#slopes[client]!;
    }
    return { type: 'undecided', site: this.#doubtful(sites), prices: bestPrices };
  }

  #left(sites: Uint8Array): number[] {
    const left: number[] = [];
    for (let site = 0; site < this.#size; site++) if (sites[site] !== closed) left.push(site);
    return left;
  }

  /**
   * The best that could be at these prices: the sites chosen, open ones first, and the bound. `squares` is the squared length of
   * the slopes: 0 when each client is served once, and the choice so is a true optimum.
   */
  #relaxed(sites: Uint8Array, left: readonly number[], prices: Float64Array) {
    const [size, costs, profits, slopes] = [this.#size, this.#costs, this.#profits, this.#slopes];
    this.#effort -= left.length * size;
    for (const site of left) {
      const row = site * size;
      let profit = 0;
      for (let client = 0; client < size; client++) {
        const gain = prices[client]! - costs[row + client]!;
        if (gain > 0) profit += gain;
      }
      profits[site] = profit;
    }
    const rank = (site: number): number => (sites[site] === open ? Number.POSITIVE_INFINITY : profits[site]!);
    const chosen = [...left]
      .sort((a, b) => (rank(b) > rank(a) ? 1 : rank(b) < rank(a) ? -1 : a - b))
      .slice(0, this.#servers);
    let value = 0;
    for (let client = 0; client < size; client++) value += prices[client]!;
    slopes.fill(1);
    for (let site = 0; site < size; site++) this.#favour[site]! *= 0.9;
    for (const site of chosen) {
      value -= profits[site]!;
      this.#favour[site]! += 0.1;
      const row = site * size;
      for (let client = 0; client < size; client++) if (costs[row + client]! < prices[client]!) slopes[client]! -= 1;
    }
    let squares = 0;
    for (let client = 0; client < size; client++) squares += slopes[client]! ** 2;
    return { chosen, value, squares };
  }

  /** Decides sites that only one decision leaves any hope for: `slack` is what the bound may still rise. */
  #decide(sites: Uint8Array, left: readonly number[], chosen: readonly number[], slack: number): void {
    const among = new Set(chosen);
    let [worstIn, bestOut] = [Number.POSITIVE_INFINITY, 0];
    for (const site of left) {
      const profit = this.#profits[site]!;
      if (!among.has(site)) bestOut = Math.max(bestOut, profit);
      else if (sites[site] === free) worstIn = Math.min(worstIn, profit);
    }
    for (const site of left) {
      if (sites[site] !== free) continue;
      const profit = this.#profits[site]!;
      if (among.has(site)) {
        if (profit - bestOut > slack) sites[site] = open;
      } else if (worstIn - profit > slack) sites[site] = closed;
    }
  }

  /** The undecided site that was chosen about half of the time. */
  #doubtful(sites: Uint8Array): number {
    let [best, distance] = [-1, Number.POSITIVE_INFINITY];
    for (let site = 0; site < this.#size; site++) {
      const away = Math.abs(this.#favour[site]! - 0.5);
      if (sites[site] === free && away < distance) [best, distance] = [site, away];
    }
    return best;
  }

  #costOf(members: readonly number[]): number {
    let total = 0;
    for (let client = 0; client < this.#size; client++) {
      let near = Number.POSITIVE_INFINITY;
      for (const member of members) near = Math.min(near, this.#costs[member * this.#size + client]!);
      total += near;
    }
    return total;
  }
}
