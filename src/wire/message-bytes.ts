/**
 * A message as bytes, and bytes as a message.
 *
 * A decoded message is valid in form only. The core and the host check its sender, its signatures, and whether it makes sense now.
 */
import type { Message, MessageKind } from '../core/index.ts';
import { open, seal } from './envelope.ts';
import type { Format, OpenNames } from './envelope.ts';
import { largestMessageBytes, sizeLimits } from './limits.ts';
import type { PeerNames } from './peer-table.ts';
import { messages } from './schema.ts';

/** The version of the protocol: raised only for what an older peer would misunderstand, not for new fields or kinds. */
export const protocolVersion = 1;

/** The envelope format of messages. */
export const messageFormat: Format<Message> = {
  what: 'protocol',
  version: protocolVersion,
  choice: messages,
  limitOf: (name) => sizeLimits[name as MessageKind],
  largestBytes: largestMessageBytes,
};

/**
 * A decoded message, or one of a kind that only newer peers know or that is not to be read; the latter is not an error and costs no peer
 * its connection.
 */
export type Decoded =
  | { readonly type: 'message'; readonly message: Message }
  /** `field` is the number of the kind; `reason` says in a sentence what is not known here. */
  | { readonly type: 'unknown-kind'; readonly field: number; readonly reason: string };

/**
 * The bytes of a message. Throws `WireError` if it cannot be encoded: a value outside its field's range, a list longer than `itemLimits`,
 * more bytes than `sizeLimits` for its kind. Numbers in ms are rounded to the precision of the wire.
 */
export function encode(message: Message, names: Pick<PeerNames, 'keyOf' | 'addressesOf'>): Uint8Array {
  return seal(messageFormat, message, names);
}

/**
 * The message in these bytes. Throws `WireError` if they are malformed, too many for the kind, or of a newer protocol. `names.handleOf` is
 * called only after the whole message is found valid, once for each peer mentioned. When it depends on the kind of message whether it may
 * introduce peers, `names` is a function of the kind; where it returns null, the message is stepped over unread.
 */
export function decode(bytes: Uint8Array, names: OpenNames<MessageKind>): Decoded {
  const opened = open(messageFormat, bytes, names as OpenNames);
  if (opened.type === 'value') return { type: 'message', message: opened.value };
  return { type: 'unknown-kind', field: opened.field, reason: opened.reason };
}
