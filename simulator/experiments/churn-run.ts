/**
 * One run of the churn experiment: peers come, leave and come back, while the root multicasts a note every few seconds.
 *
 * Of the peers that leave, half are killed (their machine closes the connections), a quarter lose power (silence), a quarter leave in
 * order. One peer in fifteen volunteers and becomes a server. The farm builds up and settles first; then these are measured:
 *
 * - repair: from a parent's death until each child that was below it, and lived on, has another parent;
 * - delivery: a note is due to every peer that was attached before it was sent and was still present 30 heartbeats later, without having
 *   been asked to leave; it counts as delivered if it arrived by then, however often the peer lost its parent in between;
 * - cut off: at every heartbeat, the share of peers, attached before, without a chain of living parents up to the root;
 * - control bytes: everything that a peer sends, encoded as on the wire, except the content of the notes.
 */
import type { PeerHandle } from '../../src/core/index.ts';
import type { GraphTopology } from '../../src/topology/index.ts';
import type { Report } from '../crew.ts';
import { ByteCounter } from '../byte-counter.ts';
import { noLoop } from '../checkers/loops.ts';
import { SimulatedFarm, generous, handle } from '../farm.ts';
import type { Ways } from '../link-stress.ts';
import { networkFor, placesFor } from '../network.ts';
import { Random } from '../random.ts';
import { castSize, drawSessions } from '../sessions.ts';
import type { Distribution, PeerSession } from '../sessions.ts';
import { childrenOf, shapeOf, wayUp } from '../tree-shape.ts';

export interface ChurnTask {
  readonly seed: number;
  readonly peers: number;
  readonly medianSessionMin: number;
  readonly heartbeatS: number;
  readonly distribution: Distribution;
  /** Sessions of a trace, instead of drawn ones; the peers' numbers go up to `peers`. */
  readonly trace: readonly PeerSession[] | null;
  /** How long the farm settles, and is then measured. */
  readonly settleMin: number;
  readonly watchMin: number;
}

export type Death = 'closed' | 'silent';

export interface ChurnOutcome {
  readonly seed: number;
  readonly stretches: readonly number[];
  readonly stresses: readonly number[];
  /** A lower bound for the copies on the worst link, at each look at the trees. */
  readonly leastWorstStresses: readonly number[];
  readonly repairBeats: Readonly<Record<Death, readonly number[]>>;
  /** Orphans that had no parent when the run ended, or died as orphans. */
  readonly unrepaired: number;
  readonly owed: number;
  readonly delivered: number;
  readonly cutOffShare: number;
  readonly bytesPerSecond: readonly number[];
  /** Peers in the farm, and those of them without a path up to the root: minute, count, count. */
  readonly attendance: readonly (readonly [number, number, number])[];
  readonly deaths: Readonly<Record<Death | 'left', number>>;
  readonly loops: number;
  readonly traceHash: number;
}

const root = handle(0);
const volunteerShare = 1 / 15;
const noteEveryMs = 5_000;
const noteBytes = 64;
/** Heartbeats after which a note counts as lost. */
const noteBeats = 30;
/** Bytes are counted for one peer in this many. */
const countedEvery = 4;

/** Where a crew finds `churnRun`. */
export const churnRunModule = import.meta.url;

export function churnRun(task: ChurnTask, report: Report): ChurnOutcome {
  const run = new ChurnRun(task);
  for (let minute = 0; minute < task.settleMin + task.watchMin; minute++) {
    report(minute / (task.settleMin + task.watchMin), minute < task.settleMin ? 'settling' : 'watching');
    if (minute === task.settleMin) run.watch();
    run.minute();
  }
  return run.outcome();
}

interface Note {
  readonly atMs: number;
  readonly owedTo: readonly { readonly peer: PeerHandle; readonly life: number }[];
  readonly got: Set<PeerHandle>;
}

class ChurnRun {
  readonly #task: ChurnTask;
  readonly #farm: SimulatedFarm;
  readonly #topology: GraphTopology;
  readonly #places: Int32Array;
  readonly #dice: Random;
  readonly #beatMs: number;
  readonly #loops = noLoop();
  readonly #ways: Ways = new Map();
  /** When a peer lost its parent in this life, and how; set while it has none. */
  readonly #lost = new Map<PeerHandle, { readonly atMs: number; readonly death: Death }>();
  /** Since when a peer has been part of the farm in this life; until it goes or begins to leave. */
  readonly #inSinceMs = new Map<PeerHandle, number>();
  readonly #notes = new Map<number, Note>();
  readonly #bytes = new ByteCounter(countedEvery);
  readonly #stretches: number[] = [];
  readonly #stresses: number[] = [];
  readonly #leastWorstStresses: number[] = [];
  readonly #repairBeats: Record<Death, number[]> = { closed: [], silent: [] };
  readonly #deaths = { closed: 0, silent: 0, left: 0 };
  readonly #attendance: [number, number, number][] = [];
  #isWatched = false;
  #unrepaired = 0;
  #owed = 0;
  #delivered = 0;
  #looks = 0;
  #looksCutOff = 0;

  constructor(task: ChurnTask) {
    const { seed, peers, medianSessionMin, heartbeatS, distribution, trace, settleMin, watchMin } = task;
    this.#task = task;
    this.#beatMs = heartbeatS * 1_000;
    this.#dice = new Random(seed ^ 0x6368);
    const cast = trace === null ? castSize({ peers }) : peers;
    this.#topology = networkFor(cast, seed);
    this.#places = placesFor(cast, this.#topology.size, this.#dice);
    this.#farm = new SimulatedFarm({
      seed,
      rttMs: (a, b) => this.#topology.rttMs(this.#node(a), this.#node(b)),
      subnet: (peer) => this.#topology.domain(this.#node(peer)),
      tree: { minHeartbeatMs: this.#beatMs, maxHeartbeatMs: this.#beatMs, fanOut: 8 },
    });
    this.#farm.checkers.push(this.#loops, {
      name: 'churn',
      verdict: () => [],
      observed: (_farm, peer, event) => {
        if (event.type === 'attached') this.#attached(peer);
        else if (event.type === 'delivered' && event.origin === root) this.#notes.get(event.sequence)?.got.add(peer);
      },
    });
    this.#farm.start(root, { as: 'root', root, neighbours: [] });
    this.#farm.act(root, (peer) => peer.publish(0, 1, new Uint8Array(32), 1e6));
    const lengthMs = (settleMin + watchMin) * 60_000;
    const medianMs = medianSessionMin * 60_000;
    const sessions = trace ?? drawSessions({ peers, medianMs, distribution, lengthMs }, this.#dice);
    for (const session of sessions) if (session.arriveMs < lengthMs) this.#expect(session);
    this.#everyMs(this.#beatMs, () => this.#look());
    this.#everyMs(60_000, () => this.#measureShape());
    this.#everyMs(noteEveryMs, () => this.#sendNote());
    this.#farm.onSend = (from, _to, message) => {
      if (this.#isWatched) this.#bytes.sent(from, message);
    };
  }

  /** Starts the measurement. */
  watch(): void {
    this.#isWatched = true;
    this.#bytes.reset(this.#farm.nowMs);
  }

  minute(): void {
    this.#farm.run(60_000);
  }

  outcome(): ChurnOutcome {
    // Messages sent last still have time to arrive; no new ones count.
    this.#isWatched = false;
    const bytesPerSecond = this.#bytes.rates(this.#farm.nowMs);
    this.#farm.run(noteBeats * this.#beatMs + 1);
    return {
      seed: this.#task.seed,
      stretches: this.#stretches,
      stresses: this.#stresses,
      leastWorstStresses: this.#leastWorstStresses,
      repairBeats: this.#repairBeats,
      unrepaired: this.#unrepaired,
      owed: this.#owed,
      delivered: this.#delivered,
      cutOffShare: this.#looksCutOff / this.#looks,
      bytesPerSecond,
      attendance: this.#attendance,
      deaths: this.#deaths,
      loops: this.#loops.verdict(this.#farm).length,
      traceHash: this.#farm.traceHash,
    };
  }

  // --- Coming and going ------------------------------------------------------------------------------------------------

  #expect({ peer: number, arriveMs, leaveMs }: PeerSession): void {
    const peer = handle(number);
    const fate = this.#dice.next();
    const volunteers = this.#dice.next() < volunteerShare;
    this.#farm.after(arriveMs, () => {
      const life = this.#arrive(peer, volunteers);
      this.#farm.after(leaveMs - arriveMs, () => this.#depart(peer, life, fate));
    });
  }

  #arrive(peer: PeerHandle, volunteers: boolean): number {
    const farm = this.#farm;
    if (farm.life(peer) === 0) {
      farm.start(peer, { as: 'peer', root, neighbours: [root] });
      // A volunteer offers soon, and stays a volunteer: the offer is on its disk.
      if (volunteers) farm.after(10_000, () => farm.act(peer, (self) => self.volunteer(farm.nowMs, generous)));
    } else farm.restart(peer);
    this.#bytes.arrived(peer, farm.nowMs);
    return farm.life(peer);
  }

  #depart(peer: PeerHandle, life: number, fate: number): void {
    const farm = this.#farm;
    const self = farm.peer(peer);
    if (self === null || farm.life(peer) !== life) return;
    if (fate < 0.75) {
      this.#die(peer, fate < 0.5 ? 'closed' : 'silent');
      return;
    }
    if (this.#isWatched) this.#deaths.left++;
    this.#inSinceMs.delete(peer);
    farm.act(peer, () => self.leave(farm.nowMs));
    // It leaves when it has no children any more, or when its time limit is over.
    const goneBy = farm.nowMs + (farm.tree.drainBeats + 2) * this.#beatMs;
    const go = (): void => {
      if (farm.life(peer) !== life) return;
      if (self.role === 'outside' || farm.nowMs >= goneBy) this.#vanish(peer, true);
      else farm.after(this.#beatMs / 4, go);
    };
    go();
  }

  #die(peer: PeerHandle, death: Death): void {
    const self = this.#farm.peer(peer);
    if (self === null) return;
    if (this.#isWatched) this.#deaths[death]++;
    for (const child of childrenOf(self)) {
      const childSelf = this.#farm.peer(child);
      if (
        this.#isWatched &&
        childSelf?.state.upTree()?.parent === peer &&
        this.#inSinceMs.has(child) &&
        !this.#lost.has(child)
      )
        this.#lost.set(child, { atMs: this.#farm.nowMs, death });
    }
    this.#vanish(peer, death === 'closed');
  }

  #vanish(peer: PeerHandle, closes: boolean): void {
    if (this.#lost.delete(peer)) this.#unrepaired++;
    this.#inSinceMs.delete(peer);
    this.#bytes.gone(peer, this.#farm.nowMs);
    this.#farm.crash(peer, closes);
  }

  #attached(peer: PeerHandle): void {
    if (!this.#inSinceMs.has(peer) && this.#farm.peer(peer)?.state.ctx.draining === false)
      this.#inSinceMs.set(peer, this.#farm.nowMs);
    const lost = this.#lost.get(peer);
    if (lost === undefined) return;
    this.#lost.delete(peer);
    this.#repairBeats[lost.death].push((this.#farm.nowMs - lost.atMs) / this.#beatMs);
  }

  // --- Watching --------------------------------------------------------------------------------------------------------

  #sendNote(): void {
    if (!this.#isWatched) return;
    const farm = this.#farm;
    const atMs = farm.nowMs;
    const owedTo = [...this.#inSinceMs]
      .filter(([, sinceMs]) => sinceMs < atMs)
      .map(([peer]) => ({ peer, life: farm.life(peer) }));
    let sequence = 0;
    farm.act(root, (self) => {
      sequence = self.multicast(atMs, { type: 'note', topic: 'churn', bytes: new Uint8Array(noteBytes) });
    });
    const note: Note = { atMs, owedTo, got: new Set() };
    this.#notes.set(sequence, note);
    farm.after(noteBeats * this.#beatMs, () => {
      this.#notes.delete(sequence);
      for (const { peer, life } of owedTo) {
        if (farm.life(peer) !== life || !this.#inSinceMs.has(peer)) continue;
        this.#owed++;
        if (note.got.has(peer)) this.#delivered++;
      }
    });
  }

  /** Counts, once a heartbeat, the peers with a path up to the root. */
  #look(): void {
    if (!this.#isWatched) return;
    for (const peer of this.#inSinceMs.keys()) {
      const self = this.#farm.peer(peer);
      if (self === null) continue;
      this.#looks++;
      if (wayUp(this.#farm, self) === null) this.#looksCutOff++;
    }
  }

  #measureShape(): void {
    const { depths, stretches, stresses, leastWorstStress, cutOff } = shapeOf(
      this.#farm,
      this.#topology.graph,
      (peer) => this.#node(peer),
      this.#ways,
    );
    this.#attendance.push([this.#farm.nowMs / 60_000, depths.length + 1, cutOff.length]);
    if (!this.#isWatched) return;
    for (const stretch of stretches) this.#stretches.push(stretch);
    for (const stress of stresses) this.#stresses.push(stress);
    this.#leastWorstStresses.push(leastWorstStress);
  }

  // --- Small things ----------------------------------------------------------------------------------------------------

  #everyMs(everyMs: number, act: () => void): void {
    const again = (): void => {
      act();
      this.#farm.after(everyMs, again);
    };
    this.#farm.after(everyMs, again);
  }

  #node(peer: PeerHandle): number {
    return this.#places[peer] ?? 0;
  }
}
