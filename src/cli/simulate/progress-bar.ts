/**
 * How far something long is, on stderr: a bar on a terminal, drawn over and over in one line; elsewhere (a log, a pipe) a line
 * now and then. Standard output stays free for the result.
 */
import type { OutputStream } from '../words/output.ts';
import { formatDurationMs } from '../words/quantities.ts';

/** A bar is drawn anew at most this often, ms. */
const redrawMs = 100;
/** Without a terminal there is a line at most this often, ms. */
const lineMs = 15_000;
/** The time left is estimated once this share is done. */
const enoughToGuess = 0.03;
const barWidth = 24;

export class ProgressBar {
  readonly #stream: OutputStream;
  readonly #title: string;
  readonly #nowMs: () => number;
  readonly #startedAtMs: number;
  #drawnAtMs: number;
  #isDrawn = false;

  constructor(stream: OutputStream, title: string, nowMs: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#title = title;
    this.#nowMs = nowMs;
    this.#startedAtMs = nowMs();
    this.#drawnAtMs = stream.isTTY === true ? Number.NEGATIVE_INFINITY : this.#startedAtMs;
  }

  /** `note` says in a few words what is going on. */
  step(done: number, total: number, note = ''): void {
    const atMs = this.#nowMs();
    const isTerminal = this.#stream.isTTY === true;
    if (atMs - this.#drawnAtMs < (isTerminal ? redrawMs : lineMs)) return;
    this.#drawnAtMs = atMs;
    const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
    const goneMs = atMs - this.#startedAtMs;
    const left =
      share > enoughToGuess && share < 1 ? `about ${formatDurationMs((goneMs * (1 - share)) / share)} left` : '';
    const words = [`${Math.floor(100 * share)}%`, note, left].filter((part) => part !== '').join('  ');
    if (!isTerminal) {
      this.#stream.write(`${this.#title}: ${words}\n`);
      return;
    }
    const full = Math.round(share * barWidth);
    const line = `${this.#title} [${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${words}`;
    this.#stream.write(`\r\u001b[K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`);
    this.#isDrawn = true;
  }

  /** Wipes the bar away. */
  end(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}
