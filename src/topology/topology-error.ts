/**
 * The one error of this folder: a topology that cannot be read, built or scaled as asked.
 *
 * It is a person's mistake or a file's, never ours, so its message says which value was met, on which line, and what was
 * expected instead; callers print the message and no stack trace.
 */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
  readonly code = 'topology';
  /** The line of the text that is at fault, counted from 1; absent when no line is. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `line ${line}: ${message}`);
    this.line = line;
  }
}

/** A value from a file as an error may show it: quoted, and cut when it is long. */
export function shown(value: string): string {
  return value.length > 40 ? `"${value.slice(0, 37)}..."` : `"${value}"`;
}
