/**
 * What a server knows about its own group of clients, and what it proposes for it (local search for the k-median problem).
 *
 * Clients report the delay they felt and the delay their second choice would give. Which peer should serve beside this server, or instead
 * of it, depends on the distances between clients. Estimates make a shortlist, some clients measure the round trip to the peers on it, and
 * measurements are remembered, so a stable group is soon known exactly. A *bid* is a proposed change with its expected effect on the farm's
 * cost. A server makes at most two promotions, one move and one retirement.
 *
 * A client that uses a candidate instead of its present server saves the difference of the two round trips; the service time stays. So no
 * bid needs to know how fast a candidate serves, and the round after shows whether the bid kept its promise.
 */
import { middleOf, mix, predictRttMs } from '../../core/index.ts';
import type { Bid, BidAction, Coordinate, MemberSample, PeerCard, PeerHandle } from '../../core/index.ts';
import { Distances } from './distances.ts';
import { mostCards } from '../round/errand.ts';
import { costOf } from '../requirement.ts';
import type { CostKind } from '../requirement.ts';

/** Which client measures the round trip to which candidates. */
export interface SurveyPlan {
  readonly client: PeerHandle;
  readonly cards: readonly PeerCard[];
}

/**
 * Candidates to measure: this many of the best by estimate to serve beside this server; half as many beside the first candidate, and half
 * as many instead of this server; and the middles of branches.
 *
 * Estimates are far off at first. So a round's first survey asks few clients about many candidates; each further survey asks twice as many
 * clients about half of the candidates. Poor candidates are dropped cheaply, and the best become well known.
 */
const mostBesides = 16;
const leastBesides = 4;
const heaviestBranches = 3;
/** Clients that measure the round trip to one candidate in the first survey of a round. */
const fewestClients = 8;
/** This share of them is chosen at random; the others because they could gain most. */
const shareByLot = 3 / 8;
/** Alternatives to the first candidate, should it decline. */
const alternatives = 3;
/** A promise counts when peers of this many other subnets have measured the candidate: its coordinate is only its own claim. */
const confirmations = 3;
/** A server only moves to a candidate that this share of its group has measured. */
const measuredForMove = 0.95;

/** A candidate, by its index among the samples, with the change it would bring. */
interface Scored {
  readonly place: number;
  readonly change: number;
}

export class Group {
  readonly #server: PeerHandle;
  readonly #distances = new Distances();
  #samples: readonly MemberSample[] = [];
  #branches: readonly (readonly MemberSample[])[] = [];
  #candidates: number[] = [];
  /** Surveys of this round so far. */
  #surveys = 0;
  /** The service time of each client, taken to be the same at any server, ms. */
  #serveMs: number[] = [];
  /** Clients that a candidate takes, by its index; Infinity: any number. */
  #places: number[] = [];
  /** Clients that one sample stands for. */
  #weight = 1;
  #cost: CostKind = 'delay';
  #limitMs = 0;
  /** Whether this candidate declined lately: it is not asked again for a while. */
  isRefuser: (peer: PeerHandle) => boolean = () => false;
  /** Clients that a candidate offered to take; 0 = any number. */
  placesOf: (peer: PeerHandle) => number = () => 0;
  /** The network neighbourhood of a peer, as a number. */
  subnetOf: (peer: PeerHandle) => number = (peer) => peer;

  constructor(server: PeerHandle) {
    this.#server = server;
  }

  /**
   * The group as of this round. `branches`: the samples by the child they came through; `clients`: how many there are in all; `reliefMs`:
   * the service time that clients of this server, when it is full, can expect elsewhere.
   */
  see(
    branches: readonly (readonly MemberSample[])[],
    clients: number,
    cost: CostKind,
    limitMs: number,
    reliefMs = Number.POSITIVE_INFINITY,
  ): void {
    this.#branches = branches;
    this.#samples = branches.flat();
    this.#weight = this.#samples.length === 0 ? 1 : Math.max(1, clients / this.#samples.length);
    this.#serveMs = this.#samples.map(({ delayMs, rttMs, server }) =>
      Math.min(Math.max(0, delayMs - rttMs), server === this.#server ? reliefMs : Number.POSITIVE_INFINITY),
    );
    this.#cost = cost;
    this.#limitMs = limitMs;
    this.#places = this.#samples.map(({ willing, peer }) => {
      const places = willing ? this.placesOf(peer) : 0;
      return places > 0 ? places : Number.POSITIVE_INFINITY;
    });
    this.#candidates = [];
    this.#surveys = 0;
    for (const [place, { willing, peer }] of this.#samples.entries())
      if (willing && !this.isRefuser(peer)) this.#candidates.push(place);
    this.takeStock();
  }

  /** A client measured the round trip to a candidate. The figure counts from the next `takeStock` on. */
  measured(client: PeerHandle, candidate: PeerHandle, rttMs: number): void {
    this.#distances.measured(client, candidate, rttMs);
  }

  isCandidate(peer: PeerHandle): boolean {
    return this.#candidates.some((place) => this.#samples[place]?.peer === peer);
  }

  takeStock(): void {
    this.#distances.survey(this.#samples);
  }

  // --- Surveys -----------------------------------------------------------------------------------------------------------

  /** Which clients should measure which candidates. Empty when everything that matters is known. */
  surveys(): SurveyPlan[] {
    const cards = new Map<PeerHandle, PeerCard[]>();
    const besides = Math.max(leastBesides, mostBesides / 2 ** this.#surveys);
    const clients = fewestClients * 2 ** this.#surveys;
    const clientsByLot = Math.round(shareByLot * clients);
    this.#surveys++;
    for (const place of this.#shortlist(besides)) {
      const candidate = this.#samples[place] as MemberSample;
      const askers = this.#samples
        .map((client, at) => ({ client, hope: client.rttMs - this.#distances.between(at, place) }))
        .filter(({ client }) => !this.#distances.knows(client.peer, candidate.peer))
        .sort((a, b) => b.hope - a.hope);
      const hopeful = askers.slice(0, clients - clientsByLot);
      const byLot = askers
        .slice(hopeful.length)
        .map(({ client }) => ({ client, lot: mix(client.peer ^ Math.imul(candidate.peer, 0x9e3779b1)) }))
        .sort((a, b) => a.lot - b.lot)
        .slice(0, clientsByLot);
      for (const { client } of byLot) this.#distances.pickedByLot(client.peer, candidate.peer);
      for (const { client } of [...hopeful, ...byLot]) {
        const asked = cards.get(client.peer) ?? [];
        if (asked.length >= mostCards) continue;
        asked.push({ peer: candidate.peer, coordinate: candidate.coordinate, rttMs: Number.NaN });
        cards.set(client.peer, asked);
      }
    }
    return [...cards].map(([client, of]) => ({ client, cards: of }));
  }

  /** Candidates worth measuring: the best by what is known so far, and the middles of the heaviest branches. */
  #shortlist(besides: number): Set<number> {
    const unknown = this.#candidates.filter((place) => this.#measuredShare(place) < 1);
    const best = (changeOf: (place: number) => number, count: number): number[] =>
      unknown
        .map((place) => ({ place, change: changeOf(place) }))
        .sort((a, b) => a.change - b.change)
        .slice(0, count)
        .map(({ place }) => place);
    const listed = new Set(best((place) => this.#promotionChange(place, null), besides));
    const first = this.#best((place) => this.#promotionChange(place, null));
    if (first !== null)
      for (const place of best((other) => this.#promotionChange(other, first.place), besides / 2)) listed.add(place);
    for (const place of best((other) => this.#moveChange(other), besides / 2)) listed.add(place);
    const heaviest = [...this.#branches].sort((a, b) => weightOf(b) - weightOf(a)).slice(0, heaviestBranches);
    for (const branch of heaviest) {
      const middle = this.#middleOf(branch, unknown);
      if (middle !== null) listed.add(middle);
    }
    return listed;
  }

  /** The candidate nearest to the middle of a branch. */
  #middleOf(branch: readonly MemberSample[], places: readonly number[]): number | null {
    const middle = middleOf(branch.map(({ coordinate }) => coordinate));
    let best: number | null = null;
    let bestMs = Number.POSITIVE_INFINITY;
    for (const place of places) {
      const ms = predictRttMs(middle, (this.#samples[place] as MemberSample).coordinate);
      if (ms >= bestMs) continue;
      best = place;
      bestMs = ms;
    }
    return best;
  }

  /** The share of the group that has measured a candidate. */
  #measuredShare(place: number): number {
    const { peer } = this.#samples[place] as MemberSample;
    let known = 0;
    for (const client of this.#samples) if (this.#distances.knows(client.peer, peer)) known++;
    return known / this.#samples.length;
  }

  /**
   * Whether peers of enough other subnets have measured a candidate: three, or as many as the group has. In a group of fewer subnets, any
   * three other peers are enough.
   */
  #isConfirmed(place: number): boolean {
    const { peer } = this.#samples[place] as MemberSample;
    const own = this.subnetOf(peer);
    const foreign = new Set<number>();
    const foreignKnowing = new Set<number>();
    let knowing = 0;
    for (const client of this.#samples) {
      const knows = client.peer !== peer && this.#distances.knows(client.peer, peer);
      const subnet = this.subnetOf(client.peer);
      if (knows) knowing++;
      if (subnet !== own) foreign.add(subnet);
      if (subnet !== own && knows) foreignKnowing.add(subnet);
    }
    if (foreign.size >= confirmations) return foreignKnowing.size >= confirmations;
    return knowing >= Math.min(confirmations, this.#samples.length - 1);
  }

  // --- Bids ---------------------------------------------------------------------------------------------------------------

  /**
   * The bids of this server. `ownRttMs`: the round trip from this server to the next nearest one, which it would use itself if it stopped
   * serving (NaN: not known); `loss`: what its clients would lose; `mayLeave`: false for the root, which cannot retire.
   */
  bids(ownRttMs: number, loss: number, mayLeave: boolean, at: Coordinate): Bid[] {
    const bids: Bid[] = [];
    const confirmed = new Set(this.#candidates.filter((place) => this.#isConfirmed(place)));
    const first = this.#best((place) =>
      confirmed.has(place) ? this.#promotionChange(place, null) : Number.POSITIVE_INFINITY,
    );
    if (first !== null && first.change < 0) {
      bids.push(this.#bid('promote', first));
      const second = this.#best((place) =>
        place === first.place || !confirmed.has(place)
          ? Number.POSITIVE_INFINITY
          : this.#promotionChange(place, first.place),
      );
      if (second !== null && second.change < 0) bids.push(this.#bid('promote', second));
    }
    if (!mayLeave) return bids;
    const retired = loss + costOf(this.#cost, ownRttMs, this.#limitMs);
    if (retired >= 0)
      bids.push({ action: 'retire', server: this.#server, candidates: [], coordinate: at, change: retired });
    const moved = this.#best((place) =>
      this.#measuredShare(place) < measuredForMove ? Number.POSITIVE_INFINITY : this.#moveChange(place),
    );
    if (moved !== null && moved.change < Number.POSITIVE_INFINITY) {
      const { rttMs, server, coordinate } = this.#samples[moved.place] as MemberSample;
      const backMs = server === this.#server ? rttMs : predictRttMs(at, coordinate);
      const own = costOf(this.#cost, Number.isNaN(ownRttMs) ? backMs : Math.min(backMs, ownRttMs), this.#limitMs);
      bids.push(this.#bid('move', { place: moved.place, change: moved.change + own }));
    }
    return bids;
  }

  /**
   * By how much the group's cost grows when all users of a server take their second choice, for each server that clients of this group use.
   * `unknownMs`: the delay assumed for a client that knows no other server.
   */
  losses(unknownMs: number): ReadonlyMap<PeerHandle, number> {
    const losses = new Map<PeerHandle, number>();
    for (const { server, secondMs, delayMs } of this.#samples) {
      const thenMs = Number.isNaN(secondMs) ? unknownMs : secondMs;
      const loss = Math.max(0, this.#costMs(thenMs) - this.#costMs(delayMs)) * this.#weight;
      losses.set(server, (losses.get(server) ?? 0) + loss);
    }
    return losses;
  }

  #best(changeOf: (place: number) => number): Scored | null {
    let best: Scored | null = null;
    for (const place of this.#candidates) {
      const change = changeOf(place);
      if (best === null || change < best.change) best = { place, change };
    }
    return best;
  }

  #bid(action: BidAction, { place, change }: Scored): Bid {
    const others = this.#candidates
      .filter((other) => other !== place)
      .map((other) => ({ other, ms: this.#distances.between(other, place) }))
      .sort((a, b) => a.ms - b.ms)
      .slice(0, alternatives)
      .map(({ other }) => (this.#samples[other] as MemberSample).peer);
    const { peer, coordinate } = this.#samples[place] as MemberSample;
    return { action, server: this.#server, candidates: [peer, ...others], coordinate, change };
  }

  /** The change if the candidate at `place` also served; `besides`: another candidate that is taken to serve already. */
  #promotionChange(place: number, besides: number | null): number {
    const places = (this.#places[place] as number) / this.#weight;
    const gains: number[] | null = Number.isFinite(places) ? [] : null;
    let change = 0;
    for (const [at, { delayMs }] of this.#samples.entries()) {
      const serveMs = this.#serveMs[at] as number;
      const nowMs = besides === null ? delayMs : Math.min(delayMs, serveMs + this.#distances.between(at, besides));
      const thenMs = serveMs + this.#distances.between(at, place);
      if (thenMs >= nowMs) continue;
      const gain = this.#costMs(thenMs) - this.#costMs(nowMs);
      change += gain;
      // The candidate itself takes none of its places.
      if (at !== place) gains?.push(gain);
    }
    // A client that finds no free place there gains nothing.
    for (const lost of gains?.sort((a, b) => a - b).slice(Math.floor(places)) ?? []) change -= lost;
    return change * this.#weight;
  }

  /** The change for the group if the candidate served instead of this server. */
  #moveChange(place: number): number {
    let change = 0;
    for (const [at, { delayMs, server, secondMs }] of this.#samples.entries()) {
      const thereMs = (this.#serveMs[at] as number) + this.#distances.between(at, place);
      const otherMs = server === this.#server ? secondMs : delayMs;
      const thenMs = Number.isNaN(otherMs) ? thereMs : Math.min(thereMs, otherMs);
      change += this.#costMs(thenMs) - this.#costMs(delayMs);
    }
    return change * this.#weight;
  }

  #costMs(delayMs: number): number {
    return costOf(this.#cost, delayMs, this.#limitMs);
  }
}

function weightOf(branch: readonly MemberSample[]): number {
  return branch.reduce((sum, { delayMs }) => sum + delayMs, 0);
}
