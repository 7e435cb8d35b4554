/**
 * A peer: the whole protocol, independent of any network, clock or disk.
 *
 * It is given messages and the time, and acts through the port `World`. The same inputs in the same order always have the same effects.
 * This class only dispatches: it knows which state machine each message, timer and command belongs to.
 *
 *     const peer = new Peer(self, world, options);
 *     peer.start(nowMs, { as: 'peer', root, neighbours, records: [] });
 *     peer.receive(nowMs, from, message);   peer.wake(nowMs);   peer.measured(nowMs, sample);
 *
 * Every method that takes `nowMs` (ms, never going backwards) may call the world; after each the peer asks once for its next
 * wake. Source: Wang and Dasgupta, "P2P Volunteers for Reliable Server Farms"; the sections stand in the state machines.
 */
import { Attachment } from './attachment/attachment.ts';
import { beginLife } from './beginning.ts';
import type { Start } from './beginning.ts';
import type { Context } from './context.ts';
import { Dispatch } from './dispatch.ts';
import { expectParent, startBeating } from './heartbeat.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { MakeLayer } from './layer.ts';
import { asOne } from './layers.ts';
import type {
  CastPayload,
  Limits,
  MemberRecord,
  Message,
  MessageKind,
  Ping,
  Pong,
  ReleaseNotice,
} from './messages/index.ts';
import { defaultOptions, validateOptions } from './options.ts';
import type { TreeOptions } from './options.ts';
import { Parts } from './parts.ts';
import { Pulses } from './quiet/pulses.ts';
import { Routine, routineHeardChild } from './quiet/routine.ts';
import { Upkeep } from './upkeep.ts';
import { theRules } from './rules.ts';
import type { Rules } from './rules.ts';
import type { Sample } from './servers/selection.ts';
import { hearing } from './speakers.ts';
import type { Tree } from './tree/tree.ts';
import type { Role, World } from './world.ts';

export class Peer {
  readonly #parts: Parts;
  // Two of the parts that every heartbeat needs.
  readonly #ctx: Context;
  readonly #clients: Tree;
  readonly #routine: Routine;
  readonly #dispatch: Dispatch;
  readonly #upkeep: Upkeep;
  readonly #attachment: Attachment;
  /** The time of the wake that the world was asked for; null for none. */
  #wakeAtMs: number | null = null;

  constructor(
    self: PeerHandle,
    world: World,
    options: TreeOptions = defaultOptions,
    rules: Rules = theRules,
    makeLayers: readonly MakeLayer[] = [],
    pulses = new Pulses(),
  ) {
    const [problem] = validateOptions(options);
    if (problem !== undefined) throw new RangeError(problem);
    this.#parts = new Parts(self, world, options, rules, pulses);
    this.#ctx = this.#parts.ctx;
    this.#clients = this.#parts.clients;
    this.#routine = new Routine(this.#parts);
    this.#attachment = new Attachment(this.#parts);
    this.#upkeep = new Upkeep(this.#parts, this.#attachment);
    this.#dispatch = new Dispatch(this.#parts, this.#attachment);
    if (makeLayers.length > 0) this.#carry(makeLayers);
  }

  #carry(makeLayers: readonly MakeLayer[]): void {
    this.#parts.changeServer = (card) => this.#dispatch.changeServer(card);
    this.#parts.retire = () => this.#attachment.departure.retire();
    this.#parts.layer = asOne(makeLayers.map((make) => make(this.#parts)));
  }

  // --- Life ------------------------------------------------------------------------------------------------------------

  start(nowMs: number, how: Start): void {
    this.#begin(nowMs);
    beginLife(this.#parts, this.#attachment, how);
    this.#settle();
  }

  /** How much of a message of this kind by `from` is worth reading: asked before it is read. */
  hearing(from: PeerHandle, kind: MessageKind): ReturnType<typeof hearing> {
    return hearing(this.#parts, from, kind);
  }

  receive(nowMs: number, from: PeerHandle, message: Message): void {
    const ctx = this.#ctx;
    switch (message.kind) {
      case 'heartbeat-down':
        if (this.#routine.isHandedOver && ctx.pulses.hears(ctx.self, from, message, nowMs)) return;
        break;
      case 'heartbeat-up':
        ctx.nowMs = nowMs;
        if (routineHeardChild(this.#clients, from, message)) return this.#routine.noted();
        break;
      case 'ping':
        return this.#pinged(nowMs, from, message);
      case 'pong':
        return this.#answered(nowMs, from, message);
      default:
    }
    this.#begin(nowMs);
    this.#dispatch.receive(from, message);
    this.#settle();
  }

  /** Answering a ping changes no state. */
  #pinged(nowMs: number, from: PeerHandle, ping: Ping): void {
    const { pulses, self, world } = this.#ctx;
    this.#ctx.nowMs = nowMs;
    const pong = pulses.answer(self, ping.nonce);
    if (pong === null) this.#dispatch.receive(from, ping);
    else world.send(from, pong);
  }

  /** Most answers belong to a look for a better place that finds none. */
  #answered(nowMs: number, from: PeerHandle, pong: Pong): void {
    this.#ctx.nowMs = nowMs;
    const answer = this.#parts.pings.answered(from, pong);
    if (answer === null) return this.#routine.noted();
    const place = answer.asker === 'optimisation' ? this.#parts.optimisation.lookedAt(answer) : null;
    if (answer.asker === 'optimisation' && place === null && this.#routine.isHandedOver) return this.#routine.noted();
    this.#begin(nowMs);
    if (answer.asker === 'optimisation') this.#dispatch.better(place);
    else this.#dispatch.answered(answer);
    return this.#mayRest() ? this.#rest() : this.#settle();
  }

  /**
   * A quiet beat of a client came (`Pulses.tellsQuietly`): equal to the client's last whole beat, but with the echo of this beat of ours,
   * which the client had held for `heldMs`.
   */
  echoed(nowMs: number, from: PeerHandle, echo: number, heldMs: number): void {
    const ctx = this.#ctx;
    ctx.nowMs = nowMs;
    const child = this.#clients.child(from);
    if (child === null) ctx.world.send(from, { kind: 'disown', tree: 'clients' });
    else this.#clients.echoed(child, echo, heldMs);
    this.#routine.noted();
  }

  /** `Pulses.beatsAlone` has processed a beat of this peer; the beat to the parent carries more than the time. */
  tellParent(nowMs: number): void {
    this.#ctx.nowMs = nowMs;
    this.#routine.tellParent();
  }

  /** `Pulses.beatsAlone` has processed a beat of this peer; now it looks for a better place, and sets its next alarm itself. */
  look(nowMs: number): void {
    this.#begin(nowMs);
    // The alarm is set after the questions to others are sent, as on the long way.
    this.#wakeAtMs = null;
    this.#upkeep.look();
    this.#rest();
  }

  /** The parent's beat brings news, or work that `Pulses` cannot do. */
  heardWord(nowMs: number, from: PeerHandle): void {
    this.receive(nowMs, from, this.#ctx.pulses.wordOf(from));
  }

  wake(nowMs: number): void {
    const ctx = this.#ctx;
    ctx.nowMs = nowMs;
    this.#wakeAtMs = null;
    if (this.#routine.beat())
      return ctx.pulses.isLookDue(ctx.self) ? this.look(nowMs) : this.#askForWake(ctx.pulses.wakeAtMs(ctx.self));
    this.#begin(nowMs);
    this.#wakeAtMs = null;
    let isBeat = false;
    for (let timer = ctx.timers.due(nowMs); timer !== null; timer = ctx.timers.due(nowMs)) {
      isBeat = timer === 'beat';
      switch (timer) {
        case 'beat':
          this.#upkeep.beat();
          this.#parts.layer?.beat();
          break;
        case 'silence': {
          const tree = this.#parts.upTree();
          if (tree !== null) this.#attachment.parentLost(tree, 'silent');
          break;
        }
        case 'attempt':
          this.#attachment.attemptDue();
          break;
        case 'drain':
          this.#attachment.departure.overdue();
          break;
        case 'news':
          this.#parts.intake.step();
          break;
      }
    }
    if (!isBeat) return this.#settle();
    this.#routine.hasTold();
    this.#rest();
  }

  /** A fault of the program ended the last call early. Whatever it left unfinished, the peer goes on beating and looking for a parent. */
  revive(nowMs: number): void {
    this.#begin(nowMs);
    const { ctx } = this.#parts;
    const tree = this.#parts.upTree();
    if (ctx.role !== 'outside') startBeating(ctx);
    if (tree !== null && tree.parent !== NOBODY) expectParent(ctx, tree);
    else if (tree?.orphaned === true || this.#attachment.purpose !== null)
      ctx.timers.set('attempt', nowMs + ctx.intervalMs);
    // The world may or may not still have the alarm, so it is set again.
    this.#wakeAtMs = null;
    this.#settle();
  }

  /** The last connection to this peer was closed or broke. */
  disconnected(nowMs: number, peer: PeerHandle): void {
    const { ctx } = this.#parts;
    this.#begin(nowMs);
    for (const tree of this.#parts.trees()) {
      this.#attachment.childLost(tree, peer, 'closed');
      if (tree.parent === peer) this.#attachment.parentLost(tree, 'closed');
    }
    this.#attachment.unreachable(peer);
    if (ctx.isServer()) this.#parts.promotion.lost(peer);
    this.#settle();
  }

  // --- Commands of the person it belongs to -----------------------------------------------------------------------------------

  /** Root: tells its neighbours that there is a service (the paper's tree-create). */
  create(nowMs: number): void {
    this.#begin(nowMs);
    const { ctx, neighbours } = this.#parts;
    for (const peer of neighbours) ctx.world.send(peer, { kind: 'tree-create', root: ctx.self, ttl: 2 });
    this.#settle();
  }

  /** Offers to serve within these limits, now and after every restart. */
  volunteer(nowMs: number, limits: Limits): void {
    const { ctx } = this.#parts;
    this.#begin(nowMs);
    ctx.limits = limits;
    ctx.world.persist({ type: 'limits', ...limits });
    this.#parts.promotion.remind(this.#parts.ownServer());
    this.#settle();
  }

  /** Stops serving, stays a client. Ends with the event `drained`. */
  drain(nowMs: number): void {
    this.#begin(nowMs);
    this.#attachment.departure.drain();
    this.#settle();
  }

  /** Leaves the farm. Ends with the event `left`. */
  leave(nowMs: number): void {
    this.#begin(nowMs);
    this.#attachment.departure.leave();
    this.#settle();
  }

  /** Root: a release was installed and is announced to all. */
  publish(nowMs: number, number: number, digest: Uint8Array, sizeBytes: number): ReleaseNotice {
    this.#begin(nowMs);
    const { releases, multicast } = this.#parts;
    const notice = releases.publish(number, digest, sizeBytes);
    multicast.publish({ type: 'release', notice });
    this.#settle();
    return notice;
  }

  /** Server: sends a note to the whole farm. Returns its sequence number. */
  multicast(nowMs: number, payload: CastPayload): number {
    this.#begin(nowMs);
    if (!this.#parts.ctx.isServer())
      throw new Error('only a server may multicast; a client has nothing to tell the whole farm');
    const sequence = this.#parts.multicast.publish(payload);
    this.#settle();
    return sequence;
  }

  /** Root: bars a server from the farm until the exclusion expires, as long after as a tombstone does. */
  exclude(nowMs: number, subject: PeerHandle): void {
    this.#begin(nowMs);
    const { ctx } = this.#parts;
    const may = ctx.isServer() && ctx.authority.maySign({ type: 'member', state: 'excluded' }, ctx.self);
    if (may && subject !== ctx.self) this.#parts.membership.declareOther(subject, 'excluded');
    this.#settle();
  }

  // --- What the world reports ----------------------------------------------------------------------------------------------

  installed(nowMs: number, notice: ReleaseNotice): void {
    this.#begin(nowMs);
    const { releases } = this.#parts;
    releases.installed(notice);
    this.#attachment.resumePromotion();
    this.#settle();
  }

  installFailed(nowMs: number, reason: 'storage' | 'failed'): void {
    this.#begin(nowMs);
    const { releases, promotion } = this.#parts;
    releases.failed();
    promotion.concluded(reason === 'storage' ? 'storage' : 'install-failed');
    this.#settle();
  }

  /** A dial asked for through `World.dial` ended. */
  dialed(nowMs: number, peer: PeerHandle, nonce: number, worked: boolean): void {
    this.#begin(nowMs);
    this.#parts.reachability.dialed(peer, nonce, worked);
    this.#settle();
  }

  /** Own addresses changed. */
  addressChanged(nowMs: number): void {
    this.#begin(nowMs);
    this.#parts.reachability.reset();
    this.#settle();
  }

  /** A request to a server is on its way. */
  asked(nowMs: number, server: PeerHandle): void {
    this.#begin(nowMs);
    this.#parts.selection.asked(server);
    this.#settle();
  }

  /** The user gave up on a request before it was answered. */
  abandoned(nowMs: number, server: PeerHandle): void {
    this.#begin(nowMs);
    this.#parts.selection.abandoned(server);
    this.#settle();
  }

  /** A request to a server ended. */
  measured(nowMs: number, sample: Sample): void {
    this.#begin(nowMs);
    this.#parts.selection.measured(sample);
    this.#parts.layer?.measured(sample);
    this.#settle();
  }

  /** Server: a request of another peer was answered here; `serveMs` from when it came to the first byte of the answer. */
  answered(nowMs: number, serveMs: number): void {
    this.#begin(nowMs);
    this.#parts.layer?.answered(serveMs);
    this.#settle();
  }

  /** A request ended that no user waited for: it only measured a server, or another server answered in its place. */
  probed(nowMs: number, sample: Sample): void {
    this.#begin(nowMs);
    this.#parts.selection.measured(sample);
    this.#settle();
  }

  /** A server sent bytes that contradict the release they name: this peer never uses it again, and reports it to the root. */
  lied(nowMs: number, subject: PeerHandle, path: string, releaseNumber: number): void {
    this.#begin(nowMs);
    const { ctx, selection } = this.#parts;
    selection.lied(subject);
    if (this.#parts.clients.parent === subject) this.#attachment.parentLost(this.#parts.clients, 'lied');
    if (ctx.authority.leads()) ctx.world.tell({ type: 'reported', subject, by: ctx.self, path, releaseNumber });
    else
      ctx.world.send(ctx.authority.leader, {
        kind: 'report',
        subject,
        path,
        releaseNumber,
        credential: ctx.shownCredential,
      });
    this.#settle();
  }

  /** The servers to try for a request now, the best first. */
  rank(nowMs: number): PeerHandle[] {
    this.#begin(nowMs);
    const { ctx, views, selection } = this.#parts;
    const listed = views.current?.records ?? [];
    const known: Iterable<MemberRecord> = ctx.isServer() ? this.#parts.membership.records() : listed;
    return selection.rank([...known], this.#parts.ownServer());
  }

  /** A view of the internal state for `status`, tests and checkers; read only. */
  get state(): Readonly<Parts> {
    this.#takeBack();
    return this.#parts;
  }

  /** The peer is stopped: state kept for it elsewhere is released. No other call comes after it. */
  close(): void {
    this.#parts.close();
  }

  /** Whether a peer has no place near this one: it is no neighbour, no server known here, nor anyone this peer asked to take it in. */
  isStranger(peer: PeerHandle): boolean {
    const { ctx, views, neighbours, backup } = this.#parts;
    if (this.#parts.isLinked(peer) || this.#attachment.target === peer || ctx.authority.isLeader(peer)) return false;
    if (neighbours.includes(peer) || backup === peer) return false;
    const isServer = ctx.isServer() && this.#parts.membership.get(peer) !== null;
    return !isServer && views.current?.records.some(({ subject }) => subject === peer) !== true;
  }

  get role(): Role {
    return this.#parts.ctx.role;
  }

  get self(): PeerHandle {
    return this.#parts.ctx.self;
  }

  // --- Inside ------------------------------------------------------------------------------------------------------------

  /** A call begins: the peer takes all its state back. */
  #begin(nowMs: number): void {
    this.#takeBack();
    this.#ctx.nowMs = nowMs;
  }

  #takeBack(): void {
    if (!this.#routine.isHandedOver) return;
    this.#routine.takeBack();
    this.#wakeAtMs = this.#ctx.timers.next();
  }

  /** Something happened and was handled: the next heartbeat goes the long way. */
  #settle(): void {
    this.#routine.end();
    this.#askForWake(this.#ctx.timers.next());
  }

  /** An answer was noted, and led to nothing. */
  #mayRest(): boolean {
    const { layer } = this.#parts;
    return this.#attachment.purpose === null && !this.#clients.closed && (layer === null || layer.isIdle);
  }

  /** Nothing happened that affects the next beats. */
  #rest(): void {
    this.#askForWake(this.#ctx.timers.next());
    this.#routine.handOver();
  }

  /** Asks the world for the next wake, if its time changed. */
  #askForWake(atMs: number | null): void {
    if (atMs === this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    if (atMs !== null) this.#ctx.world.wakeAt(atMs);
  }
}
