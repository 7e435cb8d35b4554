/**
 * One stream of everything that happens at a peer, for any number of listeners: logs, the story that a daemon tells, figures, pages.
 *
 * Like a notice board in the hall: each part of the peer pins up what happened to it, and whoever wants to know reads along. Nothing on the
 * board is needed for the protocol to work. Three promises:
 * - All listeners hear of the same happenings in the same order, and of each one in the order in which they began to listen. What a
 *   listener causes is heard by all after what caused it.
 * - A listener that throws stops nobody. It is told as a problem, once for each kind of happening that it fails on.
 * - Who stops listening hears no more at once; who begins hears of the next happening.
 */
import type { PeerEvent } from '../core/index.ts';
import type { QosEvent } from '../qos/index.ts';

/** A request of this peer's own user. Peers are named by their peer ids here and below. */
export type ReaderEvent =
  | { readonly type: 'server-asked'; readonly server: string }
  /** The user gave up before there was an answer. */
  | { readonly type: 'request-abandoned'; readonly server: string }
  /** `isFirst`: on a stream that had to be opened for it. */
  | { readonly type: 'server-answered'; readonly server: string; readonly delayMs: number; readonly isFirst: boolean }
  /** Another server is asked. */
  | { readonly type: 'server-failed'; readonly server: string }
  /** The user got no answer from this server or any before it. */
  | { readonly type: 'request-unanswered'; readonly server: string }
  | {
      readonly type: 'lie-found';
      readonly server: string;
      readonly path: string;
      readonly release: number;
      readonly reason: string;
    }
  /** A manifest was checked: this peer may serve, and take for an answer, this release. */
  | { readonly type: 'release-accepted'; readonly release: number };

/** A request at the HTTP face. */
export interface GatewayEvent {
  readonly type: 'request-ended';
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  /** Null when no answer began. */
  readonly firstByteMs: number | null;
  /** The whole answer went out. */
  readonly complete: boolean;
}

export type NetworkEvent =
  | { readonly type: 'connected'; readonly peerId: string }
  /** The last connection with this peer is gone. */
  | { readonly type: 'disconnected'; readonly peerId: string }
  /** This peer broke a limit, or said what cannot be. */
  | { readonly type: 'refused'; readonly peerId: string; readonly reason: string }
  /** Messages to this peer were lost. */
  | { readonly type: 'send-failed'; readonly peerId: string; readonly reason: string }
  | { readonly type: 'addresses-changed'; readonly addresses: readonly string[] };

/** What a turn persisted, as one transaction. */
export type CommitEvent =
  | { readonly type: 'committed'; readonly records: number; readonly tookMs: number }
  | { readonly type: 'commit-failed'; readonly reason: string }
  /** The first commit that worked after one that failed. */
  | { readonly type: 'commits-resumed' };

/** `about` is the matter: one sentence stands for each at a time. */
export type ProblemEvent =
  | { readonly type: 'problem-arose'; readonly about: string; readonly sentence: string }
  | { readonly type: 'problem-solved'; readonly about: string; readonly sentence: string };

/** What happened, and to which part of the peer. The core's and the controller's events name peers by their handles in this process. */
export type Happening =
  | { readonly from: 'peer'; readonly event: PeerEvent }
  | { readonly from: 'quality'; readonly event: QosEvent }
  | { readonly from: 'reader'; readonly event: ReaderEvent }
  | { readonly from: 'gateway'; readonly event: GatewayEvent }
  | { readonly from: 'network'; readonly event: NetworkEvent }
  | { readonly from: 'commits'; readonly event: CommitEvent }
  | { readonly from: 'problems'; readonly event: ProblemEvent };

export type Listener = (happening: Happening) => void;

/** The stream as those around a peer see it. */
export interface HappeningStream {
  /** Has `listener` called for each happening from now on, until the function that is returned is called. */
  listen(listener: Listener): () => void;
  /** Adds what happened in a part that stands around the peer. */
  tell(happening: Happening): void;
}

interface Seat {
  readonly listener: Listener;
  isTaken: boolean;
}

export class Happenings implements HappeningStream {
  readonly #failed: (sentence: string, error: unknown) => void;
  /** Never changed but replaced, so that a delivery under way goes on with those it began with. */
  #seats: readonly Seat[] = [];
  readonly #queue: Happening[] = [];
  #isDelivering = false;
  readonly #failedKinds = new Set<string>();

  /** `failed` is called when a listener threw, once for each kind of happening; it may tell of that here. */
  constructor(failed: (sentence: string, error: unknown) => void) {
    this.#failed = failed;
  }

  listen(listener: Listener): () => void {
    const seat: Seat = { listener, isTaken: true };
    this.#seats = [...this.#seats, seat];
    return () => {
      seat.isTaken = false;
      this.#seats = this.#seats.filter((other) => other !== seat);
    };
  }

  tell(happening: Happening): void {
    this.#queue.push(happening);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#deliver(next);
    } finally {
      this.#isDelivering = false;
    }
  }

  #deliver(happening: Happening): void {
    for (const seat of this.#seats) {
      if (!seat.isTaken) continue;
      try {
        seat.listener(happening);
      } catch (error) {
        this.#noteFailure(happening, error);
      }
    }
  }

  #noteFailure({ from, event }: Happening, error: unknown): void {
    const kind = `${from}: ${event.type}`;
    // Noted before it is told: a listener that fails on problems fails on this one too, and that is the end of it.
    if (this.#failedKinds.has(kind)) return;
    this.#failedKinds.add(kind);
    const reason = error instanceof Error ? error.message : String(error);
    this.#failed(`A defect of this program: what listens to "${kind}" broke (${reason}). The peer goes on.`, error);
  }
}
