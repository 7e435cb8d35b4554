/**
 * A fault schedule as data: when peers come and die, which peers lie, what the network does to messages.
 *
 * A schedule is one plain record. It is drawn from a seed (`faultSchedule`: every kind of fault), or generated and shrunk by a property
 * test; as JSON, `node dist/simulator/replay.js '<json>'` replays it to the same millisecond. The time of a deed is relative to the one
 * before, so that a deed can be removed without changing the order of the others.
 */
import type { Margin, PolicyName } from '../src/qos/index.ts';
import { Random } from './random.ts';

/** One action on a farm, `afterMs` after the one before. A deed that does not fit (a dead peer cannot drain) is skipped. */
export type Deed =
  | { readonly act: PeerAct; readonly afterMs: number; readonly peer: number }
  /** No message gets from `peer` to `other` for a while; the other direction stays open. */
  | {
      readonly act: 'cut';
      readonly afterMs: number;
      readonly peer: number;
      readonly other: number;
      readonly forMs: number;
    }
  /** The group is cut off from all others for a while: in both directions, or only outwards. */
  | {
      readonly act: 'partition';
      readonly afterMs: number;
      readonly group: readonly number[];
      readonly how: 'both-ways' | 'one-way';
      readonly forMs: number;
    }
  /** All messages from and to `peer` take `factor` times as long for a while. */
  | {
      readonly act: 'slow';
      readonly afterMs: number;
      readonly peer: number;
      readonly factor: number;
      readonly forMs: number;
    }
  /** The clock of the machine of `peer` is set. */
  | { readonly act: 'clock'; readonly afterMs: number; readonly peer: number; readonly byMs: number };

/**
 * - `kill`: the process dies, its machine closes the connections. `power-cut`: silence. `torn-write`: it dies at its next write to disk,
 *   before it sends the message after it.
 * - `restart`: with its disk. `restart-blank`: without; the root keeps its disk, for a farm does not outlive its root's keys.
 * - `note`: a server sends a note to all. `release`: the root publishes the next one.
 * - `readdress`: the peer's addresses changed.
 */
export type PeerAct =
  | 'kill'
  | 'power-cut'
  | 'torn-write'
  | 'restart'
  | 'restart-blank'
  | 'volunteer'
  | 'drain'
  | 'leave'
  | 'note'
  | 'release'
  | 'readdress';

/** Peers that lie from the end of the arrivals to the end of the deeds. */
export interface Lies {
  readonly liars: readonly number[];
  /** Share of a liar's messages, 0 to 1, that are changed or withheld. */
  readonly share: number;
  /** At the end the liars leave for good; otherwise they are honest from then on. */
  readonly goneAfterwards: boolean;
}

/** A controller at the root, and users. */
export interface Service {
  readonly requirementMs: number;
  readonly policy: PolicyName;
  readonly margin: Margin;
  /** Requests a second that one server manages; any number when absent or 0. */
  readonly perSecond?: number;
}

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
  /** They overtake others on the same connection; they come 2 s late, and what follows waits behind them. None when absent. */
  readonly reorderingShare?: number;
  readonly delayShare?: number;
  /** Each one-way delay grows by up to this share of itself, at random. */
  readonly jitterShare: number;
  /** This share of all messages is encoded for the wire and decoded again, from beginning to end. None when absent. */
  readonly encodedShare?: number;
  readonly lies?: Lies | null;
  readonly service?: Service | null;
  readonly deeds: readonly Deed[];
}

type Weights = readonly (readonly [Deed['act'], number])[];

/** How frequent each deed is in a random schedule: weights, in the order in which they are drawn. */
const weights: Weights = [
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

const allWeights: Weights = [
  ...weights,
  ['torn-write', 4],
  ['restart', 6],
  ['partition', 3],
  ['slow', 4],
  ['clock', 3],
];

/** A schedule of this many peers and deeds, drawn from a seed; `everyMs` is the mean time between deeds. No lies, no wrong clocks. */
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
    deeds: Array.from({ length: deeds }, () => randomDeed(random, peers, everyMs, weights)),
  };
}

/** Everything that can happen: size, network, deeds, lies and service are all drawn from the seed. */
export function faultSchedule(seed: number): Schedule {
  const random = new Random(seed ^ 0x6661_756c);
  const peers = 6 + random.below(30);
  const everyMs = random.pick([100, 500, 1_500, 4_000]);
  const hasLies = random.next() < 0.3;
  const hasService = random.next() < 0.3;
  return {
    ...randomSchedule(seed, peers, 0),
    reorderingShare: random.pick([0, 0, 0.02, 0.1]),
    delayShare: random.pick([0, 0, 0.01]),
    encodedShare: 0.05,
    lies: hasLies ? randomLies(random, peers) : null,
    service: hasService ? randomService(random) : null,
    deeds: Array.from({ length: 10 + random.below(60) }, () => randomDeed(random, peers, everyMs, allWeights)),
  };
}

function randomLies(random: Random, peers: number): Lies {
  const liars = new Set<number>();
  const wanted = 1 + random.below(Math.max(1, Math.floor(peers / 5)));
  while (liars.size < wanted) liars.add(1 + random.below(peers - 1));
  return { liars: [...liars], share: random.pick([0.02, 0.2, 0.6]), goneAfterwards: random.next() < 0.5 };
}

function randomService(random: Random): Service {
  return {
    requirementMs: random.pick([60, 90, 120, 150]),
    policy: random.pick(['balanced', 'balanced', 'worst-qos']),
    margin: random.pick(['lean', 'lean', 'n-1']),
    perSecond: random.pick([0, 2, 4, 8]),
  };
}

function somePeers(random: Random, peers: number, share: number): number[] {
  const some: number[] = [];
  for (let peer = 1; peer < peers; peer++) if (random.next() < share) some.push(peer);
  return some;
}

function randomDeed(random: Random, peers: number, everyMs: number, from: Weights): Deed {
  const total = from.reduce((sum, [, weight]) => sum + weight, 0);
  let draw = random.below(total);
  let act: Deed['act'] = 'note';
  for (const [candidate, weight] of from) {
    act = candidate;
    draw -= weight;
    if (draw < 0) break;
  }
  const afterMs = Math.round(random.exponential(everyMs));
  const peer = random.below(peers);
  const forAWhileMs = (): number => Math.round(random.exponential(5_000));
  switch (act) {
    case 'cut':
      return { act, afterMs, peer, other: random.below(peers), forMs: forAWhileMs() };
    case 'partition': {
      const group = somePeers(random, peers, random.pick([0.1, 0.3, 0.5]));
      const how = random.pick(['both-ways', 'both-ways', 'one-way'] as const);
      return { act, afterMs, group, how, forMs: 2 * forAWhileMs() };
    }
    case 'slow':
      return { act, afterMs, peer, factor: random.pick([3, 10, 30]), forMs: 2 * forAWhileMs() };
    case 'clock': {
      const sign = random.next() < 0.5 ? -1 : 1;
      return {
        act,
        afterMs,
        peer,
        byMs: sign * Math.round(random.exponential(random.pick([2_000, 60_000, 3_600_000]))),
      };
    }
    default:
      return { act, afterMs, peer };
  }
}
