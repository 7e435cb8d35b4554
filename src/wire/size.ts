/**
 * The size of a message on the wire in bytes, for code that only counts: the simulator, traffic limits, statistics.
 *
 * A parent passes the same heartbeat object to all its children, so the size is remembered with the object. A message never changes; if its
 * peers' addresses do, a size that was counted before stays as it was.
 */
import type { Message } from '../core/index.ts';
import { sealedSize } from './envelope.ts';
import { messageFormat } from './message-bytes.ts';
import type { PeerNames } from './peer-table.ts';

type SizeNames = Pick<PeerNames, 'keyOf' | 'addressesOf'>;

const known = new WeakMap<SizeNames, WeakMap<Message, number>>();

/** The length of `encode(message, names)`. Throws `WireError` in the same cases. */
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
