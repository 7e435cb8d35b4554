/**
 * The program: from the words on the command line to a command that runs, and from whatever happens to an exit code.
 *
 * 0 when all went well, 1 when something went wrong, 2 when what was asked for makes no sense. The process is never ended
 * by force here, so that nothing is cut off in a pipe; the caller sets `process.exitCode`.
 */
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { backgroundVariable, EndedInBackground, withReaderVariable } from './daemon/background.ts';
import { type Call, type CommandPlan, actionsOf, addCommand, allOptions, pathIn } from './command.ts';
import { commandPlans } from './commands/index.ts';
import { type KnownKeys, readConfigFile } from './settings/config-file.ts';
import { demoCommand } from './commands/demo.ts';
import type { DemoRequest } from './demonstration/demo-request.ts';
import type { PeerAdapters } from './node-request.ts';
import { commonOptions } from './settings/option.ts';
import { Output } from './words/output.ts';
import { type Outside, Session, usualPaths } from './session.ts';
import { simulateCommand } from './simulate/simulate.ts';
import type { Simulator } from './simulate/simulation.ts';
import { resolveSettings, strayVariables, variableOf, writtenOptions } from './settings/settings.ts';
import { topologyCommand } from './topologies/topology.ts';
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
  const plans = await allPlans(words, adapters);
  const program = createProgram(words, plans, adapters, outside);
  try {
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync([...words], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, words, plans, outside);
    if (error instanceof EndedInBackground && error.hasSpoken) return 1;
    const told = tellError(error);
    const output = new Output({ json: isJson(words, outside), ...outside });
    const wantsStack = isDebug(words, outside);
    output.error(told, wantsStack && error instanceof Error ? error.stack : undefined);
    return told.exitCode;
  }
}

/** All commands; those that are put in from outside only where they are. */
async function allPlans(
  words: readonly string[],
  { runDemo, loadSimulator }: Adapters,
): Promise<readonly CommandPlan[]> {
  const plans: CommandPlan[] = [...commandPlans];
  if (runDemo !== undefined) plans.push(demoCommand(runDemo));
  // Delay graphs and the simulator have much code behind them, which is only loaded when it is asked for.
  plans.push(topologyCommand(words.includes('topology') ? await import('../topology/index.ts') : null));
  if (loadSimulator !== undefined) {
    const names = words.includes('simulate') ? (await loadSimulator()).experimentNames : null;
    plans.push(simulateCommand(loadSimulator, names));
  }
  return plans;
}

function createProgram(
  words: readonly string[],
  plans: readonly CommandPlan[],
  adapters: Adapters,
  outside: Outside,
): Command {
  const program = new Command('banyan')
    .description('Volunteers host your service: a self-organising farm, a tree of trees.')
    .version(adapters.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .usage('<command> [options]')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void outside.stdout.write(text),
      writeErr: (text) => void (isJson(words, outside) || outside.stderr.write(text)),
    })
    .addHelpText('after', `\n${firstSteps}`);
  for (const command of plans) addCommand(program, command, (call) => run(call, plans, adapters, outside));
  return program;
}

const firstSteps = `Examples:
  banyan demo                     a whole farm on this machine, to look at
  banyan serve ./site             publish a site; prints an invite
  banyan join banyan:AQCu…        carry it as a volunteer
  banyan open banyan:AQCu…        read it

Options follow the command. Each can also be set as BANYAN_<NAME> or in banyan.toml; see docs/CLI.md.`;

async function run(
  { command, path, flags, args }: Call,
  plans: readonly CommandPlan[],
  adapters: Adapters,
  outside: Outside,
): Promise<void> {
  const { environment } = outside;
  const sources = { flags, environment, command: path };
  const explicit = resolveSettings({ config: commonOptions.config }, { ...sources, file: null }).config;
  const usual = [resolve('banyan.toml'), resolve(usualPaths(environment).config, 'banyan.toml')];
  const places = { explicit: explicit === null ? undefined : resolve(explicit), usual };
  const file = await readConfigFile(places, knownKeys(plans));
  const common = resolveSettings(commonOptions, { ...sources, file });
  const settings = resolveSettings(command.options, { ...sources, file });
  const written = writtenOptions(allOptions(command), { ...sources, file });
  const session = new Session(path, common, { adapters, outside, configPath: file?.path ?? null, written });
  const actions = [...actionsOf(plans).values()];
  const names = actions.flatMap((each) => Object.values(allOptions(each)).map(({ name }) => name));
  for (const warning of strayVariables(environment, [...names, ...ownVariables])) session.output.warning(warning);
  await command.run(session, settings, args);
}

/** Variables that are no options. */
const ownVariables = [backgroundVariable, withReaderVariable].map((variable) =>
  variable
    .replace(/^BANYAN_/, '')
    .toLowerCase()
    .replaceAll('_', '-'),
);

/** The keys of the config file: those of each command, and for a group those of all commands in it. */
function knownKeys(plans: readonly CommandPlan[]): KnownKeys {
  const keys = new Map<string, Set<string>>();
  for (const [path, action] of actionsOf(plans)) {
    const words = path.split(' ');
    for (const length of words.keys()) {
      const table = words.slice(0, length + 1).join(' ');
      const known = keys.get(table) ?? new Set();
      keys.set(table, known);
      for (const { name } of Object.values(allOptions(action))) if (name !== 'config') known.add(name);
    }
  }
  return Object.fromEntries([...keys].map(([table, known]) => [table, [...known]]));
}

/** To a person commander has told what is wrong already; a program gets its one object. */
function usageExit(
  error: CommanderError,
  words: readonly string[],
  plans: readonly CommandPlan[],
  outside: Outside,
): number {
  const { code, exitCode } = error;
  if (exitCode === 0 || !code.startsWith('commander.')) return exitCode;
  const hint = usageHint(code, words, plans);
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

function usageHint(code: string, words: readonly string[], plans: readonly CommandPlan[]): string | undefined {
  if (code === 'commander.unknownOption' && words[0]?.startsWith('-') === true)
    return 'Options follow the command, as in `banyan status --json`.';
  if (code === 'commander.help') return undefined;
  return `See \`${['banyan', pathIn(words, plans), '--help'].filter((word) => word !== '').join(' ')}\`.`;
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
