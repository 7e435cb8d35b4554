/**
 * The other side of the multicast benchmark: libp2p's own gossipsub, with its defaults.
 *
 * The nodes are made like ours: TCP, noise, yamux, identify, emulated distances, no pings on idle connections. Their graph of connections
 * is random: a ring, so that it holds together, and more edges until nobody can take another without going over the limit.
 * Gossipsub picks its mesh of 6 (4 to 12) from these. The swarm is ready when every mesh is full enough and the whole has kept still.
 */
import '../../src/network/polyfill.ts';
import { setMaxListeners } from 'node:events';
import { noise } from '@chainsafe/libp2p-noise';
import { type MeshPeer, gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { tcp, type TCPComponents } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { Traffic, countingTransport } from '../../src/network/traffic.ts';
import { SeededRandom } from '../../src/topology/seeded-random.ts';
import { neverMs } from '../patience.ts';
import { untilHolds } from './patience.ts';
import { emulationFor } from './swarm.ts';
import type { Swarm, SwarmOptions } from './swarm.ts';

const topic = 'bench';
/** The fewest mesh peers that gossipsub leaves alone (its D_lo). */
const fewestInMesh = 4;
const settledMs = 5_000;
/** More than enough for all of them to dial at once. */
const inboundPerSecond = 1_000;
/**
 * The one thing that is not left at its default. Gossipsub distrusts peers of which more than ten share an address, and throws
 * them out of its meshes until nothing is delivered; here all share one, because the distances are emulated.
 */
const oneHost = { IPColocationFactorWhitelist: new Set(['127.0.0.1']) };

async function createNode(options: SwarmOptions, number: number, traffic: Traffic) {
  const emulation = emulationFor(options.topology, number);
  return await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [emulation.transport<TCPComponents>(countingTransport(tcp(), traffic))],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: options.mostConnections,
      inboundConnectionThreshold: inboundPerSecond,
      maxIncomingPendingConnections: inboundPerSecond,
    },
    services: { identify: identify(), pubsub: gossipsub({ scoreParams: oneHost }) },
  });
}

type Node = Awaited<ReturnType<typeof createNode>>;

class GossipSwarm implements Swarm {
  readonly nodes: Node[] = [];
  readonly traffic: Traffic[] = [];
  readonly #meshes: Set<string>[] = [];
  onDelivered: (peer: number, bytes: Uint8Array) => void = () => {};

  publish(bytes: Uint8Array): void {
    void this.nodes[0]?.services.pubsub.publish(topic, bytes);
  }

  connections(): number[] {
    return this.nodes.map((node) => node.getConnections().length);
  }

  describe(): string {
    const meshes = this.meshes();
    const mean = meshes.reduce((sum, size) => sum + size, 0) / meshes.length;
    const most = Math.max(...this.connections());
    return (
      `meshes of ${Math.min(...meshes)} to ${Math.max(...meshes)} peers, ${mean.toFixed(1)} on average; ` +
      `at most ${most} connections a peer`
    );
  }

  add(node: Node, traffic: Traffic): void {
    const number = this.nodes.push(node) - 1;
    this.traffic.push(traffic);
    const { pubsub } = node.services;
    const mesh = new Set<string>();
    this.#meshes.push(mesh);
    pubsub.addEventListener('message', ({ detail }) => this.onDelivered(number, detail.data));
    pubsub.addEventListener('gossipsub:graft', ({ detail }: CustomEvent<MeshPeer>) => mesh.add(detail.peerId));
    pubsub.addEventListener('gossipsub:prune', ({ detail }: CustomEvent<MeshPeer>) => mesh.delete(detail.peerId));
    pubsub.subscribe(topic);
  }

  /** How many peers each node sends to at once. */
  meshes(): number[] {
    return this.#meshes.map(({ size }) => size);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(async (node) => await node.stop()));
  }
}

/** Makes the nodes, connects them, and waits for their meshes. */
export async function gatherGossip(options: SwarmOptions): Promise<Swarm> {
  const { peers: count, signal, say, mostConnections } = options;
  const swarm = new GossipSwarm();
  const { nodes } = swarm;
  try {
    for (let number = 0; number < count; number++) {
      const traffic = new Traffic();
      swarm.add(await createNode(options, number, traffic), traffic);
      signal.throwIfAborted();
    }
    setMaxListeners(Number.POSITIVE_INFINITY, signal);
    const edges = randomGraph(count, mostConnections, options.seed);
    await Promise.all(
      edges.map(async ([from, to]) => {
        const addresses = nodes[to]?.getMultiaddrs() ?? [];
        await nodes[from]?.dial(addresses, { signal });
      }),
    );
    say(`${count} nodes have dialled each other (${edges.length} connections); waiting for their meshes`);
    const least = Math.min(fewestInMesh, count - 1);
    const stands = (): boolean =>
      swarm.meshes().every((size) => size >= least) && Math.max(...swarm.connections()) <= mostConnections;
    await untilHolds('the meshes of gossipsub had formed', stands, { withinMs: neverMs, heldMs: settledMs, signal });
    return swarm;
  } catch (error) {
    await swarm.stop();
    throw error;
  }
}

/** Edges of a connected graph in which nobody has more than `mostDegree` of them, and few have less. */
export function randomGraph(count: number, mostDegree: number, seed: number): [number, number][] {
  const random = new SeededRandom(seed);
  const edges: [number, number][] = [];
  const neighbours = Array.from({ length: count }, () => new Set<number>());
  const connect = (a: number, b: number): void => {
    const [atA, atB] = [neighbours[a], neighbours[b]];
    if (a === b || atA === undefined || atB === undefined || atA.has(b)) return;
    if (atA.size >= mostDegree || atB.size >= mostDegree) return;
    atA.add(b);
    atB.add(a);
    edges.push([a, b]);
  };
  for (let node = 0; node < count; node++) connect(node, (node + 1) % count);
  for (let tries = 0; tries < count * mostDegree * 4; tries++) connect(random.below(count), random.below(count));
  return edges;
}
