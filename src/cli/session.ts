/** What every command is given: how to speak, where things lie, who builds peers. */
import { homedir, tmpdir } from 'node:os';
import type { PeerAdapters } from './node-request.ts';
import type { Settings, commonOptions } from './settings/option.ts';
import type { Written } from './settings/settings.ts';
import { Output, type OutputStream } from './words/output.ts';
import { type Paths, pathsFor } from './state/paths.ts';
import { type KnownState, knownStates } from './state/state-folder.ts';

/** The world outside the program, as far as the commands look at it. */
export interface Outside {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Has `act` called, instead of the process ended, when whoever reads the output has gone. What is written then is lost. */
  readonly whenReaderGone?: (act: () => void) => void;
  /** Has `act` called when whoever started the process, and holds the other end of its input, has gone. */
  readonly whenStarterGone?: (act: () => void) => void;
}

export class Session {
  /** As it is typed: `status`, `simulate qos`. */
  readonly command: string;
  readonly common: Settings<typeof commonOptions>;
  readonly output: Output;
  readonly paths: Paths;
  readonly adapters: PeerAdapters;
  readonly outside: Outside;
  /** The config file that was read; null when there is none. */
  readonly configPath: string | null;
  /** The options that somebody has set, by name; all others have their defaults. */
  readonly written: ReadonlyMap<string, Written>;

  constructor(
    command: string,
    common: Settings<typeof commonOptions>,
    {
      adapters,
      outside,
      configPath,
      written,
    }: {
      readonly adapters: PeerAdapters;
      readonly outside: Outside;
      readonly configPath: string | null;
      readonly written: ReadonlyMap<string, Written>;
    },
  ) {
    this.command = command;
    this.common = common;
    this.adapters = adapters;
    this.outside = outside;
    this.configPath = configPath;
    this.written = written;
    this.output = new Output({ json: common.json, ...outside });
    this.paths = usualPaths(outside.environment);
  }

  /** The names of the options that somebody has set. */
  get given(): ReadonlySet<string> {
    return new Set(this.written.keys());
  }

  /** The peers of this machine; those with a damaged record are warned of and left out. */
  async knownStates(): Promise<readonly KnownState[]> {
    return await knownStates(this.paths, ({ message, hint }) =>
      this.output.warning(`${message} It is left out.${hint === undefined ? '' : ` ${hint}`}`),
    );
  }
}

export function usualPaths(environment: Outside['environment']): Paths {
  const home = environment['HOME'] ?? homedir();
  return pathsFor({ platform: process.platform, environment, home, temporary: tmpdir(), uid: process.getuid?.() });
}
