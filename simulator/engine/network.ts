/**
 * The positions of simulated peers and their distances: any number of peers on the nodes of one topology.
 *
 * Each peer sits on a node and has an access link of its own (the last mile). The round trip between two peers is that between their nodes
 * plus both access links. Everything lies in flat arrays, so a lookup costs the same for ten peers and a million. The distances from a node
 * are taken from the topology when they are first needed.
 */
import type { PeerHandle } from '../../src/core/index.ts';
import type { Topology } from '../../src/topology/index.ts';
import type { Random } from '../random.ts';

/** Distances between this many nodes take 256 MB. */
const mostNodes = 8_192;
const unknown = -1;

export class Network {
  readonly #topology: Topology;
  /** Of each peer: its node, and the round trip through its access link, ms. */
  readonly #places: Float32Array;
  /** Row after row; `unknown` before a row is filled in. */
  readonly #rttMs: Float32Array;

  private constructor(topology: Topology, places: Float32Array) {
    this.#topology = topology;
    this.#places = places;
    this.#rttMs = new Float32Array(topology.size ** 2).fill(unknown);
  }

  /** Puts peers on random nodes. Access links take `accessMs` on average, exponentially distributed; 0 = none. */
  static scattered(topology: Topology, peers: number, random: Random, accessMs: number): Network {
    if (topology.size > mostNodes)
      throw new RangeError(`the topology has ${topology.size} nodes; peers are put on at most ${mostNodes}`);
    const places = new Float32Array(2 * peers);
    for (let peer = 0; peer < peers; peer++) {
      places[2 * peer] = random.below(topology.size);
      places[2 * peer + 1] = accessMs === 0 ? 0 : random.exponential(accessMs);
    }
    return new Network(topology, places);
  }

  /** The node that a peer sits on. */
  nodeOf(peer: PeerHandle): number {
    return this.#places[2 * peer]!;
  }

  rttMs(a: PeerHandle, b: PeerHandle): number {
    if (a === b) return 0;
    const places = this.#places;
    const row = places[2 * a]! * this.#topology.size;
    const column = places[2 * b]!;
    let nodesMs = this.#rttMs[row + column]!;
    if (nodesMs === unknown) {
      this.#measure(places[2 * a]!);
      nodesMs = this.#rttMs[row + column]!;
    }
    return nodesMs + places[2 * a + 1]! + places[2 * b + 1]!;
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
