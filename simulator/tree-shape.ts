/**
 * The shape of a farm's trees at one moment: how much longer a message from the root takes than on the direct path (stretch), and how many
 * copies of it cross one physical link (link stress). Both trees count as one: down to the servers, and from each to its clients.
 */
import { NOBODY } from '../src/core/index.ts';
import type { Peer, PeerHandle } from '../src/core/index.ts';
import type { Graph } from '../src/topology/index.ts';
import type { SimulatedFarm } from './farm.ts';
import { linkStress } from './link-stress.ts';
import type { Ways } from './link-stress.ts';

export interface TreeShape {
  /** Levels from the root to each attached peer. */
  readonly depths: readonly number[];
  /** Delay from the root along the trees, divided by the direct delay: one value a peer. */
  readonly stretches: readonly number[];
  /** Copies on each link that is used. */
  readonly stresses: readonly number[];
  /** The least that the worst link must bear, by the number of children alone: a parent of 16 on a node with one link sends 16 copies. */
  readonly leastWorstStress: number;
  /** Peers without a path up to the root. */
  readonly cutOff: readonly PeerHandle[];
}

/** `node` says where in the graph a peer stands; `ways` are kept from one look at a graph to the next. */
export function shapeOf(farm: SimulatedFarm, graph: Graph, node: (peer: PeerHandle) => number, ways?: Ways): TreeShape {
  const depths: number[] = [];
  const stretches: number[] = [];
  const links: [number, number][] = [];
  const cutOff: PeerHandle[] = [];
  for (const peer of farm.living()) {
    if (peer.role === 'root') continue;
    const way = wayUp(farm, peer);
    if (way === null) {
      cutOff.push(peer.self);
      continue;
    }
    depths.push(way.length - 1);
    let treeMs = 0;
    for (let i = 1; i < way.length; i++) treeMs += farm.options.rttMs(way[i - 1] as PeerHandle, way[i] as PeerHandle);
    stretches.push(treeMs / farm.options.rttMs(way.at(-1) as PeerHandle, peer.self));
    links.push([node(way[1] as PeerHandle), node(peer.self)]);
  }
  const leastWorstStress = worstFanOut(graph, links);
  return { depths, stretches, stresses: linkStress(graph, links, ways), leastWorstStress, cutOff };
}

/** The most copies that leave any node of the tree, per link of that node. */
function worstFanOut({ names, from, to }: Graph, tree: readonly (readonly [number, number])[]): number {
  const links = new Int32Array(names.length);
  const copies = new Int32Array(names.length);
  for (const ends of [from, to]) for (const node of ends) links[node]! += 1;
  for (const [parent, child] of tree) if (parent !== child) copies[parent]! += 1;
  return copies.reduce((worst, count, node) => Math.max(worst, Math.ceil(count / Math.max(1, links[node]!))), 0);
}

/** The path from a peer up to the root, through both trees: the peer first. Null when it does not get there. */
export function wayUp(farm: SimulatedFarm, peer: Peer): PeerHandle[] | null {
  const way = [peer.self];
  let at: Peer | null = peer;
  while (at.role !== 'root') {
    const parent: PeerHandle = at.state.upTree()?.parent ?? NOBODY;
    if (parent === NOBODY || way.includes(parent)) return null;
    at = farm.peer(parent);
    if (at === null) return null;
    way.push(parent);
  }
  return way;
}

/** A peer's children in both trees. */
export function childrenOf(peer: Peer): PeerHandle[] {
  return peer.state.trees().flatMap((tree) => tree.children.map((child) => child.peer));
}
