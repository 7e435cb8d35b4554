/**
 * The place where something sits on the overlay without the overlay knowing what it is for.
 *
 * The trees carry more than themselves: measurements go up, decisions go down. What is measured and decided is not the core's
 * business, so a peer may be given a layer: it is told when a heartbeat has gone by, what its own requests felt like, what the
 * root announced, and it receives the messages that the core carries unread. It acts through the same parts as the rest.
 */
import type { PeerHandle } from './ids.ts';
import type { Cast, LayerMessage } from './messages/index.ts';
import type { Parts } from './parts.ts';
import type { Answered } from './reach/pings.ts';
import type { Sample } from './servers/selection.ts';

export interface Layer {
  /** Nothing is under way: the next heartbeats may go by without telling the layer. */
  readonly isIdle: boolean;
  /** After the work of a heartbeat. */
  beat(): void;
  /** A message for the layer, from anybody: whether the sender may say it is for the layer to judge. */
  receive(from: PeerHandle, message: LayerMessage): void;
  /** A multicast was delivered. */
  delivered(cast: Cast): void;
  /** A request of this peer's own ended. */
  measured(sample: Sample): void;
  /** A request of another peer was answered here, so many ms after it came. */
  answered(serveMs: number): void;
  /** The servers in view changed: what was measured before says less now. */
  viewChanged(): void;
  /** A ping that the layer asked for was answered. */
  pinged(answer: Answered): void;
}

/** Makes the layer of one peer. */
export type MakeLayer = (parts: Parts) => Layer;
