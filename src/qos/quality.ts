/**
 * Quality of service at one peer: what it felt goes up, once a round; what the root decided is done.
 *
 * A round reaches a peer as a multicast. It freezes what its own requests felt like, waits for its children (at most as many
 * heartbeats as its subtree is high, and one), adds up and reports to the parent it then has. A server, in whose tree clients report,
 * asks some of them to measure the way to likely new servers, makes its bids, and adds the reports of the servers below it. Each
 * peer reports a round at most once; a report that comes too late is missed in the coverage and counted in the next round.
 *
 * Source: P2P Volunteers, sections 3.5 (data collection along the trees) and 3.6 (controller).
 */
import { NOBODY } from '../core/ids.ts';
import type { PeerHandle, TreeKind } from '../core/ids.ts';
import { predictRttMs } from '../core/coordinates.ts';
import type { Layer } from '../core/layer.ts';
import type {
  Aggregate,
  AggregateReport,
  Cast,
  LayerMessage,
  MemberSample,
  Order,
  PeerCard,
  Survey,
  Surveyed,
} from '../core/messages.ts';
import type { Child } from '../core/tree.ts';
import { isFree } from '../core/membership.ts';
import type { Parts } from '../core/parts.ts';
import type { Answered } from '../core/pings.ts';
import type { Sample } from '../core/selection.ts';
import { decodeAnnouncement, roundTopic } from './announcement.ts';
import type { Announcement } from './announcement.ts';
import { Attendance } from './attendance.ts';
import { Controller } from './controller.ts';
import { Group, mostCards } from './group.ts';
import type { QosEvent, QosOptions } from './options.ts';
import { Goal } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import { countedIn, isOfSize, isSane } from './sanity.ts';
import { SentOn } from './sent-on.ts';
import { Shedding, medianServeMs } from './shedding.ts';
import { Tally } from './tally.ts';
import { Window } from './window.ts';
import type { Felt } from './window.ts';

interface Round {
  readonly announcement: Announcement;
  /** Own client tree (or, for a client, the subtree below it). */
  readonly clients: Tally;
  /** Tree of servers: what the servers below reported. */
  readonly servers: Tally;
  /** Children that have not reported, with the peers that were expected of each. */
  readonly awaited: { readonly clients: Map<PeerHandle, number>; readonly servers: Map<PeerHandle, number> };
  /** Of each child that reported: what share of those below it did. */
  readonly heardShares: Map<PeerHandle, number>;
  /** This peer's own figure is in. */
  selfCounted: boolean;
  /** Samples by the child they came through. */
  readonly branches: MemberSample[][];
  /** Heartbeats until the own tree is closed with what there is, and until all is. */
  collectBeats: number;
  surveyBeats: number;
  surveysLeft: number;
  beatsLeft: number;
  stage: 'collecting' | 'surveying';
  /** Clients that were asked to measure and have not answered. */
  readonly surveyed: Set<PeerHandle>;
}

/** A survey that was asked of this peer. */
interface Errand {
  readonly round: number;
  readonly from: PeerHandle;
  readonly cards: PeerCard[];
  readonly open: Set<PeerHandle>;
  beatsLeft: number;
}

/** Heartbeats that a server waits for its surveys, and that a client measures at most. */
const surveyBeats = 4;
const errandBeats = 2;
/** Times in a round that a server asks its clients. */
const surveysPerRound = 4;
/** No tree of servers is deeper. */
const mostServerDepth = 64;
/** Servers that a server measures the way to, for the day it stops serving. */
const neighboursMeasured = 3;
/** Heartbeats for which a candidate that declined is left alone. */
const refusalBeats = 200;
/** A server that is slower by no more than this share is as good: nobody moves for that. */
const asGood = 0.02;
/** Rounds in a row in which another server answered most requests, until a client moves to that one's tree. */
const strayRounds = 2;

export class Quality implements Layer {
  readonly #parts: Parts;
  readonly #options: QosOptions;
  #goal: Goal | null;
  readonly #tell: (event: QosEvent) => void;
  #window: Window | null = null;
  #lastRound = 0;
  #round: Round | null = null;
  #group: Group | null = null;
  #errand: Errand | null = null;
  #controller: Controller | null = null;
  /** Candidates that declined, with the time at which they did, ms. */
  #refusers: Map<PeerHandle, number> | null = null;
  /** Made when this peer has children. */
  #attendance: Attendance | null = null;
  /** Made when this peer serves. */
  #shedding: Shedding | null = null;
  /** Made when a full server sends this client on. */
  #sentOn: SentOn | null = null;
  #strayed = 0;
  #strayedTo: PeerHandle = NOBODY;
  /** The server that this client goes to when the round is over: who moves in the middle of one is not heard in it. */
  #moving: { readonly card: PeerCard; beatsLeft: number } | null = null;

  /** @throws RangeError for a requirement that cannot be one */
  constructor(parts: Parts, options: QosOptions, tell: (event: QosEvent) => void = () => {}) {
    this.#parts = parts;
    this.#options = options;
    this.#goal = options.requirement === null ? null : new Goal(options.requirement);
    this.#tell = tell;
    const { promotion } = parts;
    promotion.onOrderOnly = options.controlled;
    promotion.onGranted = (number, peer) => this.#granted(number, peer);
    promotion.onDeclined = (peer) => (this.#refusers ??= new Map()).set(peer, parts.ctx.nowMs);
  }

  // --- Layer ---------------------------------------------------------------------------------------------------------------

  get isIdle(): boolean {
    const isUnderWay = this.#errand !== null || this.#round !== null || this.#moving !== null;
    if (this.#sentOn?.isWaiting === true) return false;
    return !isUnderWay && this.#shedding === null && this.#parts.ctx.role !== 'root';
  }

  beat(): void {
    if (this.#shedding !== null || (this.#options.shedding && this.#parts.ctx.isServer())) this.#ownShedding().beat();
    this.#sentOn?.beat();
    if (this.#errand !== null && --this.#errand.beatsLeft <= 0) this.#finishErrand();
    const round = this.#round;
    if (round !== null) this.#follow(round);
    if (this.#moving !== null && --this.#moving.beatsLeft <= 0) {
      this.#parts.changeServer(this.#moving.card);
      this.#moving = null;
    }
    if (this.#goal === null || this.#parts.ctx.role !== 'root') return;
    this.#controller ??= new Controller(this.#parts, this.#options, this.#goal, this.#tell);
    this.#controller.beat();
  }

  /** Time goes by for an open round; who left meanwhile is waited for no more. */
  #follow(round: Round): void {
    const { servers, clients } = this.#parts;
    const { awaited } = round;
    for (const peer of awaited.clients.keys()) if (clients.child(peer) === null) awaited.clients.delete(peer);
    for (const peer of awaited.servers.keys()) if (servers.child(peer) === null) awaited.servers.delete(peer);
    round.collectBeats--;
    round.beatsLeft--;
    if (round.stage === 'surveying' && --round.surveyBeats <= 0) round.surveyed.clear();
    if (round.stage === 'collecting' && (awaited.clients.size === 0 || round.collectBeats <= 0)) this.#collected(round);
    else if (round.stage === 'surveying') this.#finishIfComplete(round);
  }

  /** The root: what is required from now on; null: nothing. @throws RangeError for a requirement that cannot be one */
  require(requirement: Requirement | null): void {
    this.#goal = requirement === null ? null : new Goal(requirement);
    this.#controller = null;
  }

  measured(sample: Sample): void {
    this.#window ??= new Window();
    this.#window.add(this.#parts.ctx.nowMs, sample);
  }

  answered(serveMs: number): void {
    if (this.#options.shedding && this.#parts.ctx.isServer()) this.#ownShedding().answered(serveMs);
  }

  viewChanged(): void {
    this.#window?.clear();
    this.#sentOn?.viewChanged();
  }

  delivered(cast: Cast): void {
    const { payload, origin } = cast;
    if (payload.type !== 'note' || payload.topic !== roundTopic || origin !== this.#parts.ctx.rootPeer) return;
    const announcement = decodeAnnouncement(payload.bytes);
    if (announcement !== null && announcement.round > this.#lastRound) this.#open(announcement);
  }

  receive(from: PeerHandle, message: LayerMessage): void {
    const { ctx, promotion } = this.#parts;
    switch (message.kind) {
      case 'aggregate':
        return this.#reported(from, message);
      case 'survey':
        return this.#surveyAsked(from, message);
      case 'surveyed':
        return this.#surveyAnswered(from, message);
      case 'grant':
        if (from === ctx.rootPeer && ctx.isServer() && message.orders.every((order) => this.#isOrder(order, 'serve')))
          promotion.granted(message.number, message.orders);
        return;
      case 'granted':
        this.#controller?.granted(message.number, from, message.peer);
        return;
      case 'retire':
        if (message.order.subject === ctx.self && this.#isOrder(message.order, 'retire')) this.#parts.retire();
        return;
      case 'shed':
        // What it felt at the full server says nothing of the next.
        if ((this.#sentOn ??= new SentOn(this.#parts)).told(from)) this.#window?.clear();
        return;
    }
  }

  pinged({ peer, rttMs }: Answered): void {
    this.#parts.selection.probed(peer, rttMs);
    const errand = this.#errand;
    if (errand === null || !errand.open.delete(peer)) return;
    const at = errand.cards.findIndex((card) => card.peer === peer);
    const card = errand.cards[at];
    if (card !== undefined) errand.cards[at] = { ...card, rttMs };
    if (errand.open.size === 0) this.#finishErrand();
  }

  /** An order that the root signed and that still counts. */
  #isOrder(order: Order, action: Order['action']): boolean {
    const { ctx } = this.#parts;
    const isGenuine =
      order.action === action && order.issuer === ctx.rootPeer && ctx.world.verify(order) && ctx.acknowledges(order);
    if (!isGenuine)
      ctx.world.tell({ type: 'refused', peer: order.issuer, what: `an order to ${action} that is not genuine` });
    return isGenuine;
  }

  #granted(number: number, peer: PeerHandle): void {
    const { ctx } = this.#parts;
    if (ctx.role === 'root') this.#controller?.granted(number, ctx.self, peer);
    else ctx.world.send(ctx.rootPeer, { kind: 'granted', number, peer });
  }

  // --- A round, collecting ----------------------------------------------------------------------------------------------------

  #open(announcement: Announcement): void {
    const { ctx, servers, clients, pings } = this.#parts;
    if (ctx.role === 'outside') return;
    this.#lastRound = announcement.round;
    const tally = (): Tally => new Tally(announcement.round, (peer) => ctx.world.fingerprint(peer));
    const round: Round = {
      announcement,
      clients: tally(),
      servers: tally(),
      awaited: { clients: new Map(), servers: new Map() },
      heardShares: new Map(),
      selfCounted: false,
      branches: [],
      collectBeats: clients.extent().height + 1,
      surveyBeats,
      surveysLeft: surveysPerRound,
      beatsLeft: clients.extent().height + 1,
      stage: 'collecting',
      surveyed: new Set(),
    };
    this.#round = round;
    this.#expect(round.clients, round.awaited.clients, clients.children);
    if (ctx.isServer()) {
      this.#expect(round.servers, round.awaited.servers, servers.children);
      round.beatsLeft += surveyBeats + servers.extent().height * (surveyBeats + 1);
      for (const { subject } of this.#parts.knownServers().slice(0, neighboursMeasured)) pings.ask(subject, 'layer');
    }
    this.#addSelf(round);
    if (round.awaited.clients.size === 0) this.#collected(round);
  }

  /** Who is to report, and how many peers each is expected to have heard: by the size it last told. */
  #expect(tally: Tally, awaited: Map<PeerHandle, number>, children: readonly Child[]): void {
    for (const { peer, size } of children) {
      const expected = this.#attendance?.expected(peer, size) ?? size;
      awaited.set(peer, expected);
      tally.expect(expected);
    }
  }

  /** Adds what this peer felt. A server that made no requests itself counts with its time to serve. */
  #addSelf(round: Round): void {
    const { ctx, selection, pings } = this.#parts;
    const { clampMs, limitMs, freshMs, usualMs } = round.announcement;
    const felt = this.#window?.felt(ctx.nowMs - freshMs, clampMs) ?? this.#expectation(clampMs);
    const { clients } = round;
    clients.addSelf(felt, limitMs);
    round.selfCounted = felt !== null;
    if (ctx.isServer() || felt === null) return;
    this.#noteStraying(round, felt);
    const willing = ctx.limits !== null && ctx.reachable && !ctx.draining;
    const measuredMs = selection.rttMs(felt.server);
    // What a server needs besides the way can only be known with the way: the next round shall know it.
    if (Number.isNaN(measuredMs) && felt.server !== NOBODY && felt.server !== ctx.self) pings.ask(felt.server, 'layer');
    const rttMs = Math.min(felt.delayMs, Number.isNaN(measuredMs) ? this.#predictedMs(felt.server) : measuredMs);
    clients.addSample({
      peer: ctx.self,
      coordinate: ctx.coordinate,
      delayMs: felt.delayMs,
      server: felt.server,
      rttMs,
      secondMs: Math.min(clampMs, this.#secondMs(felt.server, felt.delayMs - rttMs, usualMs)),
      willing,
    });
    round.branches.push([...clients.samples]);
    if (willing) clients.descend(ctx.self, felt.delayMs, NOBODY, felt.delayMs);
  }

  /** Without requests of its own a client counts with what it would feel at the server that it would ask, as far as it has measured. */
  #expectation(clampMs: number): Felt | null {
    const { ctx, selection, views } = this.#parts;
    if (ctx.isServer()) return null;
    const [server] = selection.rank(views.current?.records ?? [], this.#parts.ownServer());
    const expectedMs = server === undefined ? Number.NaN : selection.expectedMs(server);
    if (server === undefined || Number.isNaN(expectedMs)) return null;
    return { delayMs: Math.min(expectedMs, clampMs), server, requests: 0, failures: 0 };
  }

  #predictedMs(server: PeerHandle): number {
    const record = this.#parts.views.current?.records.find(({ subject }) => subject === server);
    return record === undefined ? 0 : predictRttMs(record.coordinate, this.#parts.ctx.coordinate);
  }

  /** What the next best server would give: its measured round trip with the present one's time to serve, or what is usual instead of a full server's. */
  #secondMs(server: PeerHandle, ownServeMs: number, usualMs: number): number {
    const { selection, views } = this.#parts;
    const records = views.current?.records ?? [];
    const isFull = usualMs > 0 && records.some(({ subject, full }) => subject === server && full);
    const serveMs = isFull ? Math.min(ownServeMs, usualMs) : ownServeMs;
    let secondMs = Number.NaN;
    for (const record of records) {
      const { subject } = record;
      if (subject === server || !isFree(record) || selection.isLiar(subject)) continue;
      const ms = serveMs + selection.rttMs(subject);
      if (!(ms >= secondMs)) secondMs = Number.isNaN(ms) ? secondMs : ms;
    }
    return secondMs;
  }

  /** Tree and use shall agree: who is served by another server's tree for two rounds goes there. */
  #noteStraying(round: Round, { server, delayMs }: Felt): void {
    const own = this.#parts.ownServer();
    const { selection } = this.#parts;
    const isAsGood = own !== selection.leaving && selection.expectedMs(own) <= delayMs * (1 + asGood);
    if (server === NOBODY || own === NOBODY || server === own || isAsGood) {
      this.#strayed = 0;
      return;
    }
    round.clients.strays++;
    this.#strayed = server === this.#strayedTo ? this.#strayed + 1 : 1;
    this.#strayedTo = server;
    if (this.#strayed < strayRounds) return;
    const record = this.#parts.views.current?.records.find(({ subject }) => subject === server);
    if (record === undefined) return;
    const rttMs = this.#parts.selection.rttMs(server);
    const card = { peer: server, coordinate: record.coordinate, rttMs };
    this.#moving = { card, beatsLeft: round.beatsLeft + surveyBeats };
  }

  #reported(from: PeerHandle, { tree, round: number, aggregate }: AggregateReport): void {
    const round = this.#round;
    if (round === null || number !== round.announcement.round || round.heardShares.has(from)) return;
    const { ctx, servers, clients } = this.#parts;
    const isServers = tree === 'servers';
    const child = (isServers ? servers : clients).child(from);
    if ((isServers && !ctx.isServer()) || child === null) return;
    // What cannot be true counts as silence; nobody waits for it any longer.
    const expected = round.awaited[tree].get(from) ?? 0;
    round.awaited[tree].delete(from);
    round.heardShares.set(from, 0);
    const isTrue = isSane(aggregate, tree, round.announcement) && (isServers || isOfSize(aggregate, child.size));
    if (isTrue) this.#add(round, tree, from, aggregate, expected);
    else ctx.world.tell({ type: 'refused', peer: from, what: 'a report of a round that cannot be true' });
    if (round.stage === 'collecting' && round.awaited.clients.size === 0) this.#collected(round);
    else if (round.stage === 'surveying') this.#finishIfComplete(round);
  }

  #add(round: Round, tree: TreeKind, from: PeerHandle, told: Aggregate, expected: number): void {
    round.heardShares.set(from, told.reported / Math.max(1, told.expected));
    const aggregate = this.#attendance?.believed(from, told) ?? told;
    if (tree === 'servers') {
      const bids = aggregate.bids.filter(({ server }) => this.#isBelow(server, from));
      const isOwn = this.#isBelow(aggregate.worstServer, from);
      const serveSketch = countedIn(aggregate.serveSketch) <= this.#countBelow(from) ? aggregate.serveSketch : [];
      round.servers.add({ ...aggregate, bids, serveSketch, worst: isOwn ? aggregate.worst : NOBODY }, expected);
    } else if (round.stage === 'collecting') {
      round.clients.add(aggregate, expected);
      round.branches.push([...aggregate.samples]);
    }
  }

  /** Whether a server hangs below that child, by the membership: who reports speaks for nobody else. */
  #isBelow(server: PeerHandle, child: PeerHandle): boolean {
    const { membership } = this.#parts;
    let at = server;
    for (let steps = 0; steps < mostServerDepth && at !== child; steps++) {
      const above = membership.get(at)?.parent ?? NOBODY;
      if (above === NOBODY || above === at) return false;
      at = above;
    }
    return at === child;
  }

  #countBelow(child: PeerHandle): number {
    let count = 0;
    for (const { subject, state } of this.#parts.membership.records())
      if (state !== 'gone' && this.#isBelow(subject, child)) count++;
    return count;
  }

  /** The own tree has reported, or time is up. */
  #collected(round: Round): void {
    const { ctx } = this.#parts;
    if (!ctx.isServer()) {
      this.#finish(round);
      return;
    }
    round.stage = 'surveying';
    round.beatsLeft = Math.max(round.beatsLeft, surveyBeats);
    const { cost, limitMs } = round.announcement;
    this.#forgiveRefusers();
    const known = new Set(round.clients.samples.map(({ peer }) => peer));
    const branches = round.branches.map((branch) => branch.filter(({ peer }) => known.has(peer)));
    const reliefMs = this.#shedding?.reliefMs(round.announcement) ?? Number.POSITIVE_INFINITY;
    // What this server felt itself is a figure of the round, and no client's.
    const others = round.clients.clients - (round.selfCounted ? 1 : 0);
    this.#ownGroup().see(branches, others, cost, limitMs, reliefMs);
    this.#survey(round);
    this.#finishIfComplete(round);
  }

  /** Asks clients to measure the way to likely servers. What comes back may make others likelier: a few times a round. */
  #survey(round: Round): void {
    if (this.#options.policy !== 'balanced') return;
    if (round.surveyed.size > 0 || round.surveyBeats <= 0) return;
    const group = this.#ownGroup();
    group.takeStock();
    if (round.surveysLeft-- > 0) {
      for (const { client, cards } of group.surveys()) {
        round.surveyed.add(client);
        this.#parts.ctx.world.send(client, { kind: 'survey', round: round.announcement.round, cards });
      }
    }
  }

  #finishIfComplete(round: Round): void {
    const complete = round.surveyed.size === 0 && round.awaited.servers.size === 0;
    if (complete || round.beatsLeft <= 0) this.#finish(round);
  }

  #ownGroup(): Group {
    if (this.#group !== null) return this.#group;
    const { ctx } = this.#parts;
    const group = new Group(ctx.self);
    if (this.#options.shedding) group.placesOf = (peer) => this.#parts.promotion.placesOf(peer);
    group.isRefuser = (peer) => this.#refusers?.has(peer) ?? false;
    group.subnetOf = (peer) => ctx.world.subnet(peer);
    this.#group = group;
    return group;
  }

  #ownShedding(): Shedding {
    this.#shedding ??= new Shedding(this.#parts, this.#tell);
    return this.#shedding;
  }

  #forgiveRefusers(): void {
    const { nowMs, intervalMs } = this.#parts.ctx;
    for (const [peer, atMs] of this.#refusers ?? [])
      if (nowMs - atMs > refusalBeats * intervalMs) this.#refusers?.delete(peer);
  }

  // --- Surveys -----------------------------------------------------------------------------------------------------------------

  #surveyAsked(from: PeerHandle, { round, cards }: Survey): void {
    if (from !== this.#parts.ownServer() || this.#errand !== null) return;
    const { ctx, pings } = this.#parts;
    const asked = cards.filter(({ peer }) => peer !== ctx.self).slice(0, mostCards);
    const open = new Set(asked.map(({ peer }) => peer));
    this.#errand = { round, from, cards: [...asked], open, beatsLeft: errandBeats };
    for (const peer of open) pings.ask(peer, 'layer');
    if (open.size === 0) this.#finishErrand();
  }

  #finishErrand(): void {
    const errand = this.#errand;
    this.#errand = null;
    if (errand === null) return;
    this.#parts.ctx.world.send(errand.from, { kind: 'surveyed', round: errand.round, cards: errand.cards });
  }

  #surveyAnswered(from: PeerHandle, { round: number, cards }: Surveyed): void {
    const round = this.#round;
    const isAsked = round?.surveyed.delete(from) ?? false;
    if (round === null || !isAsked || number !== round.announcement.round) return;
    const group = this.#group;
    for (const { peer, rttMs } of cards) if (group?.isCandidate(peer) === true) group.measured(from, peer, rttMs);
    if (round.stage !== 'surveying') return;
    this.#survey(round);
    this.#finishIfComplete(round);
  }

  // --- Reporting -----------------------------------------------------------------------------------------------------------------

  #finish(round: Round): void {
    if (this.#round !== round) return;
    const { ctx } = this.#parts;
    const tree = this.#parts.upTree();
    if (tree !== null && tree.parent === NOBODY) {
      // Between two parents: reports to the next one, if it comes in time.
      if (round.beatsLeft > -surveyBeats) return;
      this.#round = null;
      return;
    }
    this.#round = null;
    this.#noteAttendance(round);
    const aggregate = ctx.isServer() ? this.#farmAggregate(round) : round.clients.freeze();
    if (tree === null) this.#controller?.read(round.announcement.round, aggregate);
    else
      ctx.world.send(tree.parent, { kind: 'aggregate', tree: tree.kind, round: round.announcement.round, aggregate });
  }

  #noteAttendance({ heardShares }: Round): void {
    const children = this.#parts.trees().flatMap((tree) => tree.children.map(({ peer }) => peer));
    if (children.length === 0) {
      this.#attendance = null;
      return;
    }
    this.#attendance ??= new Attendance();
    this.#attendance.note(children, (child) => heardShares.get(child) ?? 0, this.#options.leastCoverage);
  }

  /** A server: the group with its bids, and the servers below. */
  #farmAggregate({ clients, servers, branches, announcement, selfCounted }: Round): Aggregate {
    const { ctx } = this.#parts;
    const { clampMs, limitMs } = announcement;
    const group = this.#ownGroup();
    group.takeStock();
    const losses = group.losses(clampMs);
    const loss = losses.get(ctx.self) ?? 0;
    for (const [server, lost] of losses) if (server !== ctx.self && server !== NOBODY) clients.addVisit(server, lost);
    if (!selfCounted) this.#countOwn(clients, limitMs);
    if (this.#options.policy === 'balanced' && !ctx.draining) {
      const mayLeave = ctx.role !== 'root' && this.#isServing();
      for (const bid of group.bids(this.#wayToNextServerMs(), loss, mayLeave, ctx.coordinate)) clients.bids.push(bid);
    }
    const own = branches
      .map((branch) => branch.filter(({ server }) => server === ctx.self))
      .filter((branch) => branch.length > 0);
    const serveMs = medianServeMs(own);
    if (!Number.isNaN(serveMs)) clients.serving.add(serveMs);
    if (this.#options.shedding) {
      // This server itself is one of those counted.
      const weight = Math.max(1, (clients.clients - 1) / Math.max(1, branches.flat().length));
      this.#ownShedding().roundOver(announcement, own, weight);
    }
    clients.samples = [];
    clients.servers = 1;
    clients.loss = 0;
    clients.worstLoss = ctx.role === 'root' ? 0 : loss;
    clients.worstServer = clients.worst === NOBODY ? NOBODY : ctx.self;
    servers.add(clients.freeze(), 0);
    return servers.freeze();
  }

  #isServing(): boolean {
    return this.#parts.membership.get(this.#parts.ctx.self)?.state === 'serving';
  }

  /** A server without requests of its own feels what its clients feel, less the way. */
  #countOwn(clients: Tally, limitMs: number): void {
    let serveMs = 0;
    for (const { delayMs, rttMs } of clients.samples) serveMs += Math.max(0, delayMs - rttMs) / clients.samples.length;
    if (clients.samples.length === 0) return;
    clients.clients++;
    clients.sumMs += serveMs;
    clients.over += limitMs > 0 && serveMs > limitMs ? 1 : 0;
    clients.sketch.add(serveMs);
  }

  /** The way to the server that this one would use if it did not serve itself, ms. */
  #wayToNextServerMs(): number {
    const { selection, ctx } = this.#parts;
    let nearestMs = Number.NaN;
    for (const { subject, coordinate } of this.#parts.knownServers().slice(0, neighboursMeasured)) {
      const measuredMs = selection.rttMs(subject);
      const ms = Number.isNaN(measuredMs) ? predictRttMs(coordinate, ctx.coordinate) : measuredMs;
      if (!(ms >= nearestMs)) nearestMs = ms;
    }
    return nearestMs;
  }
}
