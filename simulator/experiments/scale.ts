/**
 * How large a farm one process can hold, and how fast it runs: the same core, from a hundred peers to a million.
 *
 * The farm grows by word of mouth. A newcomer knows the root and three peers that are in, so the number of peers doubles in equal times,
 * and building a million takes few more simulated seconds than building a thousand. Of n peers √n volunteer, so there are about as many
 * servers as clients of each. When every peer has settled, the steady farm is measured; the time to build is reported apart.
 *
 * An event is a message that was delivered or a timer that fired. Counting bytes means looking at messages, which takes time of its own, so
 * bytes are counted in some seconds after those that are timed. Control bytes are those of the messages as encoded on the wire, without
 * framing and encryption, of one peer in 64.
 */
import type { PeerHandle } from '../../src/core/index.ts';
import { generateTransitStub, scaleToMeanRtt } from '../../src/topology/index.ts';
import { wireSize } from '../../src/wire/index.ts';
import { Network } from '../engine/network.ts';
import { SimulatedFarm, generous, handle } from '../farm.ts';
import { simulatedNames } from '../names.ts';
import { Random } from '../random.ts';
import { cpuSeconds, peakRssBytes, prepareHeap } from '../usage.ts';
import type { Findings, Progress } from './experiment.ts';

export interface ScaleOptions {
  readonly peers: number;
  /** Simulated seconds that are measured after the farm stands. */
  readonly seconds: number;
  readonly seed?: number;
}

export interface ScaleResult {
  readonly peers: number;
  readonly events: number;
  readonly cpuSeconds: number;
  readonly eventsPerCpuSecond: number;
  readonly peerSecondsPerCpuSecond: number;
  readonly peakRssBytes: number;
  /** Sent and received. */
  readonly rootMessagesPerSecond: number;
  readonly controlBytesPerPeerSecond: number;
  readonly building: Building;
}

/** The cost of building the farm. */
export interface Building {
  readonly simulatedSeconds: number;
  readonly events: number;
  readonly cpuSeconds: number;
  readonly servers: number;
}

/** The network: some thousand nodes, the mean round trip between them, and the mean extra of each access link, ms. */
const meanRttMs = 100;
const meanAccessMs = 5;
const network = { transitDomains: 4, transitNodes: 8, stubs: 4, stubNodes: 8 };
/** The number of peers with which the farm begins, root included, and the time in which it doubles. */
const founders = 16;
const doublingMs = 12_000;
const acquaintances = 3;
/**
 * The settling time after the last arrival: peers are dialled back, hear of the last servers, and look for better places until there are
 * none. The first looks come every ten heartbeats; looks that find nothing become ever less frequent.
 */
const settlingMs = 240_000;
const releaseBytes = 100_000;
/** The most memory for a peer, its messages and the garbage between two collections. */
const heapBytesPerPeer = 7_000;
const sampledOneIn = 64;
/** Of the steady farm: simulated seconds in which messages are counted. */
const mostCountedSeconds = 30;
const root = handle(0);

export function scaleExperiment(options: ScaleOptions, progress: Progress): Findings<ScaleResult> {
  const { peers, seconds } = options;
  if (!Number.isInteger(peers) || peers < 2) throw new RangeError(`a farm of ${peers} peers; there must be 2 or more`);
  if (!(seconds > 0)) throw new RangeError(`${seconds} seconds to measure; there must be more than 0`);
  prepareHeap(peers * heapBytesPerPeer);
  const beganSeconds = cpuSeconds();
  const { farm, standsAtMs } = newFarm(options);
  const countedSeconds = Math.min(seconds, mostCountedSeconds);
  const totalSeconds = Math.ceil(standsAtMs / 1_000) + seconds + countedSeconds;
  const follow = (note: string): void => progress.step(Math.round(farm.nowMs / 1_000), totalSeconds, note);
  const run = (forSeconds: number, note: string): void => {
    for (let second = 0; second < forSeconds; second++) {
      farm.run(Math.min(1, forSeconds - second) * 1_000);
      follow(note);
    }
  };
  while (farm.nowMs < standsAtMs) {
    farm.run(Math.min(1_000, standsAtMs - farm.nowMs));
    follow(`building, ${farm.living().length} peers`);
  }
  const before = eventsOf(farm);
  const building = {
    simulatedSeconds: standsAtMs / 1_000,
    events: before,
    cpuSeconds: cpuSeconds() - beganSeconds,
    servers: farm.living().filter((peer) => peer.state.ctx.isServer()).length,
  };
  const steadySeconds = cpuSeconds();
  run(seconds, 'measuring');
  const usedSeconds = cpuSeconds() - steadySeconds;
  const events = eventsOf(farm) - before;
  const counts = count(farm);
  run(countedSeconds, 'counting bytes');
  const result: ScaleResult = {
    peers,
    events,
    cpuSeconds: usedSeconds,
    eventsPerCpuSecond: events / usedSeconds,
    peerSecondsPerCpuSecond: (peers * seconds) / usedSeconds,
    peakRssBytes: peakRssBytes(),
    rootMessagesPerSecond: counts.rootMessages / countedSeconds,
    controlBytesPerPeerSecond: counts.sampledBytes / counts.sampledPeers / countedSeconds,
    building,
  };
  return { result, tables: tablesOf(result), charts: [] };
}

/** A farm with its arrivals scheduled; it is complete at `standsAtMs`. */
export function newFarm({ peers, seed = 1 }: ScaleOptions): { farm: SimulatedFarm; standsAtMs: number } {
  const random = new Random(seed ^ 0x7363616c);
  const topology = scaleToMeanRtt(generateTransitStub({ ...network, seed }), meanRttMs);
  const places = Network.scattered(topology, peers, random, meanAccessMs);
  const farm = new SimulatedFarm({
    seed,
    rttMs: (a, b) => places.rttMs(a, b),
    subnet: (peer) => places.subnet(peer),
    disks: false,
  });
  farm.start(root, { as: 'root', root, neighbours: [] });
  farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), releaseBytes));
  const volunteersOneIn = Math.max(2, Math.round(Math.sqrt(peers)));
  // Each arrival schedules the next: a million timers at once would be a million closures.
  const arrive = (n: number): void => {
    farm.start(handle(n), { as: 'peer', root, neighbours: someoneIn(random, n) });
    if (n % volunteersOneIn === 0) farm.act(handle(n), (peer, nowMs) => peer.volunteer(nowMs, generous));
    if (n + 1 < peers) farm.after(arrivalMs(n + 1) - farm.nowMs, () => arrive(n + 1));
  };
  farm.after(arrivalMs(1), () => arrive(1));
  return { farm, standsAtMs: Math.ceil(arrivalMs(peers - 1)) + settlingMs };
}

/** When peer `n` comes: the number of peers doubles in equal times. */
function arrivalMs(n: number): number {
  return doublingMs * Math.log2(1 + n / founders);
}

/** The root, and three of the peers that came before peer `n`. */
function someoneIn(random: Random, n: number): PeerHandle[] {
  return n < 2 ? [root] : Array.from({ length: acquaintances }, () => handle(1 + random.below(n - 1)));
}

interface Counts {
  rootMessages: number;
  sampledBytes: number;
  readonly sampledPeers: number;
}

function count(farm: SimulatedFarm): Counts {
  const peers = farm.living().length;
  const first = Math.min(peers - 1, sampledOneIn >> 1);
  const counts = { rootMessages: 0, sampledBytes: 0, sampledPeers: Math.ceil((peers - first) / sampledOneIn) };
  farm.heeds = (from, to) => from === root || to === root || from % sampledOneIn === first;
  farm.onSend = (from, to, message) => {
    if (from === root || to === root) counts.rootMessages++;
    if (from % sampledOneIn === first) counts.sampledBytes += wireSize(message, simulatedNames);
  };
  return counts;
}

function eventsOf(farm: SimulatedFarm): number {
  return farm.delivered + farm.wakes;
}

function tablesOf(result: ScaleResult): Findings<ScaleResult>['tables'] {
  const { building } = result;
  const row = (what: string, value: number, unit: string): (string | number)[] => [what, value, unit];
  return [
    {
      title: `${result.peers} peers in one process`,
      columns: [{ name: 'what' }, { name: 'value', digits: 1 }, { name: 'unit' }],
      rows: [
        row('events', result.eventsPerCpuSecond / 1e6, 'million per CPU second'),
        row('simulated time', result.peerSecondsPerCpuSecond / 1e3, 'thousand peer-seconds per CPU second'),
        row('memory at its peak', result.peakRssBytes / 2 ** 20, 'MiB'),
        row('messages of the root', result.rootMessagesPerSecond, 'per second, sent and received'),
        row('control', result.controlBytesPerPeerSecond, 'bytes per peer and second'),
        row('building took', building.simulatedSeconds, 'simulated seconds'),
        row('and', building.cpuSeconds, 'CPU seconds'),
        row('servers', building.servers, 'of all peers'),
      ],
    },
  ];
}
