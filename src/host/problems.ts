/**
 * What is wrong with this peer now, one sentence for each matter: for the log when it comes up, for `banyan status` as long as it
 * lasts, and told as happenings when it arises and when it is over.
 */
import type { HostLogger } from '../network/index.ts';
import type { ProblemEvent } from './happenings.ts';

export class Problems {
  readonly #logger: HostLogger;
  readonly #tell: (event: ProblemEvent) => void;
  readonly #sentences = new Map<string, string>();

  constructor(logger: HostLogger, tell: (event: ProblemEvent) => void) {
    this.#logger = logger;
    this.#tell = tell;
  }

  /** A new sentence on a matter takes the place of the last. */
  say(about: string, sentence: string): void {
    const before = this.#sentences.get(about);
    this.#sentences.set(about, sentence);
    this.#logger.warn({ about }, sentence);
    if (before !== sentence) this.#tell({ type: 'problem-arose', about, sentence });
  }

  over(about: string): void {
    const sentence = this.#sentences.get(about);
    if (sentence === undefined) return;
    this.#sentences.delete(about);
    this.#tell({ type: 'problem-solved', about, sentence });
  }

  has(about: string): boolean {
    return this.#sentences.has(about);
  }

  list(): string[] {
    return [...this.#sentences.values()];
  }
}
