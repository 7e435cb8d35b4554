/**
 * The load of the multicast benchmark, and what comes of it.
 *
 * The origin publishes at a steady rate from before the measurement to its end, so that what was under way when it began
 * equals what is under way when it ends. Each message carries its number; all peers live in one process, so the time from
 * publishing to delivery is read off one clock. Counting begins only when everybody has received the last few messages: a
 * baseline that loses messages would be no baseline.
 */
import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { neverMs } from '../patience.ts';
import { untilHolds } from './patience.ts';
import { bytesSentBy } from './swarm.ts';
import type { Swarm } from './swarm.ts';

export interface LoadOptions {
  readonly peers: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  readonly payloadBytes: number;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  /** Deliveries by deliveries due, 0 to 1. */
  readonly deliveredShare: number;
  /** Bytes that all sockets sent while it was measured, control included, for each delivery. */
  readonly bytesPerDelivered: number;
  /** From publishing to delivery, over all deliveries. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly messages: number;
  readonly bytesSent: number;
  /** The most connections that one peer had at a time. */
  readonly connectionsMax: number;
  /** Of one core, by this process while it was measured; above 0.8 the latencies are the machine's more than the protocol's. */
  readonly cpuShare: number;
  /** The 95th percentile of how much later than asked for this process got round to things, ms: part of every hop's latency. */
  readonly lateP95Ms: number;
}

const warmUpMessages = 20;
/** What was lost shows in the share that was delivered: here waiting for ever would gain nothing. */
const drainMs = neverMs / 4;
const lateResolutionMs = 2;

/** Deliveries by message and peer. */
class Record {
  readonly #publishedAtMs: number[] = [];
  readonly #deliveredTo: Set<number>[] = [];
  readonly latenciesMs: number[][] = [];

  published(): number {
    this.#publishedAtMs.push(performance.now());
    this.#deliveredTo.push(new Set());
    this.latenciesMs.push([]);
    return this.#publishedAtMs.length - 1;
  }

  delivered(peer: number, message: number): void {
    const to = this.#deliveredTo[message];
    if (peer === 0 || to === undefined || to.has(peer)) return;
    to.add(peer);
    this.latenciesMs[message]?.push(performance.now() - (this.#publishedAtMs[message] ?? Number.NaN));
  }

  get messages(): number {
    return this.#publishedAtMs.length;
  }

  deliveries(message: number): number {
    return this.#deliveredTo[message]?.size ?? 0;
  }
}

/** Publishes until stopped. What a busy machine held up is made up for, so that the rate is what it should be. */
function publishSteadily(swarm: Swarm, record: Record, { messagesPerSecond, payloadBytes }: LoadOptions): () => void {
  const payload = randomBytes(payloadBytes);
  const startedAtMs = performance.now();
  const publishDue = (): void => {
    const dueMessages = ((performance.now() - startedAtMs) / 1_000) * messagesPerSecond;
    while (record.messages < dueMessages) {
      const bytes = Buffer.from(payload);
      bytes.writeUInt32BE(record.published(), 0);
      swarm.publish(bytes);
    }
    const nextMs = startedAtMs + (record.messages / messagesPerSecond) * 1_000;
    timer = setTimeout(publishDue, Math.max(0, nextMs - performance.now()));
  };
  let timer = setTimeout(publishDue);
  return () => clearTimeout(timer);
}

/** @throws Error when the swarm does not deliver everything to everybody before the measurement */
export async function measureLoad(swarm: Swarm, options: LoadOptions): Promise<LoadResult> {
  const { peers, seconds, messagesPerSecond, signal } = options;
  const record = new Record();
  swarm.onDelivered = (peer, bytes) => {
    record.delivered(peer, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0));
  };
  const isComplete = (from: number, to: number): boolean => {
    for (let message = from; message < to; message++) if (record.deliveries(message) < peers - 1) return false;
    return true;
  };
  const stopPublishing = publishSteadily(swarm, record, options);
  let connectionsMax = 0;
  const watching = setInterval(() => {
    connectionsMax = Math.max(connectionsMax, ...swarm.connections());
  }, 250);
  try {
    // The newest may still be under way: it is the batch before it that must have arrived everywhere.
    const isWarm = (): boolean => {
      const to = record.messages - warmUpMessages;
      return to >= warmUpMessages && isComplete(to - warmUpMessages, to);
    };
    await untilHolds('every peer received everything', isWarm, { withinMs: neverMs, signal });
    connectionsMax = 0;
    const first = record.messages;
    const bytesBefore = bytesSentBy(swarm);
    const startedAtMs = performance.now();
    const cpuBefore = process.cpuUsage();
    const late = monitorEventLoopDelay({ resolution: lateResolutionMs });
    late.enable();
    const last = first + seconds * messagesPerSecond;
    await pause(seconds * 1_000, undefined, { signal });
    const cpu = process.cpuUsage(cpuBefore);
    late.disable();
    const bytesSent = bytesSentBy(swarm) - bytesBefore;
    const tookMs = performance.now() - startedAtMs;
    while (record.messages < last) await pause(1, undefined, { signal });
    stopPublishing();
    connectionsMax = Math.max(connectionsMax, ...swarm.connections());
    const lateness = untilHolds('the last message arrived', () => isComplete(first, last), {
      withinMs: drainMs,
      signal,
    });
    await lateness.catch(() => signal.throwIfAborted()); // what is lost shows in the share that was delivered
    const latenciesMs = record.latenciesMs
      .slice(first, last)
      .flat()
      .sort((a, b) => a - b);
    const messages = last - first;
    return {
      deliveredShare: latenciesMs.length / (messages * (peers - 1)),
      bytesPerDelivered: bytesSent / latenciesMs.length,
      p50Ms: quantile(latenciesMs, 0.5),
      p95Ms: quantile(latenciesMs, 0.95),
      messages,
      bytesSent,
      connectionsMax,
      cpuShare: (cpu.user + cpu.system) / 1_000 / tookMs,
      lateP95Ms: Math.max(0, late.percentile(95) / 1e6 - lateResolutionMs),
    };
  } finally {
    clearInterval(watching);
    stopPublishing();
  }
}

/** Of values in ascending order. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
