/**
 * The place where something sits on the overlay without the overlay knowing what it is for.
 *
 * The trees carry more than themselves: measurements go up, decisions go down. What is measured and decided is not the core's
 * business, so a peer may be given layers: each is told when a heartbeat has gone by, what the peer's own requests felt like and what the
 * root announced, and receives those messages and notes that it names as its own. Layers act through the same parts as the rest.
 */
import type { PeerHandle } from './ids.ts';
import type { Cast, LayerMessage } from './messages/index.ts';
import type { Parts } from './parts.ts';
import type { Answered } from './reach/pings.ts';
import type { Sample } from './servers/selection.ts';

/** The layers that there can be; `ledger` and `election` are still to be built. */
export type LayerName = 'quality' | 'ledger' | 'election';

/** The messages that the core carries unread, and that exactly one layer of a peer reads. */
export type LayerKind = LayerMessage['kind'];

/** What a peer tells what sits on it: one layer, or several as if they were one (`layers.ts`). */
export interface LayerEvents {
  /** Nothing is under way: the next heartbeats may go by without telling the layer. */
  readonly isIdle: boolean;
  /** The topics of the notes that are delivered to it. No other layer of the peer has them. */
  readonly topics: readonly string[];
  /** After the work of a heartbeat. */
  beat(): void;
  /** A message of one of its kinds, from anybody: whether the sender may say it is for the layer to judge. */
  receive(from: PeerHandle, message: LayerMessage): void;
  /** A multicast was delivered: a release notice, or a note of one of its topics. */
  delivered(cast: Cast): void;
  /** A request of this peer's own ended. */
  measured(sample: Sample): void;
  /** A request of another peer was answered here, this many ms after it came. */
  answered(serveMs: number): void;
  /** The servers in view changed: what was measured before says less now. */
  viewChanged(): void;
  /** A ping was answered that a layer asked for under its own name. */
  pinged(answer: Answered): void;
}

export interface Layer extends LayerEvents {
  /** The layer asks for pings under this name. */
  readonly name: LayerName;
  /** The messages that it receives. No other layer of the peer has them. */
  readonly kinds: readonly LayerKind[];
}

/** Makes a layer of one peer. */
export type MakeLayer = (parts: Parts) => Layer;
