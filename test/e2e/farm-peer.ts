/**
 * One peer of a farm under test: a `banyan` process of its own, started, asked and ended as a person would.
 *
 * What it says is kept, so that a test that fails can show it. Its status is asked over the control socket, which is what
 * `banyan status` does too, and cheaper than a process for each look.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { NodeStatus } from '../../src/host/farm-node.ts';
import { ControlClient } from '../../src/cli/daemon/control-client.ts';
import type { ControlMethod, ControlMethods } from '../../src/cli/daemon/control.ts';
import { StateFolder } from '../../src/cli/state/state-folder.ts';
import { neverMs } from '../patience.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a daemon says on stdout when it is up. */
export interface Ready {
  readonly peerId: string;
  readonly pid: number;
  readonly addresses?: readonly string[];
  readonly url?: string;
  readonly invite?: string;
}

/** What a process is started from. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Characters of what a process said that are kept. */
const wordsKept = 200_000;

/** A process and all that it said. */
export class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #onWords: () => void = () => undefined;

  constructor({ program, args, cwd, environment }: Launch) {
    this.child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout = (this.stdout + text).slice(-wordsKept);
      this.#onWords();
    });
    this.child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-wordsKept)));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first line on stdout of this kind. @throws when the process ends, or a long time passes, without it */
  async line(kind: string): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined =>
      linesOf(this.stdout).find((object) => object['kind'] === kind);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no line of kind ${kind} within ${neverMs / 1_000} s`)), neverMs);
      this.#onWords = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      };
      this.#onWords();
      this.ended.then(
        ({ code, signal, stderr }) => {
          clearTimeout(timer);
          reject(new Error(`it ended (${signal ?? code}) without a line of kind ${kind}: ${stderr}`));
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    if (this.isRunning) this.child.kill(signal);
    return await this.ended;
  }
}

export class FarmPeer {
  readonly name: string;
  readonly state: StateFolder;
  readonly #launch: Launch;
  readonly #processes: Process[] = [];
  #control: ControlClient | null = null;
  #ready: Ready | null = null;

  constructor(name: string, folder: string, launch: Launch) {
    this.name = name;
    this.state = new StateFolder(folder);
    this.#launch = launch;
  }

  /** Starts it, also again after it has ended. `more` are arguments for this time. */
  async start(more: readonly string[] = []): Promise<this> {
    const process = this.launch(more);
    this.#ready = (await process.line('ready')) as unknown as Ready;
    return this;
  }

  /** Starts it without waiting for anything. */
  launch(more: readonly string[] = []): Process {
    this.#control?.close();
    this.#control = null;
    const process = new Process({ ...this.#launch, args: [...this.#launch.args, ...more] });
    this.#processes.push(process);
    return process;
  }

  get process(): Process {
    const last = this.#processes.at(-1);
    if (last === undefined) throw new Error(`${this.name} was never started`);
    return last;
  }

  get #said(): Ready {
    if (this.#ready === null) throw new Error(`${this.name} is not up`);
    return this.#ready;
  }

  get id(): string {
    return this.#said.peerId;
  }

  /** Of its HTTP face. */
  get url(): string {
    const { url } = this.#said;
    if (url === undefined) throw new Error(`${this.name} has no HTTP face`);
    return url;
  }

  get invite(): string {
    const { invite } = this.#said;
    if (invite === undefined) throw new Error(`${this.name} gave no invite`);
    return invite;
  }

  get isRunning(): boolean {
    return this.#processes.at(-1)?.isRunning === true;
  }

  async ask<Method extends ControlMethod>(
    method: Method,
    params: ControlMethods[Method]['params'],
  ): Promise<ControlMethods[Method]['result']> {
    this.#control ??= await ControlClient.find(this.state);
    if (this.#control === null) throw new Error(`${this.name} does not run`);
    return await this.#control.call(method, params);
  }

  async status(): Promise<NodeStatus> {
    return await this.ask('status', {});
  }

  /** As a power cut would: no goodbye. */
  async kill(): Promise<void> {
    await this.process.end('SIGKILL');
  }

  /** Ends all that still runs of it. */
  async clear(): Promise<void> {
    this.#control?.close();
    await Promise.all(this.#processes.map((process) => process.end('SIGKILL')));
  }

  /** Its last words, for a test that failed. */
  words(most: number): string {
    const process = this.#processes.at(-1);
    if (process === undefined) return `--- ${this.name}: never started`;
    const { exitCode, signalCode } = process.child;
    const fate = process.isRunning ? 'still runs' : `ended with ${signalCode ?? exitCode}`;
    return `--- ${this.name} (${fate}; start ${this.#processes.length})\n${process.stdout.slice(-most)}${process.stderr.slice(-most)}`;
  }
}

/** The JSON objects among the lines of a text. */
export function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
