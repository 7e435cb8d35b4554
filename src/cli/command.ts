/**
 * How a command is described, and how commander is told of it.
 *
 * A plan is data: name, arguments, options, examples, and what runs. From it come the help, the environment variables and
 * the keys of the config file, so that none can be forgotten. Modules that a command needs to run are imported when it
 * runs: `banyan --help` loads none of them.
 */
import { type Command, Option } from 'commander';
import { type OptionSpec, type OptionSpecs, type Settings, commonOptions } from './settings/option.ts';
import type { Session } from './session.ts';
import { variableOf } from './settings/settings.ts';

export interface ArgumentPlan {
  readonly name: string;
  readonly about: string;
  readonly isRequired?: boolean;
}

export interface CommandPlan<Specs extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** A few words, for the list of commands. */
  readonly summary: string;
  /** Sentences, for the command's own help. */
  readonly description: string;
  readonly args: readonly ArgumentPlan[];
  readonly options: Specs;
  readonly examples: readonly (readonly [command: string, about: string])[];
  run(session: Session, settings: Settings<Specs>, args: readonly (string | undefined)[]): Promise<void>;
}

/** A plan whose settings are known by type inside, and by nobody outside. */
export function plan<const Specs extends OptionSpecs>(command: CommandPlan<Specs>): CommandPlan {
  return command as unknown as CommandPlan;
}

/** All options of a command, the common ones included. */
export function allOptions(command: CommandPlan): OptionSpecs {
  return { ...command.options, ...commonOptions };
}

/** Adds a command to the program. `act` gets the flags as read, by flag name, and the arguments. */
export function addCommand(
  program: Command,
  command: CommandPlan,
  act: (
    flags: Readonly<Record<string, string | boolean | readonly string[]>>,
    args: readonly (string | undefined)[],
  ) => Promise<void>,
): void {
  const own = program.command(command.name).summary(command.summary).description(command.description);
  for (const { name, about, isRequired } of command.args)
    own.argument(isRequired === true ? `<${name}>` : `[${name}]`, about);
  for (const spec of Object.values(allOptions(command))) addOption(own, spec);
  const width = Math.max(...command.examples.map(([line]) => line.length));
  const examples = command.examples.map(([line, about]) => `  ${line.padEnd(width)}  ${about}`.trimEnd());
  own.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  own.action(async () => {
    const flags = Object.entries(own.opts<Record<string, string | boolean | readonly string[]>>());
    await act(Object.fromEntries(flags.map(([key, value]) => [kebab(key), value])), own.args);
  });
}

function addOption(command: Command, spec: OptionSpec): void {
  const { flag, short, placeholder, isList } = spec;
  const long = placeholder === null ? `--${flag}` : `--${flag} ${placeholder}`;
  const option = new Option(short === undefined ? long : `-${short}, ${long}`, aboutOf(spec));
  if (isList) option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
  command.addOption(option);
  // What the file or the environment switched on must be possible to switch off.
  if (placeholder === null) command.addOption(new Option(`--no-${flag}`).hideHelp());
}

function aboutOf({ name, about, fallbackText }: OptionSpec): string {
  return `${about} (${fallbackText === '' ? '' : `default: ${fallbackText}; `}${variableOf(name)})`;
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
