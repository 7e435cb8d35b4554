/**
 * How long this server takes for an answer, from the request to the first byte: what it knows of its own load, sooner than its clients
 * can tell. Where many requests come, a few of them say enough.
 */
import type { ServerResponse } from 'node:http';

/** Between two requests that are timed, ms. */
const everyMs = 20;

export class ServeTimes {
  readonly #note: (serveMs: number) => void;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  constructor(note: (serveMs: number) => void) {
    this.#note = note;
  }

  /** Times one answer: call before it is given to whoever writes it. */
  follow(response: ServerResponse): void {
    const beganMs = performance.now();
    if (beganMs - this.#lastAtMs < everyMs) return;
    this.#lastAtMs = beganMs;
    // Node writes the head through this method, also where nobody calls it.
    const writeHead = response.writeHead.bind(response);
    response.writeHead = ((...head: Parameters<typeof writeHead>) => {
      this.#note(performance.now() - beganMs);
      response.writeHead = writeHead;
      return writeHead(...head);
    }) as typeof response.writeHead;
  }
}
