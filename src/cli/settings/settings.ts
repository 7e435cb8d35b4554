/**
 * Where a setting comes from: flags over environment over file over defaults.
 *
 * In the file, the command's own table counts more than its group's, and that more than the top. Every value remembers who set it, so
 * that a bad one is complained about where it was written. Pure.
 */
import { nearestWord } from '../words/suggestion.ts';
import type { OptionSpec, OptionSpecs, Settings } from './option.ts';
import { UsageError } from '../words/user-error.ts';

export type FileValue = string | number | bigint | boolean | readonly (string | number | bigint | boolean)[];

export interface ConfigFile {
  readonly path: string;
  readonly common: Readonly<Record<string, FileValue>>;
  /** By command as it is typed: `serve`, `simulate qos`. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, FileValue>>>>;
}

export interface SettingSources {
  /** By flag without dashes: what commander read. */
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | null;
  /** The command as it is typed; it has a table of its own in the file. */
  readonly command: string;
}

/** What somebody has set, as it was written. */
export interface Written {
  readonly texts: readonly string[];
  /** For complaints: the flag, the variable, or the key with its file. */
  readonly where: string;
  readonly source: 'flag' | 'environment' | 'file';
}

export function variableOf(name: string): string {
  return `BANYAN_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** @throws UsageError naming the flag, variable or key that is wrong */
export function resolveSettings<Specs extends OptionSpecs>(specs: Specs, sources: SettingSources): Settings<Specs> {
  const entries = Object.entries(specs).map(([key, spec]) => [key, resolveOne(spec, sources)] as const);
  return Object.fromEntries(entries) as Settings<Specs>;
}

/** The options that somebody has set, by name: flags in their order on the command line, then what else there is. */
export function writtenOptions(specs: OptionSpecs, sources: SettingSources): ReadonlyMap<string, Written> {
  const order = Object.keys(sources.flags);
  const rank = ({ flag }: OptionSpec): number => (order.includes(flag) ? order.indexOf(flag) : order.length);
  const written = Object.values(specs)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((spec) => [spec.name, find(spec, sources)] as const);
  return new Map(written.filter((entry): entry is readonly [string, Written] => entry[1] !== null));
}

function resolveOne(spec: OptionSpec, sources: SettingSources): unknown {
  const written = find(spec, sources);
  if (written === null) return spec.fallback;
  try {
    return spec.parse(written.texts);
  } catch (error) {
    throw new UsageError(`${written.where}: ${error instanceof Error ? error.message : String(error)}.`, {
      hint: `See \`banyan ${sources.command} --help\`.`,
      cause: error,
    });
  }
}

function find(spec: OptionSpec, sources: SettingSources): Written | null {
  const flag = sources.flags[spec.flag];
  if (flag !== undefined) return { texts: textsOf(flag), where: `--${spec.flag}`, source: 'flag' };
  const variable = variableOf(spec.name);
  const environment = sources.environment[variable];
  // An empty variable is how a shell says "not set" in a line that always names it.
  if (environment !== undefined && environment !== '') {
    const items = spec.isList
      ? environment
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
      : [environment];
    return { texts: items, where: variable, source: 'environment' };
  }
  const { file, command } = sources;
  if (file === null) return null;
  const table = withGroups(command).find((name) => file.tables[name]?.[spec.name] !== undefined);
  const found = table === undefined ? file.common[spec.name] : file.tables[table]?.[spec.name];
  if (found === undefined) return null;
  const where = `${file.path}, ${table === undefined ? '' : `[${table.replaceAll(' ', '.')}] `}${spec.name}`;
  if (Array.isArray(found) && !spec.isList) throw new UsageError(`${where}: one value is needed, this is a list.`);
  if (spec.placeholder === null && typeof found !== 'boolean')
    throw new UsageError(`${where}: write true or false, without quotes.`);
  if (spec.placeholder !== null && typeof found === 'boolean')
    throw new UsageError(`${where}: ${String(found)} is no value for it; see --help.`);
  return { texts: textsOf(found), where, source: 'file' };
}

/** A command and the groups it is in, the nearest first: `simulate qos`, `simulate`. */
function withGroups(command: string): readonly string[] {
  const words = command.split(' ');
  return words.map((_, index) => words.slice(0, words.length - index).join(' '));
}

function textsOf(written: FileValue): readonly string[] {
  return Array.isArray(written) ? written.map(String) : [String(written)];
}

/** Warnings about variables that look like a slip of the hand. */
export function strayVariables(environment: SettingSources['environment'], names: Iterable<string>): readonly string[] {
  const known = new Set([...names].map(variableOf));
  const strays = Object.keys(environment).filter((variable) => variable.startsWith('BANYAN_') && !known.has(variable));
  return strays.flatMap((stray) => {
    const nearest = nearestWord(stray, known);
    return nearest === undefined ? [] : [`The environment variable ${stray} is not used; did you mean ${nearest}?`];
  });
}
