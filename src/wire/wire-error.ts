/**
 * What is said when bytes cannot be read, or a message cannot be written.
 *
 * A bad message costs its sender the connection, never the receiver its process: everything that can be wrong with bytes
 * from outside ends in this one class. `code` is for programs (counters, tests), `message` for people; it starts with
 * the way to the field at fault, as in `heartbeat-down.roster.siblings[3].peer`.
 */

export type WireErrorCode =
  /** The bytes end in the middle of something. */
  | 'truncated'
  /** A varint that is longer than it need be, or too large for the field. */
  | 'varint'
  /** A tag that protobuf does not know: field number 0, or a group. */
  | 'tag'
  /** A known field in another wire type than the schema says. */
  | 'wire-type'
  | 'missing-field'
  | 'duplicate-field'
  /** A value outside what its field may hold. */
  | 'out-of-range'
  /** A list with more or fewer items than its field may hold. */
  | 'list-length'
  /** More bytes than a message of this kind may have. */
  | 'too-large'
  /** Text that is not valid UTF-8. */
  | 'utf8'
  /** A choice of which only a case stands there that is not known here. `decode` makes it an `unknown` result. */
  | 'unknown-case'
  /** Speaks a newer version of the protocol. */
  | 'unsupported-version';

/** Thrown by every function of this folder for anything wrong with its input; they throw nothing else. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireErrorCode;
  /** What is wrong, as a sentence without the path. */
  readonly reason: string;
  /** Where, seen from the message: '' when it is the message as a whole. */
  readonly path: string;

  constructor(code: WireErrorCode, reason: string, path = '') {
    super(path === '' ? reason : `${path}: ${reason}`);
    this.code = code;
    this.reason = reason;
    this.path = path;
  }
}

/** The same error, one step further from the field at fault. What is no `WireError` is passed on as it is. */
export function placed(error: unknown, step: string): unknown {
  if (!(error instanceof WireError)) return error;
  const joint = error.path === '' || error.path.startsWith('[') ? '' : '.';
  return new WireError(error.code, error.reason, `${step}${joint}${error.path}`);
}
