/**
 * The shape of a farm some time after faults have stopped: every peer in exactly one place, and the root above all.
 *
 * A link counts when both ends know it: the child names the parent and the parent lists the child.
 */
import { NOBODY } from '../../src/core/index.ts';
import type { Peer, PeerHandle, Tree } from '../../src/core/index.ts';
import type { SimulatedFarm } from '../farm.ts';

/** The peers above, by links that both ends know; ends with the peer itself if it is above itself. */
export function wayUp(farm: SimulatedFarm, from: PeerHandle, kind: 'servers' | 'clients'): PeerHandle[] {
  const way = [from];
  let at = from;
  for (let steps = 0; steps < 100_000; steps++) {
    const parent = treeOf(farm.peer(at), kind)?.parent ?? NOBODY;
    if (parent === NOBODY || treeOf(farm.peer(parent), kind)?.child(at) == null) return way;
    way.push(parent);
    if (parent === from) return way;
    if (way.indexOf(parent) < way.length - 1) return way;
    at = parent;
  }
  return way;
}

function treeOf(peer: Peer | null, kind: 'servers' | 'clients'): Tree | null {
  return peer === null ? null : peer.state[kind];
}

/** Sentences about peers in the wrong place; valid some time after faults have stopped. */
export function misplaced(farm: SimulatedFarm): string[] {
  const sentences: string[] = [];
  for (const peer of farm.living()) {
    if (peer.role === 'root') continue;
    const { servers, clients } = peer.state;
    const parents = [servers, clients].filter((tree) => tree.parent !== NOBODY);
    if (parents.length !== 1) {
      sentences.push(`peer ${peer.self} (${peer.role}) has ${parents.length} parents`);
      continue;
    }
    const [tree] = parents as [Tree];
    const listed = treeOf(farm.peer(tree.parent), tree.kind)?.child(peer.self) ?? null;
    if (listed === null)
      sentences.push(
        `peer ${peer.self} names ${tree.parent} as its parent in the tree of ${tree.kind}, which does not know it`,
      );
  }
  for (const parent of farm.living()) {
    for (const tree of parent.state.trees()) {
      for (const child of tree.children) {
        if (treeOf(farm.peer(child.peer), tree.kind)?.parent !== parent.self) {
          sentences.push(
            `peer ${parent.self} lists ${child.peer} as a child in the tree of ${tree.kind}, which hangs elsewhere`,
          );
        }
      }
    }
  }
  return sentences;
}

/** Every living peer is in exactly one place, and the root is above all. */
export function isWhole(farm: SimulatedFarm): boolean {
  if (misplaced(farm).length > 0) return false;
  return farm.living().every((peer) => {
    const kind = peer.role === 'server' ? 'servers' : 'clients';
    const way = wayUp(farm, peer.self, kind);
    const top = farm.peer(way.at(-1) as PeerHandle);
    return top !== null && (kind === 'servers' ? top.role === 'root' : top.state.ctx.isServer());
  });
}
