/**
 * Quality of service at one peer: once a round, its own figures are reported up the tree, and the root's decisions are carried out.
 *
 * A round reaches a peer as a multicast. The peer freezes the delays of its own requests, waits for its children (at most as many
 * heartbeats as its subtree is high, plus one), adds up, and reports to its parent at that time. A server, in whose tree clients report,
 * also asks some of them to measure likely new servers, makes its bids, and adds the reports of the servers below it. Each peer reports a
 * round at most once; a report that comes too late lowers the coverage and is counted in the next round.
 *
 * This file has the order of events; the figures are made in `round.ts`, `own-delay.ts` and, for a server, `steward.ts`. A million peers in
 * one simulation have one of these each, so parts that most of them never need are made on first use.
 *
 * Source: P2P Volunteers, sections 3.5 (data collection along the trees) and 3.6 (controller).
 */
import { NOBODY } from '../core/index.ts';
import type {
  Answered,
  Cast,
  Layer,
  LayerKind,
  LayerMessage,
  Order,
  Parts,
  PeerHandle,
  Sample,
  Survey,
  Surveyed,
} from '../core/index.ts';
import { decodeAnnouncement, roundTopic } from './round/announcement.ts';
import type { Announcement } from './round/announcement.ts';
import { Attendance } from './round/attendance.ts';
import { Controller } from './control/controller.ts';
import { Errand } from './round/errand.ts';
import type { QosEvent, QosOptions } from './options.ts';
import { ownDelay, ownSample } from './round/own-delay.ts';
import { Goal } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import { Round } from './round/round.ts';
import { SentOn } from './load/sent-on.ts';
import { Steward } from './group/steward.ts';
import { Straying, isAstray } from './load/straying.ts';
import { Window } from './round/window.ts';
import type { Felt } from './round/window.ts';

const kinds: readonly LayerKind[] = ['aggregate', 'survey', 'surveyed', 'grant', 'granted', 'retire', 'shed'];
const topics: readonly string[] = [roundTopic];

export class Quality implements Layer {
  readonly #parts: Parts;
  readonly #options: QosOptions;
  #goal: Goal | null;
  readonly #tell: (event: QosEvent) => void;
  #window: Window | null = null;
  #lastRound = 0;
  #round: Round | null = null;
  #errand: Errand | null = null;
  #controller: Controller | null = null;
  /** Made when this peer has children. */
  #attendance: Attendance | null = null;
  /** Made when this peer serves. */
  #steward: Steward | null = null;
  /** Made when a full server sends this client on. */
  #sentOn: SentOn | null = null;
  /** Made when another server's tree answers this client. */
  #straying: Straying | null = null;

  /** @throws RangeError for a requirement that cannot be one */
  constructor(parts: Parts, options: QosOptions, tell: (event: QosEvent) => void = () => {}) {
    this.#parts = parts;
    this.#options = options;
    this.#goal = options.requirement === null ? null : new Goal(options.requirement);
    this.#tell = tell;
    const { promotion } = parts;
    promotion.onOrderOnly = options.controlled;
    promotion.onGranted = (number, peer) => this.#granted(number, peer);
    promotion.onDeclined = (peer) => this.#ownSteward().declined(peer);
  }

  /** Sets the requirement, at the root; null: none. @throws RangeError for a requirement that cannot be one */
  require(requirement: Requirement | null): void {
    this.#goal = requirement === null ? null : new Goal(requirement);
    this.#controller = null;
  }

  // --- Layer ---------------------------------------------------------------------------------------------------------------

  // Getters, because a million peers need not hold three fields that are the same for all of them.

  get name(): 'quality' {
    return 'quality';
  }

  get kinds(): readonly LayerKind[] {
    return kinds;
  }

  get topics(): readonly string[] {
    return topics;
  }

  get isIdle(): boolean {
    const isUnderWay = this.#errand !== null || this.#round !== null || this.#straying?.isMoving === true;
    if (this.#sentOn?.isWaiting === true) return false;
    return !isUnderWay && this.#steward?.isIdle !== false && !this.#parts.ctx.authority.leads();
  }

  beat(): void {
    const { ctx } = this.#parts;
    if (this.#steward !== null || ctx.isServer()) this.#ownSteward().beat();
    this.#sentOn?.beat();
    this.#errand?.beat();
    this.#answerErrand();
    if (this.#round !== null) this.#follow(this.#round);
    this.#straying?.beat();
    if (this.#goal === null || !ctx.authority.leads()) return;
    this.#controller ??= new Controller(this.#parts, this.#options, this.#goal, this.#tell);
    this.#controller.beat();
  }

  measured(sample: Sample): void {
    this.#window ??= new Window();
    this.#window.add(this.#parts.ctx.nowMs, sample);
  }

  answered(serveMs: number): void {
    if (this.#parts.ctx.isServer()) this.#ownSteward().answered(serveMs);
  }

  viewChanged(): void {
    this.#window?.clear();
    this.#sentOn?.viewChanged();
  }

  delivered(cast: Cast): void {
    const { payload, origin } = cast;
    if (payload.type !== 'note' || payload.topic !== roundTopic || !this.#parts.ctx.authority.isLeader(origin)) return;
    const announcement = decodeAnnouncement(payload.bytes);
    if (announcement !== null && announcement.round > this.#lastRound) this.#open(announcement);
  }

  receive(from: PeerHandle, message: LayerMessage): void {
    const { ctx, promotion } = this.#parts;
    switch (message.kind) {
      case 'aggregate': {
        const round = this.#round;
        if (round?.hear(from, message) === true) this.#proceed(round);
        return;
      }
      case 'survey':
        return this.#surveyAsked(from, message);
      case 'surveyed':
        return this.#surveyAnswered(from, message);
      case 'grant':
        if (ctx.isServer() && message.orders.every((order) => this.#isOrder(order, 'serve')))
          promotion.granted(message.number, message.orders);
        return;
      case 'granted':
        this.#controller?.granted(message.number, from, message.peer);
        return;
      case 'retire':
        if (message.order.subject === ctx.self && this.#isOrder(message.order, 'retire')) this.#parts.retire();
        return;
      case 'shed':
        // Delays at the full server say nothing about the next one.
        if ((this.#sentOn ??= new SentOn(this.#parts)).told(from)) this.#window?.clear();
        return;
    }
  }

  pinged(answer: Answered): void {
    this.#parts.probed(answer.peer, answer.rttMs);
    this.#errand?.pinged(answer);
    this.#answerErrand();
  }

  /** Whether an order is signed by the leader and still counts. */
  #isOrder(order: Order, action: Order['action']): boolean {
    const { authority, world } = this.#parts.ctx;
    const isGenuine =
      order.action === action &&
      authority.maySign(order, order.issuer) &&
      world.verify(order) &&
      authority.acknowledges(order);
    if (!isGenuine)
      world.tell({ type: 'refused', peer: order.issuer, what: `an order to ${action} that is not genuine` });
    return isGenuine;
  }

  #granted(number: number, peer: PeerHandle): void {
    const { ctx } = this.#parts;
    if (ctx.authority.leads()) this.#controller?.granted(number, ctx.self, peer);
    else ctx.world.send(ctx.authority.leader, { kind: 'granted', number, peer });
  }

  #ownSteward(): Steward {
    this.#steward ??= new Steward(this.#parts, this.#options, this.#tell);
    return this.#steward;
  }

  // --- A round -------------------------------------------------------------------------------------------------------------

  #open(announcement: Announcement): void {
    const { ctx } = this.#parts;
    if (ctx.role === 'outside') return;
    this.#lastRound = announcement.round;
    const round = new Round(this.#parts, announcement, this.#attendance);
    this.#round = round;
    if (ctx.isServer()) this.#ownSteward().lookAround();
    this.#addSelf(round);
    this.#proceed(round);
  }

  /** Adds this peer's own delay. A server that made no requests itself counts with its service time. */
  #addSelf(round: Round): void {
    const { ctx, selection, pings } = this.#parts;
    const felt = ownDelay(this.#parts, this.#window, round.announcement);
    round.addSelf(felt);
    if (ctx.isServer() || felt === null) return;
    this.#noteStraying(round, felt);
    round.addOwnSample(ownSample(this.#parts, felt, round.announcement));
    // The service time needs the round trip: it is measured now, for the next round.
    const { server } = felt;
    const isUnknown = server !== NOBODY && server !== ctx.self && Number.isNaN(selection.rttMs(server));
    if (isUnknown) pings.ask(server, 'quality');
  }

  #noteStraying(round: Round, felt: Felt): void {
    if (isAstray(this.#parts, felt)) {
      round.clients.strays++;
      this.#straying ??= new Straying(this.#parts);
      this.#straying.strayed(felt.server, round.beatsToGo);
    } else {
      this.#straying?.stayed();
    }
  }

  #follow(round: Round): void {
    round.beat();
    if (round.isCollecting && round.isCollectTimeUp) this.#collected(round);
    else this.#proceed(round);
  }

  /** Takes the next step of the round if everything that it needs is there. */
  #proceed(round: Round): void {
    if (!round.isCollecting) this.#finishIfOver(round);
    else if (round.allClientsHeard) this.#collected(round);
  }

  /** The peer's own tree has reported, or its time is up. */
  #collected(round: Round): void {
    if (!this.#parts.ctx.isServer()) {
      this.#finish(round);
      return;
    }
    round.closeCollection();
    const steward = this.#ownSteward();
    steward.look(round);
    steward.survey(round);
    this.#finishIfOver(round);
  }

  #finishIfOver(round: Round): void {
    if (round.isOver) this.#finish(round);
  }

  #finish(round: Round): void {
    if (this.#round !== round) return;
    const { ctx } = this.#parts;
    const tree = this.#parts.upTree();
    if (tree !== null && tree.parent === NOBODY) {
      // Between two parents: the peer reports to the next one, if there is one in time.
      if (round.beatsToGo <= 0) this.#round = null;
      return;
    }
    this.#round = null;
    this.#noteAttendance(round);
    const aggregate = ctx.isServer() ? this.#ownSteward().report(round) : round.clients.freeze();
    const { round: number } = round.announcement;
    if (tree === null) this.#controller?.read(number, aggregate);
    else ctx.world.send(tree.parent, { kind: 'aggregate', tree: tree.kind, round: number, aggregate });
  }

  #noteAttendance(round: Round): void {
    const children = this.#parts.trees().flatMap((tree) => tree.children.map(({ peer }) => peer));
    if (children.length === 0) {
      this.#attendance = null;
      return;
    }
    this.#attendance ??= new Attendance();
    this.#attendance.note(children, (child) => round.heardShare(child), this.#options.leastCoverage);
  }

  // --- Surveys -------------------------------------------------------------------------------------------------------------

  #surveyAsked(from: PeerHandle, survey: Survey): void {
    if (this.#errand !== null) return;
    this.#errand = new Errand(this.#parts, from, survey);
    this.#errand.start();
    this.#answerErrand();
  }

  #answerErrand(): void {
    const errand = this.#errand;
    if (errand === null || !errand.isOver) return;
    this.#errand = null;
    errand.answer();
  }

  #surveyAnswered(from: PeerHandle, message: Surveyed): void {
    const round = this.#round;
    const isAsked = round?.surveyed.delete(from) ?? false;
    if (round === null || !isAsked || message.round !== round.announcement.round) return;
    const steward = this.#ownSteward();
    steward.surveyed(from, message);
    if (round.isCollecting) return;
    steward.survey(round);
    this.#finishIfOver(round);
  }
}
