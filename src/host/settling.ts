/**
 * When a peer without a place in the farm has been so for too long, its person should know.
 *
 * To look for a place takes a moment: at the start, and between two places. Only what lasts is a problem.
 */
import type { Problems } from './problems.ts';

/** A peer may take this long to find its place before that is a problem, ms. */
const settlingMs = 10_000;

export class Settling {
  readonly #problems: Problems;
  readonly #isLost: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(problems: Problems, isLost: () => boolean) {
    this.#problems = problems;
    this.#isLost = isLost;
  }

  /** To be called whenever the peer may have found or lost its place. */
  look(): void {
    if (!this.#isLost()) {
      this.stop();
      this.#problems.over('place');
      return;
    }
    this.#timer ??= setTimeout(() => this.#overdue(), settlingMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #overdue(): void {
    // An orphan has been told more than this already.
    if (!this.#isLost() || this.#problems.has('orphan')) return;
    this.#problems.say(
      'place',
      'This peer has not found a place in the farm yet: are its other peers running, and is this machine online?',
    );
  }
}
