/**
 * Link stress: how many copies of one multicast cross the same physical link. Sending from the source to everybody separately puts one copy
 * per receiver on the source's link; a tree that follows the network puts few on each.
 *
 * Source: Chu, Rao, Seshan, Zhang, "A case for end system multicast", 2002, section 5.
 */
import type { Graph } from '../src/topology/index.ts';

/** The ways that a message takes from each node, kept for those who ask again and again about one graph. */
export type Ways = Map<number, readonly (Hop | undefined)[]>;

/**
 * The copies on every link that is used at all, for a tree given as (from node, to node). Paths are shortest by length. `ways` is
 * filled on the way; it belongs to one graph.
 */
export function linkStress(
  graph: Graph,
  tree: readonly (readonly [number, number])[],
  ways: Ways = new Map(),
): number[] {
  const neighbours = adjacency(graph);
  const stress = new Map<number, number>();
  const byParent = new Map<number, number[]>();
  for (const [from, to] of tree) byParent.set(from, [...(byParent.get(from) ?? []), to]);
  for (const [from, children] of byParent) {
    const cameBy = ways.get(from) ?? shortestPathTree(neighbours, from);
    ways.set(from, cameBy);
    for (const child of children) {
      for (let at = child; at !== from;) {
        const hop = cameBy[at];
        if (hop === undefined) throw new Error(`no path leads from node ${from} to node ${child}`);
        stress.set(hop.link, (stress.get(hop.link) ?? 0) + 1);
        at = hop.node;
      }
    }
  }
  return [...stress.values()];
}

export interface Hop {
  readonly node: number;
  readonly link: number;
  readonly length: number;
}

function adjacency({ names, from, to, lengths }: Graph): Hop[][] {
  const neighbours: Hop[][] = names.map(() => []);
  for (let link = 0; link < from.length; link++) {
    const [a, b, length] = [from[link] ?? 0, to[link] ?? 0, lengths[link] ?? 0];
    neighbours[a]?.push({ node: b, link, length });
    neighbours[b]?.push({ node: a, link, length });
  }
  return neighbours;
}

/** Dijkstra without a heap: graphs here have hundreds of nodes. For each node, the hop by which it is reached. */
function shortestPathTree(neighbours: readonly (readonly Hop[])[], source: number): (Hop | undefined)[] {
  const distances = neighbours.map(() => Number.POSITIVE_INFINITY);
  const cameBy: (Hop | undefined)[] = neighbours.map(() => undefined);
  const settled = new Set<number>();
  distances[source] = 0;
  for (;;) {
    let nearest = -1;
    for (let node = 0; node < distances.length; node++) {
      if (
        !settled.has(node) &&
        (distances[node] ?? Number.POSITIVE_INFINITY) < (distances[nearest] ?? Number.POSITIVE_INFINITY)
      )
        nearest = node;
    }
    if (nearest < 0) return cameBy;
    settled.add(nearest);
    for (const { node, link, length } of neighbours[nearest] ?? []) {
      const throughHere = (distances[nearest] ?? 0) + length;
      if (throughHere >= (distances[node] ?? 0)) continue;
      distances[node] = throughHere;
      cameBy[node] = { node: nearest, link, length };
    }
  }
}
