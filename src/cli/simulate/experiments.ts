/**
 * The experiments of `banyan simulate`, as the command line knows them: flags with their units and defaults, words for the help, and how
 * the flags become the options that the simulator wants.
 */
import { InvalidArgumentError, Option } from 'commander';

export type Flags = Readonly<Record<string, unknown>>;

export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** A few words, for the list. */
  readonly summary: string;
  /** Sentences, for its own help and for the head of a report. */
  readonly description: string;
  readonly examples: readonly string[];
  readonly options: () => readonly Option[];
  /** The flags as read, by their names in camel case, as the experiment's options. */
  readonly optionsFrom: (flags: Flags) => object;
}

export const experiments: readonly Experiment[] = [
  {
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
    options: () => [topology(), meanRtt(), serverTime(), requirement(), policy(), margin(), seeds(), seed(), jobs()],
    optionsFrom: (flags) => ({
      topology: flags['topology'],
      ...optional('meanRttMs', flags['meanRtt']),
      serverTimeMs: flags['serverTime'],
      requirementMs: flags['requirement'],
      policy: flags['policy'],
      margin: flags['margin'],
      ...ofSeeds(flags),
    }),
  },
  {
    name: 'paper',
    title: 'The tables and figures of the paper',
    summary: 'the tables and figures of the first paper, done again',
    description:
      'Repeats the experiments of "P2P Volunteers for Reliable Server Farms": tables 4-1 and 4-2 with both policies beside the printed ' +
      'figures, and the charts of figures 4-1 to 4-5.',
    examples: ['banyan simulate paper --seeds 20 --out paper'],
    options: () => [seeds(), seed(), jobs()],
    optionsFrom: (flags) => ofSeeds(flags),
  },
  {
    name: 'attack',
    title: 'Servers under attack',
    summary: 'servers are killed again and again: how quickly is the farm back?',
    description:
      'A share of the servers is killed at a time, every 20 rounds, and the farm finds back to its requirement. ' +
      'Tells the rounds that takes, the servers before and at the peak, and the requests that failed with ' +
      'and without going to another server.',
    examples: [
      'banyan simulate attack --kill 0.2',
      'banyan simulate attack --kill 30% --mode heaviest --margin n-1 --seeds 20 --out attack',
    ],
    options: () => [
      kill(),
      mode(),
      margin(),
      policy(),
      topology(),
      meanRtt(),
      serverTime(),
      requirement(),
      ...load(),
      seeds(),
      seed(),
      jobs(),
    ],
    optionsFrom: (flags) => ({
      kill: flags['kill'],
      mode: flags['mode'],
      margin: flags['margin'],
      policy: flags['policy'],
      ...ofNetwork(flags),
      ...ofLoad(flags),
      ...ofSeeds(flags),
    }),
  },
  {
    name: 'churn',
    title: 'Peers that come and go',
    summary: 'peers come and go: repair, stretch, delivery, cost of the trees',
    description:
      'Peers stay for a while, leave (half of them killed, a quarter without a word, a quarter properly) and come back, while the root ' +
      'tells everybody something every five seconds. Tells how the trees bear it.',
    examples: [
      'banyan simulate churn --median-session 60 --heartbeat 1',
      'banyan simulate churn --median-session 5m --sessions weibull --peers 500 --seeds 20 --out churn',
      'banyan simulate churn --trace sessions.csv --watch 2h',
    ],
    options: () => [
      new Option('--median-session <minutes>', 'half of the sessions are shorter (60, 60m, 1h)')
        .argParser(minutes)
        .default(60),
      new Option('--heartbeat <seconds>', 'interval of the heartbeats (1, 1s, 500ms)')
        .argParser(seconds(0.05))
        .default(1),
      new Option('--sessions <kind>', 'how long sessions are distributed')
        .choices(['exponential', 'weibull'])
        .default('exponential'),
      new Option('--trace <file>', 'sessions from a file instead: lines of peer,arriveS,leaveS'),
      peers(300, 2, 20_000),
      new Option('--watch <minutes>', 'how long the farm is watched, after it has settled')
        .argParser(minutes)
        .default(30),
      new Option('--settle <minutes>', 'how long it settles first').argParser(minutes).default(15),
      seeds(5),
      seed(),
      jobs(),
    ],
    optionsFrom: (flags) => ({
      medianSessionMin: flags['medianSession'],
      heartbeatS: flags['heartbeat'],
      peers: flags['peers'],
      distribution: flags['sessions'],
      trace: flags['trace'] ?? null,
      watchMin: flags['watch'],
      settleMin: flags['settle'],
      ...ofSeeds(flags),
    }),
  },
  {
    name: 'faults',
    title: 'Faults of every kind',
    summary: 'every fault at once: does the farm ever break a rule?',
    description:
      'Random farms with loss, duplication, reordering, delay, partitions, crashes, slow peers, clocks that jump and peers that lie. ' +
      'Checkers watch every step; a violation is printed with the command that plays it again.',
    examples: ['banyan simulate faults --seeds 300', 'banyan simulate faults --seed 4711 --seeds 1 --json'],
    options: () => [
      new Option('--seeds <count>', 'how many runs (default: 100, or as many as fit in --seconds)').argParser(
        count(1, 1_000_000),
      ),
      seed(),
      new Option('--seconds <seconds>', 'begin no run after so many seconds').argParser(seconds(1)),
      jobs(),
    ],
    optionsFrom: (flags) => ({
      ...optional('seeds', flags['seeds']),
      firstSeed: flags['seed'],
      ...optional('jobs', flags['jobs']),
      ...optional('seconds', flags['seconds']),
    }),
  },
  {
    name: 'scale',
    title: 'How large a farm can be',
    summary: 'very many peers: speed and memory of the simulator, load of the root',
    description:
      'Builds a farm of so many peers and lets it run. Tells the events (messages delivered and timers fired) per CPU second, ' +
      'the memory, the messages at the root, and what a peer spends on control.',
    examples: [
      'banyan simulate scale --peers 10000 --seconds 60',
      'banyan simulate scale --peers 1M --seconds 20 --json',
    ],
    options: () => [
      peers(10_000, 2, 4_000_000),
      new Option('--seconds <seconds>', 'simulated time after the tree stands').argParser(seconds(1)).default(60),
      seed(),
    ],
    optionsFrom: (flags) => ({ peers: flags['peers'], seconds: flags['seconds'], seed: flags['seed'] }),
  },
  {
    name: 'what-if',
    title: 'What if',
    summary: 'your own question: so many clients, this network, kill this',
    description:
      'An owner’s question in one command: so many clients on this network with this requirement; then a share of the servers dies. ' +
      'How many volunteers does it take, what do users notice, and when is it good again?',
    examples: [
      'banyan simulate what-if --clients 200 --topology continents-24 --requirement 120ms --kill 20%',
      'banyan simulate what-if --clients 1000 --topology my.csv --requirement 150ms --kill 0.3 --mode domain --out what-if',
      'banyan simulate what-if --clients 150 --weak 30% --declared --kill 0 --json',
    ],
    options: () => [
      new Option('--clients <count>', 'how many clients').argParser(count(1, 100_000)).default(100),
      topology(),
      meanRtt(),
      serverTime(),
      requirement(),
      kill(),
      mode(),
      policy(),
      margin(),
      ...load(),
      seeds(),
      seed(),
      jobs(),
    ],
    optionsFrom: (flags) => ({
      clients: flags['clients'],
      kill: flags['kill'],
      mode: flags['mode'],
      policy: flags['policy'],
      margin: flags['margin'],
      ...ofNetwork(flags),
      ...ofLoad(flags),
      ...ofSeeds(flags),
    }),
  },
];

// --- Flags that several have -----------------------------------------------------------------------------------------------

const topology = (): Option =>
  new Option('--topology <topology>', 'a file (see banyan topology), or the name of a ready-made topology').default(
    'transit-stub-100',
  );
const meanRtt = (): Option =>
  new Option('--mean-rtt <ms>', 'scale the topology to this mean round trip (default: as it is)').argParser(
    milliseconds,
  );
const serverTime = (): Option =>
  new Option('--server-time <ms>', 'what a server needs for an answer').argParser(milliseconds).default(100);
const requirement = (): Option =>
  new Option('--requirement <ms>', 'what the mean response delay may be (120, 120ms, 0.12s)')
    .argParser(milliseconds)
    .default(120);
const policy = (): Option =>
  new Option('--policy <policy>', 'how the next server is found')
    .choices(['balanced', 'worst-qos'])
    .default('balanced');
const margin = (): Option =>
  new Option('--margin <margin>', 'just enough servers, or one to spare').choices(['lean', 'n-1']).default('lean');
const kill = (): Option =>
  new Option('--kill <share>', 'share of the servers that is killed (0.2, 20%)').argParser(share).default(0.2);
const mode = (): Option =>
  new Option('--mode <mode>', 'who is killed').choices(['random', 'heaviest', 'domain', 'root']).default('random');
const seeds = (otherwise = 20): Option =>
  new Option('--seeds <count>', 'how many runs').argParser(count(1, 1_000_000)).default(otherwise);
const seed = (): Option =>
  new Option('--seed <number>', 'the first of the seeds').argParser(count(0, 2 ** 32 - 1)).default(1);
const jobs = (): Option =>
  new Option('--jobs <count>', 'runs at a time (default: as many as there are cores)').argParser(count(1, 1_024));
const peers = (otherwise: number, least: number, most: number): Option =>
  new Option('--peers <count>', 'how many peers (300, 10k, 1M)').argParser(count(least, most)).default(otherwise);

const load = (): Option[] => [
  new Option('--workload <shape>', 'when users ask: steadily, by the hour of the day, or all at once').choices([
    'poisson',
    'diurnal',
    'flash-crowd',
  ]),
  new Option(
    '--zipf <exponent>',
    'how unevenly regions ask: 0 alike, 1 the busiest twice as often as the second',
  ).argParser(exponent),
  new Option(
    '--capacity <requests>',
    'requests a second that one server manages, the root ten times as many (default: any number)',
  ).argParser(count(1, 1_000_000)),
  new Option(
    '--weak <share>',
    'share of the peers that manage a tenth of that (of 40 requests without --capacity)',
  ).argParser(share),
  new Option('--declared', 'they say so when they volunteer, as --max-clients does'),
  new Option('--no-shedding', 'full servers neither say so nor send clients on: to see what that is good for'),
];

function ofNetwork(flags: Flags): object {
  return {
    topology: flags['topology'],
    serverTimeMs: flags['serverTime'],
    requirementMs: flags['requirement'],
    ...optional('meanRttMs', flags['meanRtt']),
  };
}

function ofLoad(flags: Flags): object {
  return {
    ...optional('workload', flags['workload']),
    ...optional('zipf', flags['zipf']),
    ...optional('capacity', flags['capacity']),
    ...optional('weak', flags['weak']),
    ...optional('declared', flags['declared']),
    ...optional('shedding', flags['shedding']),
  };
}

function ofSeeds(flags: Flags): object {
  return { seeds: flags['seeds'], firstSeed: flags['seed'], ...optional('jobs', flags['jobs']) };
}

function optional(name: string, value: unknown): object {
  return value === undefined ? {} : { [name]: value };
}

// --- Values ------------------------------------------------------------------------------------------------------------------

function count(least: number, most: number): (word: string) => number {
  return (word) => {
    const [, figure = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([kM]?)\s*$/.exec(word) ?? [];
    const value = Number(figure) * (unit === 'k' ? 1e3 : unit === 'M' ? 1e6 : 1);
    if (figure === '' || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

function exponent(word: string): number {
  const value = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*$/.test(word) ? Number(word) : Number.NaN;
  if (!(value >= 0 && value <= 10)) throw new InvalidArgumentError('It must be a number from 0 to 10, such as 1.');
  return value;
}

/** A share from 0 to 1, or in percent. */
function share(word: string): number {
  const [, figure = '', percent = ''] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(word) ?? [];
  const value = Number(figure) / (percent === '%' ? 100 : 1);
  if (figure === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be a share from 0 to 1, such as 0.2, or 20%.');
  return value;
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A time in ms; a bare number is in `bareUnit`. NaN when it is none. */
function timeMs(word: string, bareUnit: string): number {
  const [, figure = '', unit = ''] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\s*$/.exec(word) ?? [];
  return figure === '' ? Number.NaN : Number(figure) * (unitsMs[unit === '' ? bareUnit : unit] ?? Number.NaN);
}

function milliseconds(word: string): number {
  const value = timeMs(word, 'ms');
  if (!(value > 0)) throw new InvalidArgumentError('It must be a time above 0, such as 120, 120ms or 0.12s.');
  return value;
}

function seconds(least: number): (word: string) => number {
  return (word) => {
    const value = timeMs(word, 's') / 1_000;
    if (!(value >= least && value <= 1e7))
      throw new InvalidArgumentError(`It must be a time of ${least} s or more, such as 60, 60s or 2m.`);
    return value;
  };
}

function minutes(word: string): number {
  const value = timeMs(word, 'm') / 60_000;
  if (!(value > 0 && value <= 1e6))
    throw new InvalidArgumentError('It must be a time above 0, such as 60 (minutes), 90s, 5m or 1h.');
  return value;
}
