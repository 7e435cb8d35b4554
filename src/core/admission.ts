/**
 * Who may hang below a peer, like the keeper of a small house: whom it lets in, for whom it sends somebody else away, and to whom it says
 * that there is room elsewhere.
 *
 * Nobody who might close a circle comes in (rule `feasible`). While there is room everybody else does. A full house lets an orphan take
 * the place of the child farthest away, if it is much nearer and that did not happen lately (rule `mayEvict`); and who comes back although
 * it was sent on has found nothing, and gets one of the few guest places.
 *
 * Made with the first request: most peers never get one.
 *
 * Source: P2P Volunteers for Reliable Server Farms, section 3.3.2 (tree joining).
 */
import type { Child } from './child.ts';
import type { Context } from './context.ts';
import type { PeerHandle } from './ids.ts';
import type { Join, RedirectReason } from './messages.ts';
import type { Tree } from './tree.ts';

export type Verdict =
  { readonly accept: true; readonly evict: Child | null } | { readonly accept: false; readonly reason: RedirectReason };

/** Who comes back within this many heartbeats after it was sent on has found no room with the others. */
const sentOnBeats = 120;
const sentOnKept = 32;

export class Admission {
  readonly #ctx: Context;
  readonly #tree: Tree;
  #lastEvictionBeat = Number.NEGATIVE_INFINITY;
  /** Orphans that were sent on lately, and when, ms. */
  #sentOn: readonly { readonly peer: PeerHandle; readonly atMs: number }[] = [];

  constructor(ctx: Context, tree: Tree) {
    this.#ctx = ctx;
    this.#tree = tree;
  }

  /** What becomes of a request to hang below this peer. */
  judge(from: PeerHandle, join: Join): Verdict {
    const { options, rules, draining, reachable, self } = this.#ctx;
    const tree = this.#tree;
    const place = tree.shown();
    if (draining) return { accept: false, reason: 'draining' };
    if (tree.closed) return { accept: false, reason: 'not-a-parent' };
    if (from === self || from === tree.parent || place === null || tree.orphaned)
      return { accept: false, reason: 'not-a-parent' };
    if (!tree.isRoot && !rules.mayBeParent(reachable)) return { accept: false, reason: 'not-a-parent' };
    const passed = join.passed === null ? null : { stamp: join.passed, depth: join.passedDepth };
    if (!rules.feasible(place, { passed, hasChildren: join.hasChildren }))
      return { accept: false, reason: 'infeasible' };
    if (tree.child(from) !== null) return { accept: true, evict: null };
    if (tree.isAtClientLimit) return { accept: false, reason: 'no-room' };
    // Who comes back has found nothing better; who moves within the tree has a parent.
    if (join.orphan && tree.isShut && !this.#cameBack(from)) return this.#sendOn(from, join);
    const hasSpace = tree.children.length < options.fanOut + options.guestRoom;
    if (hasSpace && tree.residents < options.fanOut) return { accept: true, evict: null };

    const worst = tree.worst();
    const eviction = {
      orphan: join.orphan,
      joinerRttMs: join.rttMs,
      worstRttMs: worst?.rtt.medianMs() ?? Number.NaN,
      beatsSinceLast: tree.beat - this.#lastEvictionBeat,
    };
    const isBearable = tree.children.length <= options.fanOut + options.guestRoom;
    if (isBearable && worst !== null && rules.mayEvict(eviction, options)) {
      this.#lastEvictionBeat = tree.beat;
      return { accept: true, evict: worst };
    }
    const bringsSubtree = tree.isRoot && join.hasChildren;
    const nowhereElse = tree.candidatesFor(from, join.coordinate).length === 0 || this.#cameBack(from);
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
