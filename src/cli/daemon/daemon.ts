/**
 * A peer that runs: from taking the lock to releasing it.
 *
 * The order matters. First the lock, so that nobody else touches the folder; then the peer; then its faces (HTTP, the
 * control socket); then it says that it is ready. Stopping is the reverse: no new requests, those under way end, the
 * peer tells its neighbours, the lock is released last. A signal, `banyan stop` and `banyan leave` all stop it so; a second
 * signal ends the process at once, and so does a stop that takes more than twenty seconds.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Gateway } from '../../gateway/index.ts';
import type { FarmNode } from '../../host/index.ts';
import { withReaderVariable, cutLoose, isInBackground } from './background.ts';
import type { DaemonInfo } from './control.ts';
import { clearControlAddress, prepareControlAddress } from './control-address.ts';
import { controlMethods } from './control-methods.ts';
import { type ControlServer, serveControl } from './control-server.ts';
import { findFreePort } from './free-port.ts';
import { acquireLock } from './lock.ts';
import { LogFile } from './log-file.ts';
import { type Logger, createLoggerFor } from './log.ts';
import { narrate } from './narrator.ts';
import type { NodeRequest } from '../node-request.ts';
import type { Session } from '../session.ts';
import { stateFiles, type Gift, type ServiceRecord } from '../state/state-folder.ts';

export interface DaemonPlan {
  readonly record: ServiceRecord;
  readonly request: Omit<NodeRequest, 'logger'>;
  /** Its HTTP face; null for none. */
  readonly http: { readonly host: string; readonly port: number; readonly isStrict: boolean } | null;
  /** What is left to do once it runs; ends by telling that it is ready. */
  readonly ready: (daemon: RunningDaemon) => Promise<void>;
}

/** What a process that starts in the background makes before the daemon does, and what one that broke off leaves. */
const passingNames: readonly string[] = [stateFiles.run, stateFiles.lock, stateFiles.holder, stateFiles.log];

function lastingOf(before: readonly string[] | null): readonly string[] | null {
  const isBegun = before !== null && before.length > 0 && before.every((name) => passingNames.includes(name));
  return isBegun ? null : (before?.filter((name) => !passingNames.includes(name)) ?? null);
}

export interface RunningDaemon {
  readonly node: FarmNode;
  readonly info: DaemonInfo;
}

const graceMs = 5_000;
const patienceMs = 20_000;

/** Runs until it is told to stop. @throws what kept it from starting */
export async function runDaemon(session: Session, plan: DaemonPlan): Promise<void> {
  const { state } = plan.request;
  const stopping = new StopSignal(session);
  // A service does not end because nobody listens any more (`banyan serve --json | head -1`); one that is part of a show does.
  const isPartOfShow = (session.outside.environment[withReaderVariable] ?? '') !== '';
  session.outside.whenReaderGone?.(() => {
    if (isPartOfShow) stopping.request('signal');
  });
  if (isPartOfShow) session.outside.whenStarterGone?.(() => stopping.request('signal'));
  const before = await state.names();
  const lock = await acquireLock(state, {
    pid: process.pid,
    startedAtMs: Date.now(),
    command: session.command,
    version: session.adapters.version,
  });
  const isNew = (await state.record()) === null;
  const daemon = new Daemon(session, plan, stopping);
  try {
    await state.writeRecord(plan.record);
    await daemon.run();
  } finally {
    lock.release();
    stopping.end();
    // A farm that never let this peer in leaves nothing behind, so that nothing is in the way of the next try; but what
    // was there before stays, save what only runs of Banyan need.
    if (isNew && !daemon.wasUp && plan.request.part !== 'root') await state.remove(lastingOf(before));
  }
}

class Daemon {
  readonly #session: Session;
  readonly #plan: DaemonPlan;
  readonly #stopping: StopSignal;
  #logger!: Logger;
  wasUp = false;
  #node: FarmNode | null = null;
  #gateway: Gateway | null = null;
  #control: ControlServer | null = null;

  constructor(session: Session, plan: DaemonPlan, stopping: StopSignal) {
    this.#session = session;
    this.#plan = plan;
    this.#stopping = stopping;
  }

  async run(): Promise<void> {
    const file = await this.#openLogFile();
    this.#logger = await createLoggerFor(this.#session, file);
    const crashed = (error: unknown, origin: string): void => {
      this.#logger.fatal({ err: error, origin }, 'the daemon failed and ends');
      this.#session.output.error(
        {
          message: `The daemon failed (${String(error)}) and ends.`,
          hint: undefined,
          code: 'crash',
          exitCode: 1,
          isExpected: false,
        },
        undefined,
      );
      process.exit(1);
    };
    process.on('uncaughtException', crashed);
    try {
      await this.#up(file);
      await this.#watch();
      await this.#down();
    } catch (error) {
      // A person is told in a sentence (program.ts); the trace is for the log file, and for those who ask for it.
      this.#logger[file === null ? 'debug' : 'error']({ err: error }, 'the daemon could not run');
      await this.#down();
      throw error;
    } finally {
      process.off('uncaughtException', crashed);
    }
  }

  async #openLogFile(): Promise<LogFile | null> {
    if (!isInBackground(this.#session.outside.environment)) return null;
    const { logFile } = this.#plan.request.state;
    await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
    return new LogFile(logFile);
  }

  async #up(file: LogFile | null): Promise<void> {
    const { request, ready } = this.#plan;
    const { adapters, paths } = this.#session;
    const startedAtMs = Date.now();
    const node = await adapters.startNode({ ...request, logger: this.#logger });
    this.#node = node;
    await this.#openDoor(node);
    const info: DaemonInfo = {
      pid: process.pid,
      version: adapters.version,
      command: this.#session.command,
      part: request.part,
      startedAtMs,
      stateFolder: request.state.path,
      logFile: file?.path ?? null,
      url: this.#gateway?.url ?? null,
      neverServes: request.serving === 'never',
    };
    this.#control = await serveControl({
      address: await prepareControlAddress(request.state, paths.runtime),
      methods: controlMethods({
        node,
        info: () => info,
        stop: (reason) => this.#stopping.request(reason),
        remember: async (serving) => await this.#remember(serving),
      }),
      onError: (error, method) => this.#logger.error({ err: error, method }, 'a control request failed'),
    });
    await ready({ node, info });
    this.#logger.info({ part: request.part, peerId: node.status().peerId }, 'up');
    if (isInBackground(this.#session.outside.environment)) cutLoose();
    this.#stopping.isUp = true;
    this.wasUp = true;
  }

  async #openDoor(node: FarmNode): Promise<void> {
    const { http } = this.#plan;
    if (http === null) return;
    const { startGateway } = await import('../../gateway/index.ts');
    const { port, steppedOver } = await findFreePort(http.port, http.host, http.isStrict);
    this.#gateway = await startGateway({
      proxy: (...args) => node.proxy(...args),
      host: http.host,
      port,
      logger: this.#logger,
      onEnded: (request) => node.happenings.tell({ from: 'gateway', event: { type: 'request-ended', ...request } }),
    });
    if (steppedOver !== null) this.#session.output.note(`Port ${steppedOver} is in use; the site is at port ${port}.`);
  }

  async #remember(serving: Gift['serving']): Promise<void> {
    const { record, request } = this.#plan;
    await request.state.writeRecord({ ...record, gift: { limits: request.limits, serving } });
  }

  /** Tells what changes until it is told to stop. */
  async #watch(): Promise<void> {
    if (this.#node === null || this.#stopping.isRequested) return;
    const end = narrate(this.#node, (change) => {
      const { text, ...details } = change;
      this.#logger.info(details, text);
      this.#session.output.result({ kind: 'changed', ...change }, () => text);
    });
    await this.#stopping.requested;
    end();
  }

  async #down(): Promise<void> {
    const { output } = this.#session;
    const reason = this.#stopping.reason;
    if (reason === 'signal') output.note('Stopping … (a second signal forces it)');
    const overdue = setTimeout(() => {
      this.#logger.error({}, 'stopping took too long and was cut short');
      process.exit(1);
    }, patienceMs);
    await this.#gateway?.close(graceMs);
    await this.#node?.stop();
    await this.#control?.close();
    if (this.#control !== null) await clearControlAddress(this.#plan.request.state);
    clearTimeout(overdue);
    this.#logger.info({ reason }, 'stopped');
    if (reason !== null) output.result({ kind: 'stopped' }, () => 'Stopped.');
  }
}

/** One place where all wishes to end arrive: signals, and orders over the control socket. */
class StopSignal {
  isUp = false;
  reason: 'signal' | 'stop' | 'leave' | null = null;
  /** Resolves when it is time to stop. */
  readonly requested: Promise<void>;
  #resolve = (): void => {};
  readonly #onSignal: () => void;

  constructor(session: Session) {
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#onSignal = () => {
      // Before the peer is up it has no neighbours to tell; a second signal ends the process at once.
      if (!this.isUp || this.reason !== null) {
        if (this.reason !== null) session.output.note('Forced to end.');
        process.exit(this.reason === null ? 130 : 1);
      }
      this.request('signal');
    };
    for (const signal of endSignals) process.on(signal, this.#onSignal);
  }

  get isRequested(): boolean {
    return this.reason !== null;
  }

  request(reason: 'signal' | 'stop' | 'leave'): void {
    this.reason ??= reason;
    this.#resolve();
  }

  end(): void {
    for (const signal of endSignals) process.off(signal, this.#onSignal);
  }
}

const endSignals: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];
