/**
 * The delays of a peer's own recent requests.
 *
 * The last few requests are kept, each with the server that answered. A round uses the fresh ones: those made after clients settled from
 * the last change. So a client that sends a thousand requests counts as much as one that sends three.
 */
import { NOBODY } from '../../core/index.ts';
import type { PeerHandle, Sample } from '../../core/index.ts';

/** Requests that one client remembers, and so the most that count for it in a round. */
export const samplesKept = 16;

interface Kept extends Sample {
  readonly atMs: number;
}

/** The delay that one client felt in one round. */
export interface Felt {
  /** Mean over its fresh requests, ms; a failed request counts as the clamp. */
  readonly delayMs: number;
  /** The server that answered most of them; NOBODY when all failed. */
  readonly server: PeerHandle;
  readonly requests: number;
  readonly failures: number;
}

export class Window {
  #kept: Kept[] = [];

  add(atMs: number, sample: Sample): void {
    this.#kept.push({ ...sample, atMs });
    if (this.#kept.length > samplesKept) this.#kept.shift();
  }

  /** Forgets all requests: the servers changed, so old delays say nothing about now. */
  clear(): void {
    this.#kept = [];
  }

  /** Requests since `sinceMs`; null when there were none. */
  felt(sinceMs: number, clampMs: number): Felt | null {
    const fresh = this.#kept.filter(({ atMs }) => atMs >= sinceMs);
    if (fresh.length === 0) return null;
    let sumMs = 0;
    let failures = 0;
    const answers = new Map<PeerHandle, number>();
    for (const { delayMs, ok, server } of fresh) {
      sumMs += ok ? Math.min(delayMs, clampMs) : clampMs;
      if (ok) answers.set(server, (answers.get(server) ?? 0) + 1);
      else failures++;
    }
    let server = NOBODY;
    for (const [peer, count] of answers) if (count > (answers.get(server) ?? 0)) server = peer;
    return { delayMs: sumMs / fresh.length, server, requests: fresh.length, failures };
  }
}
