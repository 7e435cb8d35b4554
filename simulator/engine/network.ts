/**
 * Where simulated peers sit, and how far they are from each other: any number of peers on the nodes of one topology.
 *
 * Each peer sits on a node and has an access link of its own, the last mile: the round trip between two peers is that between their
 * nodes plus both access links. All of it lies in flat arrays, so a lookup costs the same for ten peers and a million. The
 * distances from a node are taken from the topology when they are first asked for.
 */
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Topology } from '../../src/topology/index.ts';
import type { Random } from '../random.ts';

/** So many nodes take 256 MB of distances. */
const mostNodes = 8_192;
const unknown = -1;

export class Network {
  readonly #topology: Topology;
  readonly #nodes: Uint16Array;
  /** Round trip through each peer's access link, ms. */
  readonly #accessMs: Float32Array;
  /** Row after row; `unknown` before a row is filled in. */
  readonly #rttMs: Float32Array;

  private constructor(topology: Topology, nodes: Uint16Array, accessMs: Float32Array) {
    this.#topology = topology;
    this.#nodes = nodes;
    this.#accessMs = accessMs;
    this.#rttMs = new Float32Array(topology.size ** 2).fill(unknown);
  }

  /** Puts peers on random nodes. Access links take `accessMs` on average, exponentially distributed; 0 = none. */
  static scattered(topology: Topology, peers: number, random: Random, accessMs: number): Network {
    if (topology.size > mostNodes)
      throw new RangeError(`the topology has ${topology.size} nodes; peers are put on at most ${mostNodes}`);
    const nodes = Uint16Array.from({ length: peers }, () => random.below(topology.size));
    const links = Float32Array.from({ length: peers }, () => (accessMs === 0 ? 0 : random.exponential(accessMs)));
    return new Network(topology, nodes, links);
  }

  /** The node that a peer sits on. */
  nodeOf(peer: PeerHandle): number {
    return this.#nodes[peer]!;
  }

  rttMs(a: PeerHandle, b: PeerHandle): number {
    if (a === b) return 0;
    const node = this.#nodes[a]!;
    const row = node * this.#topology.size;
    if (this.#rttMs[row] === unknown) this.#measure(node);
    return this.#rttMs[row + this.#nodes[b]!]! + this.#accessMs[a]! + this.#accessMs[b]!;
  }

  /** The network neighbourhood of a peer: the domain of its node. */
  subnet(peer: PeerHandle): number {
    return this.#topology.domain(this.nodeOf(peer));
  }

  #measure(from: number): void {
    const { size } = this.#topology;
    for (let to = 0; to < size; to++) this.#rttMs[from * size + to] = this.#topology.rttMs(from, to);
  }
}
