/**
 * One peer of the demonstration: a real `banyan` process of its own, spoken to as anybody would, over its control socket.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { NodeStatus } from '../../host/index.ts';
import { withReaderVariable } from '../daemon/background.ts';
import { ControlClient } from '../daemon/control-client.ts';
import type { ControlMethod, ControlMethods } from '../daemon/control.ts';
import { StateFolder } from '../state/state-folder.ts';

export interface ReadyLine {
  readonly kind: 'ready';
  readonly url?: string;
  readonly invite?: string;
  readonly peerId: string;
}

export interface ProcessPlan {
  /** What people see: the city it stands in. */
  readonly name: string;
  readonly folder: string;
  /** Command and its own arguments; state folder and JSON are added. */
  readonly args: readonly string[];
}

/** Where a process is in its life. `starting` is not ready yet, the first time or again; `down` was up and has ended. */
export type ProcessLife = 'not yet' | 'starting' | 'up' | 'down';

/** The words on stderr that are kept, to tell why a process ended. */
const wordsKept = 4_000;
const upTimeoutMs = 60_000;
const statusTimeoutMs = 2_000;

export class FarmProcess {
  readonly name: string;
  readonly state: StateFolder;
  readonly #plan: ProcessPlan;
  readonly #script: string;
  #child: ChildProcess | null = null;
  #life: ProcessLife = 'not yet';
  #ended: Promise<void> = Promise.resolve();
  #words = '';
  #control: ControlClient | null = null;
  ready: ReadyLine | null = null;
  /** Called when the process ends without having been told to. */
  onUnexpectedEnd: (sentence: string) => void = () => {};
  #mayEnd = false;

  constructor(plan: ProcessPlan, script: string) {
    this.#plan = plan;
    this.#script = script;
    this.name = plan.name;
    this.state = new StateFolder(plan.folder);
  }

  get life(): ProcessLife {
    return this.#life;
  }

  /** Starts it; resolves when it says that it is ready. @throws Error with its last words */
  async start(): Promise<ReadyLine> {
    const [command = 'help', ...rest] = this.#plan.args;
    const args = [this.#script, command, ...rest, '--state', this.#plan.folder, '--json', '--listen', '127.0.0.1'];
    const child = spawn(process.execPath, args, {
      // A group of its own: Ctrl-C is for the demonstration, which ends the farm in order.
      detached: true,
      // Nothing is ever written to its input: that it closes tells the peer that the demonstration is no more.
      stdio: ['pipe', 'pipe', 'pipe'],
      env: quietEnvironment(),
    });
    this.#child = child;
    this.#life = 'starting';
    this.#mayEnd = false;
    this.#words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-wordsKept);
    });
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#child = null;
        this.#life = 'down';
        this.#control = null;
        if (!this.#mayEnd) this.onUnexpectedEnd(this.#lastWords(code, signal));
        resolve();
      });
    });
    this.ready = await this.#waitReady(child);
    this.#life = 'up';
    return this.ready;
  }

  async #waitReady(child: ChildProcess): Promise<ReadyLine> {
    return await new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${this.name} did not come up: ${why}`));
      const timer = setTimeout(() => fail('it was not ready within a minute'), upTimeoutMs);
      child.once('exit', (code, signal) => fail(this.#lastWords(code, signal)));
      child.once('error', (error) => fail(error.message));
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const said = JSON.parse(line) as { kind: string };
        if (said.kind !== 'ready') return;
        clearTimeout(timer);
        resolve(said as ReadyLine);
      });
    });
  }

  /** Asks it something over its control socket. */
  async ask<Method extends ControlMethod>(
    method: Method,
    params: ControlMethods[Method]['params'],
  ): Promise<ControlMethods[Method]['result']> {
    this.#control ??= await ControlClient.find(this.state);
    if (this.#control === null) throw new Error(`${this.name} is not running`);
    return await this.#control.call(method, params);
  }

  /** Its status; null when it does not answer (it may be ending). */
  async status(): Promise<NodeStatus | null> {
    if (this.#child === null) return null;
    try {
      return await Promise.race([this.ask('status', {}), silence()]);
    } catch {
      return null; // a process that ends while it is asked is no news: its exit is told elsewhere
    }
  }

  /** As a power cut would: no goodbye. */
  async kill(): Promise<void> {
    this.#mayEnd = true;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Ends it at once, without waiting for the end. */
  killNow(): void {
    this.#mayEnd = true;
    this.#child?.kill('SIGKILL');
  }

  /** Asks it to end, and makes sure that it does. */
  async stop(graceMs: number): Promise<void> {
    this.#mayEnd = true;
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #lastWords(code: number | null, signal: string | null): string {
    const words = this.#words.trim().split('\n').slice(-3).join(' ');
    return `${this.name} ended (${signal ?? `exit ${code}`})${words === '' ? '' : `: ${words}`}`;
  }
}

/** The person's own settings for Banyan are not for these processes. */
function quietEnvironment(): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('BANYAN_') && name !== 'NODE_OPTIONS',
  );
  // Should the demonstration itself be killed, its peers end too.
  return { ...Object.fromEntries(inherited), [withReaderVariable]: '1' };
}

/** A process that ends while it is asked never answers. */
async function silence(): Promise<null> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve(null), statusTimeoutMs).unref();
  });
}
