/**
 * `bench transfer`: a signed release from one process's disk to another's, against a bare libp2p stream and a TCP socket.
 *
 * Each way has two processes of its own, so that the memory of ours is ours. The ways take turns, round by round and each time in
 * another order, so that a busy minute of the machine hits all of them; what counts is the median of the rounds' ratios. A few rounds
 * before the first let the compilers warm up and are not counted: ours, with more code of its own to compile, starts slower than the
 * bare stream and ends faster.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ReleaseStore, createKey, foundCharter, publishFolder } from '../../src/service/index.ts';
import { quantile } from './load.ts';
import type { Costs, Order, Report } from './transfer-end.ts';
import { type Cargo, type WayName, wayNames } from './transfer-ways.ts';
import type { Workspace } from './workspace.ts';

export interface TransferOptions {
  /** Of the release; 1 MB = 10^6 bytes. */
  readonly megabytes: number;
  readonly rounds: number;
}

export const transferDefaults: TransferOptions = { megabytes: 50, rounds: 21 };

export interface TransferResult {
  /** Our speed to theirs, the median of the rounds: above 1 we are faster. */
  readonly ratio: { readonly libp2p: number; readonly socket: number };
  /** The most that our receiving process ever weighed. */
  readonly peakRssBytes: number;
  /** How much of that came after it had connected, before the first byte. */
  readonly rssGrowthBytes: number;
  readonly senderPeakRssBytes: number;
  readonly megabytesPerSecond: Readonly<Record<WayName, number>>;
  /** Processor time of both ends together for one round. */
  readonly cpuMsPerRound: Readonly<Record<WayName, number>>;
  readonly megabytes: number;
  readonly files: number;
  readonly rounds: number;
}

/** Sizes of the files of a release, over and over: pages, pictures, a film. */
const fileBytes = [4_000, 60_000, 700_000, 3_000_000, 9_000_000];
const million = 1e6;
const warmUpRounds = 3;

export async function benchTransfer(options: TransferOptions, workspace: Workspace): Promise<TransferResult> {
  const { megabytes, rounds } = options;
  const folder = await workspace.folder();
  workspace.say(`making and signing a release of ${megabytes} MB`);
  const { cargo, files } = await makeCargo(folder, megabytes * million);
  const ends = new Map<WayName, Ends>();
  for (const name of wayNames) ends.set(name, await Ends.start(name, cargo, workspace));
  const before = await endsOf(ends, 'banyan').receiver.measure();
  const tookMs: Record<WayName, number[]> = { banyan: [], libp2p: [], socket: [] };
  const cpuMsPerRound: Record<WayName, number> = { banyan: 0, libp2p: 0, socket: 0 };
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    if (round === 1) for (const name of wayNames) cpuMsPerRound[name] -= await endsOf(ends, name).cpuMs();
    for (let turn = 0; turn < wayNames.length; turn++) {
      const name = wayNames[(round + warmUpRounds + turn) % wayNames.length] as WayName;
      const ms = await endsOf(ends, name).receiver.fetch(folder);
      if (round > 0) tookMs[name].push(ms);
    }
    if (round <= 0) continue;
    const speeds = wayNames.map((name) => `${name} ${speed(cargo, tookMs[name].at(-1)).toFixed(0)} MB/s`);
    workspace.say(`round ${round} of ${rounds}: ${speeds.join(', ')}`);
  }
  for (const name of wayNames) {
    cpuMsPerRound[name] = round3((cpuMsPerRound[name] + (await endsOf(ends, name).cpuMs())) / rounds);
  }
  const ours = endsOf(ends, 'banyan');
  const after = await ours.receiver.measure();
  const { peakRssBytes: senderPeakRssBytes } = await ours.sender.measure();
  const megabytesPerSecond = (name: WayName): number => round3(speed(cargo, median(tookMs[name])));
  const against = (name: WayName): number =>
    round3(median(tookMs[name].map((ms, i) => ms / (tookMs.banyan[i] as number))));
  return {
    ratio: { libp2p: against('libp2p'), socket: against('socket') },
    peakRssBytes: after.peakRssBytes,
    rssGrowthBytes: after.peakRssBytes - before.rssBytes,
    senderPeakRssBytes,
    megabytesPerSecond: {
      banyan: megabytesPerSecond('banyan'),
      libp2p: megabytesPerSecond('libp2p'),
      socket: megabytesPerSecond('socket'),
    },
    cpuMsPerRound,
    megabytes,
    files,
    rounds,
  };
}

/** Makes a folder of files that cannot be compressed, publishes it, and lays the same bytes into one file. */
async function makeCargo(
  folder: string,
  totalBytes: number,
): Promise<{ readonly cargo: Cargo; readonly files: number }> {
  const [siteFolder, storeFolder, filePath] = ['site', 'store', 'file'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(siteFolder);
  const whole = await open(filePath, 'w');
  let files = 0;
  for (let made = 0; made < totalBytes; files++) {
    const bytes = randomBytes(Math.min(fileBytes[files % fileBytes.length] as number, totalBytes - made));
    await writeFile(join(siteFolder, `${files}.bin`), bytes);
    await whole.write(bytes);
    made += bytes.length;
  }
  await whole.sync();
  await whole.close();
  const ownerKey = createKey();
  const charter = foundCharter(ownerKey, charterTerms(createKey().publicKey), Date.now());
  const identity = { serviceId: charter.serviceId, ownerPublicKey: charter.ownerPublicKey };
  const store = await ReleaseStore.open(storeFolder, identity);
  const standing = { charter: 1, epoch: 1, term: 1 };
  const { manifest } = await publishFolder({ folder: siteFolder, store, ownerKey, standing, nowMs: Date.now() });
  await store.close();
  const { release, id: manifestId } = manifest;
  return { cargo: { storeFolder, identity, release, manifestId, filePath, bytes: totalBytes }, files };
}

function charterTerms(rootPublicKey: string): Parameters<typeof foundCharter>[1] {
  return {
    name: 'A release to move',
    requirementMs: 120,
    tree: { fanOut: 8, heartbeatMs: 1_000 },
    kind: 'site',
    admission: 'open',
    gateways: [],
    rootPublicKey,
    rootPeerId: '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp',
  };
}

/** The two processes of one way. */
class Ends {
  readonly sender: End;
  readonly receiver: End;

  private constructor(sender: End, receiver: End) {
    this.sender = sender;
    this.receiver = receiver;
  }

  static async start(name: WayName, cargo: Cargo, workspace: Workspace): Promise<Ends> {
    const [sender, receiver] = [new End(name, workspace), new End(name, workspace)];
    const { address } = await sender.ask({ type: 'send', cargo }, 'sending');
    await receiver.ask({ type: 'receive', cargo, address }, 'connected');
    return new Ends(sender, receiver);
  }

  /** Processor time of both so far. */
  async cpuMs(): Promise<number> {
    const [sender, receiver] = [await this.sender.measure(), await this.receiver.measure()];
    return sender.cpuMs + receiver.cpuMs;
  }
}

/** One process, seen from here. It is given one order at a time. */
class End {
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #gone: Promise<never>;

  constructor(name: WayName, workspace: Workspace) {
    this.#child = workspace.child(new URL('./transfer-end.js', import.meta.url), [name]);
    this.#signal = workspace.signal;
    this.#gone = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`A process of the transfer (${name}) ended by itself: ${signal ?? `exit ${code}`}.`);
    });
    this.#gone.catch(() => undefined); // it is raced against; between orders nobody listens
  }

  async ask<T extends Report['type']>(order: Order, expected: T): Promise<Extract<Report, { readonly type: T }>> {
    this.#signal.throwIfAborted();
    const answer = once(this.#child, 'message', { signal: this.#signal });
    this.#child.send(order);
    const [report] = (await Promise.race([answer, this.#gone])) as [Report];
    if (report.type === 'failed') throw new Error(report.message);
    if (report.type !== expected) throw new Error(`A process of the transfer answered "${report.type}".`);
    return report as Extract<Report, { readonly type: T }>;
  }

  async fetch(folder: string): Promise<number> {
    return (await this.ask({ type: 'fetch', folder }, 'fetched')).ms;
  }

  async measure(): Promise<Costs> {
    return await this.ask({ type: 'measure' }, 'measured');
  }
}

function endsOf(ends: ReadonlyMap<WayName, Ends>, name: WayName): Ends {
  const found = ends.get(name);
  if (found === undefined) throw new Error(`the processes of ${name} were not started`);
  return found;
}

function speed(cargo: Cargo, ms = Number.NaN): number {
  return cargo.bytes / million / (ms / 1_000);
}

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** The result as a small table. */
export function transferTable(result: TransferResult): string {
  const { ratio, megabytesPerSecond, cpuMsPerRound, megabytes, files, rounds } = result;
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return [
    `${megabytes} MB in ${files} files, disk to disk with fsync; medians of ${rounds} rounds`,
    ...wayNames.map((name) => {
      const [speed, cpuMs] = [megabytesPerSecond[name].toFixed(0), cpuMsPerRound[name].toFixed(0)];
      return `${name.padEnd(8)}${speed.padStart(6)} MB/s${cpuMs.padStart(7)} ms of processor time`;
    }),
    `ratio of our speed: to bare libp2p ${ratio.libp2p}, to a socket ${ratio.socket}`,
    `memory of our receiver: at most ${mebibytes(result.peakRssBytes)} MiB, ${mebibytes(result.rssGrowthBytes)} MiB more than before;` +
      ` of our sender: at most ${mebibytes(result.senderPeakRssBytes)} MiB`,
  ].join('\n');
}
