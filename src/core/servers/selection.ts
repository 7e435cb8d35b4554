/**
 * Which server a request goes to: the client's own experience decides.
 *
 * For every server it knows, a client keeps the response delay it measured (an exponentially weighted mean), and how often the server
 * failed lately. Before each request the servers are sorted by expected cost: the delay, plus the price of a failure times its likelihood.
 * An untried server is judged by its distance, with a little optimism, so that a newcomer nearby gets its chance. A request that still
 * waits counts with its age, so that no client adds requests to a server that does not keep up. A server that lied is out for good. A full
 * server is left to the clients it has: clients of other trees, and clients that it asked to leave, rank it last.
 *
 * Source: P2P Volunteers, section 3.4.2 (server selection, evaluation after each call).
 */
import type { Context } from '../context.ts';
import { predictRttMs } from '../reach/coordinates.ts';
import type { PeerNumbers } from '../reach/peer-numbers.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import { isFree } from './membership.ts';
import type { MemberRecord } from '../messages/index.ts';

export interface Sample {
  readonly server: PeerHandle;
  /** From sending the request to its first byte, ms; NaN when it failed. */
  readonly delayMs: number;
  readonly ok: boolean;
  /** A connection had to be made for it: the user felt the delay, but later requests will not. */
  readonly isFirst?: boolean;
}

export interface ServerRecord {
  readonly peer: PeerHandle;
  delayMs: number;
  /** The last round trip that was measured on purpose, ms; NaN before the first. */
  rttMs: number;
  /** Recent failures: each adds 1, each success halves it, and it fades with time. */
  failures: number;
  requests: number;
  lastFailureAtMs: number;
  /** Since when a request has been waiting for its answer, ms; NaN when none is. */
  waitingSinceMs: number;
  liar: boolean;
}

const weightOfNews = 0.3;
/** The cost of a failed request, ms. */
const failureCostMs = 2_000;
/** The failure score halves in this time, ms. */
const forgiveHalfMs = 15_000;
/** An untried server is expected to take this share of its predicted round trip, plus the mean service time. */
const optimism = 0.9;
const persistEvery = 32;
/** Servers whose measurements are kept for longer; beyond this number the one written down longest ago is forgotten. */
const mostRecords = 256;
/** A waiting request counts from this age, ms, because a connection may have to be made, and up to this age, ms. */
const leastWaitMs = 500;
const mostWaitMs = 10_000;

export class Selection {
  readonly #ctx: Context;
  readonly #records: ServerRecords;
  /** Service time (response delay minus round trip), ms: a mean over the servers that were used; NaN before the first. */
  #serveMs = Number.NaN;
  /** The server that asked this peer to go to another; NOBODY for none. */
  leaving: PeerHandle = NOBODY;

  constructor(ctx: Context, distances: PeerNumbers) {
    this.#ctx = ctx;
    this.#records = new ServerRecords(distances);
  }

  /** A request was sent. */
  asked(server: PeerHandle): void {
    const record = this.#record(server);
    if (Number.isNaN(record.waitingSinceMs)) record.waitingSinceMs = this.#ctx.nowMs;
  }

  /** No user waits for the answer any more: it is not counted. */
  abandoned(server: PeerHandle): void {
    const record = this.#records.get(server);
    if (record !== undefined) record.waitingSinceMs = Number.NaN;
  }

  /** Notes one finished request. */
  measured(sample: Sample): void {
    const record = this.#record(sample.server);
    record.waitingSinceMs = Number.NaN;
    record.requests++;
    if (sample.ok && sample.isFirst === true) {
      record.failures = this.#failures(record) / 2;
    } else if (sample.ok) {
      record.delayMs = Number.isNaN(record.delayMs)
        ? sample.delayMs
        : record.delayMs + weightOfNews * (sample.delayMs - record.delayMs);
      record.failures = this.#failures(record) / 2;
      const serveMs = Math.max(0, sample.delayMs - record.rttMs);
      if (serveMs >= 0)
        this.#serveMs = Number.isNaN(this.#serveMs)
          ? serveMs
          : this.#serveMs + weightOfNews * (serveMs - this.#serveMs);
    } else {
      record.failures = this.#failures(record) + 1;
    }
    record.lastFailureAtMs = this.#ctx.nowMs;
    if (record.requests % persistEvery === 1) {
      const { peer, delayMs, failures, requests } = record;
      this.#ctx.world.persist({ type: 'client-record', peer, delayMs, failures, requests });
    }
  }

  /** The round trip to a server was measured; `distances` has it. */
  probed(server: PeerHandle, rttMs: number): void {
    this.#records.probed(server, rttMs);
  }

  /** A server sent bytes that contradict the release they name. */
  lied(server: PeerHandle): void {
    this.#record(server).liar = true;
  }

  isLiar(server: PeerHandle): boolean {
    return this.#records.get(server)?.liar ?? false;
  }

  /** Forgets what is known of a server, here and on the disk. A liar stays known as one. */
  forget(peer: PeerHandle): void {
    if (this.#records.drop(peer)) this.#ctx.world.forget({ type: 'client-record', which: peer });
  }

  /** Forgets servers without a request for as long as tombstones last, and the oldest beyond the limit. */
  expire(): void {
    const limitMs = this.#ctx.nowMs - this.#ctx.options.tombstoneMs;
    const records = this.#records.all();
    const excess = records.length - mostRecords;
    for (const [i, record] of records.entries())
      if (i < excess || record.lastFailureAtMs < limitMs) this.forget(record.peer);
  }

  restore(peer: PeerHandle, delayMs: number, failures: number, requests: number): void {
    Object.assign(this.#record(peer), { delayMs, failures, requests });
  }

  get(peer: PeerHandle): ServerRecord | null {
    return this.#records.get(peer) ?? null;
  }

  /** The servers to try for a request, the best first. `own`: the one in whose tree this peer is, whether full or not. */
  rank(servers: readonly MemberRecord[], own: PeerHandle): PeerHandle[] {
    const serving = servers.filter((record) => record.state === 'serving' && !this.isLiar(record.subject));
    const mayAsk = (record: MemberRecord): boolean =>
      isFree(record) || (record.subject === own && own !== this.leaving);
    const usable = serving.filter(mayAsk);
    const full = usable.length === serving.length ? [] : serving.filter((record) => !mayAsk(record));
    const draining = servers.filter((record) => record.state === 'draining' && !this.isLiar(record.subject));
    const sorted = (records: MemberRecord[]): PeerHandle[] =>
      records
        .map((record) => ({ peer: record.subject, cost: this.#costMs(record) }))
        .sort((a, b) => a.cost - b.cost)
        .map(({ peer }) => peer);
    return [...sorted(usable), ...sorted(full), ...sorted(draining)];
  }

  /** The expected response delay of this server, ms; NaN when nothing was measured. */
  expectedMs(peer: PeerHandle): number {
    const record = this.#records.get(peer);
    if (record === undefined) return Number.NaN;
    if (!Number.isNaN(record.delayMs)) return record.delayMs;
    return record.rttMs + (this.#serveMs >= 0 ? this.#serveMs : 0);
  }

  /** The last measured round trip to a server, ms; NaN when it was never measured. */
  rttMs(peer: PeerHandle): number {
    return this.#records.get(peer)?.rttMs ?? Number.NaN;
  }

  #costMs(member: MemberRecord): number {
    const record = this.#records.get(member.subject);
    const rttMs =
      record === undefined || Number.isNaN(record.rttMs)
        ? predictRttMs(member.coordinate, this.#ctx.coordinate)
        : record.rttMs;
    const guessMs = optimism * rttMs + (this.#serveMs >= 0 ? this.#serveMs : 0);
    if (record === undefined) return guessMs;
    const knownMs = Number.isNaN(record.delayMs) ? guessMs : record.delayMs;
    const waitedMs = this.#waitedMs(record);
    const delayMs = waitedMs > knownMs ? waitedMs : knownMs;
    const failures = this.#failures(record);
    return delayMs + (failureCostMs * failures) / (1 + failures);
  }

  /** The age of a request that waits, a lower bound of its delay, ms; 0 for none, or for one that is no longer counted. */
  #waitedMs(record: ServerRecord): number {
    const waitedMs = this.#ctx.nowMs - record.waitingSinceMs;
    if (waitedMs > mostWaitMs) record.waitingSinceMs = Number.NaN;
    return waitedMs > leastWaitMs && waitedMs <= mostWaitMs ? waitedMs : 0;
  }

  #failures(record: ServerRecord): number {
    const agoMs = Math.max(0, this.#ctx.nowMs - record.lastFailureAtMs);
    return record.failures * 2 ** (-agoMs / forgiveHalfMs);
  }

  /** The record of a server, made when there is none. */
  #record(peer: PeerHandle): ServerRecord {
    return this.#records.kept(peer, this.#ctx.nowMs);
  }
}

/**
 * Records of servers. Most servers that a client knows never get a request from it; for these only the round trip is kept. A record is made
 * when a request is sent or a failure is known.
 */
class ServerRecords {
  readonly #distances: PeerNumbers;
  #kept: Map<PeerHandle, ServerRecord> | null = null;

  constructor(distances: PeerNumbers) {
    this.#distances = distances;
  }

  /** What is known of a server; undefined for nothing. */
  get(peer: PeerHandle): ServerRecord | undefined {
    const record = this.#kept?.get(peer);
    if (record !== undefined) return record;
    const rttMs = this.#distances.get(peer);
    return Number.isNaN(rttMs) ? undefined : newRecord(peer, rttMs, 0);
  }

  kept(peer: PeerHandle, nowMs: number): ServerRecord {
    this.#kept ??= new Map();
    let record = this.#kept.get(peer);
    if (record === undefined) {
      record = newRecord(peer, this.#distances.get(peer), nowMs);
      this.#kept.set(peer, record);
    }
    return record;
  }

  all(): ServerRecord[] {
    return [...(this.#kept?.values() ?? [])];
  }

  /** Says whether there was one to be forgotten. */
  drop(peer: PeerHandle): boolean {
    const record = this.#kept?.get(peer);
    return record !== undefined && !record.liar && this.#kept?.delete(peer) === true;
  }

  probed(peer: PeerHandle, rttMs: number): void {
    const record = this.#kept?.get(peer);
    if (record !== undefined) record.rttMs = rttMs;
  }
}

function newRecord(peer: PeerHandle, rttMs: number, lastFailureAtMs: number): ServerRecord {
  return {
    peer,
    delayMs: Number.NaN,
    rttMs,
    failures: 0,
    requests: 0,
    lastFailureAtMs,
    waitingSinceMs: Number.NaN,
    liar: false,
  };
}
