/**
 * The experiments of `banyan simulate`, as the command line knows them: options with their units and defaults, words for the help, and how
 * the options become those that the simulator wants.
 */
import { type OptionSpecs, type Settings, value, parseText } from '../settings/option.ts';
import {
  choice,
  jobs,
  kill,
  load,
  margin,
  meanRtt,
  mode,
  peers,
  policy,
  requirement,
  seed,
  seeds,
  serverTime,
  topology,
} from './experiment-options.ts';
import { count, minutes, seconds } from './experiment-values.ts';

export interface Experiment<Specs extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  readonly title: string;
  /** A few words, for the list. */
  readonly summary: string;
  /** Sentences, for its own help and for the head of a report. */
  readonly description: string;
  readonly examples: readonly string[];
  readonly options: Specs;
  /** The settings as the experiment's options. */
  readonly optionsFrom: (settings: Settings<Specs>) => object;
}

export const experiments: readonly Experiment[] = [
  experiment({
    name: 'qos',
    title: 'Placement of servers',
    summary: 'where servers are placed, and how many: against the optimum',
    description:
      'A farm grows until its mean response delay (server time plus round trip to the nearest server, over all peers) meets ' +
      'a requirement. How many servers and rounds that takes is compared with the fewest servers that could do it.',
    examples: [
      'banyan simulate qos --requirement 120ms',
      'banyan simulate qos --topology my.alt --mean-rtt 47ms --server-time 100ms --requirement 115ms --policy worst-qos --seeds 30',
      'banyan simulate qos --topology plane-100 --requirement 130 --margin n-1 --json',
    ],
    options: { topology, meanRtt, serverTime, requirement, policy, margin, seeds: seeds(), seed, jobs },
    optionsFrom: (settings) => ({
      policy: settings.policy,
      margin: settings.margin,
      ...ofNetwork(settings),
      ...ofSeeds(settings),
    }),
  }),
  experiment({
    name: 'paper',
    title: 'The tables and figures of the paper',
    summary: 'repeat the tables and figures of the first paper',
    description:
      'Repeats the experiments of "P2P Volunteers for Reliable Server Farms": tables 4-1 and 4-2 with both policies beside the printed ' +
      'figures, and the charts of figures 4-1 to 4-5.',
    examples: ['banyan simulate paper --seeds 20 --out paper'],
    options: { seeds: seeds(), seed, jobs },
    optionsFrom: ofSeeds,
  }),
  experiment({
    name: 'attack',
    title: 'Servers under attack',
    summary: 'servers are killed again and again: how quickly is the farm back?',
    description:
      'Every 20 rounds a share of the servers is killed at once, and the farm recovers until it meets its requirement again. ' +
      'Shows how many rounds that takes, the servers before and at the peak, and the requests that failed with ' +
      'and without a second try at another server.',
    examples: [
      'banyan simulate attack --kill 0.2',
      'banyan simulate attack --kill 30% --mode heaviest --margin n-1 --seeds 20 --out attack',
    ],
    options: {
      kill,
      mode,
      margin,
      policy,
      topology,
      meanRtt,
      serverTime,
      requirement,
      ...load,
      seeds: seeds(),
      seed,
      jobs,
    },
    optionsFrom: (settings) => ({
      kill: settings.kill,
      mode: settings.mode,
      margin: settings.margin,
      policy: settings.policy,
      ...ofNetwork(settings),
      ...ofLoad(settings),
      ...ofSeeds(settings),
    }),
  }),
  experiment({
    name: 'churn',
    title: 'Peers that come and go',
    summary: 'peers come and go: repair, stretch, delivery, cost of the trees',
    description:
      'Peers stay for a while, leave (half of them killed, a quarter without a word, a quarter properly) and come back, while the root ' +
      'sends a message to all peers every five seconds. Shows how fast the trees are repaired, and what they deliver and cost.',
    examples: [
      'banyan simulate churn --median-session 60 --heartbeat 1',
      'banyan simulate churn --median-session 5m --sessions weibull --peers 500 --seeds 20 --out churn',
      'banyan simulate churn --trace sessions.csv --watch 2h',
    ],
    options: {
      medianSession: value(
        'median-session',
        '<minutes>',
        'half of the sessions are shorter (60, 60m, 1h)',
        minutes,
        60,
      ),
      heartbeat: value('heartbeat', '<seconds>', 'interval of the heartbeats (1, 1s, 500ms)', seconds(0.05), 1),
      sessions: choice(
        'sessions',
        '<kind>',
        'how the lengths of sessions are distributed',
        ['exponential', 'weibull'],
        'exponential',
      ),
      trace: value('trace', '<file>', 'sessions from a file instead: lines of peer,arriveS,leaveS', parseText, null),
      peers: peers(300, 2, 20_000),
      watch: value('watch', '<minutes>', 'how long the farm is measured, after it has settled', minutes, 30),
      settle: value('settle', '<minutes>', 'how long it settles first', minutes, 15),
      seeds: seeds(5),
      seed,
      jobs,
    },
    optionsFrom: (settings) => ({
      medianSessionMin: settings.medianSession,
      heartbeatS: settings.heartbeat,
      peers: settings.peers,
      distribution: settings.sessions,
      trace: settings.trace,
      watchMin: settings.watch,
      settleMin: settings.settle,
      ...ofSeeds(settings),
    }),
  }),
  experiment({
    name: 'faults',
    title: 'Faults of every kind',
    summary: 'every fault at once: does the farm ever break a rule?',
    description:
      'Random farms with loss, duplication, reordering, delay, partitions, crashes, slow peers, clocks that jump and peers that lie. ' +
      'Checkers watch every step; a violation is printed with the command that replays it.',
    examples: ['banyan simulate faults --seeds 300', 'banyan simulate faults --seed 4711 --seeds 1 --json'],
    options: {
      seeds: value('seeds', '<count>', 'how many runs', count(1, 1_000_000), null, {
        fallbackText: '100, or as many as fit in --seconds',
      }),
      seed,
      seconds: value('seconds', '<seconds>', 'begin no run after this many seconds', seconds(1), null),
      jobs,
    },
    optionsFrom: (settings) => ({ ...ofSeeds(settings), ...given({ seconds: settings.seconds }) }),
  }),
  experiment({
    name: 'scale',
    title: 'How large a farm can be',
    summary: 'very many peers: speed and memory of the simulator, load of the root',
    description:
      'Builds a farm of this many peers and runs it. Shows the events (messages delivered and timers fired) per CPU second, ' +
      'the memory, the messages at the root, and what a peer spends on control.',
    examples: [
      'banyan simulate scale --peers 10000 --seconds 60',
      'banyan simulate scale --peers 1M --seconds 20 --json',
    ],
    options: {
      peers: peers(10_000, 2, 4_000_000),
      seconds: value('seconds', '<seconds>', 'simulated time after the tree stands', seconds(1), 60),
      seed,
    },
    optionsFrom: (settings) => ({ peers: settings.peers, seconds: settings.seconds, seed: settings.seed }),
  }),
  experiment({
    name: 'what-if',
    title: 'What if',
    summary: 'your own question: this many clients, this network, this attack',
    description:
      'An owner’s question in one command: this many clients on this network with this requirement; then a share of the servers ' +
      'is killed. How many volunteers does it take, what do users notice, and when is the requirement met again?',
    examples: [
      'banyan simulate what-if --clients 200 --topology continents-24 --requirement 120ms --kill 20%',
      'banyan simulate what-if --clients 1000 --topology my.csv --requirement 150ms --kill 0.3 --mode domain --out what-if',
      'banyan simulate what-if --clients 150 --weak 30% --declared --kill 0 --json',
    ],
    options: {
      clients: value('clients', '<count>', 'how many clients', count(1, 100_000), 100),
      topology,
      meanRtt,
      serverTime,
      requirement,
      kill,
      mode,
      policy,
      margin,
      ...load,
      seeds: seeds(),
      seed,
      jobs,
    },
    optionsFrom: (settings) => ({
      clients: settings.clients,
      kill: settings.kill,
      mode: settings.mode,
      policy: settings.policy,
      margin: settings.margin,
      ...ofNetwork(settings),
      ...ofLoad(settings),
      ...ofSeeds(settings),
    }),
  }),
];

/** An experiment whose settings are known by type inside, and by nobody outside. */
function experiment<const Specs extends OptionSpecs>(described: Experiment<Specs>): Experiment {
  return described as unknown as Experiment;
}

function ofNetwork(
  settings: Settings<{
    topology: typeof topology;
    meanRtt: typeof meanRtt;
    serverTime: typeof serverTime;
    requirement: typeof requirement;
  }>,
): object {
  return {
    topology: settings.topology,
    serverTimeMs: settings.serverTime,
    requirementMs: settings.requirement,
    ...given({ meanRttMs: settings.meanRtt }),
  };
}

function ofLoad({ workload, zipf, capacity, weak, declared, shedding }: Settings<typeof load>): object {
  return { ...given({ workload, zipf, capacity, weak }), ...(declared ? { declared } : {}), shedding };
}

function ofSeeds({
  seeds,
  seed,
  jobs,
}: {
  readonly seeds: number | null;
  readonly seed: number;
  readonly jobs: number | null;
}): object {
  return { firstSeed: seed, ...given({ seeds, jobs }) };
}

/** What was set; the rest is left to the experiment. */
function given(options: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(options).filter(([, option]) => option !== null));
}
