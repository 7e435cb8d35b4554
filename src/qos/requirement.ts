/**
 * What the owner asks of the farm, and whether it is met.
 *
 * The owner may set up to three limits: a mean response delay, a percentile of it, and a share of requests that are answered. The first two
 * are met by placing servers, so placement minimises one *cost* that is a sum over clients: the delay itself, or one for each client beyond
 * the percentile's limit. Which of the two is harder to meet is decided anew in every round.
 */

export interface Requirement {
  /** The mean response delay over clients must be at most this, ms. */
  readonly meanMs: number | null;
  /** At least this share (0 to 1) of the clients must have a delay of at most `ms`. */
  readonly percentile: { readonly share: number; readonly ms: number } | null;
  /** At least this share (0 to 1) of the requests must be answered. */
  readonly availability: number | null;
}

/** What a round's cost counts: milliseconds of delay, or clients over the limit. */
export type CostKind = 'delay' | 'over';

/** The figures of the whole farm in one round. */
export interface Figures {
  readonly clients: number;
  readonly meanMs: number;
  /** Share of the clients over the percentile's limit; 0 without one. */
  readonly overShare: number;
  /** Share of requests that were answered; 1 when there were none. */
  readonly answeredShare: number;
}

/** Tie-breaker between placements with as many clients over the limit: each limit's worth of delay counts as this much of a client. */
const delayInClients = 0.001;

/** The cost of one client with this delay. */
export function costOf(kind: CostKind, delayMs: number, limitMs: number): number {
  if (kind === 'delay') return delayMs;
  return (delayMs > limitMs ? 1 : 0) + (delayInClients * delayMs) / limitMs;
}

/** The cost of all clients: their summed delays, ms, or how many are over the limit. */
export function totalOf(
  kind: CostKind,
  { sumMs, over }: { readonly sumMs: number; readonly over: number },
  limitMs: number,
): number {
  return kind === 'delay' ? sumMs : over + (delayInClients * sumMs) / limitMs;
}

export class Goal {
  readonly requirement: Requirement;

  /** @throws RangeError for a requirement that cannot be one */
  constructor(requirement: Requirement) {
    const { meanMs, percentile, availability } = requirement;
    if (meanMs !== null && !(meanMs > 0)) throw new RangeError(`a mean delay of ${meanMs} ms cannot be required`);
    if (percentile !== null && !(percentile.share > 0 && percentile.share < 1 && percentile.ms > 0))
      throw new RangeError(`${percentile.share * 100}% within ${percentile.ms} ms cannot be required`);
    if (availability !== null && !(availability > 0 && availability <= 1))
      throw new RangeError(`an availability of ${availability} cannot be required; it is a share from 0 to 1`);
    this.requirement = requirement;
  }

  /** The percentile's limit, ms; 0 when there is none. */
  get limitMs(): number {
    return this.requirement.percentile?.ms ?? 0;
  }

  /** The clamp: one client's samples count at most this, ms; ten times the required delay. */
  get clampMs(): number {
    const { meanMs, percentile } = this.requirement;
    return 10 * Math.max(meanMs ?? 0, percentile?.ms ?? 0, 1);
  }

  /** The used share of the allowed delay: 1 = just met, above = missed. The larger of the two limits' shares. */
  use(figures: Figures): number {
    return Math.max(this.#useOf('delay', figures), this.#useOf('over', figures));
  }

  #useOf(kind: CostKind, figures: Figures): number {
    const { meanMs, percentile } = this.requirement;
    if (kind === 'delay') return meanMs === null ? 0 : figures.meanMs / meanMs;
    return percentile === null ? 0 : figures.overShare / (1 - percentile.share);
  }

  isMet(figures: Figures): boolean {
    return this.use(figures) <= 1 && this.isAvailable(figures);
  }

  isAvailable(figures: Figures): boolean {
    return figures.answeredShare >= (this.requirement.availability ?? 0);
  }

  /** The cost that the next round's bids count: that of the limit which is harder to meet. A limit that was not set never counts. */
  tighter(figures: Figures): CostKind {
    if (this.requirement.meanMs === null) return this.first;
    return this.#useOf('over', figures) > this.#useOf('delay', figures) ? 'over' : 'delay';
  }

  /** The kind to begin with, before any figures. */
  get first(): CostKind {
    return this.requirement.meanMs === null && this.requirement.percentile !== null ? 'over' : 'delay';
  }

  /** The highest summed cost of `clients` clients that still meets the limit. */
  budget(kind: CostKind, clients: number): number {
    const { meanMs, percentile } = this.requirement;
    if (kind === 'delay') return meanMs === null ? Number.POSITIVE_INFINITY : meanMs * clients;
    return percentile === null ? Number.POSITIVE_INFINITY : (1 - percentile.share) * clients;
  }
}
