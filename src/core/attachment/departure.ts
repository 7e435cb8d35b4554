/**
 * Leaving in order (graceful shutdown).
 *
 * A server that drains announces it, asks its children to move, and serves until they have other parents. Then it becomes a client again
 * (`drain`) or leaves the farm (`leave`). The wait is bounded: after a number of beats the peer goes anyway, and the remaining children
 * repair as they would after a crash.
 *
 * Source: P2P Volunteers, section 3.4.1 (service quitting).
 */
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { Joining } from './joining.ts';
import type { Evict, PeerCard } from '../messages/index.ts';
import { cardOf } from '../parts.ts';
import type { Parts } from '../parts.ts';
import { timerNames } from '../timers.ts';
import type { Tree } from '../tree/tree.ts';

/** Beats between two reminders to children that have not moved yet. */
const remindEveryBeats = 3;

/** The peer's parent and children in its trees. */
export interface Ties {
  readonly joining: Joining;
  /** Asks a child to find another parent, for instance one of these. */
  evict(tree: Tree, child: PeerHandle, reason: Evict['reason'], candidates: readonly PeerCard[]): void;
  childLost(tree: Tree, child: PeerHandle, reason: 'left'): void;
}

export class Departure {
  readonly #parts: Parts;
  readonly #ties: Ties;
  #intent: 'none' | 'drain' | 'leave' = 'none';
  #steppingDown = false;
  #beats = 0;

  constructor(parts: Parts, ties: Ties) {
    this.#parts = parts;
    this.#ties = ties;
  }

  /** Stops serving and stays a client. */
  drain(): void {
    const { ctx } = this.#parts;
    ctx.limits = null;
    if (ctx.role === 'server') this.#begin('drain');
    else ctx.world.tell({ type: 'drained' });
  }

  /** Stops serving because the root ordered it. The offer to serve stands, so the root may ask again. */
  retire(): void {
    if (this.#parts.ctx.role === 'server') this.#begin('drain');
  }

  /** Leaves the farm. */
  leave(): void {
    const { ctx } = this.#parts;
    ctx.limits = null;
    if (ctx.role === 'outside') ctx.world.tell({ type: 'left' });
    else this.#begin('leave');
  }

  #begin(intent: 'drain' | 'leave'): void {
    const { ctx, membership, servers } = this.#parts;
    this.#intent = intent;
    if (ctx.draining) return;
    ctx.draining = true;
    ctx.world.tell({ type: 'draining-began' });
    this.#beats = 0;
    ctx.timers.set('drain', ctx.nowMs + ctx.options.drainBeats * ctx.intervalMs);
    // The parent field stays the same within an incarnation: every peer that holds the last record must agree on which parent may write
    // `gone`.
    const own = membership.get(ctx.self);
    if (ctx.role === 'server' && own?.state !== 'excluded')
      membership.declare('draining', own?.parent ?? servers.parent);
    this.#sendChildrenOn();
    this.#finishIfEmpty();
  }

  /** Called on every beat. */
  beat(): void {
    if (this.#intent === 'none') return;
    this.#beats++;
    if (this.#beats % remindEveryBeats === 0) this.#sendChildrenOn();
    this.#finishIfEmpty();
  }

  /** The time limit has passed: the peer goes, whether or not children remain. */
  overdue(): void {
    if (this.#intent !== 'none') this.#finish();
  }

  #sendChildrenOn(): void {
    const { ctx, clients, servers } = this.#parts;
    const others = this.#parts.knownServers().map(cardOf);
    for (const tree of [servers, clients]) {
      const up: PeerCard[] = tree.isRoot ? [] : [...(tree.parentRoster?.ancestors ?? [])].reverse();
      const siblings = tree.isRoot ? [] : (tree.parentRoster?.siblings ?? []);
      const candidates = [...up, ...siblings, ...others].filter((card) => card.peer !== ctx.self);
      for (const child of tree.children) this.#ties.evict(tree, child.peer, 'draining', candidates.slice(0, 8));
    }
  }

  #finishIfEmpty(): void {
    const { servers, clients } = this.#parts;
    if (servers.children.length === 0 && clients.children.length === 0) this.#finish();
  }

  #finish(): void {
    const { ctx } = this.#parts;
    if (this.#intent === 'drain' && ctx.role === 'server') {
      this.#stepDown();
      return;
    }
    if (this.#intent !== 'leave') return;
    this.#intent = 'none';
    this.#depart();
  }

  #stepDown(): void {
    if (this.#steppingDown && this.#ties.joining.purpose === 'step-down') return;
    this.#steppingDown = true;
    const { servers, clients, ctx } = this.#parts;
    this.#letGo(servers);
    this.#letGo(clients);
    const candidates = this.#parts.knownServers().map(cardOf);
    candidates.push({ peer: ctx.authority.origin, coordinate: ctx.coordinate, rttMs: Number.NaN });
    this.#ties.joining.begin('step-down', clients, candidates);
  }

  /** The peer has left the tree of servers and has a place in a client tree. */
  steppedDown(): void {
    const { ctx } = this.#parts;
    this.#steppingDown = false;
    const wasDrain = this.#intent === 'drain';
    if (wasDrain) {
      this.#intent = 'none';
      ctx.draining = false;
      ctx.timers.clear('drain');
    }
    this.#sayGone();
    if (wasDrain) ctx.world.tell({ type: 'drained' });
  }

  #depart(): void {
    const { ctx } = this.#parts;
    for (const tree of this.#parts.trees()) this.#letGo(tree);
    if (ctx.isServer()) this.#sayGone();
    this.#ties.joining.cancel();
    for (const tree of this.#parts.trees()) {
      if (tree.parent !== NOBODY) {
        ctx.world.send(tree.parent, { kind: 'part', tree: tree.kind });
        ctx.world.disconnect(tree.parent);
      }
      tree.leave();
    }
    for (const timer of timerNames) ctx.timers.clear(timer);
    ctx.draining = false;
    ctx.become('outside');
    ctx.world.tell({ type: 'left' });
  }

  /** The peer's last membership record as a server, sent at once to the neighbours, who pass it on. */
  #sayGone(): void {
    const { ctx, membership, servers } = this.#parts;
    const own = membership.get(ctx.self);
    if (own === null || own.state === 'excluded') return;
    const record = membership.declare('gone', ctx.self);
    const listener = servers.parent !== NOBODY ? servers.parent : ctx.authority.leader;
    if (listener !== ctx.self) ctx.world.send(listener, { kind: 'members', records: [record], snapshot: false });
  }

  #letGo(tree: Tree): void {
    const { ctx } = this.#parts;
    for (const child of [...tree.children]) {
      ctx.world.send(child.peer, { kind: 'disown', tree: tree.kind });
      this.#ties.childLost(tree, child.peer, 'left');
    }
  }
}
