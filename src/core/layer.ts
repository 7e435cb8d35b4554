/**
 * The interface between the overlay and what is built on it; the overlay does not know what a layer is for.
 *
 * The trees carry measurements up and decisions down. The core does not know what they mean, so a peer may be given layers. Each layer is
 * told when a heartbeat has been processed, how the peer's own requests went, and what the root announced; it receives the message kinds
 * and note topics that it names as its own. Layers act through the same parts as the rest.
 */
import type { PeerHandle } from './ids.ts';
import type { Cast, LayerMessage } from './messages/index.ts';
import type { Parts } from './parts.ts';
import type { Answered } from './reach/pings.ts';
import type { Sample } from './servers/selection.ts';

/** All names of layers; `ledger` and `election` are still to be built. */
export type LayerName = 'quality' | 'ledger' | 'election';

/** The messages that the core carries unread; exactly one layer of a peer reads each kind. */
export type LayerKind = LayerMessage['kind'];

/** What a peer tells its layers: one layer, or several behind one interface (`layers.ts`). */
export interface LayerEvents {
  /** Nothing is under way: the next heartbeats need not be reported to the layer. */
  readonly isIdle: boolean;
  /** The topics of the notes that are delivered to it. No other layer of the peer receives them. */
  readonly topics: readonly string[];
  /** Called after the work of a heartbeat. */
  beat(): void;
  /** A message of one of its kinds, from any peer: the layer judges whether the sender may say it. */
  receive(from: PeerHandle, message: LayerMessage): void;
  /** A multicast was delivered: a release notice, or a note of one of its topics. */
  delivered(cast: Cast): void;
  /** A request of this peer's own ended. */
  measured(sample: Sample): void;
  /** A request of another peer was answered here, `serveMs` after it came. */
  answered(serveMs: number): void;
  /** The servers in view changed, so earlier measurements say less about the present. */
  viewChanged(): void;
  /** A ping was answered that a layer had asked for under its own name. */
  pinged(answer: Answered): void;
}

export interface Layer extends LayerEvents {
  /** The layer asks for pings under this name. */
  readonly name: LayerName;
  /** The message kinds that it receives. No other layer of the peer receives them. */
  readonly kinds: readonly LayerKind[];
}

/** Makes a layer of one peer. */
export type MakeLayer = (parts: Parts) => Layer;
