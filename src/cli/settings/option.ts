/**
 * What may be set, said once: an option is a flag, an environment variable and a key of the config file in one.
 *
 * `max-upload` is `--max-upload` on the command line, `BANYAN_MAX_UPLOAD` in the environment and `max-upload = …` in
 * banyan.toml, with one parser, one default and one sentence about it. `settings.ts` decides which of them counts.
 */
import {
  parseCountLimit,
  parsePort,
  parsePositiveDurationMs,
  parseRateLimit,
  parseSizeLimit,
} from '../words/quantities.ts';

export interface OptionSpec<Value = unknown> {
  /** Kebab-case: the key in the file, and (upper case, with BANYAN_ before it) the environment variable. */
  readonly name: string;
  /** The flag without its dashes, where it differs from the name. */
  readonly flag: string;
  /** One letter, for `-w`. */
  readonly short?: string | undefined;
  readonly about: string;
  /** What stands for the value in the help; null for a switch. */
  readonly placeholder: string | null;
  readonly isList: boolean;
  readonly fallback: Value;
  /** The default as the help tells it; empty when there is nothing to tell. */
  readonly fallbackText: string;
  /** Reads what was written. A list gets all its items. @throws Error whose message follows the option's name */
  readonly parse: (texts: readonly string[]) => Value;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values that belong to a set of options. */
export type Settings<Specs extends OptionSpecs> = {
  readonly [Key in keyof Specs]: Specs[Key] extends OptionSpec<infer Value> ? Value : never;
};

interface Extras {
  readonly flag?: string;
  readonly short?: string;
  readonly fallbackText?: string;
  /** A switch that is on unless told. */
  readonly isOn?: boolean;
}

/** On or off; off unless told, or with `isOn` the other way round: then `about` is about switching it off. */
export function toggle(
  name: string,
  about: string,
  { flag = name, short, isOn = false }: Extras = {},
): OptionSpec<boolean> {
  const parse = ([text = '']: readonly string[]): boolean => parseSwitch(text);
  return { name, flag, short, about, placeholder: null, isList: false, fallback: isOn, fallbackText: '', parse };
}

/** One value; `fallback` when nobody says. */
export function value<Value, Fallback extends Value | null>(
  name: string,
  placeholder: string,
  about: string,
  parse: (text: string) => Value,
  fallback: Fallback,
  { flag = name, short, fallbackText = fallback === null ? '' : String(fallback) }: Extras = {},
): OptionSpec<Value | Fallback> {
  const read = (texts: readonly string[]): Value => parse(texts.at(-1) ?? '');
  return { name, flag, short, about, placeholder, isList: false, fallback, fallbackText, parse: read };
}

/** Given several times on the command line, with commas in the environment, as an array in the file. */
export function list<Item>(
  name: string,
  placeholder: string,
  about: string,
  parse: (text: string) => Item,
  { flag = name, fallbackText = '' }: Extras = {},
): OptionSpec<readonly Item[]> {
  const read = (texts: readonly string[]): readonly Item[] => texts.map(parse);
  return { name, flag, about, placeholder, isList: true, fallback: [], fallbackText, parse: read };
}

/**
 * The same flags under longer names for the environment and the file: `--seeds` of `simulate` is BANYAN_SIMULATE_SEEDS. For flags that
 * mean something else in other commands: what is set for a service must not change what a simulation finds.
 */
export function namedWithin<Specs extends OptionSpecs>(group: string, specs: Specs): Specs {
  const named = Object.entries(specs).map(([key, spec]) => [key, { ...spec, name: `${group}-${spec.name}` }]);
  return Object.fromEntries(named) as Specs;
}

/** Any text but none at all. */
export function parseText(text: string): string {
  if (text.trim() === '') throw new Error('is empty; give it a value or leave it out');
  return text;
}

/** One of a few words. */
export function parseChoice<const Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text.trim().toLowerCase());
    if (found === undefined) throw new Error(`"${text}" is not one of ${words.join(', ')}`);
    return found;
  };
}

export function parseSwitch(text: string): boolean {
  const word = text.trim().toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off', ''].includes(word)) return false;
  throw new Error(`"${text}" is neither yes nor no; write true or false`);
}

export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What every command takes. */
export const commonOptions = {
  json: toggle('json', 'print JSON, one object per line'),
  state: value('state', '<folder>', 'state folder of the peer, instead of the usual place', parseText, null),
  service: value('service', '<name>', 'which service, by name or id, when this machine has several', parseText, null),
  config: value('config', '<file>', 'config file', parseText, null, {
    fallbackText: './banyan.toml, else the one in the config folder',
  }),
  logLevel: value(
    'log-level',
    '<level>',
    `how much to log to stderr: ${logLevels.join(', ')}`,
    parseChoice(logLevels),
    null,
    {
      fallbackText: 'warn; info in the log file of --detach',
    },
  ),
};

/** What a volunteer gives at most. 0 = no limit. */
export const limitOptions = {
  maxUpload: value('max-upload', '<rate>', 'most bytes to send per second', parseRateLimit, 0, {
    fallbackText: 'unlimited',
  }),
  maxStorage: value('max-storage', '<size>', 'most bytes to keep on disk', parseSizeLimit, 2_000_000_000, {
    fallbackText: '2GB',
  }),
  maxClients: value('max-clients', '<count>', 'most clients to serve at once', parseCountLimit, 64),
};

/** Where the peer itself listens. */
export function peerOptions(defaultPort: number, portName: 'port' | 'peer-port') {
  return {
    peerPort: value(portName, '<port>', 'TCP port for other peers; 0 = any free one', parsePort, defaultPort),
    strictPort: toggle('strict-port', 'fail when a port is in use instead of taking the next free one'),
    listen: list(
      'listen',
      '<address>',
      'address to listen on, host or host:port or multiaddr; may be repeated',
      parseText,
      {
        fallbackText: 'all IPv4 interfaces',
      },
    ),
    announce: list(
      'announce',
      '<address>',
      'address that other peers should dial instead of the one listened on; may be repeated',
      parseText,
    ),
    emulate: value(
      'emulate',
      '<topology>',
      'emulate wide-area delays: a file, or the name of a ready-made topology',
      parseText,
      null,
    ),
    emulateNode: value('emulate-node', '<number>', 'the node of that topology where this peer is', parseNode, null),
    emulateMeanRtt: value(
      'emulate-mean-rtt',
      '<duration>',
      'scale the topology to this mean round trip',
      parsePositiveDurationMs,
      null,
    ),
  };
}

export const detachOption = toggle('detach', 'run in the background; the command returns when the peer is up', {
  short: 'd',
});

function parseNode(text: string): number {
  if (!/^\d{1,9}$/.test(text.trim()))
    throw new Error(`"${text}" is not the number of a node; write a whole number, 0 or more`);
  return Number(text);
}
