/**
 * What a peer tells others of its neighbourhood: the roster on its heartbeats (ancestors, siblings, uncles: where an orphan looks for a new
 * parent), and likely parents for the joiners that it refuses.
 */
import type { Context } from '../context.ts';
import { predictRttMs } from '../reach/coordinates.ts';
import type { PeerHandle } from '../ids.ts';
import type { Coordinate, PeerCard, Roster } from '../messages/index.ts';
import type { Child } from './child.ts';
import type { RttWindow } from './rtt-window.ts';

/** What must be known of a peer in a tree: its parent and its children. */
export interface Family {
  readonly isRoot: boolean;
  readonly children: readonly Child[];
  readonly parentRoster: Roster | null;
  readonly parentRtt: RttWindow;
  readonly rosterVersion: number;
}

/** Bounds what neighbours may claim, so that sums along the path still fit a message. */
const mostPathMs = 1e6;
/** Ancestors passed on: the tree's root, and the nearest of the rest. */
const ancestorsNamed = 32;
/** Uncles passed on: an orphan asks them last, and each entry is as long as a whole heartbeat. */
const unclesNamed = 4;
const candidatesNamed = 8;

/** The roster for a peer's children. */
export function composeRoster({ self, coordinate, rules }: Context, tree: Family): Roster {
  const toParentMs = tree.parentRtt.medianMs();
  const above = tree.isRoot ? [] : (tree.parentRoster?.ancestors ?? []);
  const named = above.length < ancestorsNamed ? above : [...above.slice(0, 1), ...above.slice(2 - ancestorsNamed)];
  const ancestors: PeerCard[] = named.map((card) => ({
    ...card,
    rttMs: Math.min(mostPathMs, card.rttMs + toParentMs),
  }));
  const siblings: PeerCard[] = [];
  for (const child of tree.children)
    if (rules.mayBeParent(child.reachable) && !child.evicted) siblings.push(child.card());
  const uncles = tree.isRoot ? [] : (tree.parentRoster?.siblings ?? []).filter((card) => card.peer !== self);
  // `concat` and `slice` make arrays of the exact size: there are as many rosters as parents.
  return {
    version: tree.rosterVersion,
    ancestors: ancestors.concat({ peer: self, coordinate, rttMs: 0 }),
    siblings: siblings.slice(),
    uncles: nearest(uncles, coordinate, unclesNamed),
  };
}

/** Likely parents to name to a joiner: reachable children and siblings, the nearest first. */
export function candidatesIn(
  tree: Family,
  { rules, self }: Context,
  joiner: PeerHandle,
  coordinate: Coordinate,
): PeerCard[] {
  const cards: PeerCard[] = [];
  for (const child of tree.children)
    if (rules.mayBeParent(child.reachable) && !child.evicted && child.peer !== joiner) cards.push(child.card());
  for (const card of tree.parentRoster?.siblings ?? [])
    if (card.peer !== joiner && card.peer !== self) cards.push(card);
  return nearest(cards, coordinate, candidatesNamed);
}

/** The cards nearest to a coordinate, at most `count` of them. */
export function nearest(cards: readonly PeerCard[], to: Coordinate, count: number): PeerCard[] {
  return [...cards].sort((a, b) => predictRttMs(a.coordinate, to) - predictRttMs(b.coordinate, to)).slice(0, count);
}

/** Whether two rosters name the same relatives, with a round trip known for the same number of them; then the children need no update. */
export function sameFamily(a: Roster | null, b: Roster): boolean {
  if (a === null) return false;
  return samePeers(a.ancestors, b.ancestors) && samePeers(a.siblings, b.siblings);
}

/** Whether they name the same uncles. */
export function samePeople(a: Roster, b: Roster): boolean {
  return sameFamily(a, b) && samePeers(a.uncles, b.uncles);
}

function samePeers(a: readonly PeerCard[], b: readonly PeerCard[]): boolean {
  return (
    a.length === b.length && a.every((card, i) => card.peer === b[i]?.peer && isMeasured(card) === isMeasured(b[i]))
  );
}

function isMeasured(card: PeerCard | undefined): boolean {
  return card !== undefined && !Number.isNaN(card.rttMs);
}
