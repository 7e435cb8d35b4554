/**
 * Looks for a better place, now and then, on the parent's heartbeat. There are three questions.
 *
 * 1. Does the path from my parent to me run through a sibling anyway? Then move below the sibling: the same delay, and one copy less on the
 * shared links. When the parent is full, a longer detour is acceptable, since the place is worth more to others.
 * 2. Has an ancestor, or a sibling of my parent, room, and would the path from the tree's root be clearly shorter through it? Then move
 * there. The two paths are compared from where they part, as measured along the tree.
 * 3. For a client: is another server nearer than mine? Then move to its tree, alone; the children go to the old parent.
 *
 * Coordinates make the shortlist; pings decide. The slack of (1) is smaller than the gain that (2) asks for, so a peer does not oscillate.
 *
 * Source: P2P Volunteers, section 3.3.4 (both moves) and 3.4.2 (clients compare distances).
 */
import type { Context } from '../context.ts';
import { predictRttMs } from '../reach/coordinates.ts';
import type { PeerNumbers } from '../reach/peer-numbers.ts';
import { NOBODY } from '../ids.ts';
import { isFree } from '../servers/membership.ts';
import type { PeerHandle } from '../ids.ts';
import type { MemberRecord, PeerCard, Roster } from '../messages/index.ts';
import type { Answered, Pings } from '../reach/pings.ts';
import type { Tree } from './tree.ts';

/** A better place was found: another parent in the same tree, or another server's tree. */
export interface BetterPlace {
  readonly purpose: 'optimise' | 'change-server';
  readonly card: PeerCard;
}

interface Look {
  readonly tree: Tree;
  readonly card: PeerCard;
  readonly relation: 'sibling' | 'ancestor' | 'uncle';
  /** From the point where the two paths part: the delay to the parent, and to the candidate, ms. */
  readonly forkToParentMs: number;
  readonly forkToCardMs: number;
  /** The candidate's answer; it may come before the parent's. */
  answer: Answered | null;
}

const serversCompared = 2;
/** The slack for a detour when the parent is full, as a share of the gain that a move up asks for: below 1, or peers would oscillate. */
const crowdedSlackShare = 0.95;
/**
 * Looks between two comparisons of servers. A newcomer in view is measured at once, so a comparison only finds changes in the network. All
 * clients near a server measure it, so frequent comparisons would be a load that grows with the farm.
 */
const compareEveryLooks = 96;
/**
 * Looks between two questions to an ancestor that had no room: at first, and at most. All peers below the root would like to be its
 * children, and it would do nothing but refuse them.
 */
const firstPauseLooks = 4;
const longestPauseLooks = 64;

export class Optimisation {
  readonly #ctx: Context;
  readonly #pings: Pings;
  #look: Look | null = null;
  #lookingFrom: Tree | null = null;
  #looksUntilComparison = 0;
  #looksUntilAncestor = 0;
  #ancestorPauseLooks = firstPauseLooks;
  /** Round trips to the servers in view, ms. */
  readonly #distances: PeerNumbers;

  constructor(ctx: Context, pings: Pings, distances: PeerNumbers) {
    this.#ctx = ctx;
    this.#pings = pings;
    this.#distances = distances;
  }

  /** Starts a look within the tree: measures the parent and the most promising relative. */
  lookAround(tree: Tree): void {
    if (tree.parent === NOBODY || tree.parentRoster === null) return;
    this.#pings.ask(tree.parent, 'optimisation');
    this.#lookingFrom = tree;
    this.#look = this.#shortlist(tree);
    if (this.#look !== null) this.#pings.ask(this.#look.card.peer, 'optimisation');
  }

  /** Measures servers that have just come into view, and the own server to compare with. */
  meetServers(own: PeerHandle, newcomers: readonly MemberRecord[]): void {
    if (newcomers.length === 0) return;
    for (const { subject } of newcomers) this.#pings.ask(subject, 'comparison');
    if (own !== NOBODY && !newcomers.some((record) => record.subject === own)) this.#pings.ask(own, 'comparison');
  }

  /** Called on every look of a client: measures the own server and the nearest others again, now and then. */
  compareServers(own: PeerHandle, servers: () => readonly MemberRecord[]): void {
    if (this.#looksUntilComparison-- > 0) return;
    this.#looksUntilComparison = compareEveryLooks;
    const others = servers();
    this.keepOnly(own, others);
    const nearest = others
      .filter((record) => isFree(record) && record.subject !== own)
      .map((record) => ({ record, ms: this.#distanceMs(record) }))
      .sort((a, b) => a.ms - b.ms)
      .slice(0, serversCompared)
      .map(({ record }) => record);
    this.meetServers(own, nearest);
  }

  /** Forgets the distances of all servers but these and the own one. */
  keepOnly(own: PeerHandle, servers: readonly MemberRecord[]): void {
    this.#distances.keep((peer) => peer === own || servers.some((record) => record.subject === peer));
  }

  /** The measured round trip if there is one, else the predicted one. */
  #distanceMs({ subject, coordinate }: MemberRecord): number {
    const rttMs = this.#distances.get(subject);
    return Number.isNaN(rttMs) ? predictRttMs(coordinate, this.#ctx.coordinate) : rttMs;
  }

  /** Notes a round trip measured within the tree; returns the better place, if it shows one. */
  lookedAt(answer: Answered): BetterPlace | null {
    const look = this.#look;
    if (answer.peer === this.#lookingFrom?.parent) this.#lookingFrom.heardParentRtt(answer.rttMs);
    else if (look !== null && answer.peer === look.card.peer) look.answer = answer;
    if (look === null || look.answer === null) return null;
    const { tree, card, relation, forkToParentMs, forkToCardMs } = look;
    const parentMs = tree.parentRtt.medianMs();
    if (Number.isNaN(parentMs)) return null;
    this.#look = null;
    const { pong, rttMs } = look.answer;
    const isFull = (tree.kind === 'servers' ? pong.serverRoom : pong.clientRoom) === 0;
    if (relation === 'ancestor') {
      this.#looksUntilAncestor = isFull ? this.#ancestorPauseLooks : 0;
      this.#ancestorPauseLooks = isFull ? Math.min(longestPauseLooks, 2 * this.#ancestorPauseLooks) : firstPauseLooks;
    }
    if (isFull) return null;
    const better =
      relation === 'sibling'
        ? this.#isOnTheWay(card, parentMs, rttMs, this.#slack(tree))
        : this.#savesEnough(forkToParentMs + parentMs, forkToCardMs + rttMs);
    return better ? { purpose: 'optimise', card: { ...card, rttMs } } : null;
  }

  /** Notes a round trip to a server; returns that server's tree if one in view is clearly nearer than the own. */
  compared(answer: Answered, own: PeerHandle, others: readonly MemberRecord[]): BetterPlace | null {
    this.#distances.set(answer.peer, answer.rttMs);
    const ownMs = this.#distances.get(own);
    if (Number.isNaN(ownMs)) return null;
    let best: MemberRecord | null = null;
    let bestMs = Number.POSITIVE_INFINITY;
    for (const record of others) {
      const rttMs = this.#distances.get(record.subject);
      if (isFree(record) && record.subject !== own && rttMs < bestMs) {
        best = record;
        bestMs = rttMs;
      }
    }
    if (best === null || !this.#savesEnough(ownMs, bestMs)) return null;
    // If the move fails, the next look tries again.
    this.#looksUntilComparison = 0;
    return { purpose: 'change-server', card: { peer: best.subject, coordinate: best.coordinate, rttMs: bestMs } };
  }

  #shortlist(tree: Tree): Look | null {
    const { coordinate } = this.#ctx;
    const roster = tree.parentRoster;
    if (roster === null) return null;
    const parentMs = tree.parentRtt.medianMs();
    const directMs = Number.isNaN(parentMs) ? predictRttMs(tree.parentCoordinate ?? coordinate, coordinate) : parentMs;
    const sibling = this.#siblingOnTheWay(tree, roster, directMs);
    if (sibling !== null) return sibling;
    const ancestor = this.#looksUntilAncestor-- > 0 ? null : this.#ancestorThatSaves(tree, roster, directMs);
    return ancestor ?? this.#uncleThatSaves(tree, roster, directMs) ?? this.#explore(tree, roster);
  }

  #siblingOnTheWay(tree: Tree, roster: Roster, directMs: number): Look | null {
    const { self, coordinate } = this.#ctx;
    const slack = this.#slack(tree);
    let best: PeerCard | null = null;
    let bestDetour = Number.POSITIVE_INFINITY;
    for (const card of roster.siblings) {
      if (card.peer === self || tree.child(card.peer) !== null) continue;
      const siblingMs = predictRttMs(card.coordinate, coordinate);
      const detourMs = card.rttMs + siblingMs;
      if (detourMs < bestDetour && this.#isOnTheWay(card, directMs, siblingMs, slack)) {
        best = card;
        bestDetour = detourMs;
      }
    }
    return best === null ? null : lookAt(tree, best, 'sibling', 0, best.rttMs);
  }

  #ancestorThatSaves(tree: Tree, roster: Roster, directMs: number): Look | null {
    const { self, coordinate } = this.#ctx;
    let best: PeerCard | null = null;
    let bestGain = 0;
    for (const card of roster.ancestors.slice(0, -1)) {
      if (card.peer === self) continue;
      const throughTreeMs = card.rttMs + directMs;
      const gain = throughTreeMs - predictRttMs(card.coordinate, coordinate);
      if (gain > bestGain && this.#savesEnough(throughTreeMs, predictRttMs(card.coordinate, coordinate))) {
        best = card;
        bestGain = gain;
      }
    }
    return best === null ? null : lookAt(tree, best, 'ancestor', best.rttMs, 0);
  }

  /** One of the parent's siblings that qualify, at random: the best may be full, and would be asked again and again. */
  #uncleThatSaves(tree: Tree, roster: Roster, directMs: number): Look | null {
    const { self, coordinate, world } = this.#ctx;
    const grandparent = roster.ancestors.at(-2);
    if (grandparent === undefined) return null;
    const nowMs = grandparent.rttMs + directMs;
    const uncles = roster.uncles.filter(
      (card) =>
        card.peer !== self &&
        card.peer !== tree.parent &&
        tree.child(card.peer) === null &&
        this.#savesEnough(nowMs, card.rttMs + predictRttMs(card.coordinate, coordinate)),
    );
    const uncle = uncles[Math.floor(world.random() * uncles.length)];
    return uncle === undefined ? null : lookAt(tree, uncle, 'uncle', grandparent.rttMs, uncle.rttMs);
  }

  /** A random sibling: coordinates of peers that never met may be wrong about each other, and the measured round trip corrects them. */
  #explore(tree: Tree, roster: Roster): Look | null {
    const { self, world } = this.#ctx;
    const siblings = roster.siblings.filter((card) => card.peer !== self && tree.child(card.peer) === null);
    const card = siblings[Math.floor(world.random() * siblings.length)];
    return card === undefined ? null : lookAt(tree, card, 'sibling', 0, card.rttMs);
  }

  /** d(parent, sibling) + d(sibling, me) ≤ d(parent, me)·(1 + slack), the sibling being the nearer one to the parent. */
  #isOnTheWay(sibling: PeerCard, parentMs: number, siblingMs: number, slack: number): boolean {
    const { world, self } = this.#ctx;
    const nearer =
      sibling.rttMs < parentMs ||
      (sibling.rttMs === parentMs && world.fingerprint(sibling.peer) < world.fingerprint(self));
    return nearer && siblingMs < parentMs && sibling.rttMs + siblingMs <= parentMs * (1 + slack);
  }

  /** How much longer a detour through a sibling may be, as a share of the direct path. */
  #slack({ parentRoster }: Tree): number {
    const { fanOut, detourSlack, moveGain } = this.#ctx.options;
    const isCrowded = parentRoster !== null && parentRoster.siblings.length >= fanOut;
    return isCrowded ? Math.max(detourSlack, crowdedSlackShare * moveGain) : detourSlack;
  }

  #savesEnough(nowMs: number, thenMs: number): boolean {
    return thenMs <= nowMs * (1 - this.#ctx.options.moveGain);
  }
}

function lookAt(
  tree: Tree,
  card: PeerCard,
  relation: Look['relation'],
  forkToParentMs: number,
  forkToCardMs: number,
): Look {
  return { tree, card, relation, forkToParentMs, forkToCardMs, answer: null };
}
