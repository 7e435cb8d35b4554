/**
 * A topology whose round-trip times are paths in a graph: RTT = 2 x shortest path x a scale.
 *
 * This is how the papers read a GT-ITM graph. Paths are shortest by length; the routing-policy weights that GT-ITM writes
 * beside the lengths are not used. A scaled topology shares graph and computed paths with the one it came from.
 */
import type { Graph } from './graph.ts';
import { adjacencyOf, requireConnected, snapToGrid } from './graph.ts';
import { ShortestPaths } from './shortest-paths.ts';
import { requireNode, type Topology } from './topology.ts';

export interface GraphTopologyOptions {
  /** Memory for computed rows of the distance table; 64 MiB when absent. */
  readonly cacheBytes?: number;
}

export class GraphTopology implements Topology {
  readonly size: number;
  readonly description: string;
  readonly names: readonly string[];
  readonly domainCount: number;
  readonly edgeCount: number;
  readonly graph: Graph;
  /** The one-way delay of one unit of link length, ms. */
  readonly msPerUnit: number;
  readonly #paths: ShortestPaths;

  private constructor(graph: Graph, paths: ShortestPaths, msPerUnit: number, description: string) {
    this.graph = graph;
    this.msPerUnit = msPerUnit;
    this.description = description;
    this.size = graph.names.length;
    this.names = graph.names;
    this.domainCount = graph.domains.reduce((most, domain) => Math.max(most, domain + 1), 0);
    this.edgeCount = graph.from.length;
    this.#paths = paths;
  }

  /** @throws TopologyError when the graph is not connected */
  static of(graph: Graph, options: GraphTopologyOptions = {}): GraphTopology {
    const lengths = graph.lengths.map(snapToGrid);
    const adjacency = adjacencyOf(graph.names.length, graph.from, graph.to, lengths);
    requireConnected(graph, adjacency);
    return new GraphTopology({ ...graph, lengths }, new ShortestPaths(adjacency, options.cacheBytes), 1, graph.title);
  }

  domain(node: number): number {
    requireNode(node, this.size);
    return this.graph.domains[node]!;
  }

  rttMs(from: number, to: number): number {
    requireNode(from, this.size);
    requireNode(to, this.size);
    return from === to ? 0 : 2 * this.msPerUnit * this.#paths.distance(from, to);
  }

  scaled(factor: number, note: string): GraphTopology {
    return new GraphTopology(this.graph, this.#paths, this.msPerUnit * factor, `${this.description}, ${note}`);
  }
}
