/**
 * `banyan simulate`: questions to the simulator, answered with the same code that runs for real.
 *
 * Each experiment is a subcommand. Its tables go to standard output, with `--json` its one object instead; how far it is goes to
 * standard error; `--out` leaves a report in a folder. What an experiment does is the simulator's business (`simulation.ts`); here
 * is the talking: flags, units, progress, Ctrl-C. An experiment that the simulator does not have is not listed.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { Output } from '../words/output.ts';
import { ProgressBar } from './progress-bar.ts';
import { formatCount } from '../words/quantities.ts';
import type { Outside } from '../session.ts';
import { type Experiment, type Flags, experiments } from './experiments.ts';
import { type Simulator, simulateSummary } from './simulation.ts';
import { UserError, capital } from '../words/user-error.ts';

export interface SimulateContext {
  readonly simulator: Simulator;
  readonly outside: Outside;
  readonly version: string;
  /** The words after `banyan`, for the line that does it again. */
  readonly words: readonly string[];
}

export function simulateCommand(context: SimulateContext): Command {
  const command = speaking(new Command('simulate'))
    .summary(simulateSummary)
    .description(
      'Runs farms of simulated peers: the real protocol code on a virtual clock, with delays from a topology. The same seeds give the ' +
        'same figures on any machine.',
    );
  const present = experiments.filter(({ name }) => context.simulator.experimentNames.includes(name));
  for (const experiment of present) command.addCommand(experimentCommand(experiment, context));
  const first = present.flatMap(({ examples }) => examples.slice(0, 1));
  return command.addHelpText('after', `\nExamples:\n${first.map((line) => `  ${line}`).join('\n')}`);
}

function experimentCommand(experiment: Experiment, context: SimulateContext): Command {
  const command = speaking(new Command(experiment.name))
    .summary(experiment.summary)
    .description(experiment.description);
  for (const option of experiment.options()) command.addOption(option);
  command
    .option('--json', 'the result as one JSON object on standard output')
    .option('--out <folder>', 'write a report there: report.html, charts as SVG, everything as CSV', folderName)
    .addHelpText('after', `\nExamples:\n${experiment.examples.map((line) => `  ${line}`).join('\n')}`);
  command.action(async () => {
    const flags = command.opts<Flags & { json?: boolean; out?: string }>();
    await run(experiment, flags, context);
  });
  return command;
}

async function run(
  experiment: Experiment,
  flags: Flags & { readonly json?: boolean; readonly out?: string },
  { simulator, outside, version, words }: SimulateContext,
): Promise<void> {
  const isJson = flags.json === true || /^(1|true|yes|on)$/i.test(outside.environment['BANYAN_JSON'] ?? '');
  const output = new Output({ json: isJson, ...outside });
  const options = experiment.optionsFrom(flags);
  if (typeof flags['topology'] === 'string') await requireTopology(flags['topology']);
  const stop = new AbortController();
  const interrupted = (signal: NodeJS.Signals): void => stop.abort(new Interruption(signal));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const bar = new ProgressBar(outside.stderr, experiment.name);
  try {
    if (flags.out !== undefined) await simulator.prepareFolder(flags.out);
    const findings = await simulator.runExperiment(experiment.name, options, bar, stop.signal);
    bar.end();
    const result = { kind: 'simulation', experiment: experiment.name, ...(findings.result as object) };
    if (flags.out !== undefined) {
      const content = {
        ...findings,
        title: experiment.title,
        summary: experiment.description,
        command: commandLine(words),
        program: `banyan ${version}`,
        result,
      };
      const files = await simulator.writeReport(flags.out, content, stop.signal);
      output.note(`Wrote ${formatCount(files.length, 'file')} to ${flags.out}; open report.html in it.`);
    }
    output.result(result, () => simulator.findingsText(findings));
    if (findings.failed === true) process.exitCode = 1;
  } catch (error) {
    bar.end();
    if (!(error instanceof Interruption)) throw withReplay(error, words);
    output.note('Stopped; nothing was written.');
    process.exitCode = error.signal === 'SIGINT' ? 130 : 143;
  } finally {
    process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted);
  }
}

/** A run that failed is told with the line that plays it alone. */
function withReplay(error: unknown, words: readonly string[]): unknown {
  if (!(error instanceof Error) || error.name !== 'TaskError') return error;
  const [, seed] = /^seed (\d+):/.exec(error.message) ?? [];
  if (seed === undefined) return error;
  const line = `${commandLine(without(words, ['--seed', '--seeds']))} --seed ${seed} --seeds 1`;
  const told = new UserError(capital(error.message), { hint: `That run alone: ${line}`, cause: error });
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
  const { presets, readTopology, TopologyError } = await import('../../topology/index.ts');
  const { readFile } = await import('node:fs/promises');
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    if (presets.has(name)) return;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing ? `There is no file ${name}.` : `Cannot read ${name}: ${(error as Error).message}.`;
    throw new UserError(message, { hint: `Ready-made topologies are ${[...presets.keys()].join(', ')}.` });
  }
  try {
    readTopology(text);
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    throw new UserError(`${name}: ${error.message}.`, { cause: error });
  }
}

/** The line that does it again: without what only says where the answer goes. */
function commandLine(words: readonly string[]): string {
  const quoted = without(words, ['--json', '--out', '--jobs']).map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  return ['banyan', ...quoted].join(' ');
}

/** The words without these flags and their values. */
function without(words: readonly string[], flags: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [flag = ''] = word.split('=');
    if (!flags.includes(flag)) kept.push(word);
    else if (word === flag && flag !== '--json') at++;
  }
  return kept;
}

function folderName(word: string): string {
  if (word.trim() === '') throw new InvalidArgumentError('It must be the name of a folder.');
  return word;
}

/** Usage errors leave with 2, help with 0, and everything is thrown rather than ending the process here. */
function speaking(command: Command): Command {
  return command.exitOverride((error) => {
    const isUsage = error.code.startsWith('commander.') && error.exitCode !== 0;
    throw isUsage ? new CommanderError(2, error.code, error.message) : error;
  });
}
