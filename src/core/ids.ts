/**
 * The identifiers and numbers that all other modules use.
 *
 * Inside the core a peer is a small integer, its *handle*: cheap to compare, cheap to keep in an array, a million of them
 * fit in a simulation. Which libp2p peer id a handle stands for is the host's business; the same peer has another
 * handle in every process. What must agree between processes (a digest of the membership, say) is therefore computed
 * from `World.fingerprint(peer)`, never from handles.
 */

/** A peer, as this process numbers it: a small non-negative integer given out by the host. */
export type PeerHandle = number & { readonly unit: 'peer' };

/** No peer at all: "I have no parent", "nobody answered". */
export const NOBODY = -1 as PeerHandle;

/** The two kinds of tree a farm is made of. A server is a node of the first and the root of one of the second. */
export type TreeKind = 'servers' | 'clients';

/**
 * The standing of a statement. Ordered by charter (the owner's constitution), then epoch (the electorate), then term (the fencing counter
 * for roots within an epoch). Every order, membership record and release notice carries one.
 */
export interface Standing {
  readonly charter: number;
  readonly epoch: number;
  readonly term: number;
}

/** The standing with which every service begins. */
export const firstStanding: Standing = { charter: 1, epoch: 1, term: 1 };

/** Negative when `a` is older than `b`, zero when they are the same, positive when `a` is newer. */
export function compareStanding(a: Standing, b: Standing): number {
  return a.charter - b.charter || a.epoch - b.epoch || a.term - b.term;
}

/** Most peers of a farm hold the same object, so identity is compared first. */
export function isSameStanding(a: Standing, b: Standing): boolean {
  return a === b || compareStanding(a, b) === 0;
}

/** A signature as the host makes it (64 bytes of Ed25519 in production); the core only carries it. */
export type Signature = Uint8Array;
