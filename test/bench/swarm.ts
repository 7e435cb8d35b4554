/**
 * A swarm: peers in one process that can tell all the others something, whatever protocol they use for it.
 *
 * The multicast benchmark compares two of these, built by `tree-swarm.ts` and `gossip-swarm.ts` from the same transport,
 * encryption, multiplexer and emulated distances. Peer 0 is the origin; peer i stands on node i of the topology (modulo its
 * size).
 */
import { Emulation } from '../../src/network/emulation.ts';
import type { Traffic } from '../../src/network/traffic.ts';
import type { Topology } from '../../src/topology/index.ts';

export interface SwarmOptions {
  readonly topology: Topology;
  /** The origin included. */
  readonly peers: number;
  /** Decides the order of joining, or the graph of connections. */
  readonly seed: number;
  /** The most connections that a peer shall have. */
  readonly mostConnections: number;
  /** Where a swarm may keep files while it runs. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Takes a sentence about what is going on. */
  readonly say: (sentence: string) => void;
}

export interface Swarm {
  /** The origin tells everybody. */
  publish(bytes: Uint8Array): void;
  /** Called for each message that a peer (by its number) was given; set by whoever listens. */
  onDelivered: (peer: number, bytes: Uint8Array) => void;
  /** The counters of all sockets, by peer. */
  readonly traffic: readonly Traffic[];
  /** Connections that stand now, of each peer. */
  connections(): number[];
  /** A line about its shape, for people. */
  describe(): string;
  stop(): Promise<void>;
}

export function emulationFor(topology: Topology, peer: number): Emulation {
  return new Emulation(topology, peer % topology.size);
}

/** Bytes that all peers together have put on their sockets. */
export function bytesSentBy(swarm: Swarm): number {
  let bytes = 0;
  for (const traffic of swarm.traffic) bytes += traffic.count().bytesOut;
  return bytes;
}
