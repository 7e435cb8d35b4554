/**
 * The root's controller: opens a round, reads the result, decides, carries the decision out, waits, and begins again (closed-loop control).
 *
 * It does one thing at a time, on purpose. Acting on figures from before the last change overshoots, three to ten times (measured). So the
 * next round is opened only when every grant is concluded and clients have had time to move and to make requests. No round is acted on
 * twice, and none in which too few peers answered.
 *
 * A move adds the new server first; the next round then decides which server stops. In an exchange the leaving server is part of the same
 * decision: it is told to stop when the membership shows that the newcomer serves and that no other server has gone.
 *
 * Source: P2P Volunteers, section 3.6 (the controller with feedback).
 */
import { NOBODY } from '../../core/index.ts';
import type { Aggregate, Bid, Order, Parts, PeerHandle } from '../../core/index.ts';
import { encodeAnnouncement, roundTopic } from '../round/announcement.ts';
import { balanced } from './balanced.ts';
import { Experience, kindOf } from './experience.ts';
import type { Kept, Reading } from './experience.ts';
import type { QosEvent, QosOptions } from '../options.ts';
import type { Action, Policy, PolicyName } from './policy.ts';
import { totalOf } from '../requirement.ts';
import type { CostKind, Figures, Goal } from '../requirement.ts';
import { DelaySketch } from '../round/sketch.ts';
import { Trust } from './trust.ts';
import { worstQos } from './worst-qos.ts';

export const policies: Readonly<Record<PolicyName, Policy>> = { 'worst-qos': worstQos, balanced };

interface Pending {
  readonly number: number;
  readonly round: number;
  readonly action: Action;
  /** `serve`: a candidate is to begin; `retire`: a server is to stop; `held`: a server is to stop as soon as its newcomer serves. */
  stage: 'serve' | 'held' | 'retire';
  served: PeerHandle;
  beatsLeft: number;
}

/** The usual service time is taken to grow by at most this factor from round to round. */
const mostUsualGrowth = 1.05;
/** A promotion that keeps less than this share of its promise counts as a broken promise. */
const keptNothing = 0.1;
/**
 * Rounds are numbered by the seconds of the clock, incarnations by its tenths of seconds. The incarnation that the root stores also tells
 * it after a restart which rounds there were, so a clock that was set back never repeats a round number.
 */
const incarnationsPerRound = 10;
/** A round without a result after this many heartbeats is lost. */
const roundBeats = 60;
/** A transfer may take long; a retirement ends by itself. */
const serveBeats = 700;
const retireBeats = 60;
/** Each round has this many numbers for its grants. */
const grantsPerRound = 64;

export class Controller {
  readonly #parts: Parts;
  readonly #options: QosOptions;
  readonly #goal: Goal;
  readonly #policy: Policy;
  readonly #tell: (event: QosEvent) => void;
  #state: 'waiting' | 'measuring' | 'acting' = 'waiting';
  #beatsLeft: number;
  #round = 0;
  #cost: CostKind;
  /** The usual service time (response delay minus round trip) of servers, ms; 0 while it is not known. */
  #usualMs = 0;
  #pending: readonly Pending[] = [];
  /** The servers at the time of the last decision. */
  #servedBefore: readonly PeerHandle[] = [];
  readonly #trust = new Trust();
  readonly #experience = new Experience();
  /** The actions of the last decision. */
  #lastActions: readonly Action[] = [];

  constructor(parts: Parts, options: QosOptions, goal: Goal, tell: (event: QosEvent) => void) {
    this.#parts = parts;
    this.#options = options;
    this.#goal = goal;
    this.#policy = policies[options.policy];
    this.#tell = tell;
    this.#cost = goal.first;
    this.#beatsLeft = options.settleBeats;
    this.#round = Math.floor(parts.ctx.incarnation / incarnationsPerRound);
  }

  /** The round that is under way, or the last one. */
  get round(): number {
    return this.#round;
  }

  beat(): void {
    this.#followPending();
    if (--this.#beatsLeft > 0) return;
    if (this.#state === 'waiting') this.#open();
    else if (this.#state === 'measuring') {
      this.#tell({ type: 'round-lost', round: this.#round });
      this.#rest(this.#options.quietBeats);
    }
  }

  #open(): void {
    const { ctx, multicast } = this.#parts;
    this.#round = Math.max(this.#round + 1, Math.floor(ctx.nowMs / 1000));
    ctx.raiseIncarnation(this.#round * incarnationsPerRound);
    this.#state = 'measuring';
    this.#beatsLeft = roundBeats;
    this.#tell({ type: 'round-opened', round: this.#round });
    const { clampMs, limitMs } = this.#goal;
    const freshMs = this.#options.freshBeats * ctx.intervalMs;
    const announcement = { round: this.#round, cost: this.#cost, clampMs, limitMs, freshMs, usualMs: this.#usualMs };
    multicast.publish({ type: 'note', topic: roundTopic, bytes: encodeAnnouncement(announcement) });
  }

  #rest(beats: number): void {
    this.#state = 'waiting';
    this.#beatsLeft = beats;
  }

  /** The whole farm's aggregate of the round arrived: decides, once. */
  read(round: number, aggregate: Aggregate): void {
    if (this.#state !== 'measuring' || round !== this.#round) return;
    const { clients, sumMs, over, requests, failures, expected, reported, servers, sketch } = aggregate;
    const figures: Figures = {
      clients,
      meanMs: clients === 0 ? Number.NaN : sumMs / clients,
      overShare: clients === 0 ? 0 : over / clients,
      answeredShare: requests === 0 ? 1 : (requests - failures) / requests,
    };
    const coverage = expected === 0 ? 0 : reported / expected;
    const cost = this.#cost;
    const enough = coverage >= this.#options.leastCoverage && clients > 0;
    const { limitMs } = this.#goal;
    const total = totalOf(cost, { sumMs, over }, limitMs);
    const met = enough && this.#goal.isMet(figures);
    const reading: Reading = { cost, total, clients, met };
    const budget = this.#goal.budget(cost, clients);
    const { margin } = this.#options;
    if (enough) {
      this.#learnUsual(aggregate.serveSketch);
      this.#judge(this.#experience.read(reading));
      this.#trust.next();
    }
    const bids = withVisits(aggregate).filter(({ server }) => this.#trust.isHeard(server));
    const { actions, reason } = enough
      ? this.#policy.decide({
          aggregate: { ...aggregate, bids },
          figures,
          goal: this.#goal,
          cost,
          total,
          budget,
          margin,
          lessons: this.#experience.lessons,
        })
      : {
          actions: [],
          reason:
            clients === 0
              ? 'no client has made a request yet'
              : `only ${Math.round(coverage * 100)}% of the peers were heard; the next round will show more`,
        };
    const delays = DelaySketch.of(sketch);
    this.#tell({
      type: 'decided',
      decision: { round, figures, cost, servers, coverage, met, reason, actions },
      p95Ms: delays.quantileMs(0.95),
      p50Ms: delays.quantileMs(0.5),
    });
    if (enough) this.#cost = this.#goal.tighter(figures);
    if (enough) this.#experience.decided(reading, actions, this.#lastActions);
    this.#lastActions = actions;
    if (actions.length === 0) this.#rest(this.#options.quietBeats);
    else this.#carryOut(round, actions);
  }

  /**
   * The median server's service time is the usual one. When all servers are slow at once, under a crowd, that is not usual yet: the figure
   * rises only a little each round.
   */
  #learnUsual(serveSketch: readonly number[]): void {
    const medianMs = DelaySketch.of(serveSketch).quantileMs(0.5);
    if (Number.isNaN(medianMs)) return;
    this.#usualMs = this.#usualMs === 0 ? medianMs : Math.min(medianMs, mostUsualGrowth * this.#usualMs);
  }

  /** A server whose promotions gained nothing is not believed for a while. */
  #judge(kept: Kept | null): void {
    if (kept === null || kept.action !== 'promote') return;
    const promotions = this.#lastActions.filter(({ action }) => action === 'promote');
    const change = promotions.reduce((sum, action) => sum + action.change, 0);
    const main = promotions.find((action) => action.change <= change / 2)?.server ?? NOBODY;
    if (main === NOBODY || main === this.#parts.ctx.self) return;
    if (kept.share < keptNothing) this.#trust.broke(main);
    else this.#trust.kept(main);
  }

  // --- Seeing it through ---------------------------------------------------------------------------------------------------

  #carryOut(round: number, actions: readonly Action[]): void {
    const isExchange = kindOf(actions) !== 'retire';
    this.#state = 'acting';
    this.#servedBefore = this.#parts.membership.serving().map(({ subject }) => subject);
    this.#pending = actions.map((action, at) => {
      const stage = action.action !== 'retire' ? 'serve' : isExchange ? 'held' : 'retire';
      const number = round * grantsPerRound + at;
      return { number, round, action, stage, served: NOBODY, beatsLeft: serveBeats };
    });
    // All are listed before the first begins, since it may be concluded at once.
    for (const pending of this.#pending) {
      if (pending.stage === 'serve') this.#grant(pending);
      else if (pending.stage === 'retire') this.#orderRetirement(pending);
    }
  }

  #grant({ number, action }: Pending): void {
    const { ctx, promotion } = this.#parts;
    const orders = action.candidates.map((candidate) => this.#order('serve', candidate));
    if (action.server === ctx.self) promotion.granted(number, orders);
    else ctx.world.send(action.server, { kind: 'grant', number, orders });
  }

  #order(action: Order['action'], subject: PeerHandle): Order {
    const { ctx, releases } = this.#parts;
    const { self } = ctx;
    const { standing } = ctx.authority;
    const releaseNumber = releases.latest?.number ?? 0;
    return ctx.signed<Order>({ type: 'order', action, subject, releaseNumber, issuer: self, standing });
  }

  #orderRetirement(pending: Pending): void {
    const { server } = pending.action;
    pending.stage = 'retire';
    pending.beatsLeft = retireBeats;
    this.#parts.ctx.world.send(server, { kind: 'retire', order: this.#order('retire', server) });
  }

  /** The result of a grant. */
  granted(number: number, from: PeerHandle, peer: PeerHandle): void {
    const pending = this.#pending.find((known) => known.number === number && known.stage === 'serve');
    if (pending === undefined || pending.action.server !== from || pending.served !== NOBODY) return;
    if (!pending.action.candidates.includes(peer)) {
      this.#conclude(pending, false);
      return;
    }
    pending.served = peer;
    if (pending.action.action === 'move') this.#experience.came(peer);
    // When another server retires for it, one server's word is not enough.
    if (this.#pending.some(({ stage }) => stage === 'held'))
      pending.beatsLeft = Math.min(pending.beatsLeft, retireBeats);
    else this.#conclude(pending, true);
  }

  #followPending(): void {
    for (const pending of this.#pending) {
      if (pending.stage === 'held') continue;
      pending.beatsLeft--;
      const { action, served } = pending;
      const state = (peer: PeerHandle): string => this.#parts.membership.get(peer)?.state ?? 'gone';
      if (pending.stage === 'retire') {
        if (state(action.server) === 'gone') this.#conclude(pending, true);
      } else if (served !== NOBODY) {
        if (state(served) === 'serving' && !this.#servedBefore.includes(served)) this.#conclude(pending, true);
      } else if (action.server !== this.#parts.ctx.self && state(action.server) !== 'serving') {
        // The server that was to carry it out is gone.
        this.#conclude(pending, false);
      }
      if (pending.beatsLeft <= 0) this.#conclude(pending, false);
    }
  }

  /**
   * Second half of an exchange: the newcomer serves, so the other server retires. It stays when no newcomer came, or when another server
   * has gone meanwhile.
   */
  #followExchange(hasCome: boolean): void {
    if (this.#pending.some(({ stage }) => stage === 'serve')) return;
    const { membership } = this.#parts;
    const isComplete = this.#servedBefore.every((peer) => membership.get(peer)?.state === 'serving');
    for (const pending of this.#pending.filter(({ stage }) => stage === 'held')) {
      if (hasCome && isComplete) this.#orderRetirement(pending);
      else this.#conclude(pending, false);
    }
  }

  #conclude(pending: Pending, worked: boolean): void {
    if (!this.#pending.includes(pending)) return;
    this.#pending = this.#pending.filter((other) => other !== pending);
    const { round, action, served } = pending;
    if (!worked && pending.stage !== 'held' && action.server !== this.#parts.ctx.self) this.#trust.broke(action.server);
    this.#tell({ type: 'concluded', round, action, peer: action.action === 'retire' ? action.server : served, worked });
    this.#followExchange(worked);
    if (this.#pending.length === 0 && this.#state === 'acting') this.#rest(this.#options.settleBeats);
  }
}

/** A server that retires is also lost to its users in other trees: their loss is added to the bid. */
function withVisits({ bids, visits }: Aggregate): Bid[] {
  const lost = new Map(visits.map(({ server, loss }) => [server, loss]));
  return bids.map((bid) =>
    bid.action === 'promote' ? bid : { ...bid, change: bid.change + (lost.get(bid.server) ?? 0) },
  );
}
