/**
 * The program: from the words on the command line to a command that runs, and from whatever happens to an exit code.
 *
 * 0 when all went well, 1 when something went wrong, 2 when what was asked for makes no sense. The process is never ended
 * by force here, so that nothing is cut off in a pipe; the caller sets `process.exitCode`.
 */
import { resolve } from 'node:path';
import { Command, CommanderError, type OutputConfiguration } from 'commander';
import { BACKGROUND_VARIABLE, EndedInBackground, WITH_READER_VARIABLE } from './daemon/background.ts';
import { type CommandPlan, addCommand, allOptions } from './command.ts';
import { commandPlans } from './commands/index.ts';
import { type KnownKeys, readConfigFile } from './settings/config-file.ts';
import { demoCommand } from './commands/demo.ts';
import type { DemoRequest } from './demonstration/demo-request.ts';
import type { PeerAdapters } from './node-request.ts';
import { commonOptions } from './settings/option.ts';
import { Output } from './words/output.ts';
import { type Outside, Session, usualPaths } from './session.ts';
import { type Simulator, simulateSummary } from './simulate/simulation.ts';
import { givenNames, resolveSettings, strayVariables, variableOf } from './settings/settings.ts';
import { capital, tellError } from './words/user-error.ts';

/** The parts of the program that are put in from outside. */
export interface Adapters extends PeerAdapters {
  /** Resolves with the exit code. A program without one has no command `demo`. */
  readonly runDemo?: (request: DemoRequest) => Promise<number>;
  /** A program without a simulator has no command `simulate`. */
  readonly loadSimulator?: () => Promise<Simulator>;
}

/** Runs one command line (without `node` and the script). Resolves with the exit code. */
export async function runProgram(words: readonly string[], adapters: Adapters, outside: Outside): Promise<number> {
  const program = await createProgram(words, adapters, outside);
  try {
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync([...words], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, words, outside);
    if (error instanceof EndedInBackground && error.hasSpoken) return 1;
    const told = tellError(error);
    const output = new Output({ json: isJson(words, outside), ...outside });
    const wantsStack = isDebug(words, outside);
    output.error(told, wantsStack && error instanceof Error ? error.stack : undefined);
    return told.exitCode;
  }
}

async function createProgram(words: readonly string[], adapters: Adapters, outside: Outside): Promise<Command> {
  const plans = [...commandPlans, ...(adapters.runDemo === undefined ? [] : [demoCommand(adapters.runDemo)])];
  const voice: OutputConfiguration = {
    writeOut: (text) => void outside.stdout.write(text),
    writeErr: (text) => void (isJson(words, outside) || outside.stderr.write(text)),
  };
  const program = new Command('banyan')
    .description('Volunteers host your service: a self-organising farm, a tree of trees.')
    .version(adapters.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .usage('<command> [options]')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput(voice)
    .addHelpText('after', `\n${FIRST_STEPS}`);
  for (const command of plans) {
    addCommand(program, command, (flags, args) => run(command, plans, { flags, args, adapters, outside }));
  }
  program.addCommand(withVoice(await topology(words), voice));
  if (adapters.loadSimulator !== undefined)
    program.addCommand(withVoice(await simulate(words, adapters.loadSimulator, adapters.version, outside), voice));
  return program;
}

/** A command that was made apart, and those below it, speak as the program does. */
function withVoice(command: Command, voice: OutputConfiguration): Command {
  command.configureOutput(voice);
  for (const below of command.commands) withVoice(below, voice);
  return command;
}

const FIRST_STEPS = `Examples:
  banyan demo                     a whole farm on this machine, to look at
  banyan serve ./site             publish a site; prints an invite
  banyan join banyan:AQCu…        carry it as a volunteer
  banyan open banyan:AQCu…        read it

Options follow the command. Each can be set as BANYAN_<NAME> or in banyan.toml too; docs/CLI.md tells more.`;

/** The delay graphs have much code behind them, which is only loaded when it is asked for. */
async function topology(words: readonly string[]): Promise<Command> {
  if (!words.includes('topology')) return new Command('topology').description('make delay graphs, look into them');
  const { topologyCommand } = await import('./topologies/topology.ts');
  return topologyCommand();
}

/** The same of the simulator. */
async function simulate(
  words: readonly string[],
  load: NonNullable<Adapters['loadSimulator']>,
  version: string,
  outside: Outside,
): Promise<Command> {
  if (!words.includes('simulate')) return new Command('simulate').description(simulateSummary);
  const { simulateCommand } = await import('./simulate/simulate.ts');
  return simulateCommand({ simulator: await load(), outside, version, words });
}

async function run(
  command: CommandPlan,
  plans: readonly CommandPlan[],
  call: {
    readonly flags: Readonly<Record<string, string | boolean | readonly string[]>>;
    readonly args: readonly (string | undefined)[];
    readonly adapters: Adapters;
    readonly outside: Outside;
  },
): Promise<void> {
  const { flags, args, adapters, outside } = call;
  const { environment } = outside;
  const sources = { flags, environment, command: command.name };
  const explicit = resolveSettings({ config: commonOptions.config }, { ...sources, file: null }).config;
  const known: KnownKeys = Object.fromEntries(plans.map((each) => [each.name, fileKeys(each)]));
  const usual = [resolve('banyan.toml'), resolve(usualPaths(environment).config, 'banyan.toml')];
  const file = await readConfigFile({ explicit: explicit === null ? undefined : resolve(explicit), usual }, known);
  const common = resolveSettings(commonOptions, { ...sources, file });
  const settings = resolveSettings(command.options, { ...sources, file });
  const given = givenNames(command.options, { ...sources, file });
  const session = new Session(command.name, common, { adapters, outside, configPath: file?.path ?? null, given });
  const names = [...plans.flatMap((each) => Object.values(allOptions(each)).map(({ name }) => name)), ...OWN_VARIABLES];
  for (const warning of strayVariables(environment, names)) session.output.warning(warning);
  await command.run(session, settings, args);
}

/** Variables that are no options. */
const OWN_VARIABLES = [BACKGROUND_VARIABLE, WITH_READER_VARIABLE].map((variable) =>
  variable
    .replace(/^BANYAN_/, '')
    .toLowerCase()
    .replaceAll('_', '-'),
);

function fileKeys(command: CommandPlan): readonly string[] {
  return Object.values(allOptions(command))
    .map(({ name }) => name)
    .filter((name) => name !== 'config');
}

/** To a person commander has told what is wrong already; a program gets its one object. */
function usageExit(error: CommanderError, words: readonly string[], outside: Outside): number {
  const { code, exitCode } = error;
  if (exitCode === 0 || !code.startsWith('commander.')) return exitCode;
  const hint = usageHint(code, words);
  if (!isJson(words, outside)) {
    if (hint !== undefined) outside.stderr.write(`${hint}\n`);
    return 2;
  }
  const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const message = code === 'commander.help' ? 'The command is incomplete: it needs a subcommand.' : capital(what);
  const advice = [suggestion?.replace(/^\(|\)$/g, ''), hint ?? 'See `banyan --help`.'].filter(
    (text) => text !== undefined,
  );
  const told = { message, hint: advice.join(' '), code: 'usage', exitCode: 2, isExpected: true } as const;
  new Output({ json: true, ...outside }).error(told, undefined);
  return 2;
}

/** Commands that have commands of their own. */
const groups = ['topology', 'simulate'];

function usageHint(code: string, words: readonly string[]): string | undefined {
  const [command = '', subcommand = ''] = words.filter((word) => !word.startsWith('-'));
  const isGroup = groups.includes(command);
  if (code === 'commander.unknownOption' && words[0]?.startsWith('-') === true)
    return 'Options follow the command, as in `banyan status --json`.';
  if (code === 'commander.unknownCommand')
    return isGroup ? `See \`banyan ${command} --help\`.` : 'See `banyan --help`.';
  if (code === 'commander.help') return undefined;
  return `See \`banyan ${isGroup && subcommand !== '' ? `${command} ${subcommand}` : command} --help\`.`;
}

/** Whether errors are told to a program, as far as that can be known of a command line that may make no sense. */
function isJson(words: readonly string[], { environment }: Outside): boolean {
  return words.includes('--json') || /^(1|true|yes|on)$/i.test((environment[variableOf('json')] ?? '').trim());
}

function isDebug(words: readonly string[], { environment }: Outside): boolean {
  const at = words.indexOf('--log-level');
  const level =
    at === -1
      ? (words.find((word) => word.startsWith('--log-level='))?.slice(12) ?? environment['BANYAN_LOG_LEVEL'])
      : words[at + 1];
  return level === 'debug' || level === 'trace';
}
