/**
 * A farm of real processes for a test: the built program, on loopback, each peer with a state folder of its own.
 *
 * `useFarm()` in a test file gives each test an empty farm and takes it down afterwards, whatever happened: every process
 * is killed, every file removed; and when the test has failed, the last words of all processes are printed first. Peers beat
 * fast, so that detection and repair take a second or two instead of many.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { builtProgram, homeEnvironment, newHome, removeHome } from '../home.ts';
import { until } from '../patience.ts';
import { type Ended, FarmPeer, Process } from './farm-peer.ts';
import { writeSite } from './test-site.ts';

/** Heartbeat of the farms here. */
const heartbeatMs = 400;

const loopback = ['--listen', '127.0.0.1', '--json'];
const wordsShown = 6_000;

export interface RootPlan {
  readonly fanOut?: number;
  /** The folder that is served; one with edition 1 of the test site when left out. */
  readonly site?: string;
  readonly args?: readonly string[];
  readonly program?: string;
}

export interface PeerPlan {
  readonly args?: readonly string[];
  /** Another program than the built one, another folder than the usual one. */
  readonly program?: string;
  readonly folder?: string;
  readonly invite?: string;
}

export class Farm {
  readonly path: string;
  readonly peers: FarmPeer[] = [];
  readonly environment: Readonly<Record<string, string>>;
  readonly #commands: Process[] = [];
  readonly #endings: (() => void)[] = [];
  #root: FarmPeer | null = null;

  static async make(): Promise<Farm> {
    return new Farm(await newHome());
  }

  private constructor(path: string) {
    this.path = path;
    this.environment = homeEnvironment(path);
  }

  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  get root(): FarmPeer {
    if (this.#root === null) throw new Error('this farm has no root yet');
    return this.#root;
  }

  /** The root, serving; the first thing that a test raises. */
  async raise({ fanOut = 8, site, args = [], program }: RootPlan = {}): Promise<FarmPeer> {
    const folder = site ?? this.file('site');
    if (site === undefined) await writeSite(folder, 1);
    const terms = ['--heartbeat', `${heartbeatMs}ms`, '--fan-out', String(fanOut)];
    this.#root = this.peer(
      'root',
      ['serve', folder, ...terms, '--port', '0', '--http-port', '0', ...args],
      program === undefined ? {} : { program },
    );
    return await this.#root.start();
  }

  /** A volunteer that offers to serve at once, started but perhaps not serving yet. */
  async volunteer(name: string, plan: PeerPlan = {}): Promise<FarmPeer> {
    return await this.candidate(name, plan).start();
  }

  /** A volunteer that is not started yet. */
  candidate(name: string, { args = ['--serve'], invite = this.root.invite, ...where }: PeerPlan = {}): FarmPeer {
    return this.peer(name, ['join', invite, '--port', '0', ...args], where);
  }

  /** A user's `banyan open`. */
  async reader(name: string, { args = [], invite = this.root.invite, ...where }: PeerPlan = {}): Promise<FarmPeer> {
    return await this.peer(name, ['open', invite, '--port', '0', '--peer-port', '0', ...args], where).start();
  }

  peer(
    name: string,
    args: readonly string[],
    { program = builtProgram, folder = this.file(name) }: Pick<PeerPlan, 'program' | 'folder'> = {},
  ): FarmPeer {
    const launch = {
      program,
      args: [...args, '--state', folder, ...loopback],
      cwd: this.path,
      environment: this.environment,
    };
    const peer = new FarmPeer(name, folder, launch);
    this.peers.push(peer);
    return peer;
  }

  /** Runs a command to its end. */
  async banyan(args: readonly string[]): Promise<Ended> {
    const command = new Process({ program: builtProgram, args, cwd: this.path, environment: this.environment });
    this.#commands.push(command);
    return await command.ended;
  }

  /** Publishes the test site's next edition. */
  async update(edition: number): Promise<void> {
    const folder = this.file(`site-${edition}`);
    await writeSite(folder, edition);
    await this.root.ask('update', { folder });
  }

  /** Something to undo when the test is over, the latest first. */
  atEnd(ending: () => void): void {
    this.#endings.unshift(ending);
  }

  words(): string {
    return this.peers.map((peer) => peer.words(wordsShown)).join('\n');
  }

  async raze(): Promise<void> {
    await Promise.all([
      ...this.peers.map((peer) => peer.clear()),
      ...this.#commands.map((command) => command.end('SIGKILL')),
    ]);
    for (const ending of this.#endings) ending();
    await removeHome(this.path);
  }

  /** The same, when there is no time to wait. */
  razeNow(): void {
    for (const peer of this.peers) if (peer.isRunning) peer.process.child.kill('SIGKILL');
    for (const ending of this.#endings) ending();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** For a test file: a function that makes an empty farm for the test that calls it. */
export function useFarm(): () => Promise<Farm> {
  const farms: Farm[] = [];
  const now = (): void => farms.forEach((farm) => farm.razeNow());
  afterEach(async ({ task }) => {
    process.off('exit', now);
    for (const farm of farms.splice(0)) {
      if (task.result?.state === 'fail') process.stderr.write(`${task.name}\n${farm.words()}\n`);
      await farm.raze();
    }
  });
  return async () => {
    const farm = await Farm.make();
    if (farms.push(farm) === 1) process.once('exit', now);
    return farm;
  };
}

/** All of them serve, and all agree on who does. */
export async function untilServing(servers: readonly FarmPeer[]): Promise<void> {
  const names = servers.map((server) => server.name).join(', ');
  await until(`${names} serve`, async () => {
    const views = await Promise.all(servers.map((server) => server.status()));
    return views.every(
      ({ role, servers: known }) =>
        role !== 'client' && servers.every(({ id }) => known.some((it) => it.peerId === id && it.state === 'serving')),
    );
  });
}

/** A client or reader is in, and has heard of all these servers. */
export async function untilKnown(client: FarmPeer, servers: readonly FarmPeer[]): Promise<void> {
  await until(`${client.name} knows ${servers.map((server) => server.name).join(', ')}`, async () => {
    const { attached, servers: known } = await client.status();
    return attached && servers.every(({ id }) => known.some((it) => it.peerId === id && it.state === 'serving'));
  });
}
