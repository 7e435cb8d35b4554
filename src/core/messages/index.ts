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
import type { FarmMessage } from './farm.ts';
import type { LayerMessage } from './quality.ts';
import type { TreeMessage } from './tree.ts';

export type * from './places.ts';
export type * from './statements.ts';
export type * from './tree.ts';
export type * from './farm.ts';
export type * from './quality.ts';

export type Message = TreeMessage | FarmMessage | LayerMessage;

export type MessageKind = Message['kind'];
