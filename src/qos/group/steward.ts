/**
 * A server as the steward of its clients: what it does for them in a round, and what it reports about them to the farm.
 *
 * When its tree has reported, the server looks at its clients as a group and asks some of them to measure candidates that might serve
 * beside it or instead of it. The answers may make other candidates likelier, so it asks a few times. Then it makes its bids, adds its own
 * delay, and passes up one figure for the group: no client is named further up, except a candidate or the client that is worst off.
 * Candidates that declined are not asked for a while. When there are more clients than it can serve, some are sent on (`Shedding`).
 *
 * Made when a peer serves: nearly all peers are clients that never do.
 *
 * Source: P2P Volunteers, section 3.6 (controller).
 */
import { NOBODY, predictRttMs } from '../../core/index.ts';
import type { Aggregate, Parts, PeerHandle, Surveyed } from '../../core/index.ts';
import { Group } from './group.ts';
import type { QosEvent, QosOptions } from '../options.ts';
import type { Round } from '../round/round.ts';
import { Shedding, medianServeMs } from '../load/shedding.ts';
import type { Tally } from '../round/tally.ts';

/** Servers that a server keeps measuring, for the day it stops serving. */
const neighboursMeasured = 3;
/** A candidate that declined is not asked again for this many heartbeats. */
const refusalBeats = 200;

export class Steward {
  readonly #parts: Parts;
  readonly #options: QosOptions;
  readonly #tell: (event: QosEvent) => void;
  readonly #group: Group;
  /** Candidates that declined, with the time at which they did, ms. */
  readonly #refusers = new Map<PeerHandle, number>();
  /** Made with the first heartbeat, or request, as a server. */
  #shedding: Shedding | null = null;

  constructor(parts: Parts, options: QosOptions, tell: (event: QosEvent) => void) {
    this.#parts = parts;
    this.#options = options;
    this.#tell = tell;
    const { ctx } = parts;
    this.#group = new Group(ctx.self);
    if (options.shedding) this.#group.placesOf = (peer) => parts.promotion.placesOf(peer);
    this.#group.isRefuser = (peer) => this.#refusers.has(peer);
    this.#group.subnetOf = (peer) => ctx.world.subnet(peer);
  }

  // --- Between rounds -------------------------------------------------------------------------------------------------------

  /** There is no load to watch. */
  get isIdle(): boolean {
    return this.#shedding === null;
  }

  beat(): void {
    if (this.#shedding !== null || this.#isWatching()) this.#ownShedding().beat();
  }

  /** A request was answered here; `serveMs` is its service time, ms. */
  answered(serveMs: number): void {
    if (this.#isWatching()) this.#ownShedding().answered(serveMs);
  }

  #isWatching(): boolean {
    return this.#options.shedding && this.#parts.ctx.isServer();
  }

  #ownShedding(): Shedding {
    this.#shedding ??= new Shedding(this.#parts, this.#tell);
    return this.#shedding;
  }

  /** A candidate does not want to serve. */
  declined(peer: PeerHandle): void {
    this.#refusers.set(peer, this.#parts.ctx.nowMs);
  }

  #forgiveRefusers(): void {
    const { nowMs, intervalMs } = this.#parts.ctx;
    for (const [peer, atMs] of this.#refusers)
      if (nowMs - atMs > refusalBeats * intervalMs) this.#refusers.delete(peer);
  }

  // --- A round --------------------------------------------------------------------------------------------------------------

  /** A round begins: measures the servers that this one would use if it did not serve itself. */
  lookAround(): void {
    const nearest = this.#parts.knownServers().slice(0, neighboursMeasured);
    for (const { subject } of nearest) this.#parts.pings.ask(subject, 'quality');
  }

  /** The server's own tree has reported, or its time is up. */
  look({ announcement, clients, branches, selfCounted }: Round): void {
    const { cost, limitMs } = announcement;
    this.#forgiveRefusers();
    const known = new Set(clients.samples.map(({ peer }) => peer));
    const sampled = branches.map((branch) => branch.filter(({ peer }) => known.has(peer)));
    const reliefMs = this.#shedding?.reliefMs(announcement) ?? Number.POSITIVE_INFINITY;
    // The server's own delay is a figure of the round, but not a client's.
    const others = clients.clients - (selfCounted ? 1 : 0);
    this.#group.see(sampled, others, cost, limitMs, reliefMs);
  }

  /** Asks clients to measure likely candidates, a few times in a round: the answers may make other candidates likelier. */
  survey(round: Round): void {
    if (this.#options.policy !== 'balanced' || !round.maySurvey) return;
    this.#group.takeStock();
    if (round.surveysLeft-- <= 0) return;
    for (const { client, cards } of this.#group.surveys()) {
      round.surveyed.add(client);
      this.#parts.ctx.world.send(client, { kind: 'survey', round: round.announcement.round, cards });
    }
  }

  /** A client answered a survey. */
  surveyed(client: PeerHandle, { cards }: Surveyed): void {
    for (const { peer, rttMs } of cards) if (this.#group.isCandidate(peer)) this.#group.measured(client, peer, rttMs);
  }

  // --- Reporting ------------------------------------------------------------------------------------------------------------

  /** The report at the end of a round: the group with its bids, and the servers below. */
  report({ clients, servers, branches, announcement, selfCounted }: Round): Aggregate {
    const { ctx } = this.#parts;
    const { clampMs, limitMs } = announcement;
    this.#group.takeStock();
    const losses = this.#group.losses(clampMs);
    const loss = losses.get(ctx.self) ?? 0;
    for (const [server, lost] of losses) if (server !== ctx.self && server !== NOBODY) clients.addVisit(server, lost);
    if (!selfCounted) countOwn(clients, limitMs);
    if (this.#options.policy === 'balanced' && !ctx.draining) {
      const mayLeave = !this.#parts.isOrigin && this.#isServing();
      const bids = this.#group.bids(this.#wayToNextServerMs(), loss, mayLeave, ctx.coordinate);
      for (const bid of bids) clients.bids.push(bid);
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
    clients.worstLoss = this.#parts.isOrigin ? 0 : loss;
    clients.worstServer = clients.worst === NOBODY ? NOBODY : ctx.self;
    servers.add(clients.freeze(), 0);
    return servers.freeze();
  }

  #isServing(): boolean {
    return this.#parts.membership.get(this.#parts.ctx.self)?.state === 'serving';
  }

  /** The round trip to the server that this one would use if it did not serve itself, ms. */
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

/** A server without requests of its own counts with the delay of its clients, less their round trip. */
function countOwn(clients: Tally, limitMs: number): void {
  let serveMs = 0;
  for (const { delayMs, rttMs } of clients.samples) serveMs += Math.max(0, delayMs - rttMs) / clients.samples.length;
  if (clients.samples.length === 0) return;
  clients.clients++;
  clients.sumMs += serveMs;
  clients.over += limitMs > 0 && serveMs > limitMs ? 1 : 0;
  clients.sketch.add(serveMs);
}
