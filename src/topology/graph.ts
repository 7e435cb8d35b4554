/**
 * A graph as it is read or generated: named nodes, perhaps with a position in the plane, and links with a length.
 *
 * A length is a one-way delay, in milliseconds or in units that a later scaling turns into milliseconds. Lengths are rounded to a grid of
 * 2^-20. Sums of such numbers are exact in a double, so a path has the same length from both ends, and no answer depends on earlier
 * questions.
 */
import { TopologyError } from './topology-error.ts';

export interface Graph {
  /** One line: where it comes from. */
  readonly title: string;
  readonly names: readonly string[];
  /** The domain of each node, numbered from 0 in order of first appearance. */
  readonly domains: Int32Array;
  /** Positions of the nodes, if known; in the units of the source. */
  readonly places: { readonly x: Float64Array; readonly y: Float64Array } | undefined;
  /** Link k joins `from[k]` and `to[k]` over `lengths[k]`, both ways. Parallel links are fine: the shorter one counts. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly lengths: Float64Array;
}

const grid = 2 ** 20;

/** Longest link allowed, so that the sums of a path stay exact. In ms this is hours. */
export const maxLinkLength = 10_000_000;

export function snapToGrid(length: number): number {
  return Math.round(length * grid) / grid;
}

/** Adjacency in compressed rows: the links of node i are at `starts[i]` ... `starts[i+1]-1`. */
export interface Adjacency {
  readonly starts: Int32Array;
  readonly neighbours: Int32Array;
  readonly lengths: Float64Array;
}

export function adjacencyOf(size: number, from: Int32Array, to: Int32Array, lengths: Float64Array): Adjacency {
  const starts = new Int32Array(size + 1);
  for (const ends of [from, to]) for (const node of ends) starts[node + 1]! += 1;
  for (let node = 0; node < size; node++) starts[node + 1]! += starts[node]!;
  const next = starts.slice(0, size);
  const neighbours = new Int32Array(from.length * 2);
  const rowLengths = new Float64Array(from.length * 2);
  for (let link = 0; link < from.length; link++) {
    const [a, b] = [from[link]!, to[link]!];
    for (const [here, there] of [[a, b] as const, [b, a] as const]) {
      const at = next[here]!++;
      neighbours[at] = there;
      rowLengths[at] = lengths[link]!;
    }
  }
  return { starts, neighbours, lengths: rowLengths };
}

/** The component of each node, numbered from 0 in order of first appearance, and how many nodes each has. */
export function componentsOf(size: number, adjacency: Adjacency): { of: Int32Array; sizes: number[] } {
  const of = new Int32Array(size).fill(-1);
  const sizes: number[] = [];
  const stack: number[] = [];
  for (let first = 0; first < size; first++) {
    if (of[first] !== -1) continue;
    const component = sizes.push(0) - 1;
    of[first] = component;
    stack.push(first);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      sizes[component]! += 1;
      for (let at = adjacency.starts[node]!; at < adjacency.starts[node + 1]!; at++) {
        const neighbour = adjacency.neighbours[at]!;
        if (of[neighbour] !== -1) continue;
        of[neighbour] = component;
        stack.push(neighbour);
      }
    }
  }
  return { of, sizes };
}

/** Refuses a graph in which some node cannot be reached: it would have no RTT. @throws TopologyError */
export function requireConnected(graph: Graph, adjacency: Adjacency): void {
  const { of, sizes } = componentsOf(graph.names.length, adjacency);
  if (sizes.length <= 1) return;
  const lost = of.findIndex((component) => component !== 0);
  throw new TopologyError(
    `the graph falls into ${sizes.length} parts: no path leads from node 0 (${graph.names[0]}) to node ${lost} (${graph.names[lost]}); ` +
      'every node must be reachable, so add links or remove the nodes',
  );
}

/** Numbers domain labels from 0 in order of first appearance. */
export function numberDomains(labels: readonly string[]): Int32Array {
  const numbers = new Map<string, number>();
  return Int32Array.from(labels, (label) => {
    const known = numbers.get(label);
    if (known !== undefined) return known;
    numbers.set(label, numbers.size);
    return numbers.size - 1;
  });
}
