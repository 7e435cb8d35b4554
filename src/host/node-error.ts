/** Something that a person asked of a peer and that cannot be done; the message is a sentence for that person. */
export type NodeErrorCode =
  | 'no-invite'
  | 'farm-unreachable'
  | 'invite-refused'
  | 'no-owner-key'
  | 'never-serves'
  | 'drain-unfinished'
  | 'is-root'
  | 'not-root'
  | 'not-up'
  | 'addresses-too-long';

export class NodeError extends Error {
  readonly code: NodeErrorCode;

  constructor(code: NodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NodeError';
    this.code = code;
  }
}
