/**
 * Logs: pino, to stderr; for people on a terminal, in JSON into a pipe or file.
 *
 * Quiet by default (`warn`): what a person asked for is output, not log. In the background it is `info`, into a file that
 * is rotated. Pino and its pretty printer are loaded only by commands that log.
 */
import type { Logger } from 'pino';
import type { LogFile } from './log-file.ts';
import type { LogLevel } from '../settings/option.ts';
import { hasColor } from '../words/output.ts';
import type { Session } from '../session.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: LogLevel;
  /** Where it goes; stderr when null. */
  readonly file: LogFile | null;
  /** stderr is a terminal that a person reads. */
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
}

/** The log that the command's options ask for. */
export async function createLoggerFor(session: Session, file: LogFile | null): Promise<Logger> {
  const level = session.common.logLevel ?? (file === null ? 'warn' : 'info');
  const { stderr, environment } = session.outside;
  return createLogger({ level, file, isTerminal: stderr.isTTY === true, hasColor: hasColor(stderr, environment) });
}

export async function createLogger({ level, file, isTerminal, hasColor }: LogOptions): Promise<Logger> {
  const { pino } = await import('pino');
  const options = { level, base: { pid: process.pid } };
  if (file !== null) return pino(options, { write: (line) => file.write(line) });
  if (!isTerminal) return pino(options, pino.destination({ dest: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(
    options,
    pretty({ destination: 2, sync: true, colorize: hasColor, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' }),
  );
}
