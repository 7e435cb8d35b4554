/** What every command is given: how to speak, where things lie, who builds peers. */
import { homedir, tmpdir } from 'node:os';
import type { LogFile } from './log-file.ts';
import type { Logger } from './log.ts';
import type { Adapters } from './node-request.ts';
import type { LogLevel, Settings, commonOptions } from './option.ts';
import { Output, type OutputStream, hasColor } from './output.ts';
import { type Paths, pathsFor } from './paths.ts';
import { type KnownState, knownStates } from './state-folder.ts';

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
  readonly command: string;
  readonly common: Settings<typeof commonOptions>;
  readonly output: Output;
  readonly paths: Paths;
  readonly adapters: Adapters;
  readonly outside: Outside;
  /** The config file that was read; null when there is none. */
  readonly configPath: string | null;
  /** The names of the options that somebody has set, by flag, variable or file; all others have their defaults. */
  readonly given: ReadonlySet<string>;

  constructor(
    command: string,
    common: Settings<typeof commonOptions>,
    {
      adapters,
      outside,
      configPath,
      given,
    }: {
      readonly adapters: Adapters;
      readonly outside: Outside;
      readonly configPath: string | null;
      readonly given: ReadonlySet<string>;
    },
  ) {
    this.command = command;
    this.common = common;
    this.adapters = adapters;
    this.outside = outside;
    this.configPath = configPath;
    this.given = given;
    this.output = new Output({ json: common.json, ...outside });
    this.paths = usualPaths(outside.environment);
  }

  /** The peers of this machine; those with a damaged record are warned of and left out. */
  async knownStates(): Promise<readonly KnownState[]> {
    return await knownStates(this.paths, ({ message, hint }) =>
      this.output.warning(`${message} It is left out.${hint === undefined ? '' : ` ${hint}`}`),
    );
  }

  async createLogger(file: LogFile | null): Promise<Logger> {
    const { createLogger } = await import('./log.ts');
    const level: LogLevel = this.common.logLevel ?? (file === null ? 'warn' : 'info');
    const { stderr, environment } = this.outside;
    return createLogger({ level, file, isTerminal: stderr.isTTY === true, hasColor: hasColor(stderr, environment) });
  }
}

export function usualPaths(environment: Outside['environment']): Paths {
  const home = environment['HOME'] ?? homedir();
  return pathsFor({ platform: process.platform, environment, home, temporary: tmpdir(), uid: process.getuid?.() });
}
