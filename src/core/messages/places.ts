/** Where peers are, and how they are named to others: parts of many messages. */
import type { PeerHandle } from '../ids.ts';

/**
 * A place in the network's latency space (Vivaldi with height): whole numbers, in 1/100 ms. `error` is relative, in 1/10,000, from 0 to 1.
 */
export interface Coordinate {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly height: number;
  readonly error: number;
}

/** A peer as it is named to others (its card): where it is, and whether others can dial it. */
export interface PeerCard {
  readonly peer: PeerHandle;
  readonly coordinate: Coordinate;
  /** Round trip, ms, measured along the tree: between the sender and this peer; NaN when unknown. */
  readonly rttMs: number;
}

/** The sequence number (as in DSDV) that a tree's root puts on its heartbeats; passed down unchanged. Newer = higher (life, sequence). */
export interface Stamp {
  readonly root: PeerHandle;
  /** The root's incarnation: a restarted root stamps with a higher one. */
  readonly life: number;
  readonly sequence: number;
}

/** What a parent tells its children about the neighbourhood; sent in full when it changed, else only its version. */
export interface Roster {
  readonly version: number;
  /** From the tree's root down to and including the parent itself. */
  readonly ancestors: readonly PeerCard[];
  /** The parent's children that others can reach. */
  readonly siblings: readonly PeerCard[];
  /** The parent's own siblings: where its children go when it dies. */
  readonly uncles: readonly PeerCard[];
}
