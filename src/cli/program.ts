/**
 * The program: from the words on the command line to a command that runs, and from whatever happens to an exit code.
 *
 * 0 when all went well, 1 when something went wrong, 2 when what was asked for makes no sense. The process is never ended
 * by force here, so that nothing is cut off in a pipe; the caller sets `process.exitCode`.
 */
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { EndedInBackground, BACKGROUND_VARIABLE } from './background.ts';
import { type CommandPlan, addCommand, allOptions } from './command.ts';
import { commandPlans } from './commands/index.ts';
import { type KnownKeys, readConfigFile } from './config-file.ts';
import { demoCommand } from './demo.ts';
import type { Adapters } from './node-request.ts';
import { commonOptions } from './option.ts';
import { Output } from './output.ts';
import { type Outside, Session, usualPaths } from './session.ts';
import { resolveSettings, strayVariables } from './settings.ts';
import { tellError } from './user-error.ts';

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
    const output = new Output({ json: words.includes('--json'), ...outside });
    const wantsStack = isDebug(words, outside);
    output.error(told, wantsStack && error instanceof Error ? error.stack : undefined);
    return told.exitCode;
  }
}

async function createProgram(words: readonly string[], adapters: Adapters, outside: Outside): Promise<Command> {
  const plans = [...commandPlans, ...(adapters.runDemo === undefined ? [] : [demoCommand(adapters.runDemo)])];
  const program = new Command('banyan')
    .description('Volunteers host your service: a self-organising farm, a tree of trees.')
    .version(adapters.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .usage('<command> [options]')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ writeOut: (text) => outside.stdout.write(text), writeErr: (text) => outside.stderr.write(text) })
    .addHelpText('after', `\n${FIRST_STEPS}`);
  for (const command of plans) {
    addCommand(program, command, (flags, args) => run(command, plans, { flags, args, adapters, outside }));
  }
  program.addCommand(await topology(words));
  return program;
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
  const { topologyCommand } = await import('./topology.ts');
  return topologyCommand();
}

async function run(
  command: CommandPlan,
  plans: readonly CommandPlan[],
  given: {
    readonly flags: Readonly<Record<string, string | boolean | readonly string[]>>;
    readonly args: readonly (string | undefined)[];
    readonly adapters: Adapters;
    readonly outside: Outside;
  },
): Promise<void> {
  const { flags, args, adapters, outside } = given;
  const { environment } = outside;
  const sources = { flags, environment, command: command.name };
  const explicit = resolveSettings({ config: commonOptions.config }, { ...sources, file: null }).config;
  const known: KnownKeys = Object.fromEntries(plans.map((each) => [each.name, fileKeys(each)]));
  const usual = [resolve('banyan.toml'), resolve(usualPaths(environment).config, 'banyan.toml')];
  const file = await readConfigFile({ explicit: explicit === null ? undefined : resolve(explicit), usual }, known);
  const common = resolveSettings(commonOptions, { ...sources, file });
  const settings = resolveSettings(command.options, { ...sources, file });
  const session = new Session(command.name, common, { adapters, outside, configPath: file?.path ?? null });
  const names = [...plans.flatMap((each) => Object.values(allOptions(each)).map(({ name }) => name)), ...OWN_VARIABLES];
  for (const warning of strayVariables(environment, names)) session.output.warning(warning);
  await command.run(session, settings, args);
}

/** Variables that are no options. */
const OWN_VARIABLES = [
  BACKGROUND_VARIABLE.replace(/^BANYAN_/, '')
    .toLowerCase()
    .replaceAll('_', '-'),
];

function fileKeys(command: CommandPlan): readonly string[] {
  return Object.values(allOptions(command))
    .map(({ name }) => name)
    .filter((name) => name !== 'config');
}

/** Commander has told what is wrong already. */
function usageExit({ code, exitCode }: CommanderError, words: readonly string[], { stderr }: Outside): number {
  if (exitCode === 0 || !code.startsWith('commander.')) return exitCode;
  const command = words.find((word) => !word.startsWith('-')) ?? '';
  if (code === 'commander.unknownOption' && words[0]?.startsWith('-') === true) {
    stderr.write('Options follow the command, as in `banyan status --json`.\n');
  } else if (code === 'commander.unknownCommand') {
    stderr.write('See `banyan --help`.\n');
  } else if (code !== 'commander.help') {
    stderr.write(`See \`banyan ${command} --help\`.\n`);
  }
  return 2;
}

function isDebug(words: readonly string[], { environment }: Outside): boolean {
  const at = words.indexOf('--log-level');
  const level =
    at === -1
      ? (words.find((word) => word.startsWith('--log-level='))?.slice(12) ?? environment['BANYAN_LOG_LEVEL'])
      : words[at + 1];
  return level === 'debug' || level === 'trace';
}
