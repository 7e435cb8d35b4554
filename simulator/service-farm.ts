/**
 * A farm that serves: peers on the nodes of a topology, all making requests, and the controller at the root.
 *
 * Each client asks the server that its own record ranks first, at random moments; the answer comes after the service time and one round
 * trip. A server that is dead by then has reset the connection: the request fails and goes to the next in the ranking, as in a real reader.
 * The peers know only the measurements of their requests; this file also keeps the true values, to compare with.
 */
import { NOBODY } from '../src/core/index.ts';
import type { Limits, Peer, PeerHandle } from '../src/core/index.ts';
import { DelaySketch, Quality, defaultQosOptions } from '../src/qos/index.ts';
import type { Decision, Margin, PolicyName, QosEvent, Requirement } from '../src/qos/index.ts';
import type { Topology } from '../src/topology/index.ts';
import { isWhole } from './checkers/structure.ts';
import { SimulatedFarm, generous, handle } from './farm.ts';
import { Queues, patienceMs } from './queues.ts';
import { Random } from './random.ts';
import { Workload } from './workload.ts';
import type { WorkloadShape } from './workload.ts';

export interface ServiceFarmOptions {
  readonly topology: Topology;
  /** The node at which the root sits. */
  readonly rootNode: number;
  /** Number of peers, root included; one per node when absent. Peers that share a node have an access link each. */
  readonly peers?: number;
  readonly seed: number;
  /** Service time of a server, ms: response delay minus round trip. */
  readonly serverTimeMs: number;
  readonly policy: PolicyName;
  readonly margin: Margin;
  /** When clients ask; about every two seconds each when absent. */
  readonly workload?: { readonly shape: WorkloadShape; readonly everyMs: number; readonly zipf: number };
  /** Requests a second that a server manages, one after the other; without limit when absent. */
  readonly capacityPerSecond?: (peer: PeerHandle) => number;
  /** What a volunteer offers; no limit of its own when absent. */
  readonly limits?: (peer: PeerHandle) => Limits;
  /** Full servers shed load; false shows a farm without that. */
  readonly shedding?: boolean;
}

/** Counts of users' requests. */
export interface Requests {
  total: number;
  /** No server answered within `patienceMs`. */
  failedWithFailover: number;
  /** The first server asked did not answer: a failure for a reader without failover. */
  failedWithout: number;
}

/** The users' response delays. */
export class WaitTimes {
  readonly #sketch = new DelaySketch();
  #sumMs = 0;
  #count = 0;

  add(delayMs: number): void {
    this.#sketch.add(delayMs);
    this.#sumMs += delayMs;
    this.#count++;
  }

  get meanMs(): number {
    return this.#sumMs / this.#count;
  }

  /** The 95th percentile, within 2%. */
  get p95Ms(): number {
    return this.#sketch.quantileMs(0.95);
  }
}

export const rootPeer = handle(0);
const beatMs = 1_000;
/** Distances are compared here, and 1 ms is much between neighbours. */
const ticksPerMs = 10;
const releaseBytes = 1e6;
/** Between two looks at the second best server, ms, on average. */
const lookEveryMs = 16 * beatMs;
/** Peers that share a node are up to this far from it, round trip, ms. */
const accessLinkMs = 10;

export class ServiceFarm {
  readonly farm: SimulatedFarm;
  readonly options: ServiceFarmOptions;
  readonly peers: number;
  readonly requests: Requests = { total: 0, failedWithFailover: 0, failedWithout: 0 };
  readonly decisions: Decision[] = [];
  /** The users' response delays; may be replaced to begin anew. */
  felt = new WaitTimes();
  /** Called for all events of the controller, and for events of servers about their load. */
  onEvent: (event: QosEvent, peer: PeerHandle) => void = () => {};
  readonly #random: Random;
  readonly #workload: Workload | null;
  /** Null where servers manage any number of requests. */
  readonly #queues: Queues | null;
  #requirement: Requirement | null = null;

  constructor(options: ServiceFarmOptions) {
    this.options = options;
    const { topology, seed, policy, margin } = options;
    this.peers = options.peers ?? topology.size;
    this.#random = new Random(seed ^ 0x7365_7276);
    const { workload, capacityPerSecond } = options;
    this.#queues = capacityPerSecond === undefined ? null : new Queues(capacityPerSecond);
    this.#workload =
      workload === undefined ? null : new Workload({ ...workload, regions: topology.domainCount }, this.#random);
    const accessMs = Float64Array.from({ length: this.peers }, () =>
      this.peers > topology.size ? accessLinkMs * this.#random.next() : 0,
    );
    const { shedding = true } = options;
    const qos = { ...defaultQosOptions, controlled: true, policy, margin, shedding };
    this.farm = new SimulatedFarm({
      seed,
      rttMs: (a, b) =>
        a === b ? 0 : topology.rttMs(this.node(a), this.node(b)) + (accessMs[a] as number) + (accessMs[b] as number),
      subnet: (peer) => topology.domain(this.node(peer)),
      tree: { minHeartbeatMs: beatMs, maxHeartbeatMs: beatMs },
      ticksPerMs,
      transferBytesPerSecond: 10e6,
      layers: () => [(parts) => new Quality(parts, qos, (event) => this.#happened(event, parts.ctx.self))],
    });
  }

  /** The node of a peer: the root changes places with peer 0. */
  node(peer: PeerHandle): number {
    const { rootNode, topology } = this.options;
    if (peer >= topology.size) return peer % topology.size;
    return peer === rootPeer ? rootNode : peer === rootNode ? 0 : peer;
  }

  #happened(event: QosEvent, peer: PeerHandle): void {
    if (event.type === 'decided') this.decisions.push(event.decision);
    this.onEvent(event, peer);
  }

  /** Every peer joins and is ready to serve; ends when the trees stand and distances are known. */
  grow(): void {
    const { farm } = this;
    farm.start(rootPeer, { as: 'root', root: rootPeer, neighbours: [] });
    farm.act(rootPeer, (peer) => peer.publish(farm.nowMs, 1, new Uint8Array(32), releaseBytes));
    const arrivalsMs = Math.min(120_000, 20_000 + 100 * this.peers);
    for (let n = 1; n < this.peers; n++) {
      const at = this.#random.next() * arrivalsMs;
      farm.after(at, () => {
        farm.start(handle(n), { as: 'peer', root: rootPeer, neighbours: [rootPeer] });
        farm.act(handle(n), (peer) => peer.volunteer(farm.nowMs, this.options.limits?.(handle(n)) ?? generous));
      });
    }
    farm.run(arrivalsMs + 60 * beatMs);
    if (!farm.runUntil(() => isWhole(farm), 120 * beatMs, beatMs))
      throw new Error(`a farm of ${this.peers} peers did not become whole`);
    for (let n = 0; n < this.peers; n++) {
      this.#requestLater(handle(n));
      if (this.#queues !== null) this.#lookLater(handle(n));
    }
    farm.run(8 * beatMs);
  }

  /** The controller's target from now on. */
  require(requirement: Requirement | null): void {
    this.#requirement = requirement;
    this.farm.act(rootPeer, (peer) => (peer.state.layerNamed('quality') as Quality).require(requirement));
  }

  /** Restarts a peer that was switched off; a root keeps its target. */
  restart(peer: PeerHandle): void {
    this.farm.restart(peer);
    if (peer === rootPeer) this.require(this.#requirement);
  }

  /** Runs until the controller has read this many more rounds; false when it did not within the limit. */
  runRounds(count: number, limitMs = count * 200 * beatMs): boolean {
    const wanted = this.decisions.length + count;
    return this.farm.runUntil(() => this.decisions.length >= wanted, limitMs, beatMs / 2);
  }

  // --- The truth ------------------------------------------------------------------------------------------------------------

  servers(): Peer[] {
    return this.farm.living().filter((peer) => peer.state.ctx.isServer());
  }

  /** Mean response delay over all living peers now, each at the server it would ask; servers at no distance from themselves. ms. */
  meanDelayMs(): number {
    let sumMs = 0;
    let count = 0;
    for (const peer of this.farm.living()) {
      const server = this.#choice(peer)[0];
      if (server === undefined) continue;
      sumMs += this.options.serverTimeMs + this.farm.options.rttMs(peer.self, server);
      count++;
    }
    return sumMs / count;
  }

  // --- Requests ---------------------------------------------------------------------------------------------------------------

  #requestLater(peer: PeerHandle): void {
    const region = this.options.topology.domain(this.node(peer));
    const gapMs = this.#workload?.gapMs(this.farm.nowMs, region) ?? 2 * beatMs * (0.5 + this.#random.next());
    this.farm.after(gapMs, () => {
      this.#requestLater(peer);
      const user = this.farm.peer(peer);
      if (user === null || user.role === 'outside') return;
      const ranking = this.#choice(user);
      this.requests.total++;
      this.#try(peer, this.farm.life(peer), ranking, 0, this.farm.nowMs);
    });
  }

  /** Where servers may be slow, a client also measures its second best now and then, as the real one does. */
  #lookLater(peer: PeerHandle): void {
    this.farm.after(lookEveryMs * (0.5 + this.#random.next()), () => {
      this.#lookLater(peer);
      const user = this.farm.peer(peer);
      const server = user?.role === 'client' ? this.#choice(user)[1] : undefined;
      if (server === undefined) return;
      this.#ask(peer, server, (delayMs, ok) =>
        this.farm.act(peer, (prober) => prober.probed(this.farm.nowMs, { server, delayMs, ok })),
      );
    });
  }

  /** A server asks itself. */
  #choice(peer: Peer): PeerHandle[] {
    return peer.state.ctx.isServer() ? [peer.self] : peer.rank(this.farm.nowMs);
  }

  #try(user: PeerHandle, life: number, ranking: readonly PeerHandle[], at: number, sinceMs: number): void {
    const { farm } = this;
    const server = ranking[at] ?? NOBODY;
    if (server === NOBODY || farm.nowMs - sinceMs > patienceMs) {
      this.requests.failedWithFailover++;
      if (at === 0) this.requests.failedWithout++;
      return;
    }
    if (this.#queues !== null) farm.act(user, (peer) => peer.asked(farm.nowMs, server));
    this.#ask(user, server, (delayMs, ok) => {
      // The client is gone: no user waits for the answer.
      if (farm.life(user) !== life) return;
      if (ok) this.felt.add(farm.nowMs - sinceMs);
      farm.act(user, (peer) => peer.measured(farm.nowMs, { server, delayMs, ok }));
      if (ok) return;
      if (at === 0) this.requests.failedWithout++;
      this.#try(user, life, ranking, at + 1, sinceMs);
    });
  }

  /** One request on its way; ends with the time it took, NaN when it was not answered. */
  #ask(user: PeerHandle, server: PeerHandle, answered: (delayMs: number, ok: boolean) => void): void {
    const { farm } = this;
    const serverLife = farm.life(server);
    const rttMs = farm.options.rttMs(user, server);
    const serves = (): boolean =>
      farm.life(server) === serverLife && (farm.peer(server)?.state.ctx.isServer() ?? false);
    // A server's request to itself has arrived at once, so it counts even if the server stops serving meanwhile.
    const isOwn = server === user;
    const waitMs = serves() ? (this.#queues?.waitMs(server, farm.nowMs + rttMs / 2) ?? 0) : 0;
    const isTaken = serves() && Number.isFinite(waitMs);
    const delayMs = isTaken ? rttMs + waitMs + this.options.serverTimeMs : rttMs;
    farm.after(delayMs, () => {
      const ok = isTaken && (isOwn || serves());
      if (ok && !isOwn && this.#queues !== null)
        farm.act(server, (peer) => peer.answered(farm.nowMs, waitMs + this.options.serverTimeMs));
      answered(ok ? delayMs : Number.NaN, ok);
    });
  }
}
