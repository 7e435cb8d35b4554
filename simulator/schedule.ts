/**
 * What befalls a farm, as data: who comes when, who dies how, what the network does to messages.
 *
 * A schedule is one plain record. A property test generates and shrinks such records; a failing one is printed as JSON, and
 * `node dist/simulator/replay.js '<json>'` plays it again to the same millisecond. The deeds are relative in time ("so long
 * after the last one"), so that one can be taken out without changing the others' order.
 */
import { Random } from './random.ts';

/** One thing that is done to a farm, `afterMs` after the one before. A deed that does not fit (a dead peer cannot drain) is left out. */
export type Deed =
  | { readonly act: PeerAct; readonly afterMs: number; readonly peer: number }
  /** Nothing gets from `peer` to `other` for a while; the way back stays open. */
  | {
      readonly act: 'cut';
      readonly afterMs: number;
      readonly peer: number;
      readonly other: number;
      readonly forMs: number;
    };

/**
 * - `kill`: the process dies, its machine closes the connections. `power-cut`: silence.
 * - `restart`: with its disk. `restart-blank`: without; the root keeps its disk, for a farm does not outlive its root's keys.
 * - `note`: a server tells everybody something. `release`: the root publishes the next one.
 * - `readdress`: the peer's addresses changed.
 */
export type PeerAct =
  | 'kill'
  | 'power-cut'
  | 'restart'
  | 'restart-blank'
  | 'volunteer'
  | 'drain'
  | 'leave'
  | 'note'
  | 'release'
  | 'readdress';

export interface Schedule {
  /** All dice of the run. */
  readonly seed: number;
  /** Peers, the root included: numbers 0 (the root) to peers - 1. */
  readonly peers: number;
  readonly fanOut: number;
  /** The others arrive at random moments within this time, ms. */
  readonly arrivalsMs: number;
  /** Peers that others cannot dial. */
  readonly unreachable: readonly number[];
  /** Shares of messages, 0 to 1, from the end of the arrivals to the end of the deeds. */
  readonly lossShare: number;
  readonly duplicationShare: number;
  /** Each one-way delay grows by up to this share of itself, at random. */
  readonly jitterShare: number;
  readonly deeds: readonly Deed[];
}

/** How much of each deed a random schedule has: weights, in the order in which they are drawn. */
const weights: readonly (readonly [Deed['act'], number])[] = [
  ['kill', 10],
  ['power-cut', 7],
  ['restart', 10],
  ['restart-blank', 3],
  ['volunteer', 14],
  ['drain', 5],
  ['leave', 3],
  ['note', 10],
  ['release', 1],
  ['readdress', 2],
  ['cut', 5],
];

/** A schedule of this many peers and deeds, drawn from a seed; `everyMs` is the mean time between deeds. */
export function randomSchedule(seed: number, peers: number, deeds: number, everyMs = 1_500): Schedule {
  const random = new Random(seed);
  return {
    seed,
    peers,
    fanOut: random.pick([2, 3, 4, 8]),
    arrivalsMs: random.pick([10, 50, 100]) * peers,
    unreachable: somePeers(random, peers, random.pick([0, 0, 0.2, 0.4])),
    lossShare: random.pick([0, 0.01, 0.03]),
    duplicationShare: random.pick([0, 0, 0.02]),
    jitterShare: random.pick([0, 0.3, 1]),
    deeds: Array.from({ length: deeds }, () => randomDeed(random, peers, everyMs)),
  };
}

function somePeers(random: Random, peers: number, share: number): number[] {
  const some: number[] = [];
  for (let peer = 1; peer < peers; peer++) if (random.next() < share) some.push(peer);
  return some;
}

function randomDeed(random: Random, peers: number, everyMs: number): Deed {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  let draw = random.below(total);
  let act: Deed['act'] = 'note';
  for (const [candidate, weight] of weights) {
    act = candidate;
    draw -= weight;
    if (draw < 0) break;
  }
  const afterMs = Math.round(random.exponential(everyMs));
  const peer = random.below(peers);
  if (act !== 'cut') return { act, afterMs, peer };
  return { act, afterMs, peer, other: random.below(peers), forMs: Math.round(random.exponential(5_000)) };
}
