/**
 * A peer's work on every beat, in order: count silent neighbours, send heartbeats, look after the neighbourhood.
 */
import { invariant } from './invariant.ts';
import type { Attachment } from './attachment/attachment.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { Parts } from './parts.ts';
import { beat, isSteadyFor } from './heartbeat.ts';
import { Sweep } from './servers/sweep.ts';
import type { Tree } from './tree/tree.ts';

/** Beats between two reminders to a guest that should find another parent. */
const remindEveryBeats = 5;
/** Time between two records on disk that the peer is still in the farm, ms. */
const attachedEveryMs = 3_600_000;
const expireEveryBeats = 600;
const askAgainBeats = 3;
/**
 * Exponential back-off of looks for a better place: this many looks come at the pace of the options while the neighbourhood stays the same.
 * Each further one takes twice as long to come, up to this many doublings.
 */
const eagerLooks = 8;
const mostDoublings = 3;
/** Beats between two views, since servers come in bursts. A server that left or is full is reported at once. */
const viewEveryBeats = 4;
/** A client that changes servers hands its children over first. It waits at most this long, then gives the move up. */
const handoverBeats = 10;

export class Upkeep {
  readonly #parts: Parts;
  readonly #attachment: Attachment;
  /** Servers only. */
  #sweep: Sweep | null = null;
  #beat = 0;
  /** When the next record is due that the peer is in the farm, ms. */
  #noteAtMs = 0;
  #untilLook = -1;
  /** Looks since the last change of the neighbourhood, and that neighbourhood: the parent, and the version of its roster. */
  #looks = 0;
  #lookedFrom: PeerHandle = NOBODY;
  #lookedAtRoster = 0;
  #handover = 0;
  #nextViewBeat = 0;

  constructor(parts: Parts, attachment: Attachment) {
    this.#parts = parts;
    this.#attachment = attachment;
  }

  beat(): void {
    const { ctx } = this.#parts;
    this.#catchUp();
    this.#beat++;
    if (ctx.isServer()) this.#buryTheSilent(this.#parts.servers);
    this.#buryTheSilent(this.#parts.clients);
    this.#showView();
    beat(this.#parts);
    if (this.#beat % remindEveryBeats === 0) for (const tree of this.#parts.trees()) this.#thinOut(tree);
    if (!ctx.reachable || ctx.nowMs >= ctx.dialledEnoughUntilMs) this.#parts.reachability.beat();
    if (ctx.isServer()) {
      this.#serve();
    } else if (ctx.limits !== null) {
      this.#attachment.resumePromotion();
      this.#parts.promotion.beat();
      this.#parts.promotion.remind(this.#parts.ownServer());
    }
    if (ctx.draining) this.#attachment.departure.beat();
    this.#noteAttached();
    this.#look();
    ctx.routineBeats = this.#routineBeats();
  }

  /** The last beat of a series that took the short way: time for a look. */
  look(): void {
    this.#catchUp();
    this.#untilLook = 0;
    this.#look();
    this.#parts.ctx.routineBeats = this.#routineBeats();
  }

  /** Counts the beats that took the short way. */
  #catchUp(): void {
    const { ctx } = this.#parts;
    invariant(ctx.routineDone >= 0, 'beats that went by quietly are counted once');
    this.#beat += ctx.routineDone;
    this.#untilLook -= ctx.routineDone;
    ctx.routineDone = 0;
  }

  /** The number of beats to come with nothing to do but a look after the last, if nothing happens: see `routine.ts`. */
  #routineBeats(): number {
    const { ctx, clients, layer } = this.#parts;
    const { options } = ctx;
    const isIdle =
      ctx.role === 'client' &&
      clients.parent !== NOBODY &&
      clients.children.length <= options.fanOut &&
      !clients.closed &&
      ctx.reachable &&
      ctx.limits === null &&
      !ctx.draining &&
      ctx.intervalMs === clients.parentIntervalMs &&
      ctx.patienceMs === ctx.intervalMs &&
      this.#attachment.purpose === null &&
      (layer === null || layer.isIdle);
    const beats = this.#untilLook + 1;
    if (!isIdle || this.#handover > 0 || !isSteadyFor(this.#parts, beats)) return 0;
    return ctx.nowMs + (beats + 1) * ctx.intervalMs < this.#noteAtMs ? beats : 0;
  }

  #buryTheSilent(tree: Tree): void {
    if (tree.children.length === 0) return;
    for (const child of tree.below.silent()) this.#attachment.childLost(tree, child.peer, 'silent');
  }

  #serve(): void {
    const { promotion, releases } = this.#parts;
    this.#askAgain();
    this.#declareServing();
    this.#sweep ??= new Sweep(this.#parts);
    this.#sweep.beat();
    promotion.beat();
    promotion.offerNext();
    releases.fetch();
    if (this.#beat % expireEveryBeats === 0) this.#parts.expire();
  }

  /**
   * A server whose known neighbours changed sends its clients a new view. A new server that has not caught up knows less than they do, and
   * waits.
   */
  #showView(): void {
    const { ctx, clients, views } = this.#parts;
    if (!ctx.isServer() || !this.#parts.viewDirty) return;
    const { membership } = this.#parts;
    const isNew = ctx.role === 'server' && views.said?.server !== ctx.self;
    if (isNew && !this.#parts.caughtUp) return;
    if (this.#beat < this.#nextViewBeat && !views.misleads(membership)) return;
    this.#parts.viewDirty = false;
    this.#nextViewBeat = this.#beat + viewEveryBeats;
    const view = views.compose(membership);
    if (view !== null) for (const child of clients.children) ctx.world.send(child.peer, view);
  }

  /** A server that has not yet caught up with its parent asks once more: the question or the answer was lost. */
  #askAgain(): void {
    const { ctx, servers } = this.#parts;
    if (ctx.role !== 'server' || servers.parent === NOBODY || this.#parts.caughtUp || this.#beat % askAgainBeats !== 0)
      return;
    ctx.world.send(servers.parent, { kind: 'release-ask' });
  }

  /** Attached, caught up and with the current release: from now on the peer serves, and announces it. */
  #declareServing(): void {
    const { ctx, servers, membership, releases, promotion } = this.#parts;
    if (
      ctx.role !== 'server' ||
      ctx.draining ||
      servers.parent === NOBODY ||
      !this.#parts.caughtUp ||
      !releases.upToDate
    )
      return;
    const own = membership.get(ctx.self);
    if (own?.state === 'serving' && own.parent === servers.parent && own.incarnation === ctx.incarnation) return;
    if (own !== null && (own.state !== 'joining' || own.parent !== servers.parent))
      ctx.raiseIncarnation(own.incarnation);
    membership.declare('serving', servers.parent);
    promotion.concluded(null);
  }

  /** Guests beyond the fan-out are asked, one at a time, to find another parent. */
  #thinOut(tree: Tree): void {
    if (tree.children.length <= this.#parts.ctx.options.fanOut) return;
    const guest = tree.below.surplus() ?? tree.children.find((child) => child.evicted) ?? null;
    if (guest !== null) this.#attachment.evict(tree, guest.peer, 'no-room');
  }

  #noteAttached(): void {
    const { ctx } = this.#parts;
    if (ctx.nowMs < this.#noteAtMs || !(this.#parts.upTree()?.attached ?? true)) return;
    this.#noteAtMs = ctx.nowMs + attachedEveryMs;
    // A client has no other occasion to do this, and may have served before.
    if (!ctx.isServer()) this.#parts.expire();
    ctx.world.persist({ type: 'attached', atMs: ctx.nowMs });
  }

  /** Looks for a better place now and then. */
  #look(): void {
    const { ctx } = this.#parts;
    const tree = this.#parts.upTree();
    if (tree === null || tree.parent === NOBODY || ctx.draining) return;
    this.#followHandover(tree);
    const every = ctx.options.optimiseEveryBeats;
    if (this.#untilLook < 0) this.#untilLook = Math.floor(ctx.world.random() * every);
    if (tree.parent !== this.#lookedFrom || tree.parentRosterVersion !== this.#lookedAtRoster) {
      this.#lookedFrom = tree.parent;
      this.#lookedAtRoster = tree.parentRosterVersion;
      this.#looks = 0;
      this.#untilLook = Math.min(this.#untilLook, every - 1);
    }
    if (this.#untilLook-- > 0) return;
    this.#looks++;
    this.#untilLook = (every << Math.min(mostDoublings, Math.max(0, this.#looks - eagerLooks))) - 1;
    const { optimisation, clients, views } = this.#parts;
    // A client's backup is one of the neighbours in its roster, a server's may be any server.
    if (this.#looks === 1 || ctx.isServer()) this.#attachment.keepBackup(tree);
    if (this.#attachment.purpose !== null) return;
    optimisation.lookAround(tree);
    if (tree === clients) optimisation.compareServers(this.#parts.ownServer(), () => views.servers());
  }

  /** A client that waits to change servers alone: it takes children again when those it has do not leave. */
  #followHandover(tree: Tree): void {
    if (!tree.closed) {
      if (this.#handover > 0) this.#handover = 0;
      return;
    }
    this.#handover++;
    if (this.#handover > handoverBeats) {
      tree.closed = false;
      for (const child of tree.children) child.evicted = false;
      tree.rosterChanged();
    }
  }
}
