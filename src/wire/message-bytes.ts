/**
 * A message as bytes, and bytes as a message.
 *
 * What decodes is sound in form only: who sent it, whether its signatures hold, and whether it makes sense now are the
 * core's and the host's to ask.
 */
import type { Message, MessageKind } from '../core/index.ts';
import { open, seal } from './envelope.ts';
import type { Format, OpenNames } from './envelope.ts';
import { largestMessageBytes, sizeLimits } from './limits.ts';
import type { PeerNames } from './peer-table.ts';
import { messages } from './schema.ts';

/** The version of the protocol: raised only for what an older peer would misunderstand, not for new fields or kinds. */
export const protocolVersion = 1;

/** How messages are put into envelopes. */
export const messageFormat: Format<Message> = {
  what: 'protocol',
  version: protocolVersion,
  choice: messages,
  limitOf: (name) => sizeLimits[name as MessageKind],
  largestBytes: largestMessageBytes,
};

/** What came in: a message, or one of a kind that only newer peers know, which is not an error and costs nobody anything. */
export type Decoded =
  | { readonly type: 'message'; readonly message: Message }
  /** `field` is the number of the kind; `reason` says in a sentence what is not known here. */
  | { readonly type: 'unknown-kind'; readonly field: number; readonly reason: string };

/**
 * The bytes of a message. Throws `WireError` if it cannot be said: a value outside its field's range, a list longer than
 * `itemLimits`, more bytes than `sizeLimits` for its kind. Numbers in ms come out at the precision of the wire.
 */
export function encode(message: Message, names: Pick<PeerNames, 'keyOf' | 'addressesOf'>): Uint8Array {
  return seal(messageFormat, message, names);
}

/**
 * The message that bytes say. Throws `WireError` if they are malformed, too many for the kind, or of a newer protocol.
 * `names.handleOf` is asked only after all is found to be in order, once for each peer mentioned. Where it depends on the kind of the
 * message who may bring names, `names` is a function of the kind.
 */
export function decode(bytes: Uint8Array, names: OpenNames<MessageKind>): Decoded {
  const opened = open(messageFormat, bytes, names as OpenNames);
  if (opened.type === 'value') return { type: 'message', message: opened.value };
  return { type: 'unknown-kind', field: opened.field, reason: opened.reason };
}
