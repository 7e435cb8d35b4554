/**
 * A peer's place in a tree: the stamp that has come down to it from the tree's root (a sequence number, as in DSDV), and its depth.
 *
 * A neighbour's claim about its place is bounded, so that sums along the path still fit a message.
 */
import type { PeerHandle, TreeKind } from '../ids.ts';
import type { Stamp } from '../messages/index.ts';

/** What a peer shows to joiners. Depth 0 is the tree's root. */
export interface Place {
  readonly stamp: Stamp;
  readonly depth: number;
}

export const mostSequence = 2 ** 40;
export const mostDepth = 1_000;

/** Whether a peer may claim that place: only a tree's root is at depth 0 of it, and the tree of servers has one `origin`. */
export function isSoundPlace(
  kind: TreeKind,
  from: PeerHandle,
  origin: PeerHandle,
  stamp: Stamp,
  depth: number,
): boolean {
  if (depth > mostDepth || stamp.sequence > mostSequence || (depth === 0) !== (stamp.root === from)) return false;
  return kind === 'clients' || stamp.root === origin;
}
