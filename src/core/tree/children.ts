/**
 * The children of one peer in one tree, in the order in which it accepted them. Most peers have none; all of those share the same
 * empty list.
 */
import { invariant } from '../invariant.ts';
import { Child } from './child.ts';
import type { Context } from '../context.ts';
import type { PeerHandle, TreeKind } from '../ids.ts';
import type { Join } from '../messages/index.ts';

const nobody: readonly Child[] = [];

export class Children {
  readonly #kind: TreeKind;
  readonly #ctx: Context;
  /** Made anew when a child comes or goes, at the exact size: an array grown by `push` has room for sixteen more. */
  #all: readonly Child[] = nobody;

  constructor(kind: TreeKind, ctx: Context) {
    this.#kind = kind;
    this.#ctx = ctx;
  }

  get all(): readonly Child[] {
    return this.#all;
  }

  get(peer: PeerHandle): Child | null {
    for (const child of this.#all) if (child.peer === peer) return child;
    return null;
  }

  /** How many have not been asked to leave. */
  get residents(): number {
    let count = 0;
    for (const child of this.#all) if (!child.evicted) count++;
    return count;
  }

  // --- Coming and going -----------------------------------------------------------------------------------------------------

  /** Returns whether the child is new; one that is here already begins anew. */
  take(peer: PeerHandle, join: Join): boolean {
    const { nowMs, pulses, self } = this.#ctx;
    const known = this.get(peer);
    const child = known ?? this.#add(peer, join);
    if (known !== null) {
      known.evicted = false;
      pulses.seats.setHeardAtMs(known.seat, nowMs);
      pulses.seats.setRosterVersion(known.seat, -1);
      pulses.seats.setSteadyRttMs(known.seat, -1);
    } else if (this.#kind === 'clients') {
      pulses.seated(peer, child.seat);
      pulses.seatClients(self, this.#all);
    }
    child.rtt.add(join.rttMs);
    return known === null;
  }

  #add(peer: PeerHandle, join: Join): Child {
    const { nowMs, pulses, self, options } = this.#ctx;
    invariant(peer !== self, 'nobody is its own child');
    // One more than there is room for: an orphan may evict the farthest child, which stays until it has another parent.
    invariant(
      this.#all.length <= options.fanOut + options.guestRoom,
      'nobody takes more children than it has room for',
    );
    const seat = pulses.seats.take(self, peer, nowMs);
    const child = new Child(peer, join, pulses.seats, seat);
    this.#all = this.#all.concat(child);
    return child;
  }

  /** Returns the child that is gone; null when the peer was none. */
  drop(peer: PeerHandle): Child | null {
    const child = this.get(peer);
    if (child === null) return null;
    const { pulses, self } = this.#ctx;
    invariant(pulses.seats.childOf(child.seat) === peer, 'a child that goes sat in its own seat');
    this.#all = this.#all.length === 1 ? nobody : this.#all.filter((other) => other !== child).slice();
    pulses.seats.release(child.seat);
    if (this.#kind === 'clients') pulses.seatClients(self, this.#all);
    return child;
  }

  /** Releases all seats: the peer is stopped. */
  close(): void {
    for (const { seat } of this.#all) this.#ctx.pulses.seats.release(seat);
  }

  // --- Heartbeats -----------------------------------------------------------------------------------------------------------

  /** Children that were silent for `missedBeats` intervals. */
  silent(): readonly Child[] {
    return this.hasSilent ? this.#all.filter(({ seat }) => this.#isSilent(seat)) : nobody;
  }

  get hasSilent(): boolean {
    for (const { seat } of this.#all) if (this.#isSilent(seat)) return true;
    return false;
  }

  #isSilent(seat: number): boolean {
    const { nowMs, pulses } = this.#ctx;
    return nowMs - pulses.seats.heardAtMs(seat) > this.silenceMs;
  }

  /** How long a child may be silent, ms. */
  get silenceMs(): number {
    const { options, patienceMs } = this.#ctx;
    return (options.missedBeats + 0.5) * patienceMs;
  }

  /** Calls `tell` with each child, and whether the child has this version of the roster. */
  each(rosterVersion: number, tell: (child: PeerHandle, isUpToDate: boolean) => void): void {
    const { seats } = this.#ctx.pulses;
    for (const { peer, seat } of this.#all) tell(peer, seats.rosterVersion(seat) === rosterVersion);
  }

  /** Peers in the subtree below and including this peer, and its height. */
  extent(): { size: number; height: number } {
    const { seats } = this.#ctx.pulses;
    let size = 1;
    let height = 0;
    for (const { seat } of this.#all) {
      size += seats.size(seat);
      height = Math.max(height, seats.height(seat) + 1);
    }
    return { size, height };
  }

  // --- Who would have to go ---------------------------------------------------------------------------------------------------

  /** The farthest child that has not been asked to leave. */
  farthest(): Child | null {
    let farthest: Child | null = null;
    let farthestMs = -1;
    for (const child of this.#all) {
      const rttMs = child.rtt.medianMs();
      if (!child.evicted && rttMs > farthestMs) {
        farthest = child;
        farthestMs = rttMs;
      }
    }
    return farthest;
  }

  /**
   * The guest, beyond `fanOut`, that should find another parent. First one that can have no children, if there is another that can: such
   * leaves in all places near the root would close the tree to every other peer. Then the farthest.
   */
  surplus(): Child | null {
    const { options, rules } = this.#ctx;
    if (this.residents <= options.fanOut) return null;
    const usable = (child: Child): boolean => rules.mayBeParent(child.reachable);
    const leaf = this.#all.some(usable) ? this.#all.find((child) => !child.evicted && !usable(child)) : undefined;
    return leaf ?? this.farthest() ?? this.#all.findLast((child) => !child.evicted) ?? null;
  }
}
