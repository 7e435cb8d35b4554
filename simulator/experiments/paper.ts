/**
 * The first paper's experiments, done again: tables 4-1 and 4-2 with both policies beside the printed figures, and the charts of
 * its figures 4-1 to 4-5.
 *
 * The paper's networks are graphs of ten, a hundred and about a thousand nodes from a transit-stub generator; each seed draws new ones of
 * the same kind, scaled so that the mean round trip gives the paper's delay with one server. A round here is a fresh reading of the whole
 * farm; the paper's rounds include waiting for data, so heartbeats stand beside them.
 *
 * Source: P2P Volunteers, section 4; the readings of its tables in `docs/SIMULATOR.md`.
 */
import type { PolicyName } from '../../src/qos/index.ts';
import type { Report } from '../crew.ts';
import { Random } from '../random.ts';
import { ServiceFarm } from '../service-farm.ts';
import { handle } from '../farm.ts';
import { attackOfSeed } from './attack.ts';
import type { AttackOutcome } from './attack.ts';
import type { Chart, Findings, Progress, Series, Table } from './experiment.ts';
import { qosOfSeed, topologyOf } from './qos.ts';
import type { QosOutcome } from './qos.ts';
import { mean, round, runSeeds, seedsOf } from './seeds.ts';
import type { SeedOptions } from './seeds.ts';

/** The results of one policy, as means over the seeds. */
export interface Reached {
  readonly servers: number;
  readonly rounds: number;
  readonly heartbeats: number;
  readonly delayMs: number;
}

export interface PaperRow {
  readonly peers: number;
  readonly requirementMs: number;
  /** As printed. */
  readonly paper: { readonly servers: number; readonly rounds: number; readonly delayMs: number };
  readonly worstQos: Reached;
  readonly balanced: Reached;
}

export interface PaperResult {
  readonly seeds: number;
  readonly table41: readonly PaperRow[];
  readonly table42: readonly PaperRow[];
}

type Printed = Pick<PaperRow, 'peers' | 'requirementMs' | 'paper'>;

const printed41: readonly Printed[] = [
  { peers: 10, requirementMs: 102, paper: { servers: 3, rounds: 6, delayMs: 102 } },
  { peers: 100, requirementMs: 120, paper: { servers: 9, rounds: 13, delayMs: 117 } },
  { peers: 1000, requirementMs: 300, paper: { servers: 8, rounds: 84, delayMs: 292 } },
];
const printed42: readonly Printed[] = [
  { peers: 100, requirementMs: 150, paper: { servers: 1, rounds: 1, delayMs: 147 } },
  { peers: 100, requirementMs: 140, paper: { servers: 3, rounds: 4, delayMs: 135 } },
  { peers: 100, requirementMs: 130, paper: { servers: 5, rounds: 7, delayMs: 123 } },
  { peers: 100, requirementMs: 120, paper: { servers: 9, rounds: 13, delayMs: 117 } },
  { peers: 100, requirementMs: 115, paper: { servers: 11, rounds: 19, delayMs: 114 } },
];
/** The kinds of graphs, with the mean round trips that give the paper's delays, ms. */
const networks: Readonly<Record<number, { readonly topology: string; readonly meanRttMs: number }>> = {
  10: { topology: 'transit-stub-10', meanRttMs: 4.7 },
  100: { topology: 'transit-stub-100', meanRttMs: 47 },
  1000: { topology: 'transit-stub-1008', meanRttMs: 470 },
};
const serverTimeMs = 100;
const policies: readonly PolicyName[] = ['worst-qos', 'balanced'];
/** Mean time that a peer stays, s, in an unstable environment, and shares of it that it is away. */
const stayS = 600;
const onPerOff = [1, 2, 4, 8];

/** One piece of the work: one seed of a row, or one run for a chart. */
type PaperTask =
  | { readonly work: 'row'; readonly row: Printed; readonly policy: PolicyName; readonly seed: number }
  | {
      readonly work: 'attack';
      readonly chart: string;
      readonly name: string;
      readonly peers: number;
      readonly kill: number;
      readonly seed: number;
    }
  | { readonly work: 'unstable'; readonly onPerOff: number; readonly seed: number };

type PaperOutcome =
  | { readonly work: 'row'; readonly outcome: QosOutcome }
  | { readonly work: 'attack'; readonly outcome: AttackOutcome }
  | { readonly work: 'unstable'; readonly servers: number; readonly delayMs: number };

export async function paperExperiment(
  options: SeedOptions,
  progress?: Progress,
  signal?: AbortSignal,
): Promise<Findings<PaperResult>> {
  const tasks = tasksOf(options);
  const crew = { work: paperTask, module: import.meta.url, jobs: options.jobs, progress, signal };
  const outcomes = await runSeeds({ ...crew, tasks });
  const rows = (printed: readonly Printed[]): PaperRow[] => printed.map((row) => rowOf(row, tasks, outcomes));
  const result: PaperResult = { seeds: options.seeds, table41: rows(printed41), table42: rows(printed42) };
  return {
    result,
    tables: [
      tableOf('Table 4-1: by the size of the network', result.table41),
      tableOf('Table 4-2: by the requirement', result.table42),
    ],
    charts: chartsOf(tasks, outcomes),
  };
}

function tasksOf(options: SeedOptions): PaperTask[] {
  const { firstSeed = 1 } = options;
  const tasks: PaperTask[] = [];
  const rows = [...printed41, ...printed42.filter(({ requirementMs }) => requirementMs !== 120)];
  for (const row of rows)
    for (const policy of policies) for (const seed of seedsOf(options)) tasks.push({ work: 'row', row, policy, seed });
  const attack = (chart: string, name: string, peers: number, kill: number): void => {
    tasks.push({ work: 'attack', chart, name, peers, kill, seed: firstSeed });
  };
  for (const peers of [10, 100, 1000]) attack('4-2', `${peers} peers`, peers, 0.1);
  for (const kill of [0.1, 0.2, 0.3]) attack('4-3', `${kill * 100}% attacked`, 100, kill);
  for (const ratio of onPerOff) tasks.push({ work: 'unstable', onPerOff: ratio, seed: firstSeed });
  // The longest pieces come first, so that the cores finish together.
  const weight = (task: PaperTask): number =>
    task.work === 'row' ? task.row.peers : task.work === 'attack' ? task.peers : 100;
  return tasks.sort((a, b) => weight(b) - weight(a));
}

/** Works on one piece; called by the crew. */
export async function paperTask(task: PaperTask, report: Report = () => {}): Promise<PaperOutcome> {
  if (task.work === 'unstable') return await unstable(task.onPerOff, task.seed);
  const peers = task.work === 'row' ? task.row.peers : task.peers;
  const network = networks[peers];
  if (network === undefined) throw new Error(`the paper has no network of ${peers} peers`);
  const common = { ...network, serverTimeMs, margin: 'lean', seeds: 1, seed: task.seed } as const;
  if (task.work === 'row') {
    const { requirementMs } = task.row;
    return { work: 'row', outcome: await qosOfSeed({ ...common, policy: task.policy, requirementMs }, report) };
  }
  const requirementMs = printed41.find((row) => row.peers === peers)?.requirementMs;
  const attack = { ...common, kill: task.kill, mode: 'random', policy: 'worst-qos', requirementMs } as const;
  return { work: 'attack', outcome: await attackOfSeed(attack, report) };
}

/** Peers switch themselves off and on all the time (figure 4-4). */
async function unstable(ratio: number, seed: number): Promise<PaperOutcome> {
  const topology = await topologyOf({ topology: 'transit-stub-100', meanRttMs: 47 }, seed);
  const random = new Random(seed ^ 0x756e_7374);
  const farm = new ServiceFarm({ topology, rootNode: 0, seed, serverTimeMs, policy: 'balanced', margin: 'lean' });
  farm.grow();
  const lasting = (meanS: number): number => -Math.log(1 - random.next()) * meanS * 1_000;
  const stay = (n: number): void =>
    farm.farm.after(lasting(stayS), () => {
      farm.farm.crash(handle(n));
      farm.farm.after(lasting(stayS / ratio), () => {
        farm.farm.restart(handle(n));
        stay(n);
      });
    });
  for (let n = 1; n < farm.peers; n++) stay(n);
  farm.require({ meanMs: 120, percentile: null, availability: null });
  farm.runRounds(60);
  const settled = farm.decisions.slice(20);
  return {
    work: 'unstable',
    servers: round(mean(settled.map(({ servers }) => servers))),
    delayMs: round(mean(settled.map(({ figures }) => figures.meanMs).filter((ms) => ms > 0))),
  };
}

function rowOf(row: Printed, tasks: readonly PaperTask[], outcomes: readonly PaperOutcome[]): PaperRow {
  const of = (policy: PolicyName): Reached => {
    const reached: QosOutcome[] = [];
    for (const [at, task] of tasks.entries()) {
      const found = outcomes[at];
      if (task.work !== 'row' || task.policy !== policy || found?.work !== 'row') continue;
      if (task.row.peers === row.peers && task.row.requirementMs === row.requirementMs) reached.push(found.outcome);
    }
    const met = reached.filter((outcome) => outcome.met);
    return {
      servers: round(mean(met.map(({ last }) => last.servers))),
      rounds: round(mean(met.map(({ rounds }) => rounds))),
      heartbeats: round(mean(met.map(({ heartbeats }) => heartbeats))),
      delayMs: round(mean(met.map(({ last }) => last.delayMs))),
    };
  };
  return { ...row, worstQos: of('worst-qos'), balanced: of('balanced') };
}

function tableOf(title: string, rows: readonly PaperRow[]): Table {
  const columns = ['servers', 'rounds', 'delay, ms'].flatMap((figure) =>
    ['paper', 'worst-qos', 'balanced'].map((who) => ({ name: `${figure}: ${who}`, digits: 1 })),
  );
  return {
    title,
    columns: [{ name: 'peers', digits: 0 }, { name: 'requirement, ms', digits: 0 }, ...columns],
    rows: rows.map(({ peers, requirementMs, paper, worstQos, balanced }) => [
      peers,
      requirementMs,
      ...(['servers', 'rounds', 'delayMs'] as const).flatMap((of) => [paper[of], worstQos[of], balanced[of]]),
    ]),
  };
}

// --- Figures -----------------------------------------------------------------------------------------------------------

function chartsOf(tasks: readonly PaperTask[], outcomes: readonly PaperOutcome[]): Chart[] {
  const charts: Chart[] = [];
  const attacks = (chart: string): { name: string; outcome: AttackOutcome }[] =>
    tasks.flatMap((task, at) => {
      const found = outcomes[at];
      return task.work === 'attack' && task.chart === chart && found?.work === 'attack'
        ? [{ name: task.name, outcome: found.outcome }]
        : [];
    });
  const servers = ({ course }: AttackOutcome): Series['points'] =>
    course.map((reading) => [reading.seconds, reading.servers] as const);
  const hundred = attacks('4-2').find(({ name }) => name === '100 peers')?.outcome;
  if (hundred !== undefined) {
    const { course } = hundred;
    charts.push({
      id: 'figure-4-1-delay',
      title: 'Figure 4-1: what the system knows and what is true, under attack',
      caption: 'The mean delay as the root read it, and the true one; each peak is an attack (worst-qos, 100 peers).',
      x: 'seconds',
      y: 'mean response delay, ms',
      series: [
        { name: 'as read', points: course.map(({ seconds, delayMs }) => [seconds, delayMs] as const) },
        { name: 'true', points: course.map(({ seconds, trueMs }) => [seconds, trueMs] as const), drawn: 'points' },
      ],
    });
    charts.push({
      id: 'figure-4-1-servers',
      title: 'Figure 4-1: the number of servers meanwhile',
      caption: 'Servers are added until the requirement is met, and again after each attack (worst-qos, 100 peers).',
      x: 'seconds',
      y: 'servers',
      series: [{ name: 'servers', points: servers(hundred), drawn: 'step' }],
    });
  }
  const over = (id: string, title: string, caption: string, of: string): void => {
    const series = attacks(of).map(({ name, outcome }): Series => ({ name, points: servers(outcome), drawn: 'step' }));
    charts.push({ id, title, caption, x: 'seconds', y: 'servers', series });
  };
  over(
    'figure-4-2',
    'Figure 4-2: servers by the size of the network, 10% attacked',
    'Each drop is an attack, each rise the controller (worst-qos).',
    '4-2',
  );
  over(
    'figure-4-3',
    'Figure 4-3: servers by the severity of the attack',
    'The same farm with a tenth, a fifth and three tenths of its servers switched off at a time (worst-qos, 100 peers).',
    '4-3',
  );
  const unsteady = tasks.flatMap((task, at) => {
    const found = outcomes[at];
    return task.work === 'unstable' && found?.work === 'unstable' ? [{ ratio: task.onPerOff, ...found }] : [];
  });
  unsteady.sort((a, b) => a.ratio - b.ratio);
  charts.push({
    id: 'figure-4-4',
    title: 'Figure 4-4: peers that switch off and on',
    caption: 'The longer peers are there, compared with being away, the fewer servers it takes.',
    x: 'time there over time away',
    y: 'servers; response delay above the server time, ms',
    series: [
      { name: 'servers', points: unsteady.map(({ ratio, servers: count }) => [ratio, count] as const) },
      {
        name: 'delay on the way',
        points: unsteady.map(({ ratio, delayMs }) => [ratio, delayMs - serverTimeMs] as const),
      },
    ],
  });
  charts.push(figure45(tasks, outcomes));
  return charts;
}

function figure45(tasks: readonly PaperTask[], outcomes: readonly PaperOutcome[]): Chart {
  const series = policies.map((policy): Series => {
    const at = tasks.findIndex(
      (task) => task.work === 'row' && task.policy === policy && task.row.requirementMs === 115,
    );
    const found = outcomes[at];
    const course = found?.work === 'row' ? found.outcome.course : [];
    return { name: policy, points: course.map(({ servers, trueMs }) => [servers, trueMs] as const), drawn: 'points' };
  });
  return {
    id: 'figure-4-5',
    title: 'Figure 4-5: response delay by the number of servers, stable environment',
    caption: 'Every server brings the delay down, the first ones most; requirement 115 ms, 100 peers, first seed.',
    x: 'servers',
    y: 'mean response delay, ms',
    series,
  };
}
