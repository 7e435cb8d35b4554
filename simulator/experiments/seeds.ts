/**
 * Many seeds of one experiment: options, runs in parallel, and statistics over the outcomes.
 *
 * A run is a pure function of its task, and a task names its seed; so a run that failed is named by its seed and can be replayed alone.
 */
import { runCrew } from '../crew.ts';
import type { CrewOptions } from '../crew.ts';

/** The options of every experiment over seeds. */
export interface SeedOptions {
  /** How many runs. */
  readonly seeds: number;
  /** 1 when absent; the others follow it. */
  readonly firstSeed?: number | undefined;
  /** Runs at a time; as many as there are cores when absent. */
  readonly jobs?: number | undefined;
}

interface Seeded {
  readonly seed: number;
}

/** The seeds that were asked for. */
export function seedsOf({ seeds, firstSeed = 1 }: SeedOptions): number[] {
  return Array.from({ length: seeds }, (_, at) => firstSeed + at);
}

/** Outcomes in the order of the tasks. @throws TaskError naming the seed whose run failed; the signal's reason when the run was aborted */
export async function runSeeds<Task extends Seeded, Outcome>(options: CrewOptions<Task, Outcome>): Promise<Outcome[]> {
  return await runCrew({ nameOf: ({ seed }) => `seed ${seed}`, ...options });
}

export interface MeanSd {
  readonly mean: number;
  readonly sd: number;
}

/** Mean and sample standard deviation, rounded to thousandths; NaN for no values. */
export function meanSd(values: readonly number[]): MeanSd {
  const average = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
  return { mean: round(average), sd: values.length < 2 ? 0 : round(Math.sqrt(squares / (values.length - 1))) };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value that this share (0 to 1) of all are at or below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** To thousandths: more digits than that are noise. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
