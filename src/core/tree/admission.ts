/**
 * Admission: which peers may become children of this one. Like the keeper of a small house, it decides whom to take, whom to ask to leave
 * for a better guest, and whom to send on to houses with room.
 *
 * A peer that might close a loop is never taken (rule `feasible`). While there is room, every other peer is. When there is none, an orphan
 * that is much nearer than the farthest child takes that child's place, unless this happened lately (rule `mayEvict`). A joiner that was
 * sent on and comes back has found no room elsewhere, and gets one of the few guest places.
 *
 * Kept while there is something to remember: most peers have room for the few that ask.
 *
 * Source: P2P Volunteers for Reliable Server Farms, section 3.3.2 (tree joining).
 */
import type { Child } from './child.ts';
import type { Children } from './children.ts';
import type { Context } from '../context.ts';
import type { PeerHandle } from '../ids.ts';
import type { Coordinate, Join, PeerCard, RedirectReason } from '../messages/index.ts';
import type { Place } from './place.ts';

/** What admission must know of the peer's place in the tree. */
export interface House {
  readonly isRoot: boolean;
  readonly parent: PeerHandle;
  readonly orphaned: boolean;
  /** About to move to another tree alone. */
  readonly closed: boolean;
  readonly isAtClientLimit: boolean;
  /** No newcomers from outside the tree. */
  readonly isShut: boolean;
  readonly beat: number;
  readonly below: Children;
  /** The place that it shows to joiners; null when it has none to show. */
  shown(): Place | null;
  candidatesFor(joiner: PeerHandle, coordinate: Coordinate): PeerCard[];
}

export type Verdict =
  { readonly accept: true; readonly evict: Child | null } | { readonly accept: false; readonly reason: RedirectReason };

/** A joiner that comes back within this many heartbeats after it was sent on has found no room elsewhere. */
const sentOnBeats = 120;
const sentOnKept = 32;
const nobody: readonly { readonly peer: PeerHandle; readonly atMs: number }[] = [];

export class Admission {
  readonly #ctx: Context;
  readonly #house: House;
  #lastEvictionBeat = Number.NEGATIVE_INFINITY;
  /** Orphans that were sent on lately, and when, ms. */
  #sentOn = nobody;

  constructor(ctx: Context, house: House) {
    this.#ctx = ctx;
    this.#house = house;
  }

  /** Nothing is remembered, so a new object would decide the same. */
  get hasNothingToRemember(): boolean {
    return this.#sentOn.length === 0 && this.#lastEvictionBeat === Number.NEGATIVE_INFINITY;
  }

  /** The answer to a request to become a child of this peer. */
  judge(from: PeerHandle, join: Join): Verdict {
    const { options, rules, draining, reachable, self } = this.#ctx;
    const house = this.#house;
    const { below } = house;
    const place = house.shown();
    if (draining) return { accept: false, reason: 'draining' };
    if (house.closed) return { accept: false, reason: 'not-a-parent' };
    if (from === self || from === house.parent || place === null || house.orphaned)
      return { accept: false, reason: 'not-a-parent' };
    if (!house.isRoot && !rules.mayBeParent(reachable)) return { accept: false, reason: 'not-a-parent' };
    const passed = join.passed === null ? null : { stamp: join.passed, depth: join.passedDepth };
    if (!rules.feasible(place, { passed, hasChildren: join.hasChildren }))
      return { accept: false, reason: 'infeasible' };
    if (below.get(from) !== null) return { accept: true, evict: null };
    if (house.isAtClientLimit) return { accept: false, reason: 'no-room' };
    // A joiner that comes back has found nothing better; one that moves within the tree has a parent.
    if (join.orphan && house.isShut && !this.#cameBack(from)) return this.#sendOn(from, join);
    const hasSpace = below.all.length < options.fanOut + options.guestRoom;
    if (hasSpace && below.residents < options.fanOut) return { accept: true, evict: null };

    const farthest = below.farthest();
    const eviction = {
      orphan: join.orphan,
      joinerRttMs: join.rttMs,
      worstRttMs: farthest?.rtt.medianMs() ?? Number.NaN,
      beatsSinceLast: house.beat - this.#lastEvictionBeat,
    };
    const isBearable = below.all.length <= options.fanOut + options.guestRoom;
    if (isBearable && farthest !== null && rules.mayEvict(eviction, options)) {
      this.#lastEvictionBeat = house.beat;
      return { accept: true, evict: farthest };
    }
    const bringsSubtree = house.isRoot && join.hasChildren;
    const nowhereElse = house.candidatesFor(from, join.coordinate).length === 0 || this.#cameBack(from);
    if (join.orphan && (bringsSubtree || nowhereElse) && hasSpace) return { accept: true, evict: null };
    return this.#sendOn(from, join);
  }

  #sendOn(from: PeerHandle, { orphan }: Join): Verdict {
    if (orphan) this.#sentOn = [{ peer: from, atMs: this.#ctx.nowMs }, ...this.#sentOn].slice(0, sentOnKept);
    return { accept: false, reason: 'no-room' };
  }

  #cameBack(from: PeerHandle): boolean {
    const { nowMs, intervalMs } = this.#ctx;
    return this.#sentOn.some(({ peer, atMs }) => peer === from && nowMs - atMs <= sentOnBeats * intervalMs);
  }
}
