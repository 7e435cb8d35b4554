/**
 * What the person who watches sees: a line for each thing that happens, and a table of who serves, kept up to date at the
 * bottom of a terminal. Where there is no terminal, only the lines.
 */
import type { NodeStatus } from '../../host/index.ts';
import type { ProcessLife } from './farm-process.ts';

export interface Row {
  readonly city: string;
  readonly life: ProcessLife;
  /** Null when it gave none. */
  readonly status: NodeStatus | null;
}

export interface Figures {
  readonly rows: readonly Row[];
  readonly requiredMs: number;
  readonly medianMs: number;
  readonly firstMs: number;
  readonly ok: number;
  readonly failed: number;
  readonly url: string | null;
}

export interface BoardStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Board {
  readonly #stream: BoardStream;
  readonly #startedAtMs = performance.now();
  #tableLines = 0;

  constructor(stream: BoardStream) {
    this.#stream = stream;
  }

  /** Something happened. */
  say(sentence: string): void {
    this.#wipe();
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(0).padStart(3);
    this.#stream.write(`${seconds} s  ${sentence}\n`);
  }

  /** The table; replaces the last one on a terminal. */
  show(figures: Figures): void {
    if (this.#stream.isTTY !== true) return;
    this.#wipe();
    const lines = tableOf(figures);
    this.#stream.write(`${lines.join('\n')}\n`);
    this.#tableLines = lines.length;
  }

  /** The table once more, for good; there is nothing to look at any more. */
  print(figures: Figures): void {
    this.#wipe();
    this.#stream.write(`${tableOf({ ...figures, url: null }).join('\n')}\n`);
  }

  #wipe(): void {
    if (this.#tableLines > 0) this.#stream.write(`\u001b[${this.#tableLines}A\u001b[0J`);
    this.#tableLines = 0;
  }
}

function tableOf({ rows, requiredMs, medianMs, firstMs, ok, failed, url }: Figures): string[] {
  const lineOf = (where: string, role: string, depth: string, ...figures: string[]): string =>
    `  ${where.padEnd(15)}${role.padEnd(10)}${depth.padStart(5)}${figures.map((text) => text.padStart(9)).join('')}`;
  const lines = ['', lineOf('where', 'role', 'depth', 'clients', 'release', 'served')];
  for (const { city, life, status } of rows) {
    if (status === null) {
      lines.push(`  ${city.padEnd(15)}${life === 'up' ? 'no answer' : life}`);
      continue;
    }
    const role = status.draining ? 'draining' : status.role === 'outside' ? 'joining' : status.role;
    const release = status.release.installed === 0 ? '-' : String(status.release.installed);
    const clients = status.clientChildren.reduce((sum, child) => sum + child.size, 0);
    const depth = String(status.depth ?? '-');
    lines.push(lineOf(city, role, depth, String(clients), release, String(status.requestsServed)));
  }
  const change = firstMs > 0 && medianMs >= 0 ? ` (${firstMs.toFixed(0)} ms at first)` : '';
  lines.push(
    '',
    `  users wait ${medianMs >= 0 ? medianMs.toFixed(0) : '-'} ms${change}; ${ok} requests answered, ${failed} failed`,
    `  required: ${requiredMs} ms in the mean over all peers`,
  );
  if (url !== null) lines.push(`  look at it: ${url}      Ctrl-C ends it all`);
  return lines;
}
