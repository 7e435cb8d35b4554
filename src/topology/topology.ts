/**
 * A topology: who is how far from whom.
 *
 * Think of the mileage table at the back of a road atlas: places, and a number for every pair. Here the places are
 * nodes 0 ... size-1, and the number is a round-trip time in milliseconds. What stands behind the table (a graph and
 * shortest paths, a matrix, points in a plane) is nobody's business but the topology's own, so a lookup that suits a
 * million nodes better can be put behind the same interface.
 *
 * Three things always hold: the RTT of a node to itself is 0, RTTs are finite and not negative, and there and back is the same as
 * back and there. The same topology answers the same question with the same bits, in whatever order it is asked.
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
   * The domain (0 ... domainCount-1) of a node: its transit or stub network. Delay emulation treats it as the node's subnet. Where
   * a source says nothing of domains each node is one of its own.
   */
  domain(node: number): number;
  /** Round-trip time between two nodes in ms. @throws RangeError for a node that does not exist */
  rttMs(from: number, to: number): number;
  /** The same topology with every RTT multiplied by `factor`, described by `note`. Use `scale`, which checks the factor. */
  scaled(factor: number, note: string): Topology;
}

/** The bug of a caller, not a mistake in a file: asks for a node that is not there. */
export function requireNode(node: number, size: number): void {
  if (!(Number.isInteger(node) && node >= 0 && node < size))
    throw new RangeError(`no node ${node}: the topology has nodes 0 to ${size - 1}`);
}

/** Domains for a source that knows none: node i is domain i. */
export function ownDomains(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, node) => node);
}
