/**
 * banyan.toml: settings that need not be typed every time.
 *
 *     max-storage = "500MB"      # at the top: for every command that has such an option
 *     [serve]                    # for one command
 *     port = 4747
 *     [simulate.qos]             # for one command of a group; [simulate] is for all of them
 *     simulate-seeds = 100
 *
 * The file is `--config`, else `BANYAN_CONFIG`, else `./banyan.toml`, else the one in the config folder; only one is read.
 * A key that no command knows is refused with a suggestion, since a misspelt limit that is silently ignored is no limit.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { nearestWord } from '../words/suggestion.ts';
import type { ConfigFile, FileValue } from './settings.ts';
import { UsageError, UserError } from '../words/user-error.ts';

/** Which keys there are, by command or group as it is typed: `{ serve: ['port', …], 'simulate qos': […], … }`. */
export type KnownKeys = Readonly<Record<string, readonly string[]>>;

export interface ConfigPlaces {
  /** From --config or BANYAN_CONFIG: must exist. */
  readonly explicit: string | undefined;
  /** Looked at in turn; the first that exists is taken. */
  readonly usual: readonly string[];
}

/** @throws UserError when an explicit file is not there; UsageError for what is wrong in it */
export async function readConfigFile(places: ConfigPlaces, known: KnownKeys): Promise<ConfigFile | null> {
  for (const path of places.explicit === undefined ? places.usual : [places.explicit]) {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && places.explicit === undefined) return null;
      throw new UserError(`The config file ${resolve(path)} cannot be read (${error.code ?? error.message}).`, {
        hint: 'Check the path given with --config or BANYAN_CONFIG.',
        code: 'config-unreadable',
      });
    });
    if (text !== null) return await parseConfig(text, path, known);
  }
  return null;
}

/** @throws UsageError with the line for bad TOML, with a suggestion for unknown keys */
export async function parseConfig(text: string, path: string, known: KnownKeys): Promise<ConfigFile> {
  const { parse, TomlError } = await import('smol-toml');
  let root: Record<string, unknown>;
  try {
    root = parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = 'it is not TOML'] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new UsageError(`${path}, line ${error.line}, column ${error.column}: ${reason}.`, { cause: error });
  }
  const everyKey = new Set(Object.values(known).flat());
  const common: Record<string, FileValue> = {};
  const tables: Record<string, Record<string, FileValue>> = {};
  for (const [key, value] of Object.entries(root)) {
    if (!isTable(value)) common[requireKnown(key, everyKey, path, '')] = requireValue(value, `${path}, ${key}`);
    else for (const [command, table] of readTable(value, key, path, known)) tables[command] = table;
  }
  return { path, common, tables };
}

/** A command's table, and those of the commands in its group, by command. */
function readTable(
  table: Record<string, unknown>,
  command: string,
  path: string,
  known: KnownKeys,
): ReadonlyMap<string, Record<string, FileValue>> {
  const title = `[${command.replaceAll(' ', '.')}]`;
  const keys = known[command];
  if (keys === undefined) {
    const nearest = nearestWord(command, Object.keys(known));
    throw unknown('table', title, nearest?.replaceAll(' ', '.'), path);
  }
  const isGroup = Object.keys(known).some((other) => other.startsWith(`${command} `));
  const own: Record<string, FileValue> = {};
  const tables = new Map([[command, own]]);
  for (const [name, item] of Object.entries(table)) {
    if (isGroup && isTable(item))
      for (const [below, its] of readTable(item, `${command} ${name}`, path, known)) tables.set(below, its);
    else own[requireKnown(name, new Set(keys), path, `${title} `)] = requireValue(item, `${path}, ${title} ${name}`);
  }
  return tables;
}

function requireKnown(key: string, known: ReadonlySet<string>, path: string, table: string): string {
  if (known.has(key)) return key;
  throw unknown('key', `${table}${key}`, nearestWord(key, known), path);
}

function requireValue(value: unknown, where: string): FileValue {
  const isPlain = (item: unknown): item is string | number | bigint | boolean =>
    ['string', 'number', 'bigint', 'boolean'].includes(typeof item);
  if (isPlain(value)) return value;
  if (Array.isArray(value) && value.every(isPlain)) return value;
  throw new UsageError(`${where}: a text, a number, true, false or a list of these is needed.`);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function unknown(what: string, name: string, nearest: string | undefined, path: string): UsageError {
  const suggestion = nearest === undefined ? 'docs/CLI.md lists them all.' : `Did you mean ${nearest}?`;
  return new UsageError(`${path}: there is no ${what} ${name}.`, { hint: suggestion, code: 'config-unknown' });
}
