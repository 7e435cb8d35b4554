/**
 * How many bytes a message takes on the wire, for those who only count them: the simulator, traffic limits, statistics.
 *
 * A parent hands one and the same heartbeat to all its children, so the size is remembered with the message object. A message
 * never changes; if its peers' addresses do, the size of one that was counted before stays what it was.
 */
import type { Message } from '../core/index.ts';
import { sealedSize } from './envelope.ts';
import { messageFormat } from './message-bytes.ts';
import type { PeerNames } from './peer-table.ts';

type SizeNames = Pick<PeerNames, 'keyOf' | 'addressesOf'>;

const known = new WeakMap<SizeNames, WeakMap<Message, number>>();

/** The length of `encode(message, names)`. Throws `WireError` where that would. */
export function wireSize(message: Message, names: SizeNames): number {
  let sizes = known.get(names);
  if (sizes === undefined) {
    sizes = new WeakMap();
    known.set(names, sizes);
  }
  let size = sizes.get(message);
  if (size === undefined) {
    size = sealedSize(messageFormat, message, names);
    sizes.set(message, size);
  }
  return size;
}
