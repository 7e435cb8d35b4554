/**
 * What a benchmark leaves lying about while it runs, and who sweeps up: temporary folders and child processes.
 *
 * Whether it ends well, fails, or is stopped with Ctrl-C, `close` removes all of it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Workspace {
  readonly signal: AbortSignal;
  readonly #folders: string[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #startedAtMs = performance.now();
  readonly #tell: (line: string) => void;

  /** @param tell takes a line for people; results do not go there */
  constructor(signal: AbortSignal, tell: (line: string) => void) {
    this.signal = signal;
    this.#tell = tell;
  }

  say(sentence: string): void {
    const seconds = (performance.now() - this.#startedAtMs) / 1_000;
    this.#tell(`${seconds.toFixed(0).padStart(4)} s  ${sentence}`);
  }

  /** A new folder, empty. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'));
    this.#folders.push(folder);
    return folder;
  }

  /** A process of its own, running a module of this folder, with a channel for messages. */
  child(module: URL, args: readonly string[] = []): ChildProcess {
    this.signal.throwIfAborted();
    const child = fork(module, args, { stdio: ['ignore', 2, 2, 'ipc'], serialization: 'advanced' });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async close(): Promise<void> {
    const ended = [...this.#children].map(async (child) => {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    });
    await Promise.all(ended);
    await Promise.all(this.#folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
  }
}
