/**
 * All faults at once, seed after seed: is a rule ever broken, and is the farm whole again in time?
 *
 * The faults are drawn from the seed (`schedule.ts`), played by `stage.ts` and watched by `checkers/`. Every kind of fault is counted,
 * because surviving a fault that did not occur proves nothing. A seed that broke a rule is reported with the command that replays it alone.
 */
import { faultKinds, noFaults } from '../engine/faults.ts';
import type { FaultCounts } from '../engine/faults.ts';
import { cumulative } from '../spread.ts';
import { patienceBeats } from '../stage.ts';
import { faultsRun, faultsRunModule } from './faults-run.ts';
import type { FaultsOutcome, FaultsTask } from './faults-run.ts';
import type { Chart, Findings, Progress, Table } from './experiment.ts';
import { round, runSeeds, seedsOf } from './seeds.ts';
import type { SeedOptions } from './seeds.ts';

export interface FaultsOptions extends Omit<SeedOptions, 'seeds'> {
  /** Number of runs; as many as there is time for when only `seconds` is given, 100 when neither is. */
  readonly seeds?: number;
  /** Starts no run after this many seconds. */
  readonly seconds?: number;
}

export interface Violation {
  readonly seed: number;
  readonly sentences: readonly string[];
  /** The command that replays it. */
  readonly replay: string;
}

export interface FaultsResult {
  readonly seeds: number;
  readonly violations: readonly Violation[];
  readonly faults: FaultCounts;
  readonly simulatedDays: number;
  /** Share of the seeds that were whole and agreed within 120 simulated seconds after the faults stopped. */
  readonly converged: number;
  /** Seeds that were not. */
  readonly late: readonly number[];
  /** Decisions that controllers took. */
  readonly decisions: number;
  readonly sentOn: number;
}

/** Seeds that a crew is given at a time. */
const batchSize = 256;

export async function faultsExperiment(
  options: FaultsOptions,
  progress: Progress,
  signal?: AbortSignal,
): Promise<Findings<FaultsResult>> {
  const { firstSeed = 1, seconds, jobs } = options;
  const seeds = options.seeds ?? (seconds === undefined ? 100 : Number.POSITIVE_INFINITY);
  const beganMs = Date.now();
  const untilMs = seconds === undefined ? null : beganMs + 1_000 * seconds;
  const outcomes: FaultsOutcome[] = [];
  let violations = 0;
  const follow: Progress = {
    step(done) {
      const count = outcomes.length + done;
      const note = `${violations === 0 ? 'no' : violations} ${violations === 1 ? 'violation' : 'violations'}`;
      if (seeds < Number.POSITIVE_INFINITY) progress.step(count, seeds, note);
      else progress.step(Math.min(Date.now() - beganMs, 1_000 * (seconds ?? 0)), 1_000 * (seconds ?? 0), note);
    },
  };
  for (let next = 0; next < seeds && (untilMs === null || Date.now() < untilMs); next += batchSize) {
    const batchSeeds = seedsOf({ seeds: Math.min(batchSize, seeds - next), firstSeed: firstSeed + next });
    const tasks = batchSeeds.map((seed): FaultsTask => ({ seed, untilMs }));
    const batch = await runSeeds({ work: faultsRun, module: faultsRunModule, tasks, jobs, progress: follow, signal });
    for (const outcome of batch) if (outcome !== null) outcomes.push(outcome);
    violations = outcomes.filter(({ sentences }) => sentences.length > 0).length;
  }
  return findings(outcomes);
}

function findings(outcomes: readonly FaultsOutcome[]): Findings<FaultsResult> {
  const faults = noFaults();
  for (const outcome of outcomes) for (const kind of faultKinds) faults[kind] += outcome.faults[kind];
  const late = outcomes.filter(({ converged }) => !converged).map(({ seed }) => seed);
  const violations = outcomes
    .filter(({ sentences }) => sentences.length > 0)
    .map(({ seed, sentences }) => ({ seed, sentences, replay: replayOf(seed) }));
  const result: FaultsResult = {
    seeds: outcomes.length,
    violations,
    faults,
    simulatedDays: round(outcomes.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 86_400_000),
    converged: outcomes.length === 0 ? 0 : 1 - late.length / outcomes.length,
    late,
    decisions: outcomes.reduce((sum, { decisions }) => sum + decisions, 0),
    sentOn: outcomes.reduce((sum, { sentOn }) => sum + sentOn, 0),
  };
  return {
    result,
    tables: [
      summaryTable(result),
      faultsTable(faults),
      ...(violations.length === 0 ? [] : [violationsTable(violations)]),
    ],
    charts: [healingChart(outcomes)],
    failed: violations.length > 0,
  };
}

function replayOf(seed: number): string {
  return `banyan simulate faults --seed ${seed} --seeds 1`;
}

function summaryTable({ seeds, violations, simulatedDays, converged, late, decisions, sentOn }: FaultsResult): Table {
  return {
    title: `Faults of every kind (${seeds} seeds)`,
    columns: [{ name: 'what' }, { name: 'value', digits: 2 }, { name: 'unit' }],
    rows: [
      ['runs that broke a rule', violations.length, 'seeds'],
      [`whole again within ${patienceBeats} s`, 100 * converged, '%'],
      [`later than that${late.length === 0 ? '' : ` (seeds ${late.slice(0, 10).join(', ')})`}`, late.length, 'seeds'],
      ['simulated time', simulatedDays, 'days'],
      ['decisions of controllers', decisions, ''],
      ['clients that full servers sent on', sentOn, ''],
    ],
  };
}

function faultsTable(faults: FaultCounts): Table {
  return {
    title: 'What befell the farms',
    columns: [{ name: 'fault' }, { name: 'times', digits: 0 }],
    rows: faultKinds.map((kind) => [kind, faults[kind]]),
  };
}

function violationsTable(violations: readonly Violation[]): Table {
  return {
    title: 'Broken rules, and how to see them again',
    columns: [{ name: 'seed', digits: 0 }, { name: 'what' }, { name: 'again' }],
    rows: violations.flatMap(({ seed, sentences, replay }) =>
      sentences.slice(0, 5).map((sentence, i) => [seed, sentence, i === 0 ? replay : '']),
    ),
  };
}

function healingChart(outcomes: readonly FaultsOutcome[]): Chart {
  const beats = outcomes.map(({ healedAfterBeats }) => healedAfterBeats).filter(Number.isFinite);
  return {
    id: 'healing',
    title: 'How soon a farm is whole again',
    caption:
      'From the end of all faults, with everybody who was dead coming back at once, until all hang in one place and agree who serves.',
    x: 'seconds without faults',
    y: 'share of the farms',
    series: [{ name: 'whole and agreed', points: cumulative(beats), drawn: 'step' }],
  };
}
