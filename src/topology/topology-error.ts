/**
 * The one error of this folder: a topology that cannot be read, built or scaled as asked.
 *
 * The cause is a person's or a file's mistake, never a bug, so the message gives the value, its line, and what was expected; callers print
 * the message without a stack trace.
 */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
  readonly code = 'topology';
  /** The faulty line of the text, counted from 1; absent when no single line is at fault. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `line ${line}: ${message}`);
    this.line = line;
  }
}

/** A value from a file for an error message: quoted, and cut when it is long. */
export function shown(value: string): string {
  return value.length > 40 ? `"${value.slice(0, 37)}..."` : `"${value}"`;
}
