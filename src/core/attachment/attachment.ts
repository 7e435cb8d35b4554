/**
 * A peer's attachment to the trees: it takes children, finds and loses parents, and moves when a parent asks it to.
 *
 * The two kinds of tree meet here. A newcomer becomes a client. A promoted client leaves the client tree only after the tree of servers has
 * taken it (make before break). An orphan keeps its subtree and repairs.
 * Source: P2P Volunteers, sections 3.3.2 and 3.3.3.
 */
import { invariant } from '../invariant.ts';
import { Departure } from './departure.ts';
import { NOBODY } from '../ids.ts';
import { isFree } from '../servers/membership.ts';
import type { PeerHandle } from '../ids.ts';
import { Joining, isOrphan } from './joining.ts';
import type { JoiningHost, Purpose } from './joining.ts';
import type { Accept, Coordinate, Evict, Join, PeerCard, Redirect, RedirectReason } from '../messages/index.ts';
import { cardOf } from '../parts.ts';
import type { Parts } from '../parts.ts';
import type { Answered } from '../reach/pings.ts';
import { beatTo, beatUp, expectParent, startBeating } from '../heartbeat.ts';
import { candidatesForRepair, chooseBackup } from './repair.ts';
import { nearest } from '../tree/relatives.ts';
import type { Tree } from '../tree/tree.ts';

/** After this many rounds in which nobody would take it with its subtree, an orphan goes alone. */
const roundsWithSubtree = 3;
const longestPauseBeats = 8;

export class Attachment implements JoiningHost {
  readonly #parts: Parts;
  /** Null while no attempt is under way. */
  #joining: Joining | null = null;
  /** Null before it first drains, retires or leaves. */
  #departure: Departure | null = null;
  #fruitlessRounds = 0;
  /** The parent before this restart. */
  leftBehind: PeerHandle = NOBODY;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Numbers the attempts. */
  get joining(): Joining {
    this.#joining ??= new Joining(this.#parts.ctx, this.#parts.pings, this);
    return this.#joining;
  }

  get departure(): Departure {
    this.#departure ??= new Departure(this.#parts, this);
    return this.#departure;
  }

  /** The purpose of the attempt that is under way; null while there is none. */
  get purpose(): Purpose | null {
    return this.#joining?.purpose ?? null;
  }

  /** The peer whose answer to a join is awaited, or NOBODY. */
  get target(): PeerHandle {
    return this.#joining?.target ?? NOBODY;
  }

  // --- As a parent -----------------------------------------------------------------------------------------------------

  joinRequested(from: PeerHandle, join: Join): void {
    const { ctx, multicast, views } = this.#parts;
    const tree = this.#tree(join.tree);
    const refuse = (reason: RedirectReason, candidates: readonly PeerCard[]): void =>
      ctx.world.send(from, { kind: 'redirect', tree: tree.kind, nonce: join.nonce, reason, candidates });
    if (!ctx.world.admits(from, join.credential)) {
      refuse('no-credential', []);
      return;
    }
    if (tree.kind === 'servers' && this.#parts.membership.get(from)?.state === 'excluded') {
      refuse('excluded', []);
      return;
    }
    const crossing = this.target === from;
    const verdict = crossing ? ({ accept: false, reason: 'not-a-parent' } as const) : tree.judge(from, join);
    if (!verdict.accept) {
      refuse(verdict.reason, this.#alternatives(tree, from, join));
      return;
    }
    const known = tree.child(from) !== null;
    if (verdict.evict !== null) this.evict(tree, verdict.evict.peer, 'worse');
    const place = tree.take(from, join);
    invariant(tree.child(from) !== null, 'who is taken has a seat');
    ctx.world.connect(from);
    ctx.world.send(from, {
      kind: 'accept',
      tree: tree.kind,
      nonce: join.nonce,
      stamp: place.stamp,
      depth: place.depth,
      intervalMs: ctx.intervalMs,
      roster: tree.roster(),
      heads: multicast.heads(),
    });
    // The view goes first: a heartbeat whose digest names a view that the child lacks would make the child ask for it.
    if (tree.kind === 'clients' && views.said !== null) ctx.world.send(from, views.said);
    beatTo(this.#parts, tree, from);
    if (!known) ctx.world.tell({ type: 'child-accepted', tree: tree.kind, child: from });
  }

  /** Asks a child to find another parent. The child keeps its place until it has one. */
  evict(tree: Tree, child: PeerHandle, reason: Evict['reason'], candidates?: readonly PeerCard[]): void {
    const entry = tree.child(child);
    if (entry === null) return;
    entry.evicted = true;
    tree.rosterChanged();
    const named = candidates ?? tree.candidatesFor(child, entry.coordinate);
    this.#parts.ctx.world.send(child, { kind: 'evict', tree: tree.kind, reason, candidates: named });
    if (this.#parts.ctx.rules.mayStay()) return;
    this.#parts.ctx.world.send(child, { kind: 'disown', tree: tree.kind });
    this.childLost(tree, child, 'left');
  }

  /** A child left, fell silent, or its connection closed. */
  childLost(tree: Tree, child: PeerHandle, reason: 'left' | 'silent' | 'closed'): void {
    const { ctx } = this.#parts;
    if (tree.drop(child) === null) return;
    ctx.world.tell({ type: 'child-lost', tree: tree.kind, child, reason });
    if (!this.#parts.links().includes(child)) ctx.world.disconnect(child);
    if (tree.kind !== 'servers' || reason === 'left') return;
    const { membership } = this.#parts;
    if (membership.get(child)?.parent === ctx.self) membership.declareOther(child, 'gone');
  }

  #tree(kind: 'servers' | 'clients'): Tree {
    return kind === 'servers' ? this.#parts.servers : this.#parts.clients;
  }

  /** Candidates for a joiner that is not taken. */
  #alternatives(tree: Tree, joiner: PeerHandle, join: Join): PeerCard[] {
    const { ctx } = this.#parts;
    if (tree.kind === 'clients' && ctx.shut && join.orphan) return this.#freeServers(joiner, join.coordinate);
    const cards = tree.candidatesFor(joiner, join.coordinate);
    if (cards.length > 0 && !ctx.draining) return cards;
    if (tree.isRoot && tree.kind === 'clients') {
      return this.#parts.membership
        .nearestServing(join.coordinate, ctx.self)
        .filter((record) => record.subject !== joiner)
        .slice(0, 4)
        .map(cardOf);
    }
    const roster = tree.parentRoster;
    return [...cards, ...(roster?.ancestors ?? []), ...(roster?.siblings ?? [])]
      .filter((card) => card.peer !== joiner && card.peer !== ctx.self)
      .slice(0, 8);
  }

  /** Other servers that take clients, for a joiner that this tree does not take. */
  #freeServers(joiner: PeerHandle, near: Coordinate): PeerCard[] {
    const own = this.#parts.ownServer();
    const free = this.#parts
      .knownServers()
      .filter((record) => isFree(record) && record.subject !== own && record.subject !== joiner);
    return nearest(free.map(cardOf), near, 4);
  }

  // --- As a child ------------------------------------------------------------------------------------------------------

  /** Enters the farm as a client. It asks the old parent first, then the peer that brought it in, then the root. */
  enterFarm(root: PeerHandle, neighbours: readonly PeerHandle[]): void {
    const { ctx, clients } = this.#parts;
    if (root === NOBODY) return;
    ctx.authority.name(root);
    this.#parts.neighbours = neighbours;
    const cards = [this.leftBehind, ...neighbours, root].map((peer) => ({
      peer,
      coordinate: ctx.coordinate,
      rttMs: Number.NaN,
    }));
    this.enter(clients, cards);
  }

  /** Enters the farm, or comes back to it. */
  enter(tree: Tree, candidates: readonly PeerCard[], preferred: PeerHandle = NOBODY): void {
    this.joining.begin('enter', tree, candidates, preferred);
  }

  parentLost(tree: Tree, reason: string): void {
    const { ctx } = this.#parts;
    const lost = tree.parent;
    if (lost === NOBODY) return;
    tree.loseParent();
    ctx.timers.clear('silence');
    ctx.world.disconnect(lost);
    ctx.world.tell({ type: 'orphaned', tree: tree.kind, parent: lost, reason });
    this.#fruitlessRounds = 0;
    // A peer that steps down is already looking for a place in a client tree.
    if (this.purpose !== 'step-down') this.#repair(tree, lost);
  }

  #repair(tree: Tree, lost: PeerHandle): void {
    const { ctx, backup, neighbours } = this.#parts;
    const servers = this.#parts.knownServers();
    const candidates = candidatesForRepair(ctx, tree, lost, backup, { servers, neighbours });
    const purpose = tree.orphaned && ctx.role !== 'outside' ? 'repair' : 'enter';
    this.joining.begin(purpose, tree, candidates, candidates[0]?.peer === backup ? backup : NOBODY);
  }

  evicted(from: PeerHandle, message: Evict): void {
    const tree = this.#tree(message.tree);
    if (this.#parts.upTree() !== tree) return;
    const { purpose } = this;
    if (purpose !== null && purpose !== 'optimise') return;
    const { ctx, backup, neighbours } = this.#parts;
    const rest = candidatesForRepair(ctx, tree, from, backup, { servers: this.#parts.knownServers(), neighbours });
    this.joining.begin('evicted', tree, [...message.candidates, ...rest]);
  }

  /** Looks for a better place below `card`, unless a more urgent attempt is under way. */
  move(purpose: Purpose, tree: Tree, cards: readonly PeerCard[]): void {
    if (this.purpose === null) this.joining.begin(purpose, tree, cards);
  }

  /** A volunteer that holds the release steps into the tree of servers. Called again if another attempt interrupted the first step. */
  resumePromotion(): void {
    const { ctx, promotion, releases, views } = this.#parts;
    const { taken } = promotion;
    if (taken === null || ctx.role !== 'client' || this.purpose !== null || ctx.draining) return;
    if (releases.installedNumber < taken.notice.number) return;
    const known = views.servers();
    const from = known.find((server) => server.subject === taken.from);
    const card =
      from === undefined ? { peer: taken.from, coordinate: ctx.coordinate, rttMs: Number.NaN } : cardOf(from);
    this.joining.begin('promote', this.#parts.servers, [card, ...known.map(cardOf)]);
  }

  /** The attempt timer went off: an answer is overdue, or a new round is due. */
  attemptDue(): void {
    if (this.purpose !== null) {
      this.joining.timedOut();
      return;
    }
    const tree = this.#parts.upTree();
    if (tree !== null && !tree.attached) this.#repair(tree, NOBODY);
  }

  // Answers to the attempt that is under way; most of them come too late to matter.

  answered(answer: Answered): void {
    this.#joining?.answered(answer);
  }

  redirected(from: PeerHandle, redirect: Redirect): void {
    this.#joining?.redirected(from, redirect);
  }

  unreachable(peer: PeerHandle): void {
    this.#joining?.unreachable(peer);
  }

  /** A peer accepts us. If we did not ask it, or ask it no longer, we tell it that we do not come. */
  accepted(from: PeerHandle, accept: Accept): void {
    this.joining.accepted(from, accept);
    if (this.purpose === null) this.#joining = null;
  }

  isParent(peer: PeerHandle): boolean {
    return this.#parts.trees().some((tree) => tree.parent === peer);
  }

  adopted(purpose: Purpose, tree: Tree, from: PeerHandle, accept: Accept): void {
    const { ctx, multicast, clients } = this.#parts;
    invariant(ctx.role !== 'root', 'the root hangs below nobody');
    this.#joining = null;
    const before = tree.parent;
    const fresh = ctx.role === 'outside';
    tree.closed = false;
    if (before !== NOBODY) this.#part(tree, before);
    if (purpose === 'promote') {
      if (clients.parent !== NOBODY) this.#part(clients, clients.parent);
      clients.becomeRoot();
      this.#parts.membership.beginAnew();
    }
    if (purpose === 'step-down') {
      const { servers } = this.#parts;
      if (servers.parent !== NOBODY) this.#part(servers, servers.parent);
      servers.leave();
      clients.leave();
    }
    tree.adopt(from, accept.intervalMs, accept.roster);
    ctx.world.connect(from);
    ctx.world.persist({ type: 'parent', tree: tree.kind, peer: from });
    ctx.become(tree.kind === 'servers' ? 'server' : 'client');
    this.#fruitlessRounds = 0;
    expectParent(ctx, tree);
    startBeating(ctx);
    ctx.world.tell({
      type: 'attached',
      tree: tree.kind,
      parent: from,
      depth: accept.depth + 1,
      moved: !isOrphan(purpose),
    });
    multicast.heard(from, accept.heads, fresh);
    ctx.world.send(from, { kind: 'cast-heads', heads: multicast.heads(), reply: false });
    beatUp(this.#parts, tree);
    this.keepBackup(tree);
    this.#catchUp(tree, from);
    if (purpose === 'step-down') this.departure.steppedDown();
  }

  /** After a new parent: a server compares its membership with the parent's. A client hears of a newer release by the heartbeat. */
  #catchUp(tree: Tree, from: PeerHandle): void {
    if (tree.kind !== 'servers') return;
    const { ctx, membership } = this.#parts;
    this.#parts.caughtUp = false;
    this.#parts.viewDirty = true;
    ctx.world.send(from, {
      kind: 'members-compare',
      buckets: membership.buckets(),
      snapshot: membership.stale,
      answer: false,
    });
    ctx.world.send(from, { kind: 'release-ask' });
  }

  #part(tree: Tree, parent: PeerHandle): void {
    const { ctx } = this.#parts;
    invariant(tree.parent === parent, 'only a parent is parted from');
    ctx.world.send(parent, { kind: 'part', tree: tree.kind });
    ctx.world.disconnect(parent);
    tree.parent = NOBODY;
  }

  keepBackup(tree: Tree): void {
    const parts = this.#parts;
    const next = chooseBackup(parts.ctx, tree, () => parts.knownServers());
    if (next === parts.backup) return;
    const { world } = parts.ctx;
    if (parts.backup !== NOBODY && !parts.links().includes(parts.backup)) world.disconnect(parts.backup);
    if (next !== NOBODY) world.connect(next);
    invariant(next !== parts.ctx.self, 'a backup is somebody else');
    parts.backup = next;
  }

  exhausted(purpose: Purpose, tree: Tree): void {
    this.#joining = null;
    const { ctx } = this.#parts;
    tree.closed = false;
    if (purpose === 'promote') this.#parts.promotion.concluded('busy');
    if (purpose === 'change-server') this.#parts.stays();
    if (tree.attached || this.#parts.isOrigin) return;
    this.#fruitlessRounds++;
    if (this.#fruitlessRounds >= roundsWithSubtree && tree.children.length > 0) this.#dissolve(tree);
    const beats = Math.min(longestPauseBeats, 2 ** (this.#fruitlessRounds - 1));
    ctx.timers.set('attempt', ctx.nowMs + ctx.intervalMs * beats * (0.5 + ctx.world.random()));
  }

  /** No peer takes the whole subtree: each child finds a place for itself. */
  #dissolve(tree: Tree): void {
    const { ctx } = this.#parts;
    for (const child of [...tree.children]) {
      ctx.world.send(child.peer, { kind: 'disown', tree: tree.kind });
      this.childLost(tree, child.peer, 'left');
    }
  }
}
