/**
 * A daemon in the background: the same program, started as a second process and detached when it is up.
 *
 * The first process waits until the second says that it is ready, or why it failed, and prints what it says until then; so
 * `--detach` succeeds only when the peer runs. Until it is detached the second speaks through the channel between the two,
 * afterwards only into its log file. Its stdout and stderr go there too, so that the log shows why it crashed.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { OutputStream } from '../words/output.ts';
import type { Session } from '../session.ts';
import type { StateFolder } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';

/** Tells a process that it is the one in the background; holds what it must know of the terminal in front. */
export const backgroundVariable = 'BANYAN_IN_BACKGROUND';

/** Set for a peer that is to end, in order, when whoever reads its output, or holds the other end of its input, has gone. */
export const withReaderVariable = 'BANYAN_ENDS_WITH_READER';

type Word = { readonly kind: 'stdout' | 'stderr'; readonly text: string } | { readonly kind: 'ready' };

export function isInBackground(environment: Readonly<Record<string, string | undefined>>): boolean {
  return (environment[backgroundVariable] ?? '') !== '' && process.send !== undefined;
}

/** The streams of the process in front, as seen from the one in the background. */
export function frontStreams(environment: Readonly<Record<string, string | undefined>>): {
  stdout: OutputStream;
  stderr: OutputStream;
} {
  const [out, err, columns] = (environment[backgroundVariable] ?? '').split(' ');
  const stream = (kind: 'stdout' | 'stderr', isTTY: boolean): OutputStream => ({
    isTTY,
    columns: Number(columns) || 80,
    write: (text) => say({ kind, text }),
  });
  return { stdout: stream('stdout', out === 'tty'), stderr: stream('stderr', err === 'tty') };
}

/** From the background: up and running, the front may go. */
export function cutLoose(): void {
  say({ kind: 'ready' });
  if (process.connected) process.disconnect();
}

/** Starts this very command in the background; resolves when it is up. @throws UserError when it ended instead */
export async function startInBackground(session: Session, state: StateFolder): Promise<void> {
  const { stdout, stderr, environment } = session.outside;
  await state.make();
  const { mkdir } = await import('node:fs/promises');
  const { dirname } = await import('node:path');
  await mkdir(dirname(state.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(state.logFile, 'a', 0o600);
  const terminal = [
    stdout.isTTY === true ? 'tty' : '-',
    stderr.isTTY === true ? 'tty' : '-',
    String(stderr.columns ?? 80),
  ].join(' ');
  const child = spawn(process.execPath, [...process.execArgv, session.adapters.programPath, ...process.argv.slice(2)], {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...environment, [backgroundVariable]: terminal },
  });
  closeSync(log);
  const giveUp = (): void => void child.kill('SIGTERM');
  process.once('SIGINT', giveUp);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.on('message', (word: Word) => {
        if (word.kind === 'ready') resolve();
        else (word.kind === 'stdout' ? stdout : stderr).write(word.text);
      });
      child.once('exit', (code, signal) => reject(new EndedInBackground(code, signal, state.logFile)));
    });
  } finally {
    process.off('SIGINT', giveUp);
  }
  if (child.connected) child.disconnect();
  child.unref();
}

/** The background process ended before it was up. When it ended by itself, it has said why. */
export class EndedInBackground extends UserError {
  readonly hasSpoken: boolean;

  constructor(code: number | null, signal: string | null, logFile: string) {
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    super(`The process in the background ended ${how} before it was up.`, {
      hint: `Its log is ${logFile}.`,
      code: 'background-ended',
    });
    this.hasSpoken = code === 1 || code === 2;
  }
}

function say(word: Word): void {
  if (process.connected) process.send?.(word);
}
