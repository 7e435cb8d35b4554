/**
 * Everything that one peer may say to another.
 *
 * Messages are plain immutable objects, passed by reference inside one process and encoded by `wire` between processes.
 * A parent builds one heartbeat and sends the same object to all its children. Handles stand for peers; `wire` replaces
 * them by keys and addresses.
 *
 * What has authority over others (a membership record, a release notice, an order) is a *statement*: it names where
 * authority stood when it was made, who issued it, and bears the issuer's signature, because whoever relays it is not to
 * be believed.
 *
 * They are described by subject in `messages/`.
 */
import type { FarmMessage } from './messages/farm.ts';
import type { LayerMessage } from './messages/quality.ts';
import type { TreeMessage } from './messages/tree.ts';

export type * from './messages/places.ts';
export type * from './messages/statements.ts';
export type * from './messages/tree.ts';
export type * from './messages/farm.ts';
export type * from './messages/quality.ts';

export type Message = TreeMessage | FarmMessage | LayerMessage;

export type MessageKind = Message['kind'];
