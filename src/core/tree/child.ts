/** A child, as its parent sees it. Fields that every heartbeat changes are in its seat (`seats.ts`), the rest here. */
import type { PeerHandle } from '../ids.ts';
import type { Coordinate, Join, PeerCard } from '../messages/index.ts';
import { RttWindow } from './rtt-window.ts';
import type { Seats } from '../quiet/seats.ts';

export class Child {
  readonly peer: PeerHandle;
  coordinate: Coordinate;
  readonly rtt = new RttWindow();
  reachable: boolean;
  hasChildren: boolean;
  /** Asked to find another parent; keeps its place until it has one. */
  evicted = false;
  readonly seat: number;
  readonly #seats: Seats;

  constructor(peer: PeerHandle, { coordinate, reachable, hasChildren }: Join, seats: Seats, seat: number) {
    this.peer = peer;
    this.coordinate = coordinate;
    this.reachable = reachable;
    this.hasChildren = hasChildren;
    this.#seats = seats;
    this.seat = seat;
  }

  get acceptedAtMs(): number {
    return this.#seats.acceptedAtMs(this.seat);
  }

  /** The child's card, as others are told of it. */
  card(): PeerCard {
    return { peer: this.peer, coordinate: this.coordinate, rttMs: this.rtt.medianMs() };
  }

  /** Peers in its subtree, itself included. */
  get size(): number {
    return this.#seats.size(this.seat);
  }

  get height(): number {
    return this.#seats.height(this.seat);
  }
}
