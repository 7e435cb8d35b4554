/**
 * The rules that keep a farm sane, each as one small predicate that can be read, tested, and taken away in a test to see
 * what it prevents.
 *
 * - `feasible`: against loops. Paths that peers remember go stale, so checking a path is not enough. As in loop-free
 *   distance-vector routing (DSDV's sequence numbers with DUAL's feasibility condition): follow only who provably heard
 *   from the root later than anything you ever passed on, or equally late and nearer to it.
 * - `mayEvict`: against livelock. Two peers must not push each other out for ever.
 * - `supersedes`: against resurrection. Old news of a server must not bring it back.
 * - `mayBeParent`: against unreachable parents. Who cannot be dialled cannot be found by an orphan.
 * - `mayShow`: against loops, too. Who has just moved still remembers news of its old parent, and they may be fresher than
 *   its new parent's; an ancestor that sees them would hang below its own descendant.
 * - `isStale`: against resurrection. Who slept longer than the dead are remembered must not talk of them as if they lived.
 * - `mayStay`: against needless orphans. Who is told to hang elsewhere keeps its place until it does.
 */
import type { MemberRecord, MemberState } from './messages/index.ts';
import type { TreeOptions } from './options.ts';
import { theSpeakers } from './speakers.ts';
import type { Speakers } from './speakers.ts';
import type { Place } from './tree/place.ts';

/** Who wants to hang below another. `passed` is the best place it ever passed down. */
export interface Mover {
  readonly passed: Place | null;
  readonly hasChildren: boolean;
}

export interface Rules {
  feasible(shown: Place, mover: Mover): boolean;
  mayEvict(request: Eviction, options: TreeOptions): boolean;
  supersedes(news: MemberRecord, known: MemberRecord | null): boolean;
  mayBeParent(reachable: boolean): boolean;
  /** Whether a peer passes its place down; `confirmed`: its present parent has stamped a heartbeat for it. */
  mayShow(confirmed: boolean): boolean;
  /** Whether a peer that was away this long, ms, has to forget what it knew of others. NaN = it was never in the farm. */
  isStale(awayMs: number, options: TreeOptions): boolean;
  /** Whether a child that was told to go may stay until it hangs elsewhere. */
  mayStay(): boolean;
  /** Who may say what: see `speakers.ts`. */
  readonly speakers: Speakers;
}

export interface Eviction {
  readonly orphan: boolean;
  /** The joiner's round trip, ms; NaN when it was not measured. */
  readonly joinerRttMs: number;
  /** The worst child's median round trip, ms; NaN when it was not measured. */
  readonly worstRttMs: number;
  /** Heartbeats since this parent last pushed a child out. */
  readonly beatsSinceLast: number;
}

const strength: Record<MemberState, number> = { joining: 0, serving: 1, draining: 2, gone: 3, excluded: 4 };

export const theRules: Rules = {
  /**
   * Nobody can be below a tree's root in that tree, and nobody is below a peer without children; those may always hang.
   * Else the place shown must be in the same tree and newer than all that was passed on, or as new and nearer to the root.
   */
  feasible(shown, mover) {
    if (shown.depth === 0 || !mover.hasChildren || mover.passed === null) return true;
    const { stamp, depth } = mover.passed;
    if (shown.stamp.root !== stamp.root) return false;
    const age = shown.stamp.life - stamp.life || shown.stamp.sequence - stamp.sequence;
    return age > 0 || (age === 0 && shown.depth < depth);
  },

  mayEvict(request, options) {
    return (
      request.orphan &&
      request.beatsSinceLast >= options.evictEveryBeats &&
      request.joinerRttMs <= options.evictRatio * request.worstRttMs
    );
  },

  /** An exclusion beats everything; then the higher incarnation; then gone > draining > serving > joining. */
  supersedes(news, known) {
    if (known === null) return true;
    if (known.state === 'excluded') return false;
    if (news.state === 'excluded') return true;
    if (news.incarnation !== known.incarnation) return news.incarnation > known.incarnation;
    return strength[news.state] > strength[known.state];
  },

  mayBeParent(reachable) {
    return reachable;
  },

  mayShow(confirmed) {
    return confirmed;
  },

  isStale(awayMs, options) {
    return awayMs > options.tombstoneMs;
  },

  mayStay() {
    return true;
  },

  speakers: theSpeakers,
};
