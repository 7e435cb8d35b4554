/**
 * The error for bytes that cannot be read, or a message that cannot be written.
 *
 * A bad message costs its sender the connection, never the receiver its process: every fault in bytes from outside ends in this one class.
 * `code` is for programs (counters, tests), `message` for people; it starts with the path to the faulty field, such as
 * `heartbeat-down.roster.siblings[3].peer`.
 */

export type WireErrorCode =
  /** The bytes end in the middle of something. */
  | 'truncated'
  /** A varint that is longer than it need be, or too large for the field. */
  | 'varint'
  /** A tag that is not valid in protobuf: field number 0, or a group. */
  | 'tag'
  /** A known field with a wire type other than the schema's. */
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
  /** A choice whose only case is unknown here. `decode` turns it into an `unknown` result. */
  | 'unknown-case'
  /** The sender speaks a newer version of the protocol. */
  | 'unsupported-version';

/** Thrown by every function of this folder for any fault in its input; they throw no other error. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireErrorCode;
  /** What is wrong, as a sentence without the path. */
  readonly reason: string;
  /** The path from the message to the fault; '' when it is the message as a whole. */
  readonly path: string;

  constructor(code: WireErrorCode, reason: string, path = '') {
    super(path === '' ? reason : `${path}: ${reason}`);
    this.code = code;
    this.reason = reason;
    this.path = path;
  }
}

/** The same error with its path one step longer. Any other error is returned as it is. */
export function placed(error: unknown, step: string): unknown {
  if (!(error instanceof WireError)) return error;
  const joint = error.path === '' || error.path.startsWith('[') ? '' : '.';
  return new WireError(error.code, error.reason, `${step}${joint}${error.path}`);
}
