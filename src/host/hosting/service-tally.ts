/**
 * What this peer has done for the service: requests answered, bytes sent, seconds in service, over all its runs.
 *
 * Counted in memory and written down now and then, since a commit costs an fsync; a crash loses the last few seconds of it.
 */
import type { NodeState } from '../node-state.ts';

const writeEveryMs = 10_000;

export class ServiceTally {
  readonly #state: NodeState;
  readonly #failed: (reason: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #requests = 0;
  #bytes = 0;
  #servingSinceMs: number | null = null;

  /** `failed` is told when the figures cannot be written; they are kept, and tried again. */
  constructor(state: NodeState, failed: (reason: string) => void) {
    this.#state = state;
    this.#failed = failed;
  }

  get isServing(): boolean {
    return this.#servingSinceMs !== null;
  }

  get totals(): { readonly requestsServed: number; readonly bytesServed: number; readonly servingSeconds: number } {
    return {
      requestsServed: this.#state.counter('requests-served') + this.#requests,
      bytesServed: this.#state.counter('bytes-served') + this.#bytes,
      servingSeconds: this.#state.counter('serving-seconds') + this.#seconds(),
    };
  }

  start(): void {
    this.#timer = setInterval(() => this.write(), writeEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.write();
  }

  answered(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
  }

  /** The service began, or ended, to be served from here. */
  serving(isServing: boolean): void {
    if (isServing === this.isServing) return;
    this.write();
    this.#servingSinceMs = isServing ? performance.now() : null;
  }

  write(): void {
    const seconds = this.#seconds();
    try {
      if (this.#requests > 0) this.#state.count('requests-served', this.#requests);
      this.#requests = 0;
      if (this.#bytes > 0) this.#state.count('bytes-served', this.#bytes);
      this.#bytes = 0;
      if (seconds > 0) this.#state.count('serving-seconds', seconds);
      if (this.#servingSinceMs !== null) this.#servingSinceMs = performance.now();
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  #seconds(): number {
    return this.#servingSinceMs === null ? 0 : (performance.now() - this.#servingSinceMs) / 1000;
  }
}
