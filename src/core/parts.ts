/**
 * The state machines of one peer, side by side: passed to every module that works on the whole peer (attachment, pulse, departure).
 */
import { Context } from './context.ts';
import { PeerNumbers } from './reach/peer-numbers.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import { Membership, fullLast } from './servers/membership.ts';
import { Intake } from './servers/intake.ts';
import type { MembershipListener } from './servers/membership.ts';
import type { MemberRecord, PeerCard } from './messages/index.ts';
import { Multicast } from './cast/multicast.ts';
import { Optimisation } from './tree/optimisation.ts';
import type { Layer, LayerEvents, LayerName } from './layer.ts';
import { layerNamed } from './layers.ts';
import type { TreeOptions } from './options.ts';
import { Pings } from './reach/pings.ts';
import { Promotion } from './servers/promotion.ts';
import type { Pulses } from './quiet/pulses.ts';
import { Reachability } from './reach/reachability.ts';
import { Releases } from './servers/release.ts';
import type { Rules } from './rules.ts';
import { Selection } from './servers/selection.ts';
import { Tree } from './tree/tree.ts';
import { Views } from './servers/view.ts';
import type { World } from './world.ts';

export class Parts {
  readonly ctx: Context;
  readonly clients: Tree;
  readonly views: Views;
  readonly multicast: Multicast;
  readonly reachability: Reachability;
  readonly releases: Releases;
  readonly pings: Pings;
  readonly optimisation: Optimisation;
  /** Round trips to servers. */
  readonly #distances = new PeerNumbers();
  #selection: Selection | null = null;
  #membership: Membership | null = null;
  #intake: Intake | null = null;
  #servers: Tree | null = null;
  #promotion: Promotion | null = null;
  /** Called with each membership record that changes; set by the peer. */
  membershipListener: MembershipListener | null = null;
  /** The peers that brought this peer into the farm: the last resort of an orphan. */
  neighbours: readonly PeerHandle[] = [];
  /** The parent to try first when the present one dies; a connection to it is kept. */
  backup: PeerHandle = NOBODY;
  /** A returning or new server has compared its release with its parent's. */
  caughtUp = false;
  /** The view must be composed anew. */
  viewDirty = true;
  /** The layers on this overlay, several behind one interface; null for none. */
  layer: LayerEvents | null = null;
  /** Moves to the tree of another server, given by its card; set by the peer. */
  changeServer: (to: PeerCard) => void = nothing;
  /** Stops serving on the root's order and stays a client that may serve again; set by the peer. */
  retire: () => void = nothing;

  constructor(self: PeerHandle, world: World, options: TreeOptions, rules: Rules, pulses: Pulses) {
    this.ctx = new Context(self, world, options, rules, pulses);
    this.clients = new Tree('clients', this.ctx);
    this.pings = new Pings(this.ctx);
    this.views = new Views(this.ctx);
    this.multicast = new Multicast(this.ctx, this);
    this.reachability = new Reachability(this.ctx, this);
    this.optimisation = new Optimisation(this.ctx, this.pings, this.#distances);
    this.releases = new Releases(this.ctx, this);
  }

  /** The layer of this name; null where there is none. */
  layerNamed(name: LayerName): Layer | null {
    return layerNamed(name, this.layer);
  }

  /** Releases everything that this peer has in `pulses`: the peer is stopped. */
  close(): void {
    this.clients.below.close();
    this.#servers?.below.close();
    this.ctx.pulses.close(this.ctx.self);
  }

  // Nearly all peers of a farm are clients that never serve, and many make no requests most of the time. Parts that only some peers need
  // are made at first use.

  get selection(): Selection {
    this.#selection ??= new Selection(this.ctx, this.#distances);
    return this.#selection;
  }

  /** No server takes this peer. If its own server asked it to leave, it asks that one again. */
  stays(): void {
    const selection = this.#selection;
    if (selection !== null && selection.leaving === this.ownServer()) selection.leaving = NOBODY;
  }

  /** The round trip to a server was measured: a better estimate than coordinates, until requests tell more. */
  probed(server: PeerHandle, rttMs: number): void {
    this.#distances.set(server, rttMs);
    this.#selection?.probed(server, rttMs);
  }

  /** Forgets servers that left long ago, and the experience with them, here and on the disk. */
  expire(): void {
    for (const peer of this.#membership?.expire() ?? []) this.#selection?.forget(peer);
    this.#selection?.expire();
  }

  get membership(): Membership {
    this.#membership ??= new Membership(this.ctx, this.membershipListener);
    return this.#membership;
  }

  get intake(): Intake {
    this.#intake ??= new Intake(this.ctx, this.membership);
    return this.#intake;
  }

  get servers(): Tree {
    this.#servers ??= new Tree('servers', this.ctx);
    return this.#servers;
  }

  /** That part, or null when this peer never used it. */
  get serverTree(): Tree | null {
    return this.#servers;
  }

  get promotion(): Promotion {
    this.#promotion ??= new Promotion(this.ctx, this.releases, (peer) => this.clients.child(peer) !== null);
    return this.#promotion;
  }

  /** This peer is the origin of the tree of servers: it stamps it, and has no parent. */
  get isOrigin(): boolean {
    return this.#servers?.isRoot === true;
  }

  /** The tree in which this peer has, or wants, a parent; null for the origin. */
  upTree(): Tree | null {
    if (this.isOrigin) return null;
    return this.ctx.role === 'server' ? this.servers : this.clients;
  }

  /** The trees that this peer has a place in: only a server is in both. */
  trees(): readonly Tree[] {
    return this.ctx.isServer() ? [this.servers, this.clients] : [this.clients];
  }

  /**
   * The server whose client tree this peer is in (itself, if it is one). NOBODY while the peer does not know: right after it steps down its
   * new relatives may still name it as their server.
   */
  ownServer(): PeerHandle {
    if (this.ctx.isServer()) return this.ctx.self;
    const { clients } = this;
    const server =
      clients.rootOfPlace >= 0 ? clients.rootOfPlace : (clients.parentRoster?.ancestors[0]?.peer ?? NOBODY);
    return server === this.ctx.self ? NOBODY : server;
  }

  /** Servers known to this peer, the nearest first but full ones last: all of them for a server, those in view for a client. */
  knownServers(): MemberRecord[] {
    if (this.ctx.isServer()) return fullLast(this.membership.nearestServing(this.ctx.coordinate, this.ctx.self));
    return fullLast(this.views.servers().filter((record) => record.state === 'serving'));
  }

  /** The parent, NOBODY for the origin. */
  upstream(): PeerHandle {
    return this.upTree()?.parent ?? NOBODY;
  }

  isLinked(peer: PeerHandle): boolean {
    const isIn = (tree: Tree): boolean => tree.parent === peer || tree.child(peer) !== null;
    return isIn(this.clients) || (this.ctx.isServer() && isIn(this.servers));
  }

  /** The neighbours in both trees. */
  links(): PeerHandle[] {
    const links: PeerHandle[] = [];
    for (const tree of this.trees()) {
      if (tree.parent !== NOBODY) links.push(tree.parent);
      for (const child of tree.children) links.push(child.peer);
    }
    return links;
  }

  /** Sources for a release, which flows down the tree of servers: the parent first, then other servers, the root last. */
  releaseSources(): PeerHandle[] {
    const { ctx, servers } = this;
    const sources = servers.parent === NOBODY ? [] : [servers.parent];
    for (const { subject } of this.knownServers().slice(0, 3)) if (!sources.includes(subject)) sources.push(subject);
    const { origin } = ctx.authority;
    if (!sources.includes(origin) && origin !== ctx.self) sources.push(origin);
    return sources;
  }

  /** Peers known to this one that could be asked to dial it. */
  acquaintances(): PeerHandle[] {
    const known: PeerHandle[] = [];
    for (const tree of this.trees()) {
      if (tree.parent !== NOBODY) known.push(tree.parent);
      const roster = tree.parentRoster;
      if (roster === null || tree.isRoot) continue;
      for (const cards of [roster.siblings, roster.ancestors, roster.uncles])
        for (const card of cards) known.push(card.peer);
    }
    for (const record of this.knownServers()) known.push(record.subject);
    for (const tree of this.trees()) for (const child of tree.children) known.push(child.peer);
    return known;
  }
}

function nothing(): void {
  // Only layers ask for it.
}

/** A membership record as a candidate to hang below. */
export function cardOf(record: MemberRecord): PeerCard {
  return { peer: record.subject, coordinate: record.coordinate, rttMs: Number.NaN };
}
