/**
 * A topology: the distance between any two nodes.
 *
 * It is like the mileage table at the back of a road atlas: places, and a number for every pair. Here the places are nodes 0 ... size-1,
 * and the number is a round-trip time in milliseconds. The table may be a graph with shortest paths, a matrix, or points in a square;
 * callers cannot tell, so a faster lookup for a million nodes can be put behind the same interface.
 *
 * Three things always hold: the RTT of a node to itself is 0; RTTs are finite and not negative; both directions have the same RTT. The same
 * topology answers the same question with the same bits, in whatever order it is asked.
 */
export interface Topology {
  /** How many nodes there are; a node is a number from 0 to size-1. */
  readonly size: number;
  /** One line for a person: where the topology comes from, with its parameters. */
  readonly description: string;
  /** A name per node, unique within the topology. */
  readonly names: readonly string[];
  /** How many domains there are. */
  readonly domainCount: number;
  /** How many links the graph has, each counted once; absent when there is no graph (matrix, plane). */
  readonly edgeCount: number | undefined;
  /**
   * The domain (0 ... domainCount-1) of a node: its transit or stub network. Delay emulation treats it as the node's subnet. When the
   * source has no domains, each node is a domain of its own.
   */
  domain(node: number): number;
  /** Round-trip time between two nodes in ms. @throws RangeError for a node that does not exist */
  rttMs(from: number, to: number): number;
  /** The same topology with every RTT multiplied by `factor`, described by `note`. Use `scale`, which checks the factor. */
  scaled(factor: number, note: string): Topology;
}

/** Throws for a node that does not exist: a bug of the caller, not a mistake in a file. */
export function requireNode(node: number, size: number): void {
  if (!(Number.isInteger(node) && node >= 0 && node < size))
    throw new RangeError(`no node ${node}: the topology has nodes 0 to ${size - 1}`);
}

/** Domains for a source without any: node i is domain i. */
export function ownDomains(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, node) => node);
}
