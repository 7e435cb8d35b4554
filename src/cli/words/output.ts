/**
 * What a command says: results on stdout, everything else on stderr.
 *
 * With `--json` each result is one object on a line of stdout, with a `kind`; without, it is text for people. Progress is only
 * shown where it can be wiped away again, on a terminal. Colours follow NO_COLOR and FORCE_COLOR (https://no-color.org). Text that
 * came from other machines cannot play tricks on the terminal: control characters are shown as `?`.
 */
import type { Progress } from '../../host/index.ts';
import { formatBytes } from './quantities.ts';
import type { ToldError } from './user-error.ts';

/** The parts of a stream that are needed here. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;
export type Style = keyof typeof styles;

export class Output {
  readonly json: boolean;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #environment: OutputOptions['environment'];
  #hasProgress = false;

  constructor({ json, stdout, stderr, environment }: OutputOptions) {
    this.json = json;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#environment = environment;
  }

  /** A result: the object for programs, the text for people. */
  result(object: { readonly kind: string; readonly [field: string]: unknown }, text: () => string): void {
    this.#wipe();
    this.#stdout.write(this.json ? `${JSON.stringify(object)}\n` : `${clean(text())}\n`);
  }

  /** Something a person should know besides the result; never in the way of a program. */
  note(text: string): void {
    this.#wipe();
    this.#stderr.write(`${clean(text)}\n`);
  }

  warning(text: string): void {
    this.note(`${this.paint('yellow', 'warning:', this.#stderr)} ${text}`);
  }

  /** A step of something that takes a while; shown on terminals, replaced by what comes next. */
  progress({ step, done, total }: Progress): void {
    if (this.#stderr.isTTY !== true || this.json) return;
    const share = total > 0 ? ` ${Math.floor((100 * done) / total)}%` : '';
    const figures =
      total >= 10_000 ? ` (${formatBytes(done)} of ${formatBytes(total)})` : total > 0 ? ` (${done} of ${total})` : '';
    this.#stderr.write(`\r\u001b[K${clean(step)}${share}${figures}`.slice(0, (this.#stderr.columns ?? 80) + 3));
    this.#hasProgress = true;
  }

  error({ message, hint, code }: ToldError, stack: string | undefined): void {
    this.#wipe();
    if (this.json) {
      this.#stderr.write(`${JSON.stringify({ kind: 'error', code, message, hint: hint ?? null })}\n`);
    } else {
      this.#stderr.write(
        `${this.paint('red', 'error:', this.#stderr)} ${clean(message)}\n${hint === undefined ? '' : `${clean(hint)}\n`}`,
      );
    }
    if (stack !== undefined) this.#stderr.write(`${stack}\n`);
  }

  /** Whether a person sits at a terminal, and can be asked. */
  get isInteractive(): boolean {
    return !this.json && this.#stderr.isTTY === true && process.stdin.isTTY === true;
  }

  /** Makes a screen of its own out of `text`, where that is possible. */
  screen(text: string): void {
    const prefix = this.#stdout.isTTY === true ? '\u001b[H\u001b[2J' : '';
    this.#stdout.write(`${prefix}${clean(text)}\n`);
  }

  paint(style: Style, text: string, stream: OutputStream = this.#stdout): string {
    if (!hasColor(stream, this.#environment)) return text;
    const [on, off] = styles[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  #wipe(): void {
    if (this.#hasProgress) this.#stderr.write('\r\u001b[K');
    this.#hasProgress = false;
  }
}

export function hasColor(stream: OutputStream, environment: OutputOptions['environment']): boolean {
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stream.isTTY === true && environment['TERM'] !== 'dumb';
}

/** Columns as wide as their widest cell, two blanks between; numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, widthOf(String(cell)))));
  }
  const line = (row: readonly (string | number)[]): string =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, widths[column]! - widthOf(String(cell))));
        return typeof cell === 'number' ? padding + String(cell) : String(cell) + padding;
      })
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

/** Names to the left, what they are to the right. */
export function facts(rows: readonly (readonly [string, string] | null)[]): string {
  return table(rows.filter((row) => row !== null));
}

/** What a terminal shows, without the marks that colour it. */
function widthOf(text: string): number {
  return [...text.replace(colorMark, '')].length;
}

// eslint-disable-next-line no-control-regex -- these are the marks that `paint` makes.
const colorMark = /\u001b\[\d+m/g;

/** Lets through line ends, tabs and our own colours, and no other control character. */
function clean(text: string): string {
  // eslint-disable-next-line no-control-regex -- finding control characters is what this is for.
  return text.replace(/\u001b\[\d+m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (mark) =>
    mark.length > 1 ? mark : '?',
  );
}
