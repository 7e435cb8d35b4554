/**
 * How the trees cope with churn: stretch, link stress, repair, time cut off, cost, delivery. `churn-run.ts` says what is measured and how;
 * this module combines many seeds.
 */
import { distributions, readTrace } from '../sessions.ts';
import type { Distribution } from '../sessions.ts';
import { cumulative, spread } from '../spread.ts';
import { churnRun, churnRunModule } from './churn-run.ts';
import type { ChurnOutcome, ChurnTask } from './churn-run.ts';
import type { Chart, Findings, Progress, Table } from './experiment.ts';
import { runSeeds, seedsOf } from './seeds.ts';
import type { SeedOptions } from './seeds.ts';

export interface ChurnOptions extends SeedOptions {
  /** The median session, minutes. Of a trace, the trace's own. */
  readonly medianSessionMin: number;
  readonly heartbeatS: number;
  /** Mean number of peers present. Of a trace, the peers it names, and the root. */
  readonly peers: number;
  readonly distribution?: Distribution;
  /** A file of sessions, `peer,arriveS,leaveS`, instead of drawn ones. */
  readonly trace?: string | null;
  /** How long the farm settles before it is measured, and how long it is measured, minutes. */
  readonly settleMin?: number;
  readonly watchMin?: number;
}

interface Ends {
  readonly p50: number;
  readonly p99: number;
}

export interface ChurnResult {
  readonly medianSessionMin: number;
  readonly heartbeatS: number;
  readonly peers: number;
  readonly seeds: number;
  readonly distribution: Distribution | 'trace';
  readonly stretch: { readonly mean: number; readonly p95: number };
  /**
   * Copies of one note on a link, over the links that carry it. `max` is the worst link at any look at any seed. `leastMax` is a lower
   * bound for it, from the number of children of a parent and the links of its node.
   */
  readonly linkStress: {
    readonly mean: number;
    readonly p95: number;
    readonly max: number;
    readonly leastMax: number;
  };
  /** From a parent's death to a new parent, over all deaths, and by kind of death. */
  readonly repairHeartbeats: Ends & { readonly closed: Ends; readonly silent: Ends };
  /** Share of the peers' time without a chain of living parents up to the root. */
  readonly disconnectedShare: number;
  readonly controlBytesPerPeerSecond: { readonly mean: number; readonly p95: number };
  /** Share of the due notes that were delivered, and how many were due and lost. */
  readonly delivery: number;
  readonly notes: { readonly owed: number; readonly lost: number };
  readonly departures: { readonly closed: number; readonly silent: number; readonly left: number };
  readonly loops: number;
}

export async function churnExperiment(
  options: ChurnOptions,
  progress: Progress,
  signal?: AbortSignal,
): Promise<Findings<ChurnResult>> {
  const { heartbeatS, distribution = 'exponential', watchMin = 30, settleMin = 15 } = options;
  if (!distributions.includes(distribution)) throw new RangeError(`"${distribution}" is no distribution of sessions`);
  const trace = options.trace == null ? null : await readTrace(options.trace);
  const cast = trace === null ? options.peers : 1 + trace.reduce((most, { peer }) => Math.max(most, peer), 0);
  const tasks = seedsOf(options).map((seed): ChurnTask => ({
    seed,
    peers: cast,
    medianSessionMin: options.medianSessionMin,
    heartbeatS,
    distribution,
    trace,
    // Slow pulses need longer until every peer has found a good place.
    settleMin: settleMin * Math.max(1, heartbeatS),
    watchMin,
  }));
  const crew = { work: churnRun, module: churnRunModule, jobs: options.jobs, progress, signal };
  const outcomes = await runSeeds({ ...crew, tasks });
  const lengths = trace?.map(({ arriveMs, leaveMs }) => (leaveMs - arriveMs) / 60_000);
  const medianSessionMin = lengths === undefined ? options.medianSessionMin : spread(lengths).p50;
  return findings(
    { ...options, peers: cast, medianSessionMin, distribution: trace === null ? distribution : 'trace' },
    outcomes,
  );
}

function findings(
  options: Omit<ChurnOptions, 'distribution'> & Pick<ChurnResult, 'distribution'>,
  outcomes: readonly ChurnOutcome[],
): Findings<ChurnResult> {
  const closed = outcomes.flatMap(({ repairBeats }) => repairBeats.closed);
  const silent = outcomes.flatMap(({ repairBeats }) => repairBeats.silent);
  const all = [...closed, ...silent];
  const stretches = outcomes.flatMap(({ stretches }) => stretches);
  const stresses = outcomes.flatMap(({ stresses }) => stresses);
  const bytes = outcomes.flatMap(({ bytesPerSecond }) => bytesPerSecond);
  const sum = (of: (outcome: ChurnOutcome) => number): number => outcomes.reduce((total, each) => total + of(each), 0);
  const owed = sum((each) => each.owed);
  const delivered = sum((each) => each.delivered);
  const result: ChurnResult = {
    medianSessionMin: options.medianSessionMin,
    heartbeatS: options.heartbeatS,
    peers: options.peers,
    seeds: outcomes.length,
    distribution: options.distribution,
    stretch: pick(spread(stretches), 'mean', 'p95'),
    linkStress: {
      ...pick(spread(stresses), 'mean', 'p95', 'max'),
      leastMax: spread(outcomes.flatMap((each) => each.leastWorstStresses)).max,
    },
    repairHeartbeats: {
      ...pick(spread(all), 'p50', 'p99'),
      closed: pick(spread(closed), 'p50', 'p99'),
      silent: pick(spread(silent), 'p50', 'p99'),
    },
    disconnectedShare: sum((each) => each.cutOffShare) / outcomes.length,
    controlBytesPerPeerSecond: pick(spread(bytes), 'mean', 'p95'),
    delivery: delivered / owed,
    notes: { owed, lost: owed - delivered },
    departures: {
      closed: sum((each) => each.deaths.closed),
      silent: sum((each) => each.deaths.silent),
      left: sum((each) => each.deaths.left),
    },
    loops: sum((each) => each.loops),
  };
  return {
    result,
    tables: [figuresTable(result)],
    charts: [
      cumulativeChart(
        'repair',
        'How long a repair takes',
        'heartbeats without a living parent',
        [
          ['connections closed', closed],
          ['in silence', silent],
        ],
        'A killed process is noticed at once, a machine without power after three missed heartbeats; then an orphan goes to its backup.',
      ),
      cumulativeChart(
        'stretch',
        'How far the trees stray from the straight way',
        'stretch',
        [['stretch', stretches]],
        'Delay from the root along the trees divided by the direct delay: 1 is the straight way.',
      ),
      cumulativeChart(
        'link-stress',
        'How many copies of a message cross one link',
        'copies',
        [['link stress', stresses]],
        'Over the physical links that carry a note at all; separate sending would put a copy for every peer on the links of the root.',
      ),
      attendanceChart(outcomes[0]),
    ],
  };
}

function pick<Keys extends 'mean' | 'p50' | 'p95' | 'p99' | 'max'>(
  from: Record<Keys, number>,
  ...keys: Keys[]
): Record<Keys, number> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Record<Keys, number>;
}

function figuresTable(result: ChurnResult): Table {
  const { stretch, linkStress, repairHeartbeats: repair, controlBytesPerPeerSecond: bytes } = result;
  const rows: [string, number, string][] = [
    ['stretch, mean', stretch.mean, ''],
    ['stretch, 95th percentile', stretch.p95, ''],
    ['link stress, mean over links used', linkStress.mean, 'copies'],
    ['link stress, 95th percentile', linkStress.p95, 'copies'],
    ['link stress, worst link ever', linkStress.max, 'copies'],
    ['link stress, least possible for the worst link', linkStress.leastMax, 'copies'],
    ['repair, median', repair.p50, 'heartbeats'],
    ['repair, 99th percentile', repair.p99, 'heartbeats'],
    ['repair after a silent death, median', repair.silent.p50, 'heartbeats'],
    ['repair after a silent death, 99th percentile', repair.silent.p99, 'heartbeats'],
    ['time cut off from the root', 100 * result.disconnectedShare, '%'],
    ['control traffic a peer, mean', bytes.mean, 'bytes/s'],
    ['control traffic a peer, 95th percentile', bytes.p95, 'bytes/s'],
    ['notes delivered', 100 * result.delivery, '%'],
  ];
  const session = `${Number(result.medianSessionMin.toPrecision(3))} min`;
  return {
    title:
      `What the trees reach (${result.peers} peers, median session ${session}, ` +
      `heartbeat ${result.heartbeatS} s, ${result.seeds} seeds)`,
    columns: [{ name: 'what' }, { name: 'reached', digits: 2 }, { name: 'unit' }],
    rows,
  };
}

function cumulativeChart(
  id: string,
  title: string,
  x: string,
  series: readonly (readonly [name: string, values: readonly number[]])[],
  caption: string,
): Chart {
  return {
    id,
    title,
    caption,
    x,
    y: 'share at or below',
    series: series.map(([name, values]) => ({ name, drawn: 'step', points: cumulative(values) })),
  };
}

function attendanceChart(outcome: ChurnOutcome | undefined): Chart {
  const attendance = outcome?.attendance ?? [];
  return {
    id: 'attendance',
    title: `Who is there, in the run with seed ${outcome?.seed ?? 0}`,
    caption: 'Peers with a way up to the root, and those without one: just arriving, orphaned, or below an orphan.',
    x: 'time, minutes',
    y: 'peers',
    series: [
      { name: 'in the farm', points: attendance.map(([minute, within]) => [minute, within]) },
      { name: 'no way up', points: attendance.map(([minute, , out]) => [minute, out]) },
    ],
  };
}
