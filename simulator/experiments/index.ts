/**
 * The experiments by name: the command line's port to the simulator.
 *
 * An experiment is loaded when it is run. It runs in a thread of its own, so that the caller's thread can show its progress and stop it at
 * any moment; its seeds run in further threads.
 */
import { TaskError, runCrew } from '../crew.ts';
import type { Report } from '../crew.ts';
import { textTable } from '../report/text-table.ts';
import type { Findings, Progress } from './experiment.ts';

export { prepareFolder, writeReport } from '../report/write-report.ts';

type Run = (options: never, progress: Progress, signal?: AbortSignal) => Findings<unknown> | Promise<Findings<unknown>>;

/** A new experiment is added here, and there is a command for it in src/cli/simulate/experiments.ts. */
const loaders: Readonly<Record<string, () => Promise<Run>>> = {
  qos: async () => (await import('./qos.ts')).qosExperiment,
  paper: async () => (await import('./paper.ts')).paperExperiment,
  attack: async () => (await import('./attack.ts')).attackExperiment,
  'what-if': async () => (await import('./what-if.ts')).whatIfExperiment,
  churn: async () => (await import('./churn.ts')).churnExperiment,
  faults: async () => (await import('./faults.ts')).faultsExperiment,
  scale: async () => (await import('./scale.ts')).scaleExperiment,
};

/** All experiments. */
export const experimentNames: readonly string[] = Object.keys(loaders);

/** Runs an experiment by name. @throws what the experiment throws; the signal's reason when it was given up */
export async function runExperiment(
  name: string,
  options: object,
  progress: Progress,
  signal?: AbortSignal,
): Promise<Findings<unknown>> {
  try {
    const [findings] = await runCrew({
      work: experiment,
      module: import.meta.url,
      tasks: [{ name, options }],
      apart: true,
      progress,
      signal,
    });
    if (findings === undefined) throw new Error(`the experiment ${name} ended without findings`);
    return findings;
  } catch (error) {
    throw error instanceof TaskError && error.cause instanceof Error ? error.cause : error;
  }
}

/** The work of the thread in which an experiment runs. */
export async function experiment(
  { name, options }: { readonly name: string; readonly options: object },
  report: Report,
): Promise<Findings<unknown>> {
  const load = loaders[name];
  if (load === undefined) throw new Error(`there is no experiment called ${name}`);
  const run = await load();
  const progress: Progress = {
    step: (done, total, note) => {
      const count = total > 1 ? `${Math.floor(done)} of ${total}` : '';
      report(done / total, [count, note ?? ''].filter((part) => part !== '').join(', '));
    },
  };
  return await run(options as never, progress);
}

/** The findings, for a person at a terminal. */
export function findingsText({ tables }: Findings<unknown>): string {
  return tables.map(textTable).join('\n\n');
}
