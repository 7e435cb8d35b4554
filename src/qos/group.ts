/**
 * What a server knows of its own group, and what it proposes for it.
 *
 * Clients report what they feel and what their second choice would give. Who should serve besides, or instead, is a question of
 * distances between clients: coordinates make a shortlist, some clients measure the way to those on it, and what was
 * measured is remembered, so a group that stays together is soon known exactly. A *bid* is a change with its expected effect on the
 * farm's cost: at most two promotions, one move, one retirement.
 *
 * A client that takes a candidate instead of its present server saves the difference of the two round trips; the time to serve
 * stays. So no bid needs to know how fast a candidate serves, and the round after shows whether it kept its promise.
 */
import type { PeerHandle } from '../core/ids.ts';
import { predictRttMs } from '../core/coordinates.ts';
import type { Bid, Coordinate, MemberSample, PeerCard } from '../core/messages.ts';
import { costOf } from './requirement.ts';
import type { CostKind } from './requirement.ts';

/** Who is to ask whom. */
export interface SurveyPlan {
  readonly client: PeerHandle;
  readonly cards: readonly PeerCard[];
}

const bestByCoordinates = 4;
const heaviestBranches = 3;
/** Clients that measure the way to one candidate. */
const clientsPerCandidate = 16;
/** Candidates that one client measures in one round. */
export const mostCards = 8;
/** Alternatives to the first candidate, should it decline. */
const alternatives = 3;
/** A server only moves to where this share of its group has measured the way to. */
const measuredForMove = 0.8;
/** Pairs whose distance is remembered. */
const mostPairs = 16_384;

export class Group {
  readonly #server: PeerHandle;
  readonly #measured = new Map<number, number>();
  #samples: readonly MemberSample[] = [];
  #branches: readonly (readonly MemberSample[])[] = [];
  /** Clients that one sample stands for. */
  #weight = 1;
  #cost: CostKind = 'delay';
  #limitMs = 0;
  /** Candidates that declined lately are not asked again for a while. */
  isRefuser: (peer: PeerHandle) => boolean = () => false;

  constructor(server: PeerHandle) {
    this.#server = server;
  }

  /** The group as of this round. `branches`: the samples by the child they came through; `clients`: how many there are in all. */
  see(branches: readonly (readonly MemberSample[])[], clients: number, cost: CostKind, limitMs: number): void {
    this.#branches = branches;
    this.#samples = branches.flat();
    this.#weight = this.#samples.length === 0 ? 1 : Math.max(1, clients / this.#samples.length);
    this.#cost = cost;
    this.#limitMs = limitMs;
  }

  /** A client measured the way to a candidate. */
  measured(client: PeerHandle, candidate: PeerHandle, rttMs: number): void {
    if (!(rttMs >= 0)) return;
    const key = pairOf(client, candidate);
    this.#measured.delete(key);
    this.#measured.set(key, rttMs);
    for (const oldest of this.#measured.keys()) {
      if (this.#measured.size <= mostPairs) break;
      this.#measured.delete(oldest);
    }
  }

  // --- Surveys -----------------------------------------------------------------------------------------------------------

  /** Which clients should measure the way to which candidates. Empty when all that matters is known. */
  surveys(): SurveyPlan[] {
    const cards = new Map<PeerHandle, PeerCard[]>();
    for (const candidate of this.#shortlist()) {
      const askers = this.#samples
        .filter((client) => client.peer !== candidate.peer && !this.#knows(client.peer, candidate.peer))
        .map((client) => ({ client, hope: client.rttMs - predictRttMs(client.coordinate, candidate.coordinate) }))
        .sort((a, b) => b.hope - a.hope)
        .slice(0, clientsPerCandidate);
      for (const { client } of askers) {
        const asked = cards.get(client.peer) ?? [];
        if (asked.length >= mostCards) continue;
        asked.push({ peer: candidate.peer, coordinate: candidate.coordinate, rttMs: Number.NaN });
        cards.set(client.peer, asked);
      }
    }
    return [...cards].map(([client, of]) => ({ client, cards: of }));
  }

  /** Candidates worth measuring: the best by what is known so far, and the middles of the heaviest branches. */
  #shortlist(): MemberSample[] {
    const unknown = this.#candidates().filter((candidate) => this.#isWorthAsking(candidate));
    const byGain = (pool: MemberSample[]): MemberSample[] =>
      pool
        .map((candidate) => ({ candidate, change: this.#promotionChange(candidate, null) }))
        .sort((a, b) => a.change - b.change)
        .map(({ candidate }) => candidate);
    const listed = new Set(byGain(unknown).slice(0, bestByCoordinates));
    const [first] = listed;
    if (first !== undefined) {
      const second = unknown
        .filter((candidate) => candidate !== first)
        .map((candidate) => ({ candidate, change: this.#promotionChange(candidate, first) }))
        .sort((a, b) => a.change - b.change)[0];
      if (second !== undefined) listed.add(second.candidate);
    }
    const byMove = unknown
      .map((candidate) => ({ candidate, change: this.#moveChange(candidate) }))
      .sort((a, b) => a.change - b.change);
    for (const { candidate } of byMove.slice(0, 2)) listed.add(candidate);
    const heaviest = [...this.#branches].sort((a, b) => weightOf(b) - weightOf(a)).slice(0, heaviestBranches);
    for (const branch of heaviest) {
      const middle = this.#middleOf(branch, unknown);
      if (middle !== null) listed.add(middle);
    }
    return [...listed];
  }

  /** The candidate nearest to the middle of a branch. */
  #middleOf(branch: readonly MemberSample[], candidates: readonly MemberSample[]): MemberSample | null {
    if (branch.length === 0) return null;
    const middle: Coordinate = { x: 0, y: 0, z: 0, height: 0, error: 0 };
    const sum = { ...middle } as { x: number; y: number; z: number; height: number; error: number };
    for (const { coordinate } of branch) {
      sum.x += coordinate.x / branch.length;
      sum.y += coordinate.y / branch.length;
      sum.z += coordinate.z / branch.length;
    }
    let best: MemberSample | null = null;
    let bestMs = Number.POSITIVE_INFINITY;
    for (const candidate of candidates) {
      const ms = predictRttMs(sum, candidate.coordinate);
      if (ms < bestMs) {
        best = candidate;
        bestMs = ms;
      }
    }
    return best;
  }

  /** Somebody who could gain by this candidate has not measured the way to it. */
  #isWorthAsking(candidate: MemberSample): boolean {
    let asked = 0;
    for (const client of this.#samples) if (this.#knows(client.peer, candidate.peer)) asked++;
    return asked < this.#samples.length - 1;
  }

  #knows(a: PeerHandle, b: PeerHandle): boolean {
    return this.#measured.has(pairOf(a, b));
  }

  #candidates(): MemberSample[] {
    return this.#samples.filter((sample) => sample.willing && !this.isRefuser(sample.peer));
  }

  // --- Bids ---------------------------------------------------------------------------------------------------------------

  /**
   * What this server proposes. `ownRttMs`: the round trip from this server to the next nearest one, which it would use itself if
   * it no longer served (NaN: not known); `mayLeave`: false for the root, which cannot retire.
   */
  bids(ownRttMs: number, loss: number, mayLeave: boolean, at: Coordinate): Bid[] {
    const bids: Bid[] = [];
    const first = this.#best((candidate) => this.#promotionChange(candidate, null));
    if (first !== null && first.change < 0) {
      bids.push(this.#bid('promote', first));
      const second = this.#best((candidate) =>
        candidate === first.candidate ? Number.POSITIVE_INFINITY : this.#promotionChange(candidate, first.candidate),
      );
      if (second !== null && second.change < 0) bids.push(this.#bid('promote', second));
    }
    if (!mayLeave) return bids;
    const retired = loss + costOf(this.#cost, ownRttMs, this.#limitMs);
    if (retired >= 0) {
      bids.push({ action: 'retire', server: this.#server, candidates: [], coordinate: at, change: retired });
    }
    const moved = this.#best((candidate) =>
      this.#measuredShare(candidate) < measuredForMove ? Number.POSITIVE_INFINITY : this.#moveChange(candidate),
    );
    if (moved !== null && moved.change < Number.POSITIVE_INFINITY) {
      const self = this.#distance(moved.candidate.peer, this.#server) ?? predictRttMs(at, moved.candidate.coordinate);
      bids.push(this.#bid('move', { ...moved, change: moved.change + costOf(this.#cost, self, this.#limitMs) }));
    }
    return bids;
  }

  /** What the group's cost grows by if everybody takes its second choice. */
  loss(unknownMs: number): number {
    let loss = 0;
    for (const client of this.#samples) {
      if (client.server !== this.#server) continue;
      const then = Number.isNaN(client.secondMs) ? unknownMs : client.secondMs;
      loss += Math.max(0, this.#costMs(then) - this.#costMs(client.delayMs));
    }
    return loss * this.#weight;
  }

  #best(changeOf: (candidate: MemberSample) => number): { candidate: MemberSample; change: number } | null {
    let best: { candidate: MemberSample; change: number } | null = null;
    for (const candidate of this.#candidates()) {
      const change = changeOf(candidate);
      if (best === null || change < best.change) best = { candidate, change };
    }
    return best;
  }

  #bid(action: 'promote' | 'move', { candidate, change }: { candidate: MemberSample; change: number }): Bid {
    const others = this.#candidates()
      .filter((other) => other !== candidate)
      .map((other) => ({ other, ms: this.#rttMs(other, candidate) }))
      .sort((a, b) => a.ms - b.ms)
      .slice(0, alternatives)
      .map(({ other }) => other.peer);
    const { peer, coordinate } = candidate;
    return { action, server: this.#server, candidates: [peer, ...others], coordinate, change };
  }

  /** The change if `candidate` served as well; `besides`: another one that is taken to serve already. */
  #promotionChange(candidate: MemberSample, besides: MemberSample | null): number {
    const correction = this.#correction(candidate);
    const correctionBesides = besides === null ? 1 : this.#correction(besides);
    let change = 0;
    for (const client of this.#samples) {
      const serveMs = Math.max(0, client.delayMs - client.rttMs);
      let nowMs = client.delayMs;
      if (besides !== null) nowMs = Math.min(nowMs, serveMs + this.#rttMs(client, besides, correctionBesides));
      const thenMs = Math.min(nowMs, serveMs + this.#rttMs(client, candidate, correction));
      change += this.#costMs(thenMs) - this.#costMs(nowMs);
    }
    return change * this.#weight;
  }

  /** The change for the group if `candidate` served instead of this server. */
  #moveChange(candidate: MemberSample): number {
    const correction = this.#correction(candidate);
    let change = 0;
    for (const client of this.#samples) {
      const serveMs = Math.max(0, client.delayMs - client.rttMs);
      const thereMs = serveMs + this.#rttMs(client, candidate, correction);
      const otherMs = client.server === this.#server ? client.secondMs : client.delayMs;
      const thenMs = Number.isNaN(otherMs) ? thereMs : Math.min(thereMs, otherMs);
      change += this.#costMs(thenMs) - this.#costMs(client.delayMs);
    }
    return change * this.#weight;
  }

  #costMs(delayMs: number): number {
    return costOf(this.#cost, delayMs, this.#limitMs);
  }

  #distance(a: PeerHandle, b: PeerHandle): number | undefined {
    return a === b ? 0 : this.#measured.get(pairOf(a, b));
  }

  #rttMs(client: MemberSample, candidate: MemberSample, correction = 1): number {
    const knownMs = this.#distance(client.peer, candidate.peer);
    if (knownMs !== undefined) return knownMs;
    const guessMs = correction * predictRttMs(client.coordinate, candidate.coordinate);
    if (client.server !== candidate.server) return guessMs;
    // Both measured the way to the same server: the third side of that triangle has bounds.
    const leastMs = Math.abs(client.rttMs - candidate.rttMs);
    return Math.min(client.rttMs + candidate.rttMs, Math.max(leastMs, guessMs));
  }

  /** Share of the group that has measured the way to a candidate. */
  #measuredShare(candidate: MemberSample): number {
    let known = 0;
    for (const { peer } of this.#samples) if (this.#distance(peer, candidate.peer) !== undefined) known++;
    return known / this.#samples.length;
  }

  /** How far coordinates are off about a candidate: measured over predicted, over those who measured. */
  #correction(candidate: MemberSample): number {
    let measuredMs = 0;
    let predictedMs = 0;
    for (const client of this.#samples) {
      const ms = this.#measured.get(pairOf(client.peer, candidate.peer));
      if (ms === undefined) continue;
      measuredMs += ms;
      predictedMs += predictRttMs(client.coordinate, candidate.coordinate);
    }
    return predictedMs > 0 && measuredMs > 0 ? measuredMs / predictedMs : 1;
  }
}

function weightOf(branch: readonly MemberSample[]): number {
  return branch.reduce((sum, { delayMs }) => sum + delayMs, 0);
}

/** A pair of peers as one number; the way there is as long as the way back. */
function pairOf(a: PeerHandle, b: PeerHandle): number {
  return a < b ? a * 2 ** 26 + b : b * 2 ** 26 + a;
}
