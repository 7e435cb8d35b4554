/**
 * The order in which an orphan asks for a new parent.
 *
 * The orphan keeps its subtree. It asks first the backup, to which it keeps a connection: one of its parent's siblings, which is not below
 * the dead parent and is known to be nearer the root. Then it asks the grandparent and the other ancestors, any server it knows, the root,
 * and last the peer that brought it into the farm. This module only makes the list; `joining` asks.
 *
 * Source: P2P Volunteers, section 3.3.3; docs/protocol/tree.md, "Repair".
 */
import type { Context } from '../context.ts';
import { predictRttMs } from '../reach/coordinates.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { MemberRecord, PeerCard } from '../messages/index.ts';
import { nearest } from '../tree/relatives.ts';
import type { Tree } from '../tree/tree.ts';

export interface Acquaintances {
  /** Servers known, the nearest first. */
  readonly servers: readonly MemberRecord[];
  /** The peer that brought this peer into the farm. */
  readonly neighbours: readonly PeerHandle[];
}

/** Candidates for an orphan of `tree`, the first to be asked first. Never the lost parent. */
export function candidatesForRepair(
  ctx: Context,
  tree: Tree,
  lost: PeerHandle,
  backup: PeerHandle,
  known: Acquaintances,
): PeerCard[] {
  const { coordinate } = ctx;
  const cards: PeerCard[] = [];
  const seen = new Set<PeerHandle>([NOBODY, ctx.self, lost]);
  const add = (card: PeerCard): void => {
    if (seen.has(card.peer)) return;
    seen.add(card.peer);
    cards.push(card);
  };
  const addPeer = (peer: PeerHandle): void => add({ peer, coordinate, rttMs: Number.NaN });
  const roster = tree.parentRoster;
  if (backup !== NOBODY)
    add(roster?.uncles.find((card) => card.peer === backup) ?? { peer: backup, coordinate, rttMs: Number.NaN });
  const ancestors = [...(roster?.ancestors ?? [])].reverse();
  const [, grandparent] = ancestors;
  if (grandparent !== undefined) add(grandparent);
  for (const uncle of nearest(roster?.uncles ?? [], coordinate, 2)) add(uncle);
  for (const ancestor of ancestors) add(ancestor);
  for (const { subject, coordinate: at } of known.servers.slice(0, 8))
    add({ peer: subject, coordinate: at, rttMs: Number.NaN });
  for (const uncle of roster?.uncles ?? []) add(uncle);
  if (tree.children.length === 0) for (const sibling of roster?.siblings ?? []) add(sibling);
  addPeer(ctx.authority.origin);
  for (const neighbour of known.neighbours) addPeer(neighbour);
  return cards;
}

/** The backup: its nearest uncle, else the grandparent, else the nearest other server. */
export function chooseBackup(ctx: Context, tree: Tree, servers: () => readonly MemberRecord[]): PeerHandle {
  const roster = tree.parentRoster;
  if (roster === null) return NOBODY;
  const uncle = nearestUncle(ctx, tree, roster.uncles);
  if (uncle !== NOBODY) return uncle;
  const grandparent = roster.ancestors.at(-2);
  if (grandparent !== undefined && grandparent.peer !== ctx.self) return grandparent.peer;
  return servers().find((record) => record.subject !== tree.parent && record.subject !== ctx.self)?.subject ?? NOBODY;
}

function nearestUncle({ self, coordinate }: Context, { parent }: Tree, uncles: readonly PeerCard[]): PeerHandle {
  let best: PeerHandle = NOBODY;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const { peer, coordinate: at } of uncles) {
    const ms = predictRttMs(at, coordinate);
    if (peer === parent || peer === self || ms >= bestMs) continue;
    best = peer;
    bestMs = ms;
  }
  return best;
}
