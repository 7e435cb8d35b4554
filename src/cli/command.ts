/**
 * How a command is described, and how commander is told of it.
 *
 * A plan is data: name, arguments, options, examples, and what runs; or, for a group such as `simulate`, the commands in it. From it
 * come the help, the environment variables and the keys of the config file, so that none can be forgotten. Modules that a command needs
 * to run are imported when it runs: `banyan --help` loads none of them.
 */
import { type Command, Option } from 'commander';
import type { Session } from './session.ts';
import { type OptionSpec, type OptionSpecs, type Settings, commonOptions } from './settings/option.ts';
import { variableOf } from './settings/settings.ts';

export interface ArgumentPlan {
  readonly name: string;
  readonly about: string;
  readonly isRequired?: boolean;
}

interface Description {
  readonly name: string;
  /** A few words, for the list of commands. */
  readonly summary: string;
  /** Sentences, for the command's own help. */
  readonly description: string;
  /** What its own help tells before the examples, when there is more to tell. */
  readonly notes?: string;
  readonly examples: readonly (readonly [command: string, about: string])[];
}

/** A command that does something. */
export interface ActionPlan<Specs extends OptionSpecs = OptionSpecs> extends Description {
  readonly args: readonly ArgumentPlan[];
  readonly options: Specs;
  run(session: Session, settings: Settings<Specs>, args: readonly (string | undefined)[]): Promise<void>;
}

/** A command that needs another word to do something. */
export interface GroupPlan extends Description {
  readonly commands: readonly CommandPlan[];
}

export type CommandPlan = ActionPlan | GroupPlan;

/** A plan whose settings are known by type inside, and by nobody outside. */
export function plan<const Specs extends OptionSpecs>(command: ActionPlan<Specs>): ActionPlan {
  return command as unknown as ActionPlan;
}

/** The commands that do something, by what is typed for them: `status`, `simulate qos`. */
export function actionsOf(plans: readonly CommandPlan[], above = ''): ReadonlyMap<string, ActionPlan> {
  const actions = new Map<string, ActionPlan>();
  for (const command of plans) {
    const path = `${above}${command.name}`;
    if (!('commands' in command)) actions.set(path, command);
    else for (const [below, action] of actionsOf(command.commands, `${path} `)) actions.set(below, action);
  }
  return actions;
}

/** The command that a command line begins with, as far as there is one: `simulate qos` of `simulate qos --seeds 3`. */
export function pathIn(words: readonly string[], plans: readonly CommandPlan[]): string {
  const [word, ...others] = words;
  const command = plans.find(({ name }) => name === word);
  if (command === undefined) return '';
  const below = 'commands' in command ? pathIn(others, command.commands) : '';
  return below === '' ? command.name : `${command.name} ${below}`;
}

/** All options of a command, the common ones included. */
export function allOptions(command: ActionPlan): OptionSpecs {
  return { ...command.options, ...commonOptions };
}

/** What commander found on the command line for a command. */
export interface Call {
  readonly command: ActionPlan;
  /** The command as it is typed: `simulate qos`. */
  readonly path: string;
  /** By flag without dashes, in the order in which they were given. */
  readonly flags: Readonly<Record<string, string | boolean | readonly string[]>>;
  readonly args: readonly (string | undefined)[];
}

/** Adds a command, with all below it, to the program or to a group. */
export function addCommand(
  program: Command,
  command: CommandPlan,
  act: (call: Call) => Promise<void>,
  above = '',
): void {
  const path = `${above}${command.name}`;
  const own = program.command(command.name).summary(command.summary).description(command.description);
  if (command.notes !== undefined) own.addHelpText('after', `\n${command.notes}`);
  const width = Math.max(...command.examples.map(([line]) => line.length));
  const examples = command.examples.map(([line, about]) => `  ${line.padEnd(width)}  ${about}`.trimEnd());
  own.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  if ('commands' in command) {
    for (const below of command.commands) addCommand(own, below, act, `${path} `);
    return;
  }
  for (const { name, about, isRequired } of command.args)
    own.argument(isRequired === true ? `<${name}>` : `[${name}]`, about);
  for (const spec of Object.values(allOptions(command))) addOption(own, spec);
  own.action(async () => {
    const flags = Object.entries(own.opts<Call['flags']>()).map(([key, value]) => [kebab(key), value]);
    await act({ command, path, flags: Object.fromEntries(flags) as Call['flags'], args: own.args });
  });
}

function addOption(command: Command, spec: OptionSpec): void {
  const { flag, short, placeholder, isList } = spec;
  const long = placeholder === null ? `--${flag}` : `--${flag} ${placeholder}`;
  const option = new Option(short === undefined ? long : `-${short}, ${long}`, aboutOf(spec));
  if (isList) option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
  if (placeholder !== null) {
    command.addOption(option);
    return;
  }
  // What the file or the environment switched must be possible to switch back; the help shows the flag that changes the default.
  const opposite = new Option(`--no-${flag}`, aboutOf(spec));
  command.addOption(option.hideHelp(spec.fallback === true)).addOption(opposite.hideHelp(spec.fallback !== true));
}

function aboutOf({ name, about, placeholder, fallback, fallbackText }: OptionSpec): string {
  const variable = `${variableOf(name)}${placeholder === null && fallback === true ? '=false' : ''}`;
  return `${about} (${fallbackText === '' ? '' : `default: ${fallbackText}; `}${variable})`;
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
