/**
 * What a server knows of its own group, and what it proposes for it.
 *
 * Clients report what they feel and what their second choice would give. Who should serve besides, or instead, is a question of
 * distances between clients: estimates make a shortlist, some clients measure the way to those on it, and what was
 * measured is remembered, so a group that stays together is soon known exactly. A *bid* is a change with its expected effect on the
 * farm's cost: at most two promotions, one move, one retirement.
 *
 * A client that takes a candidate instead of its present server saves the difference of the two round trips; the time to serve
 * stays. So no bid needs to know how fast a candidate serves, and the round after shows whether it kept its promise.
 */
import { middleOf, mix, predictRttMs } from '../../core/index.ts';
import type { Bid, BidAction, Coordinate, MemberSample, PeerCard, PeerHandle } from '../../core/index.ts';
import { Distances } from './distances.ts';
import { mostCards } from '../round/errand.ts';
import { costOf } from '../requirement.ts';
import type { CostKind } from '../requirement.ts';

/** Who is to ask whom. */
export interface SurveyPlan {
  readonly client: PeerHandle;
  readonly cards: readonly PeerCard[];
}

/**
 * Candidates to measure: the best by estimate to serve besides; half as many after the first, and instead; and the middles of branches.
 * Estimates are far off at first. So a round's first survey asks few clients about many candidates, and each further one twice as many
 * about half of those: the hopeful are sorted out cheaply, the best known well.
 */
const mostBesides = 16;
const leastBesides = 4;
const heaviestBranches = 3;
/** Clients that measure the way to one candidate in the first survey of a round. */
const fewestClients = 8;
/** Of them, this share by lot; the others because they could gain most. */
const shareByLot = 3 / 8;
/** Alternatives to the first candidate, should it decline. */
const alternatives = 3;
/** A promise counts when peers of so many other subnets have measured the way to the candidate: its coordinates are its own word. */
const confirmations = 3;
/** A server only moves to where this share of its group has measured the way to. */
const measuredForMove = 0.95;

/** A candidate by its place among the samples, with the change it would bring. */
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
  /** What each client would need at any server besides the way, ms. */
  #serveMs: number[] = [];
  /** Clients that a candidate takes, by place; Infinity: any number. */
  #places: number[] = [];
  /** Clients that one sample stands for. */
  #weight = 1;
  #cost: CostKind = 'delay';
  #limitMs = 0;
  /** Candidates that declined lately are not asked again for a while. */
  isRefuser: (peer: PeerHandle) => boolean = () => false;
  /** Clients that a candidate offered to take; 0 = any number. */
  placesOf: (peer: PeerHandle) => number = () => 0;
  /** The network neighbourhood of a peer, as a number. */
  subnetOf: (peer: PeerHandle) => number = (peer) => peer;

  constructor(server: PeerHandle) {
    this.#server = server;
  }

  /**
   * The group as of this round. `branches`: the samples by the child they came through; `clients`: how many there are in all. `reliefMs`:
   * who leaves this server, a full one, will need no more besides the way than this.
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

  /** A client measured the way to a candidate. Counts from the next `takeStock` on. */
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

  /** Which clients should measure the way to which candidates. Empty when all that matters is known. */
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

  /** Share of the group that has measured the way to a candidate. */
  #measuredShare(place: number): number {
    const { peer } = this.#samples[place] as MemberSample;
    let known = 0;
    for (const client of this.#samples) if (this.#distances.knows(client.peer, peer)) known++;
    return known / this.#samples.length;
  }

  /**
   * Whether enough others know by measuring how far a candidate is: from three subnets besides its own, or as many as there are. A group
   * in fewer subnets than that has any three others do it.
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
   * What this server proposes. `ownRttMs`: the round trip from this server to the next nearest one, which it would use itself if
   * it no longer served (NaN: not known); `loss`: what its clients would lose; `mayLeave`: false for the root, which cannot retire.
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
   * What the group's cost grows by if everybody who uses a server has to take the second choice: for each server that clients of this
   * group use. `unknownMs`: what one would feel who knows no other server.
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

  /** The change if the candidate at `place` served as well; `besides`: another one that is taken to serve already. */
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
      // It takes no place of its own.
      if (at !== place) gains?.push(gain);
    }
    // Who finds no place there gains nothing.
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
