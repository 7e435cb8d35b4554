/** How the trees are built, and what keeps them alive: joining, heartbeats, and the question whether others can reach a peer. */
import type { PeerHandle, Standing, TreeKind } from '../ids.ts';
import type { Coordinate, PeerCard, Roster, Stamp } from './places.ts';
import type { MemberRecord } from './statements.ts';
import type { CastHead } from './farm.ts';

// --- Building the tree ----------------------------------------------------------------------------------------------

/** "There is a service at `root`": sent to neighbours. Those forward it while `ttl` lasts, and join if they are interested. */
export interface TreeCreate {
  readonly kind: 'tree-create';
  readonly root: PeerHandle;
  /** How many more times it may be forwarded: 2 when the root sends it. */
  readonly ttl: number;
}

export interface Join {
  readonly kind: 'join';
  readonly tree: TreeKind;
  /** Ties the answer to this attempt. */
  readonly nonce: number;
  /** The joiner has no parent: only then may it evict a worse child. */
  readonly orphan: boolean;
  readonly hasChildren: boolean;
  /** The newest stamp the joiner ever passed down, and its own depth then; null if it never passed one. */
  readonly passed: Stamp | null;
  readonly passedDepth: number;
  readonly coordinate: Coordinate;
  /** The joiner's own median round trip to the one it asks, ms; NaN when it has not measured one. */
  readonly rttMs: number;
  /** Others could dial the joiner: it may be named to others and have children. */
  readonly reachable: boolean;
  readonly incarnation: number;
  /** The credential that the root gave the joiner for its invite; empty in an open farm. */
  readonly credential: Uint8Array;
}

export interface Accept {
  readonly kind: 'accept';
  readonly tree: TreeKind;
  readonly nonce: number;
  readonly stamp: Stamp;
  /** The acceptor's own depth: 0 for the tree's root. */
  readonly depth: number;
  readonly intervalMs: number;
  readonly roster: Roster;
  /** How far the acceptor is in each origin's multicast. */
  readonly heads: readonly CastHead[];
}

export type RedirectReason = 'no-room' | 'infeasible' | 'not-a-parent' | 'draining' | 'no-credential' | 'excluded';

/** "Not here; try these": a refusal always names other candidates. */
export interface Redirect {
  readonly kind: 'redirect';
  readonly tree: TreeKind;
  readonly nonce: number;
  readonly reason: RedirectReason;
  readonly candidates: readonly PeerCard[];
}

/** From a parent: "find another parent". The child keeps its place until it has one, but a `draining` parent leaves in the end. */
export interface Evict {
  readonly kind: 'evict';
  readonly tree: TreeKind;
  readonly reason: 'worse' | 'draining' | 'handover' | 'no-room';
  readonly candidates: readonly PeerCard[];
}

/** From a child: "I have another parent", or "I leave the farm". */
export interface Part {
  readonly kind: 'part';
  readonly tree: TreeKind;
}

/** From a parent: "you are no child of mine" (answer to a stranger's heartbeat): repair at once. */
export interface Disown {
  readonly kind: 'disown';
  readonly tree: TreeKind;
}

// --- Heartbeats -----------------------------------------------------------------------------------------------------

export interface HeartbeatDown {
  readonly kind: 'heartbeat-down';
  readonly tree: TreeKind;
  /** Null while the sender has no stamp from above to pass on: the beat then only shows that it is alive. */
  readonly stamp: Stamp | null;
  readonly depth: number;
  /** This parent's beat counter, from 1; children echo it. 0 = an extra beat. */
  readonly beat: number;
  readonly intervalMs: number;
  readonly rosterVersion: number;
  readonly roster: Roster | null;
  readonly standing: Standing;
  /** The newest release the sender knows of; 0 for none. */
  readonly release: number;
  /** Tree of servers: records that changed since the last beat. */
  readonly deltas: readonly MemberRecord[];
  /** Tree of servers: digest of the sender's membership. Tree of clients: digest of the view of servers; 0 for none. */
  readonly membershipDigest: number;
  readonly castDigest: number;
}

export interface HeartbeatUp {
  readonly kind: 'heartbeat-up';
  readonly tree: TreeKind;
  /** The parent's last beat that was heard, and how long ago that was: gives the parent a round trip at no extra cost. */
  readonly echo: number;
  readonly heldMs: number;
  readonly coordinate: Coordinate;
  readonly reachable: boolean;
  /** Peers in the sender's subtree, itself included. */
  readonly size: number;
  /** Levels below the sender: 0 for a leaf. */
  readonly height: number;
  readonly rosterVersion: number;
  readonly deltas: readonly MemberRecord[];
  readonly membershipDigest: number;
  readonly castDigest: number;
}

export interface Ping {
  readonly kind: 'ping';
  readonly nonce: number;
}

export interface Pong {
  readonly kind: 'pong';
  readonly nonce: number;
  readonly coordinate: Coordinate;
  /** Free places for children of each kind. */
  readonly serverRoom: number;
  readonly clientRoom: number;
}

// --- Reachability ---------------------------------------------------------------------------------------------------

/** "Please dial me on a fresh connection and tell me whether it worked." */
export interface DialBack {
  readonly kind: 'dial-back';
  readonly nonce: number;
}

export interface DialedBack {
  readonly kind: 'dialed-back';
  readonly nonce: number;
  readonly worked: boolean;
}

export type TreeMessage =
  | TreeCreate
  | Join
  | Accept
  | Redirect
  | Evict
  | Part
  | Disown
  | HeartbeatDown
  | HeartbeatUp
  | Ping
  | Pong
  | DialBack
  | DialedBack;
