/**
 * A crew (worker pool): the same work on many tasks, in parallel on all cores. An experiment over forty seeds is forty independent tasks.
 *
 * Work is a function that its module exports under its own name, so that a worker thread can find it there. It receives a task and a
 * callback for progress, and returns an outcome. Tasks and outcomes are plain data, because they cross threads. Outcomes come in the order
 * of the tasks, whichever finishes first. A task that fails ends the crew, and the error says which task it was. With one job everything
 * runs in the caller's own thread; so it does while the sources run untranslated (in tests), because a worker of Node 20 cannot load
 * TypeScript.
 */
import { availableParallelism, totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import type { Progress } from './experiments/experiment.ts';

/** Works on one task; `report` takes the share that is done, 0 to 1, and a few words on what is going on. */
export type Work<Task, Outcome> = (task: Task, report: Report) => Outcome | Promise<Outcome>;

export type Report = (share: number, note?: string) => void;

export interface CrewOptions<Task, Outcome> {
  readonly work: Work<Task, Outcome>;
  /** The module that exports `work` under its name: its `import.meta.url`. */
  readonly module: string;
  readonly tasks: readonly Task[];
  /** A task's name in errors: `seed 7`. Its number in the list when absent. */
  readonly nameOf?: (task: Task) => string;
  /** Worker threads; one per core when absent, and never more than tasks. 1 = none: the caller's own thread. */
  readonly jobs?: number | undefined;
  /** A single job also gets a thread, so that the caller's stays responsive, and as much memory as it needs. */
  readonly apart?: boolean;
  readonly progress?: Progress | undefined;
  /** Ends the workers at once. */
  readonly signal?: AbortSignal | undefined;
}

/** A task failed; `cause` is what its work threw. */
export class TaskError extends Error {
  override readonly name = 'TaskError';
}

/** The messages of a worker. */
export type WorkerWord =
  | { readonly type: 'report'; readonly share: number; readonly note: string | undefined }
  | { readonly type: 'outcome'; readonly outcome: unknown }
  | { readonly type: 'error'; readonly error: PlainError };

/** An error as data: its class does not survive the transfer between threads. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
}

/** @throws TaskError naming the task that failed; the signal's reason when the run was aborted */
export async function runCrew<Task, Outcome>(options: CrewOptions<Task, Outcome>): Promise<Outcome[]> {
  const { tasks, signal, jobs = availableParallelism(), apart = false, module } = options;
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new RangeError(`${jobs} jobs: there must be a whole number, 1 or more`);
  signal?.throwIfAborted();
  const board = new Board(options);
  const threads = Math.min(jobs, tasks.length);
  const canHaveWorkers = !module.endsWith('.ts');
  if (!canHaveWorkers || (threads <= 1 && !apart)) await workHere(options, board);
  else await workInThreads(options, board, threads);
  return board.outcomes;
}

/** The next task, the outcomes so far, and the progress of all tasks. */
class Board<Task, Outcome> {
  readonly outcomes: Outcome[] = [];
  readonly #options: CrewOptions<Task, Outcome>;
  readonly #shares: number[];
  #next = 0;

  constructor(options: CrewOptions<Task, Outcome>) {
    this.#options = options;
    this.#shares = options.tasks.map(() => 0);
  }

  /** The next task that no worker has taken; null when there is none. */
  take(): number | null {
    return this.#next < this.#options.tasks.length ? this.#next++ : null;
  }

  done(number: number, outcome: Outcome): void {
    this.outcomes[number] = outcome;
    this.report(number, 1);
  }

  report(number: number, share: number, note?: string): void {
    this.#shares[number] = Math.max(this.#shares[number] ?? 0, Math.min(1, share));
    const done = this.#shares.reduce((sum, each) => sum + each, 0);
    this.#options.progress?.step(done, this.#shares.length, note);
  }

  failed(number: number, cause: unknown): TaskError {
    const { tasks, nameOf = (): string => `task ${number + 1} of ${tasks.length}` } = this.#options;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new TaskError(`${nameOf(tasks[number] as Task)}: ${reason}`, { cause });
  }
}

async function workHere<Task, Outcome>(
  options: CrewOptions<Task, Outcome>,
  board: Board<Task, Outcome>,
): Promise<void> {
  const { work, tasks, signal } = options;
  for (let number = board.take(); number !== null; number = board.take()) {
    const at = number;
    try {
      board.done(at, await work(tasks[at] as Task, (share, note) => board.report(at, share, note)));
    } catch (cause) {
      throw board.failed(at, cause);
    }
    // Between two tasks the thread processes incoming events, such as an abort.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
}

async function workInThreads<Task, Outcome>(
  options: CrewOptions<Task, Outcome>,
  board: Board<Task, Outcome>,
  threads: number,
): Promise<void> {
  const { signal, work, module, apart = false } = options;
  const url = new URL('./crew-member.js', import.meta.url);
  const settings = { workerData: { module, name: work.name }, ...(apart ? { resourceLimits: roomy() } : {}) };
  const workers = Array.from({ length: threads }, () => new Worker(url, settings));
  const stop = new AbortController();
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  try {
    await Promise.all(workers.map((worker) => workWith(worker, options.tasks, board, stopped)));
  } catch (error) {
    stop.abort(error);
    signal?.throwIfAborted();
    throw error;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Most objects live only while a message is on its way: the young generation holds a second's worth of them, and few survive it. */
const youngMb = 48;

/** Memory for a thread that has the machine to itself: three quarters of it, where Node would stop at 4 GB. */
function roomy(): ResourceLimits {
  const ownMb = getHeapStatistics().heap_size_limit / 2 ** 20;
  return {
    maxYoungGenerationSizeMb: youngMb,
    maxOldGenerationSizeMb: Math.floor(Math.max(ownMb, (0.75 * totalmem()) / 2 ** 20)),
  };
}

/** Gives one worker task after task until none is left. */
function workWith<Task, Outcome>(
  worker: Worker,
  tasks: readonly Task[],
  board: Board<Task, Outcome>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let number = -1;
    const goOn = (): void => {
      const next = board.take();
      if (next === null) return resolve();
      number = next;
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows; a thread has no origin.
      worker.postMessage(tasks[number]);
    };
    worker.on('message', (word: WorkerWord) => {
      if (word.type === 'report') board.report(number, word.share, word.note);
      else if (word.type === 'error') reject(board.failed(number, revived(word.error)));
      else {
        board.done(number, word.outcome as Outcome);
        goOn();
      }
    });
    // Errors outside any task arrive here, such as a thread that ran out of memory.
    worker.on('error', (cause) => reject(board.failed(number, cause)));
    worker.on('exit', (code) => reject(board.failed(number, new Error(`its thread ended with code ${code}`))));
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    goOn();
  });
}

export function plain(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, cause: undefined };
  const { name, message, stack, cause } = error;
  return { name, message, stack, cause: cause instanceof Error ? plain(cause) : undefined };
}

function revived({ name, message, stack, cause }: PlainError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: revived(cause) });
  return Object.assign(error, { name, stack });
}
