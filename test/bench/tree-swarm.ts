/**
 * Our side of the multicast benchmark: a farm's tree, grown by its own protocol.
 *
 * Every peer is what the daemon runs (`Network`, `CoreHost`, `Peer`, and a state database with fsync), less the releases
 * and the HTTP side, which have nothing to say here. The options are those of a charter that says nothing about its tree.
 * Peers join through the root, a few at a time, in an order that the seed decides; then the swarm waits until the tree is whole, within
 * its limits, and has kept its shape for a while.
 */
import '../../src/network/polyfill.ts';
import { createPrivateKey, sign } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { NOBODY } from '../../src/core/ids.ts';
import { defaultOptions } from '../../src/core/options.ts';
import type { PeerEvent } from '../../src/core/world.ts';
import { AddressBook } from '../../src/host/world/address-book.ts';
import { FarmClock } from '../../src/host/world/clock.ts';
import { CoreHost } from '../../src/host/world/core-host.ts';
import type { HostLogger } from '../../src/network/network-options.ts';
import { Network } from '../../src/network/network.ts';
import type { Traffic } from '../../src/network/traffic.ts';
import { StateDatabase } from '../../src/storage/state-database.ts';
import { SeededRandom } from '../../src/topology/seeded-random.ts';
import { neverMs } from '../patience.ts';
import { untilHolds } from './patience.ts';
import { emulationFor } from './swarm.ts';
import type { Swarm, SwarmOptions } from './swarm.ts';

/** A newcomer every so often. */
const joinEveryMs = 250;
/** The tree must have kept its shape for this long: more than one round of parent optimisation. */
const settledMs = 12_000;
/** A connection that nobody keeps goes after this; the daemon waits a minute, which would only make the benchmark longer. */
const idleMs = 2_000;
const topic = 'bench';
const quiet: HostLogger = { debug: () => {}, warn: () => {}, error: () => {} };

class TreePeer {
  readonly network: Network;
  readonly host: CoreHost;
  readonly #state: StateDatabase;

  private constructor(network: Network, state: StateDatabase, key: PrivateKey, onEvent: (event: PeerEvent) => void) {
    this.network = network;
    this.#state = state;
    const book = new AddressBook();
    const signingKey = nodeKeyOf(key);
    this.host = new CoreHost({
      network,
      book,
      rows: state,
      clock: new FarmClock(),
      serviceId: 'multicast-benchmark',
      options: defaultOptions,
      logger: quiet,
      sign: (bytes) => sign(null, bytes, signingKey),
      admits: () => true,
      transfer: () => {},
      happened: ({ from, event }) => {
        if (from === 'peer') onEvent(event);
        if (from === 'commits' && event.type === 'commit-failed') throw new Error(event.reason);
      },
      onProblem: (_about, sentence) => {
        if (sentence !== null) throw new Error(sentence);
      },
    });
    network.on('identified', (peerId, addresses) => book.confirm(book.handleOfPeer(peerId), addresses));
    book.replace(this.host.self, network.addresses());
    this.enter = (root) => {
      const handle = book.handleOfPeer(root.peerId);
      book.confirm(handle, root.addresses());
      this.host.start({
        as: root === network ? 'root' : 'peer',
        root: handle,
        neighbours: root === network ? [] : [handle],
      });
    };
    this.parentId = () => {
      const parent = this.host.peer.state.upTree()?.parent ?? NOBODY;
      return parent === NOBODY ? null : book.peerIdOf(parent);
    };
  }

  readonly enter: (root: Network) => void;
  readonly parentId: () => string | null;

  static async create(options: SwarmOptions, number: number, onEvent: (event: PeerEvent) => void): Promise<TreePeer> {
    const privateKey = await generateKeyPair('Ed25519');
    const network = await Network.create({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      emulation: emulationFor(options.topology, number),
      // One place is left for whoever dials back to see whether this peer can be reached.
      limits: { idleMs, maxConnections: options.mostConnections - 1 },
    });
    await network.start();
    const state = StateDatabase.open(join(options.folder, `peer-${number}.db`));
    return new TreePeer(network, state, privateKey, onEvent);
  }

  /** It has a parent, and no more children than the options say. */
  isSettled(): boolean {
    const { state } = this.host.peer;
    const children = state.servers.children.length + state.clients.children.length;
    const attached = state.ctx.role === 'root' || this.parentId() !== null;
    return attached && children <= defaultOptions.fanOut;
  }

  async stop(): Promise<void> {
    this.host.stop();
    await this.network.stop();
    this.#state.close();
  }
}

class TreeSwarm implements Swarm {
  readonly #peers: readonly TreePeer[];
  onDelivered: (peer: number, bytes: Uint8Array) => void = () => {};

  constructor(peers: readonly TreePeer[]) {
    this.#peers = peers;
  }

  get traffic(): readonly Traffic[] {
    return this.#peers.map(({ network }) => network.traffic);
  }

  publish(bytes: Uint8Array): void {
    this.#peers[0]?.host.turn((peer, nowMs) => peer.multicast(nowMs, { type: 'note', topic, bytes }));
  }

  happened(peer: number, event: PeerEvent): void {
    if (event.type === 'delivered' && event.payload.type === 'note') this.onDelivered(peer, event.payload.bytes);
  }

  connections(): number[] {
    return this.#peers.map(({ network }) => network.connectionCount);
  }

  describe(): string {
    const depths = new Map<number, number>();
    for (const depth of this.#depths()) depths.set(depth, (depths.get(depth) ?? 0) + 1);
    const levels = [...depths].sort(([a], [b]) => a - b).map(([depth, count]) => `${count} at depth ${depth}`);
    return `a tree of ${levels.join(', ')}; at most ${Math.max(...this.connections())} connections a peer`;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.stop()));
  }

  #depths(): number[] {
    const byId = new Map(this.#peers.map((peer) => [peer.network.peerId, peer]));
    return this.#peers.map((peer) => {
      let depth = 0;
      let parent = peer.parentId();
      while (parent !== null && depth < this.#peers.length) {
        depth += 1;
        parent = byId.get(parent)?.parentId() ?? null;
      }
      return depth;
    });
  }
}

/** Grows the tree and waits until it stands. */
export async function growTree(options: SwarmOptions): Promise<Swarm> {
  const { peers: count, signal, say, mostConnections } = options;
  let changedAtMs = performance.now();
  const peers: TreePeer[] = [];
  const swarm = new TreeSwarm(peers);
  try {
    for (let number = 0; number < count; number++) {
      peers.push(
        await TreePeer.create(options, number, (event) => {
          if (event.type === 'attached' || event.type === 'orphaned') changedAtMs = performance.now();
          swarm.happened(number, event);
        }),
      );
      signal.throwIfAborted();
    }
    const root = peers[0];
    if (root === undefined) throw new RangeError('a tree needs at least one peer');
    for (const number of [0, ...shuffled(count - 1, options.seed).map((i) => i + 1)]) {
      peers[number]?.enter(root.network);
      await pause(joinEveryMs, undefined, { signal });
    }
    say(`${count} peers have asked to join; waiting until the tree stands`);
    const stands = (): boolean =>
      peers.every((peer) => peer.isSettled()) && Math.max(...swarm.connections()) <= mostConnections;
    await untilHolds('the tree stood', () => stands() && performance.now() - changedAtMs >= settledMs, {
      withinMs: neverMs,
      signal,
    }).catch((error: unknown) => {
      const unsettled = peers.flatMap((peer, number) => (peer.isSettled() ? [] : [number]));
      say(`not settled: peers [${unsettled.join(', ')}]; connections [${swarm.connections().join(', ')}]`);
      throw error;
    });
    return swarm;
  } catch (error) {
    await swarm.stop();
    throw error;
  }
}

/** The numbers 0 to count-1 in an order that the seed decides. */
export function shuffled(count: number, seed: number): number[] {
  const random = new SeededRandom(seed);
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [numbers[i], numbers[j]] = [numbers[j] as number, numbers[i] as number];
  }
  return numbers;
}

/** A libp2p key for Node's own crypto. */
function nodeKeyOf(key: PrivateKey): ReturnType<typeof createPrivateKey> {
  const raw = Buffer.from(key.raw);
  const [d, x] = [raw.subarray(0, 32).toString('base64url'), raw.subarray(32, 64).toString('base64url')];
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
}
