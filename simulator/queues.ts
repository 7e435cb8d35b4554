/** Queues of requests, at servers that answer one after the other. */
import type { PeerHandle } from '../src/core/index.ts';

/** Users wait this long for an answer, ms. */
export const patienceMs = 10_000;

export class Queues {
  readonly #perSecond: (server: PeerHandle) => number;
  /** When each server becomes idle, ms. */
  readonly #busyUntilMs = new Map<PeerHandle, number>();

  /** `perSecond`: requests a second that a server manages. */
  constructor(perSecond: (server: PeerHandle) => number) {
    this.#perSecond = perSecond;
  }

  /**
   * How long a request that arrives at this time waits, ms; it takes its place in the queue. Infinity when the wait would exceed the users'
   * patience: then it is turned away.
   */
  waitMs(server: PeerHandle, arrivesMs: number): number {
    const beginsMs = Math.max(arrivesMs, this.#busyUntilMs.get(server) ?? 0);
    if (beginsMs - arrivesMs > patienceMs) return Number.POSITIVE_INFINITY;
    this.#busyUntilMs.set(server, beginsMs + 1_000 / this.#perSecond(server));
    return beginsMs - arrivesMs;
  }
}
