/**
 * Adding up one round: a peer's own figure and its children's aggregates become the aggregate that it reports.
 *
 * All parts merge in any order. A bounded sample of the clients travels along, and stays uniform whatever the shape of the tree: each
 * client gets a number by hash, and the smallest numbers are kept (bottom-k sampling). So a server knows a group of up to `mostSamples`
 * clients completely and a larger one by a fair sample.
 *
 * The paper's descent (always into the child with the worst average) is computed on the way up: each peer remembers where the descent would
 * end below it.
 */
import { mix, NOBODY } from '../../core/index.ts';
import type { Aggregate, Bid, MemberSample, PeerHandle } from '../../core/index.ts';
import type { Felt } from './window.ts';
import { DelaySketch } from './sketch.ts';

export const mostSamples = 128;
/** The number of bids of each kind that are passed up: the best ones. */
export const mostBids = 16;
/** Servers whose users from other trees are reported. */
const mostVisits = 128;
/** A bound on the peers of one sum: ten times the largest farm, and sums still fit a message. */
export const mostPeers = 1e7;
/** The largest sum of costs that fits a message. */
const mostLoss = 2 ** 42;

export class Tally {
  readonly #fingerprint: (peer: PeerHandle) => number;
  readonly #round: number;
  readonly sketch = new DelaySketch();
  expected = 0;
  reported = 0;
  clients = 0;
  sumMs = 0;
  over = 0;
  requests = 0;
  failures = 0;
  strays = 0;
  worst: PeerHandle = NOBODY;
  worstMs = 0;
  worstServer: PeerHandle = NOBODY;
  /** The average by which `worst` won. */
  #worstAverageMs = -1;
  loss = 0;
  worstLoss = 0;
  servers = 0;
  samples: MemberSample[] = [];
  bids: Bid[] = [];
  /** The service times of the servers (quantile sketch). */
  readonly serving = new DelaySketch();
  readonly visits = new Map<PeerHandle, number>();

  constructor(round: number, fingerprint: (peer: PeerHandle) => number) {
    this.#round = round;
    this.#fingerprint = fingerprint;
  }

  /** Adds the peer itself, with its delay or without one. */
  addSelf(felt: Felt | null, limitMs: number): void {
    this.expected++;
    this.reported++;
    if (felt === null) return;
    this.clients++;
    this.sumMs += felt.delayMs;
    this.over += limitMs > 0 && felt.delayMs > limitMs ? 1 : 0;
    this.requests += felt.requests;
    this.failures += felt.failures;
    this.sketch.add(felt.delayMs);
  }

  addSample(sample: MemberSample): void {
    this.samples.push(sample);
  }

  /** Expects a report from a child, with the size it last told. */
  expect(size: number): void {
    this.expected += size;
  }

  /**
   * Adds a child's plausible aggregate in place of what was expected of it (`size`). A child that would make the sum too large for any farm
   * counts as silent.
   */
  add(child: Aggregate, size: number): void {
    if (this.reported + child.reported > mostPeers) return;
    this.expected += child.expected - size;
    this.reported += child.reported;
    this.clients += child.clients;
    this.sumMs += child.sumMs;
    this.over += child.over;
    this.requests += child.requests;
    this.failures += child.failures;
    this.strays += child.strays;
    this.sketch.merge(child.sketch);
    this.loss = Math.min(mostLoss, this.loss + child.loss);
    this.worstLoss = Math.max(this.worstLoss, child.worstLoss);
    this.servers += child.servers;
    this.samples.push(...child.samples);
    this.#thin();
    this.bids.push(...child.bids);
    this.serving.merge(child.serveSketch);
    for (const { server, loss } of child.visits) this.addVisit(server, loss);
    if (child.clients > 0) this.descend(child.worst, child.worstMs, child.worstServer, child.sumMs / child.clients);
  }

  addVisit(server: PeerHandle, loss: number): void {
    if (this.visits.has(server) || this.visits.size < mostVisits)
      this.visits.set(server, Math.min(mostLoss, (this.visits.get(server) ?? 0) + loss));
  }

  /**
   * Offers one branch of the paper's descent: its average, and where it ends. The worst average wins; a branch without a willing client
   * does not count.
   */
  descend(worst: PeerHandle, worstMs: number, server: PeerHandle, averageMs: number): void {
    if (worst === NOBODY || averageMs <= this.#worstAverageMs) return;
    this.worst = worst;
    this.worstMs = worstMs;
    this.worstServer = server;
    this.#worstAverageMs = averageMs;
  }

  /** Keeps the samples with the smallest numbers. */
  #thin(): void {
    if (this.samples.length <= mostSamples) return;
    const number = ({ peer }: MemberSample): number =>
      mix(this.#fingerprint(peer) ^ Math.imul(this.#round, 0x9e3779b1));
    this.samples = this.samples
      .map((sample) => ({ sample, by: number(sample) }))
      .sort((a, b) => a.by - b.by)
      .slice(0, mostSamples)
      .map(({ sample }) => sample);
  }

  /** Keeps the best bids of each kind. */
  #bestBids(): Bid[] {
    const best: Bid[] = [];
    for (const action of ['promote', 'move', 'retire'] as const) {
      const ofKind = this.bids.filter((bid) => bid.action === action).sort((a, b) => a.change - b.change);
      best.push(...ofKind.slice(0, mostBids));
    }
    return best;
  }

  freeze(): Aggregate {
    const { expected, reported, clients, sumMs, over, requests, failures, strays, worst, worstMs, worstServer } = this;
    const { loss, worstLoss, servers, samples } = this;
    return {
      expected: Math.min(mostPeers, Math.max(expected, reported)),
      reported,
      clients,
      sumMs,
      over,
      requests,
      failures,
      strays,
      sketch: this.sketch.pairs(),
      worst,
      worstMs,
      worstServer,
      loss,
      worstLoss,
      servers,
      samples,
      bids: this.#bestBids(),
      visits: [...this.visits].map(([server, loss]) => ({ server, loss })),
      serveSketch: this.serving.pairs(),
    };
  }
}
