/**
 * Passes each message to its state machine. `speakers.ts` decides first, once for all kinds, whether the sender may say it at all.
 */
import type { Attachment } from './attachment/attachment.ts';
import type { MembershipListener } from './servers/membership.ts';
import type { CastListener } from './cast/multicast.ts';
import { isSound } from './reach/coordinates.ts';
import type { PeerHandle, TreeKind } from './ids.ts';
import { isFor } from './layers.ts';
import type {
  Cast,
  HeartbeatDown,
  HeartbeatUp,
  MemberRecord,
  Members,
  MembersCompare,
  Message,
  PeerCard,
  Ping,
  Pong,
  TreeCreate,
  View,
  ViewChange,
} from './messages/index.ts';
import type { Parts } from './parts.ts';
import { maySay } from './speakers.ts';
import type { BetterPlace } from './tree/optimisation.ts';
import type { Answered } from './reach/pings.ts';
import { expectParent } from './heartbeat.ts';
import type { Tree } from './tree/tree.ts';

/** A digest must differ in this many beats in a row before it counts as a difference: an update may be under way. */
const patientBeats = 2;
/** Membership records in one message. */
const mostRecords = 512;
const noneSeen: readonly PeerHandle[] = [];

export class Dispatch implements CastListener, MembershipListener {
  readonly #parts: Parts;
  readonly #attachment: Attachment;
  #memberMismatch = 0;
  #createsSeen: readonly PeerHandle[] = noneSeen;

  constructor(parts: Parts, attachment: Attachment) {
    this.#parts = parts;
    this.#attachment = attachment;
    parts.multicast.listener = this;
    parts.membershipListener = this;
  }

  /** Every message except the answer to a ping: see `answered`. */
  receive(from: PeerHandle, message: Exclude<Message, Pong>): void {
    const parts = this.#parts;
    if (!maySay(parts, from, message)) return this.#refused(from, message);
    const { ctx } = parts;
    switch (message.kind) {
      // The most frequent kinds first.
      case 'heartbeat-down':
        return this.#heardParent(from, message);
      case 'heartbeat-up':
        return this.#heardChild(from, message);
      case 'tree-create':
        return this.#treeCreated(from, message);
      case 'join':
        return this.#attachment.joinRequested(from, message);
      case 'accept':
        return this.#attachment.accepted(from, message);
      case 'redirect':
        return this.#attachment.redirected(from, message);
      case 'evict':
        return this.#attachment.evicted(from, message);
      case 'part':
        return this.#attachment.childLost(this.#tree(message.tree), from, 'left');
      case 'disown':
        return this.#attachment.parentLost(this.#tree(message.tree), 'disowned');
      case 'ping':
        return this.#pinged(from, message);
      case 'members-compare':
        return this.#compared(from, message);
      case 'members':
        return this.#members(from, message);
      case 'view':
      case 'view-change':
        return this.#viewed(from, message);
      case 'view-pull':
        if (parts.views.said !== null) ctx.world.send(from, parts.views.said);
        return;
      case 'cast':
        return parts.multicast.received(from, message);
      case 'cast-pull':
        return parts.multicast.pulled(from, message);
      case 'cast-gone':
        return parts.multicast.gone(from, message);
      case 'cast-heads':
        return parts.multicast.headsReceived(from, message);
      case 'volunteer':
        if (ctx.isServer()) parts.promotion.volunteered(from, message);
        return;
      case 'offer':
        return parts.promotion.offered(from, message);
      case 'answer':
        return parts.promotion.answered(from, message);
      case 'release-ask':
        ctx.world.send(from, { kind: 'release-now', notice: parts.releases.latest });
        return;
      case 'release-now':
        if (message.notice !== null) parts.releases.learn(message.notice);
        if (ctx.isServer() && from === parts.servers.parent) parts.caughtUp = true;
        if (ctx.isServer()) parts.releases.fetch();
        return;
      case 'dial-back':
        return parts.reachability.requested(from, message);
      case 'dialed-back':
        return parts.reachability.answered(from, message);
      case 'report':
        if (ctx.authority.leads()) {
          const { subject, path, releaseNumber } = message;
          ctx.world.tell({ type: 'reported', subject, by: from, path, releaseNumber });
        }
        return;
      case 'aggregate':
      case 'survey':
      case 'surveyed':
      case 'grant':
      case 'granted':
      case 'retire':
      case 'shed':
        parts.layer?.receive(from, message);
        return;
    }
  }

  /**
   * Drops a message that its sender may not say. A sender that takes this peer for its parent, child or volunteer is told that it is none:
   * it has missed a message, and would wait.
   */
  #refused(from: PeerHandle, message: Exclude<Message, Pong>): void {
    const { world } = this.#parts.ctx;
    switch (message.kind) {
      case 'heartbeat-down':
        if (this.#attachment.target !== from) world.send(from, { kind: 'part', tree: message.tree });
        return;
      case 'heartbeat-up':
        return world.send(from, { kind: 'disown', tree: message.tree });
      case 'offer':
        return this.#parts.promotion.refuse(from);
      default:
    }
  }

  #tree(kind: TreeKind): Tree {
    return kind === 'servers' ? this.#parts.servers : this.#parts.clients;
  }

  // --- Building and pinging ----------------------------------------------------------------------------------------------

  #treeCreated(from: PeerHandle, { root, ttl }: TreeCreate): void {
    const { ctx, neighbours } = this.#parts;
    if (this.#createsSeen.includes(root) || root === ctx.self || this.#createsSeen.length > 64) return;
    this.#createsSeen = [...this.#createsSeen, root];
    if (ttl > 1)
      for (const peer of neighbours)
        if (peer !== from) ctx.world.send(peer, { kind: 'tree-create', root, ttl: ttl - 1 });
    if (ctx.role === 'outside' && !ctx.authority.isKnown) this.#attachment.enterFarm(root, [from, ...neighbours]);
  }

  #pinged(from: PeerHandle, { nonce }: Ping): void {
    const { ctx, clients } = this.#parts;
    ctx.world.send(from, {
      kind: 'pong',
      nonce,
      coordinate: ctx.coordinate,
      serverRoom: ctx.isServer() ? this.#parts.servers.room : 0,
      clientRoom: clients.room,
    });
  }

  /** A ping was answered that does not belong to a look for a better place within the tree. */
  answered(answer: Answered): void {
    if (answer.asker === 'joining') this.#attachment.answered(answer);
    else if (answer.asker === 'comparison') this.#compareServers(answer);
    else this.#parts.layer?.pinged(answer);
  }

  #compareServers(answer: Answered): void {
    const { ctx, optimisation, views } = this.#parts;
    this.#parts.probed(answer.peer, answer.rttMs);
    if (!ctx.isServer()) this.better(optimisation.compared(answer, this.#parts.ownServer(), views.servers()));
  }

  /** A layer above found a better server. */
  changeServer(card: PeerCard): void {
    this.better({ purpose: 'change-server', card });
  }

  /** Moves to a better place, if there is one. */
  better(place: BetterPlace | null): void {
    if (place === null) return;
    const { clients } = this.#parts;
    const tree = this.#parts.upTree();
    if (tree === null || this.#attachment.purpose !== null) return;
    if (place.purpose === 'change-server' && clients.children.length > 0) {
      this.#handOver(clients);
      return;
    }
    this.#attachment.move(place.purpose, tree, [place.card]);
  }

  /** A client changes servers alone: it asks its children to move to its old parent, and takes no new ones meanwhile. */
  #handOver(tree: Tree): void {
    tree.closed = true;
    const parent = tree.parentRoster?.ancestors.at(-1);
    const candidates = [...(parent === undefined ? [] : [parent]), ...(tree.parentRoster?.siblings ?? [])].filter(
      (card) => card.peer !== this.#parts.ctx.self,
    );
    for (const child of [...tree.children]) this.#attachment.evict(tree, child.peer, 'handover', candidates);
  }

  // --- Heartbeats ------------------------------------------------------------------------------------------------------------

  #heardParent(from: PeerHandle, beat: HeartbeatDown): void {
    const { ctx } = this.#parts;
    const tree = this.#tree(beat.tree);
    const asked = tree.kind === 'servers' && !this.#parts.caughtUp;
    if (beat.release > ctx.releaseNumber && !asked) ctx.world.send(from, { kind: 'release-ask' });
    tree.heardParent(beat);
    if (tree.looped) {
      this.#attachment.parentLost(tree, 'loop');
      return;
    }
    expectParent(ctx, tree);
    if (tree.kind === 'servers') {
      const { membership, intake } = this.#parts;
      intake.take(from, beat.deltas);
      const isUnderWay = membership.hasDeltas() || intake.isBusy;
      this.#memberMismatch = beat.membershipDigest === membership.digest() || isUnderWay ? 0 : this.#memberMismatch + 1;
      if (this.#memberMismatch >= patientBeats) {
        this.#memberMismatch = 0;
        ctx.world.send(from, {
          kind: 'members-compare',
          buckets: membership.buckets(),
          snapshot: membership.stale,
          answer: false,
        });
      }
    } else if (beat.membershipDigest !== 0 && beat.membershipDigest !== ctx.viewDigest) {
      this.#parts.views.pull(from);
    }
    const own = ctx.castDigest;
    const stuck = beat.castDigest !== own && own === ctx.castDigestBefore;
    if (ctx.castDigestBefore !== own) ctx.castDigestBefore = own;
    if (!stuck) {
      if (ctx.castMismatchBeats !== 0) ctx.castMismatchBeats = 0;
      return;
    }
    ctx.castMismatchBeats++;
    if (ctx.castMismatchBeats >= patientBeats) {
      ctx.castMismatchBeats = 0;
      ctx.world.send(from, { kind: 'cast-heads', heads: this.#parts.multicast.heads(), reply: true });
    }
  }

  #heardChild(from: PeerHandle, beat: HeartbeatUp): void {
    const tree = this.#tree(beat.tree);
    const child = tree.child(from);
    if (child === null) return;
    // Most coordinates equal the last beat's, which were checked then.
    if (beat.coordinate === child.coordinate || isSound(beat.coordinate)) tree.heardChild(child, beat);
    if (tree.kind === 'servers') this.#parts.intake.take(from, beat.deltas);
  }

  // --- Membership ---------------------------------------------------------------------------------------------------------------

  #compared(from: PeerHandle, message: MembersCompare): void {
    const { ctx, membership } = this.#parts;
    if (membership.stale) return;
    const records = message.snapshot ? [...membership.records()] : membership.differing(message.buckets);
    for (let i = 0; i < records.length; i += mostRecords) {
      ctx.world.send(from, {
        kind: 'members',
        records: records.slice(i, i + mostRecords),
        snapshot: message.snapshot && i === 0,
      });
    }
    if (!message.answer && !message.snapshot) {
      ctx.world.send(from, { kind: 'members-compare', buckets: membership.buckets(), snapshot: false, answer: true });
    }
  }

  #members(from: PeerHandle, message: Members): void {
    const { membership, intake } = this.#parts;
    if (message.snapshot && membership.stale) membership.replace(message.records);
    else intake.take(from, message.records);
  }

  memberChanged(record: MemberRecord, own: boolean): void {
    const { ctx, membership, multicast } = this.#parts;
    this.#parts.viewDirty = true;
    if (record.state === 'excluded') {
      this.#parts.selection.lied(record.subject);
      for (const tree of this.#parts.trees()) {
        if (tree.child(record.subject) === null) continue;
        ctx.world.send(record.subject, { kind: 'members', records: [record], snapshot: false });
        ctx.world.send(record.subject, { kind: 'disown', tree: tree.kind });
        this.#attachment.childLost(tree, record.subject, 'left');
      }
    }
    if (record.subject !== ctx.self || own) return;
    if (record.state === 'excluded') {
      ctx.world.tell({ type: 'excluded-self' });
      this.#attachment.departure.drain();
      return;
    }
    // A record of this peer that it did not write in this life: a false report of its death, or a life that it forgot. It refutes the
    // record with a higher incarnation.
    ctx.raiseIncarnation(record.incarnation);
    if (record.incarnation >= ctx.bootIncarnation && record.issuer === ctx.self) multicast.restartOwn();
    if (ctx.isServer() && !ctx.draining)
      membership.declare(this.#parts.isOrigin ? 'serving' : 'joining', this.#parts.servers.parent);
  }

  #viewed(from: PeerHandle, view: View | ViewChange): void {
    const { ctx, clients, views, optimisation } = this.#parts;
    if (ctx.isServer()) return;
    const before = new Set(views.current?.records.map((record) => record.subject));
    if (!views.take(view, from)) return;
    this.#parts.layer?.viewChanged();
    const news = view.kind === 'view' && views.said !== null ? views.said : view;
    for (const child of clients.children) ctx.world.send(child.peer, news);
    const servers = views.servers();
    const newcomers = servers.filter((record) => record.state === 'serving' && !before.has(record.subject));
    const own = this.#parts.ownServer();
    optimisation.keepOnly(own, servers);
    optimisation.meetServers(own, newcomers);
    this.#attachment.keepBackup(clients);
  }

  // --- Multicast and releases ---------------------------------------------------------------------------------------------------

  castDelivered(cast: Cast): void {
    const { ctx, releases, layer } = this.#parts;
    if (layer !== null && isFor(layer, cast)) layer.delivered(cast);
    if (cast.payload.type !== 'release' || cast.origin === ctx.self) return;
    releases.learn(cast.payload.notice);
    if (ctx.isServer()) releases.fetch();
  }
}
