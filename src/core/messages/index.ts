/**
 * Everything that one peer may say to another, by subject.
 *
 * Messages are plain immutable objects, passed by reference inside one process and encoded by `wire` between processes. A parent builds one
 * heartbeat and sends the same object to all its children. Handles stand for peers; `wire` replaces them by keys and addresses.
 *
 * A message with authority over others (a membership record, a release notice, an order) is a *statement*: it names its issuer and the
 * standing at which it was made, and bears the issuer's signature, because the peer that relays it need not be believed.
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
