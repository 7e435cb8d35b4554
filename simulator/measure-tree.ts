/**
 * Figures of the trees: the time of a repair, the stretch of a multicast over the direct path, the cost of heartbeats.
 *
 *     node dist/simulator/measure-tree.js [--peers 600] [--seed 1] [--kills 120] [--json]
 *
 * A farm on a transit-stub network (every peer on a node of its own, mean round trip 100 ms, fan-out 8, heartbeats of 1 s, one peer
 * in fifteen a server) grows and settles; then inner peers die one after the other. All in virtual time: the figures do not
 * depend on the machine.
 */
import { pathToFileURL } from 'node:url';
import type { Message, PeerHandle } from '../src/core/index.ts';
import { presetTopology } from '../src/topology/index.ts';
import type { GraphTopology } from '../src/topology/index.ts';
import { wireSize } from '../src/wire/index.ts';
import { noLoop } from './checkers/loops.ts';
import { isWhole } from './checkers/structure.ts';
import { SimulatedFarm, generous, handle } from './farm.ts';
import { Random } from './random.ts';
import { spread } from './spread.ts';
import type { Spread } from './spread.ts';
import { childrenOf, shapeOf } from './tree-shape.ts';

export interface MeasureOptions {
  readonly peers: number;
  readonly seed: number;
  /** How many inner peers die, half of them with closing connections, half in silence. */
  readonly kills: number;
}

export interface TreeFigures {
  readonly peers: number;
  readonly servers: number;
  /** Levels from the root to a client, both trees together. */
  readonly depth: Spread;
  /** From a parent's death to each child's new parent, in heartbeats. */
  readonly repairBeats: { readonly closed: Spread; readonly silent: Spread };
  /** Delay from the root along the trees, divided by the direct delay. */
  readonly stretch: Spread;
  /** How often one multicast crosses a physical link, over the links it uses. */
  readonly linkStress: Spread;
  readonly controlBytesPerSecond: Spread;
  readonly messagesPerSecond: number;
  readonly rootBytesPerSecond: number;
  readonly loops: number;
}

const beatMs = 1_000;
const root = handle(0);

/** Grows a farm and measures it. */
export function measureTree({ peers, seed, kills }: MeasureOptions): TreeFigures {
  const topology = presetTopology(peers <= 100 ? 'transit-stub-100' : 'transit-stub-600') as GraphTopology;
  const place = shuffled(topology.size, seed);
  const node = (peer: PeerHandle): number => place[peer] ?? 0;
  const farm = new SimulatedFarm({
    seed,
    rttMs: (a, b) => topology.rttMs(node(a), node(b)),
    subnet: (peer) => topology.domain(node(peer)),
    tree: { minHeartbeatMs: beatMs, maxHeartbeatMs: beatMs },
  });
  const loops = noLoop();
  farm.checkers.push(loops);
  grow(farm, peers);
  const { depths, stretches, stresses, cutOff } = shapeOf(farm, topology.graph, node);
  if (cutOff.length > 0) throw new Error(`the way up from peer ${cutOff[0]} does not lead to the root`);
  const cost = costOf(farm, 120);
  const repairBeats = repairs(farm, kills);
  return {
    peers,
    servers: farm.living().filter((peer) => peer.role !== 'client').length,
    depth: spread(depths),
    stretch: spread(stretches),
    linkStress: spread(stresses),
    repairBeats,
    controlBytesPerSecond: spread(cost.bytes),
    messagesPerSecond: cost.messages,
    rootBytesPerSecond: cost.rootBytes,
    loops: loops.verdict(farm).length,
  };
}

function shuffled(size: number, seed: number): number[] {
  const random = new Random(seed);
  const order = Array.from({ length: size }, (_, index) => index);
  for (let i = size - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

/** Every peer arrives within two minutes, volunteers begin to serve, and the trees have ten minutes to improve. */
function grow(farm: SimulatedFarm, peers: number): void {
  farm.start(root, { as: 'root', root, neighbours: [] });
  farm.act(root, (peer) => peer.publish(farm.nowMs, 1, new Uint8Array(32), 1e6));
  for (let n = 1; n < peers; n++) {
    farm.after(farm.random.next() * 120_000, () => farm.start(handle(n), { as: 'peer', root, neighbours: [root] }));
  }
  farm.run(150_000);
  for (let n = 1; n < peers; n += 15) farm.act(handle(n), (peer) => peer.volunteer(farm.nowMs, generous));
  farm.run(600_000);
  if (!farm.runUntil(() => isWhole(farm), 120_000, beatMs))
    throw new Error(`a farm of ${peers} peers did not become whole`);
}

// --- Cost -----------------------------------------------------------------------------------------------------------------

/** Bytes sent per second by each peer of a farm at rest, encoded as on the wire, without framing and encryption. */
function costOf(farm: SimulatedFarm, seconds: number): { bytes: number[]; messages: number; rootBytes: number } {
  const names = {
    keyOf: (peer: PeerHandle) => new Uint8Array(32).fill(peer & 255),
    addressesOf: (peer: PeerHandle) => [`/ip4/10.${(peer >> 8) & 255}.${peer & 255}.7/tcp/40001`],
  };
  const sent = new Map<PeerHandle, number>(farm.living().map((peer) => [peer.self, 0]));
  let messages = 0;
  const before = farm.onSend;
  farm.onSend = (from: PeerHandle, _to: PeerHandle, message: Message): void => {
    messages++;
    sent.set(from, (sent.get(from) ?? 0) + wireSize(message, names));
  };
  farm.run(seconds * 1_000);
  farm.onSend = before;
  const bytes = [...sent.values()].map((total) => total / seconds);
  return { bytes, messages: messages / seconds / sent.size, rootBytes: (sent.get(root) ?? 0) / seconds };
}

// --- Repair -----------------------------------------------------------------------------------------------------------------

/** Kills inner peers one at a time, each restarted later, and measures how long each of its children was without a parent. */
function repairs(farm: SimulatedFarm, kills: number): TreeFigures['repairBeats'] {
  const beats = { closed: [] as number[], silent: [] as number[] };
  const lostAtMs = new Map<PeerHandle, number>();
  let way: 'closed' | 'silent' = 'closed';
  farm.checkers.push({
    name: 'repair',
    verdict: () => [],
    observed: (_farm, peer, event) => {
      const sinceMs = event.type === 'attached' ? lostAtMs.get(peer) : undefined;
      if (sinceMs === undefined) return;
      lostAtMs.delete(peer);
      beats[way].push((farm.nowMs - sinceMs) / beatMs);
    },
  });
  for (let kill = 0; kill < kills; kill++) {
    way = kill % 2 === 0 ? 'closed' : 'silent';
    const inner = farm.living().filter((peer) => peer.role !== 'root' && childrenOf(peer).length > 0);
    const victim = farm.random.pick(inner);
    for (const child of childrenOf(victim)) lostAtMs.set(child, farm.nowMs);
    farm.crash(victim.self, way === 'closed');
    farm.run(40 * beatMs);
    if (lostAtMs.size > 0)
      throw new Error(`peers ${[...lostAtMs.keys()].join(', ')} have no parent after 40 heartbeats`);
    farm.restart(victim.self);
    farm.run(20 * beatMs + farm.random.next() * beatMs);
  }
  return { closed: spread(beats.closed), silent: spread(beats.silent) };
}

function main(args: readonly string[]): void {
  const option = (name: string, otherwise: number): number => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  const figures = measureTree({ peers: option('peers', 600), seed: option('seed', 1), kills: option('kills', 120) });
  if (args.includes('--json')) {
    console.log(JSON.stringify(figures));
    return;
  }
  const line = (what: string, { mean, p50, p95, p99, max, count }: Spread): string =>
    `${what.padEnd(34)} mean ${mean.toFixed(2)}  p50 ${p50.toFixed(2)}  p95 ${p95.toFixed(2)}  ` +
    `p99 ${p99.toFixed(2)}  max ${max.toFixed(2)}  of ${count}`;
  console.log(`${figures.peers} peers, ${figures.servers} of them servers, loops: ${figures.loops}`);
  console.log(line('depth', figures.depth));
  console.log(line('stretch', figures.stretch));
  console.log(line('link stress', figures.linkStress));
  console.log(line('repair, closed, heartbeats', figures.repairBeats.closed));
  console.log(line('repair, silent, heartbeats', figures.repairBeats.silent));
  console.log(line('control bytes/s a peer', figures.controlBytesPerSecond));
  console.log(
    `messages/s a peer ${figures.messagesPerSecond.toFixed(2)}, root ${figures.rootBytesPerSecond.toFixed(0)} bytes/s`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
