/**
 * What a peer's own requests felt like lately.
 *
 * The last few requests are kept, with the server that answered. A round looks at those that are fresh: made after the farm came to rest
 * from the last change. So a client that sends a thousand requests and one that sends three count the same.
 */
import { NOBODY } from '../../core/index.ts';
import type { PeerHandle, Sample } from '../../core/index.ts';

/** Requests that one client remembers, and so the most that it counts with in a round. */
export const samplesKept = 16;

interface Kept extends Sample {
  readonly atMs: number;
}

/** What one client felt in one round. */
export interface Felt {
  /** Mean over its fresh requests, ms, a failed one counting as much as the clamp. */
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

  /** The servers changed: what was felt before says nothing of now. */
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
