/**
 * The rules that keep a farm sane. Each is one small predicate that can be read, tested, and switched off in a test to see what it
 * prevents.
 *
 * - `feasible`: against loops. Remembered paths go stale, so checking a path is not enough. As in loop-free distance-vector routing (DSDV's
 *   sequence numbers with DUAL's feasibility condition), a peer follows only a parent that provably heard from the root later than anything
 *   the peer ever passed on, or equally late and nearer to the root.
 * - `mayEvict`: against livelock. Two peers must not evict each other for ever.
 * - `supersedes`: against resurrection. An old record of a server must not replace a newer one.
 * - `mayBeParent`: against unreachable parents. An orphan cannot reach a parent that cannot be dialled.
 * - `mayShow`: against loops, too. A peer that has just moved remembers stamps of its old parent, which may be newer than its new parent's.
 *   An ancestor that saw them would attach below its own descendant.
 * - `isStale`: against resurrection. A peer that was away longer than tombstones last must not spread its records.
 * - `mayStay`: against needless orphans. A child that was asked to leave keeps its place until it has another.
 */
import type { MemberRecord, MemberState } from './messages/index.ts';
import type { TreeOptions } from './options.ts';
import { theSpeakers } from './speakers.ts';
import type { Speakers } from './speakers.ts';
import type { Place } from './tree/place.ts';

/** A peer that wants another as its parent. `passed` is the best place it ever passed down. */
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
  /** Whether a peer that was away for this time, ms, must forget what it knew of others. NaN = it was never in the farm. */
  isStale(awayMs: number, options: TreeOptions): boolean;
  /** Whether a child that was asked to leave may stay until it has another parent. */
  mayStay(): boolean;
  /** Which peer may say what: see `speakers.ts`. */
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
   * A tree's root has nobody above it, and a peer without children has nobody below it: in either case no loop is possible. Otherwise the
   * place shown must be in the same tree, and newer than everything passed on, or equally new and nearer to the root.
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
