/**
 * `banyan simulate`: questions to the simulator, answered with the same code that runs for real.
 *
 * Each experiment is a subcommand. Its tables go to standard output, with `--json` its one object instead; how far it is goes to
 * standard error; `--out` leaves a report in a folder. What an experiment does is the simulator's business (`simulation.ts`); here
 * is the talking: settings, progress, Ctrl-C. An experiment that the simulator does not have is not listed.
 */
import { type CommandPlan, type GroupPlan, plan } from '../command.ts';
import type { Session } from '../session.ts';
import { namedWithin, parseText, value } from '../settings/option.ts';
import { formatCount } from '../words/quantities.ts';
import { UserError, capital } from '../words/user-error.ts';
import { type Experiment, experiments } from './experiments.ts';
import { ProgressBar } from './progress-bar.ts';
import { replayLine } from './replay-line.ts';
import type { Simulator } from './simulation.ts';

/** `names`: the experiments that the simulator has; null for all. */
export function simulateCommand(load: () => Promise<Simulator>, names: readonly string[] | null): GroupPlan {
  const present = experiments.filter(({ name }) => names === null || names.includes(name));
  return {
    name: 'simulate',
    summary: 'ask the simulator: placement, attacks, churn, scale',
    description:
      'Runs farms of simulated peers: the real protocol code on a virtual clock, with delays from a topology. The same seeds give the ' +
      'same figures on any machine.',
    commands: present.map((experiment) => experimentCommand(experiment, load)),
    examples: present.flatMap(({ examples }) => examples.slice(0, 1).map((line) => [line, ''] as const)),
  };
}

const reportOptions = {
  out: value('out', '<folder>', 'write a report there: report.html, charts as SVG, everything as CSV', parseText, null),
};

function experimentCommand(experiment: Experiment, load: () => Promise<Simulator>): CommandPlan {
  const options = namedWithin('simulate', { ...experiment.options, ...reportOptions });
  return plan({
    name: experiment.name,
    summary: experiment.summary,
    description: experiment.description,
    args: [],
    options,
    examples: experiment.examples.map((line) => [line, ''] as const),
    run: async (session, settings) => {
      const line = (without: readonly string[]): string => replayLine(session, options, without);
      await run({ experiment, settings, session, line, simulator: await load() });
    },
  });
}

interface Call {
  readonly experiment: Experiment;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly session: Session;
  /** The line that does it again, without these flags. */
  readonly line: (without: readonly string[]) => string;
  readonly simulator: Simulator;
}

async function run({ experiment, settings, session, line, simulator }: Call): Promise<void> {
  const { output, outside } = session;
  const options = experiment.optionsFrom(settings);
  const { out, topology } = settings;
  if (typeof topology === 'string') await requireTopology(topology);
  const stop = new AbortController();
  const interrupted = (signal: NodeJS.Signals): void => stop.abort(new Interruption(signal));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const bar = new ProgressBar(outside.stderr, experiment.name);
  try {
    if (typeof out === 'string') await simulator.prepareFolder(out);
    const findings = await simulator.runExperiment(experiment.name, options, bar, stop.signal);
    bar.end();
    const result = { kind: 'simulation', experiment: experiment.name, ...(findings.result as object) };
    if (typeof out === 'string') {
      const content = {
        ...findings,
        title: experiment.title,
        summary: experiment.description,
        command: line([]),
        program: `banyan ${session.adapters.version}`,
        result,
      };
      const files = await simulator.writeReport(out, content, stop.signal);
      output.note(`Wrote ${formatCount(files.length, 'file')} to ${out}; open report.html in it.`);
    }
    output.result(result, () => simulator.findingsText(findings));
    if (findings.failed === true) process.exitCode = 1;
  } catch (error) {
    bar.end();
    if (!(error instanceof Interruption)) throw withReplay(error, line(['seed', 'seeds']));
    output.note('Stopped; nothing was written.');
    process.exitCode = error.signal === 'SIGINT' ? 130 : 143;
  } finally {
    process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted);
  }
}

/** A run that failed is told with the line that plays it alone. `line`: the command without its seeds. */
function withReplay(error: unknown, line: string): unknown {
  if (!(error instanceof Error) || error.name !== 'TaskError') return error;
  const [, seed] = /^seed (\d+):/.exec(error.message) ?? [];
  if (seed === undefined) return error;
  const hint = `To repeat that run alone: ${line} --seed ${seed} --seeds 1`;
  const told = new UserError(capital(error.message), { hint, cause: error });
  return Object.assign(told, { stack: error.stack });
}

/** Somebody pressed Ctrl-C, or asked the process to end. */
class Interruption extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.signal = signal;
  }
}

/** A topology that cannot be read is said at once, not after a thread and its seeds have started. */
async function requireTopology(name: string): Promise<void> {
  const { openTopology } = await import('../topologies/topology-file.ts');
  await openTopology(name);
}
