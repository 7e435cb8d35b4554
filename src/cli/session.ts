/** What every command is given: how to speak, where things lie, who builds peers. */
import { homedir, tmpdir } from 'node:os';
import type { LogFile } from './log-file.ts';
import type { Logger } from './log.ts';
import type { Adapters } from './node-request.ts';
import type { LogLevel, Settings, commonOptions } from './option.ts';
import { Output, type OutputStream, hasColor } from './output.ts';
import { type Paths, pathsFor } from './paths.ts';

/** The world outside the program, as far as the commands look at it. */
export interface Outside {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
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

  constructor(
    command: string,
    common: Settings<typeof commonOptions>,
    {
      adapters,
      outside,
      configPath,
    }: { readonly adapters: Adapters; readonly outside: Outside; readonly configPath: string | null },
  ) {
    this.command = command;
    this.common = common;
    this.adapters = adapters;
    this.outside = outside;
    this.configPath = configPath;
    this.output = new Output({ json: common.json, ...outside });
    this.paths = usualPaths(outside.environment);
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
