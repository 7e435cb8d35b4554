/**
 * Quality of service: measurements of clients go up the trees, orders come down. The core carries these for the layer above (`src/qos`),
 * the only reader.
 */
import type { PeerHandle, TreeKind } from '../ids.ts';
import type { Coordinate, PeerCard } from './places.ts';
import type { Order } from './statements.ts';

/** One client's measurements, and where it is: one of a bounded, uniform sample of a group. */
export interface MemberSample {
  readonly peer: PeerHandle;
  readonly coordinate: Coordinate;
  /** Mean response delay of its fresh requests, ms. */
  readonly delayMs: number;
  /** The server that answered most of them. */
  readonly server: PeerHandle;
  /** Round trip to that server, ms. */
  readonly rttMs: number;
  /** Its expected response delay at the next best server, ms; NaN when it knows of none. */
  readonly secondMs: number;
  /** It offered to serve, and others can reach it. */
  readonly willing: boolean;
}

export type BidAction = 'promote' | 'move' | 'retire';

/** What a server proposes for its own group, with the change it expects. */
export interface Bid {
  readonly action: BidAction;
  /** The server whose group it is about. */
  readonly server: PeerHandle;
  /** The candidates to serve instead or as well, the first choice first; none for `retire`. */
  readonly candidates: readonly PeerHandle[];
  readonly coordinate: Coordinate;
  /** Expected change of the farm's summed cost (client-ms, or clients over the limit); below 0 = a gain. */
  readonly change: number;
}

/** For clients that use a server without being in its tree: their loss without that server, summed cost. */
export interface Visit {
  readonly server: PeerHandle;
  readonly loss: number;
}

/** What is known of a subtree in one round. All sums add up; sketches, samples and bids merge. */
export interface Aggregate {
  /** Peers that should have reported, and peers that did. */
  readonly expected: number;
  readonly reported: number;
  /** Peers with a measurement: each counts once. */
  readonly clients: number;
  /** Sum of their mean response delays, ms. */
  readonly sumMs: number;
  /** How many of them are over the limit that the round names. */
  readonly over: number;
  readonly requests: number;
  readonly failures: number;
  /** Peers that mostly use another server than that of their tree. */
  readonly strays: number;
  /** Pairs of bucket and count of a `DelaySketch`, flat, buckets rising. */
  readonly sketch: readonly number[];
  /** The peer at which the descent through the worst averages ends; NOBODY when no peer there is willing. */
  readonly worst: PeerHandle;
  readonly worstMs: number;
  /** The server whose client `worst` is; NOBODY inside a client tree. */
  readonly worstServer: PeerHandle;
  /** Client trees: the group's summed loss if every client had to take its second choice. */
  readonly loss: number;
  /** Tree of servers: the largest loss of any one server. */
  readonly worstLoss: number;
  /** The loss of clients in other servers' trees without this server, summed. */
  readonly visits: readonly Visit[];
  readonly servers: number;
  readonly samples: readonly MemberSample[];
  readonly bids: readonly Bid[];
  /**
   * Tree of servers: service time by server (response delay minus round trip), as its clients measured it; a `DelaySketch` like the other.
   */
  readonly serveSketch: readonly number[];
}

/** A subtree's aggregate of one round: from child to parent, once. */
export interface AggregateReport {
  readonly kind: 'aggregate';
  readonly tree: TreeKind;
  readonly round: number;
  readonly aggregate: Aggregate;
}

/** From a server to one of its clients: "how far are these from you?" */
export interface Survey {
  readonly kind: 'survey';
  readonly round: number;
  readonly cards: readonly PeerCard[];
}

export interface Surveyed {
  readonly kind: 'surveyed';
  readonly round: number;
  /** The cards asked about, with the `rttMs` that the client now measured. */
  readonly cards: readonly PeerCard[];
}

/** From the root to a server: "make one of these a server". Each order is signed by the root; the candidate checks it. */
export interface Grant {
  readonly kind: 'grant';
  /** Ties the outcome to this grant. */
  readonly number: number;
  readonly orders: readonly Order[];
}

/** The outcome of a grant: the peer that serves now, or NOBODY when all declined. */
export interface Granted {
  readonly kind: 'granted';
  readonly number: number;
  readonly peer: PeerHandle;
}

/** From the root to a server: "stop serving, stay a client". */
export interface Retire {
  readonly kind: 'retire';
  readonly order: Order;
}

/**
 * Load shedding: "go to the next server that is near you and not full". A full server sends it to one of its own clients; a client that
 * cannot go passes it to its child.
 */
export interface Shed {
  readonly kind: 'shed';
}

/** What the core carries without reading it. */
export type LayerMessage = AggregateReport | Survey | Surveyed | Grant | Granted | Retire | Shed;
