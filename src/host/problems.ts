/**
 * What is wrong with this peer now, one sentence for each matter: for the log when it comes up, and for `banyan status` as long as it
 * lasts.
 */
import type { HostLogger } from '../network/index.ts';

export class Problems {
  readonly #logger: HostLogger;
  readonly #sentences = new Map<string, string>();

  constructor(logger: HostLogger) {
    this.#logger = logger;
  }

  /** A new sentence on a matter takes the place of the last. */
  say(about: string, sentence: string): void {
    this.#sentences.set(about, sentence);
    this.#logger.warn({ about }, sentence);
  }

  over(about: string): void {
    this.#sentences.delete(about);
  }

  has(about: string): boolean {
    return this.#sentences.has(about);
  }

  list(): string[] {
    return [...this.#sentences.values()];
  }
}
