/** Runs the built program as people do: as a process of its own, in a home of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { builtProgram, homeEnvironment, newHome, removeHome } from '../home.ts';
import { neverMs } from '../patience.ts';

/** The URL of a built module, for scripts of processes that tests start. */
export function builtModule(path: string): string {
  return new URL(`../../dist/src/${path}`, import.meta.url).href;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home with nothing in it, whose daemons end with the test. */
export class Home {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly #children = new Set<ChildProcess>();

  static async make(): Promise<Home> {
    return new Home(await newHome());
  }

  private constructor(path: string) {
    this.path = path;
    this.environment = homeEnvironment(path);
  }

  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** Starts the program and leaves it running. */
  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
    const child = spawn(process.execPath, [builtProgram, ...args], {
      cwd: this.path,
      env: { ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    return new Running(child);
  }

  /** Runs the program to its end. */
  async run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return await this.start(args, environment).ended;
  }

  async clear(): Promise<void> {
    for (const child of this.#children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await removeHome(this.path);
  }
}

export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  readonly #watchers = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#heard(() => (this.stdout += text)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#heard(() => (this.stderr += text)));
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        this.#heard(() => undefined);
      });
    });
  }

  /** The first JSON object on stdout of this kind. */
  async line(kind: string): Promise<Record<string, unknown>> {
    return await this.#until(
      () => parseLines(this.stdout).find((object) => object['kind'] === kind),
      `a line of kind ${kind}`,
    );
  }

  /** Until this stands on stderr. */
  async warning(text: string): Promise<void> {
    await this.#until(() => this.stderr.includes(text) || undefined, `"${text}" on stderr`);
  }

  async #until<Found>(look: () => Found | undefined, what: string): Promise<Found> {
    let isLate = false;
    const timer = setTimeout(() => this.#heard(() => (isLate = true)), neverMs);
    try {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        if (this.child.exitCode !== null) throw new Error(`it ended without ${what}: ${this.stdout}\n${this.stderr}`);
        if (isLate) throw new Error(`waited ${neverMs / 1_000} s in vain for ${what}: ${this.stdout}\n${this.stderr}`);
        await new Promise<void>((resolve) => this.#watchers.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #heard(change: () => void): void {
    change();
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }
}

/** The objects in whole lines. */
export function parseLines(text: string): Record<string, unknown>[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
