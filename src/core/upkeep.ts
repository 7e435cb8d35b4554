/**
 * What a peer does on every beat, in order: count the silent, tell the others, look after its neighbourhood.
 */
import { invariant } from './invariant.ts';
import type { Attachment } from './attachment/attachment.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { Parts } from './parts.ts';
import { beat, isSteadyFor } from './heartbeat.ts';
import { Sweep } from './servers/sweep.ts';
import type { Tree } from './tree/tree.ts';

/** Beats between two reminders to a guest that should hang elsewhere. */
const remindEveryBeats = 5;
/** A peer writes down that it is still in the farm this often. */
const attachedEveryMs = 3_600_000;
const expireEveryBeats = 600;
const askAgainBeats = 3;
/**
 * Looks for a better place that are taken at the pace of the options while the neighbourhood stays the same; each further one takes
 * twice as long to come, up to so many doublings: what was not found by then is not there, and what changes in the network may wait.
 */
const eagerLooks = 8;
const mostDoublings = 3;
/** Beats between two views: servers come in bursts. That one has gone, or is full, is told at once. */
const viewEveryBeats = 4;
/** A client hands its children over and waits at most this long before it gives up changing servers. */
const handoverBeats = 10;

export class Upkeep {
  readonly #parts: Parts;
  readonly #attachment: Attachment;
  /** Servers only. */
  #sweep: Sweep | null = null;
  #beat = 0;
  /** When it is to be written down again that the peer is in the farm, ms. */
  #noteAtMs = 0;
  #untilLook = -1;
  /** Looks since the neighbourhood changed last, and what it was: the parent, and the version of its roster. */
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

  /** The last of the beats that took the short way, after which it is time to look around. */
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

  /** In how many beats to come there will be nothing to do but to look around after the last, if nothing happens: see `routine.ts`. */
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

  /** A server whose known neighbours changed tells its clients. A new one that has yet to hear who there is knows less than they do. */
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

  /** A server that does not know yet what its parent has asks once more: the question or the answer was lost. */
  #askAgain(): void {
    const { ctx, servers } = this.#parts;
    if (ctx.role !== 'server' || servers.parent === NOBODY || this.#parts.caughtUp || this.#beat % askAgainBeats !== 0)
      return;
    ctx.world.send(servers.parent, { kind: 'release-ask' });
  }

  /** Attached, caught up and with the current release: now it serves, and says so. */
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

  /** Guests beyond the fan-out are asked, one at a time, to hang below others. */
  #thinOut(tree: Tree): void {
    if (tree.children.length <= this.#parts.ctx.options.fanOut) return;
    const guest = tree.below.surplus() ?? tree.children.find((child) => child.evicted) ?? null;
    if (guest !== null) this.#attachment.evict(tree, guest.peer, 'no-room');
  }

  #noteAttached(): void {
    const { ctx } = this.#parts;
    if (ctx.nowMs < this.#noteAtMs || !(this.#parts.upTree()?.attached ?? true)) return;
    this.#noteAtMs = ctx.nowMs + attachedEveryMs;
    // A client has no other round for it, and may have served in its time.
    if (!ctx.isServer()) this.#parts.expire();
    ctx.world.persist({ type: 'attached', atMs: ctx.nowMs });
  }

  /** Every now and then: is there a better place? */
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

  /** A client that waits to change servers alone: opens its doors again when its children do not go. */
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
