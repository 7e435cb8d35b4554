/**
 * Moving a release from one process to another, disk to disk with fsync: our verified transfer against the same bytes over one bare
 * libp2p stream and over one TCP socket, in turn, so that a noisy machine is noisy for all three.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { ReleaseStore, type ServiceIdentity, createKey, foundCharter, publishFolder } from '../../src/service/index.ts';
import type { EndPlan, EndReport, Kind } from './transfer-end.ts';
import type { Workspace } from './workspace.ts';

export interface TransferOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

export interface TransferResult {
  /** Our speed as a share of the other's: 1 is as fast, higher is faster. */
  readonly ratio: { readonly libp2p: number; readonly socket: number };
  /** Of our receiving process, all of Node and libp2p included. */
  readonly peakRssBytes: number;
  /** What the transfer added to it. */
  readonly grownRssBytes: number;
  readonly megabytesPerSecond: { readonly release: number; readonly libp2p: number; readonly socket: number };
  readonly megabytes: number;
  readonly rounds: number;
}

export const transferDefaults: TransferOptions = { megabytes: 50, rounds: 5 };

/** A name that fits the charter; the benchmark has no root. */
const somePeerId = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
const kinds: readonly Kind[] = ['release', 'stream', 'socket'];
const endModule = new URL('./transfer-end.js', import.meta.url);

interface Material {
  readonly site: string;
  readonly store: string;
  readonly identity: ServiceIdentity;
  readonly bytes: number;
}

export async function benchTransfer(
  { megabytes, rounds }: TransferOptions,
  workspace: Workspace,
): Promise<TransferResult> {
  const material = await prepare(megabytes, workspace);
  const ms: Record<Kind, number[]> = { release: [], stream: [], socket: [] };
  let peakRssBytes = 0;
  let grownRssBytes = 0;
  for (let round = 0; round <= rounds; round++) {
    for (const kind of kinds) {
      const done = await measure(kind, material, workspace);
      // The first round fills the page cache and is not counted.
      if (round === 0) continue;
      ms[kind].push(done.ms);
      if (kind !== 'release') continue;
      peakRssBytes = Math.max(peakRssBytes, done.peakRssBytes);
      grownRssBytes = Math.max(grownRssBytes, done.peakRssBytes - done.startRssBytes);
    }
    if (round > 0)
      workspace.say(
        `round ${round} of ${rounds}: ${kinds.map((kind) => `${kind} ${ms[kind].at(-1)?.toFixed(0)} ms`).join(', ')}`,
      );
  }
  const speed = (kind: Kind): number => megabytes / (median(ms[kind]) / 1000);
  return {
    ratio: { libp2p: rounded(speed('release') / speed('stream')), socket: rounded(speed('release') / speed('socket')) },
    peakRssBytes,
    grownRssBytes,
    megabytesPerSecond: {
      release: rounded(speed('release')),
      libp2p: rounded(speed('stream')),
      socket: rounded(speed('socket')),
    },
    megabytes,
    rounds,
  };
}

/** A site of files that do not compress: half of it small and middling ones, half one large file; and its signed release. */
async function prepare(megabytes: number, workspace: Workspace): Promise<Material> {
  const folder = await workspace.folder();
  const [site, store] = [join(folder, 'site'), join(folder, 'store')];
  await mkdir(site);
  const bytes = megabytes * 1_000_000;
  const large = Math.floor(bytes / 2);
  await writeFile(join(site, 'large.bin'), randomBytes(large));
  let left = bytes - large;
  for (let number = 0; left > 0; number++) {
    const size = Math.min(left, [20_000, 400_000, 3_000_000][number % 3] ?? left);
    await writeFile(join(site, `file-${String(number).padStart(4, '0')}.bin`), randomBytes(size));
    left -= size;
  }
  const [ownerKey, rootKey] = [createKey(), createKey()];
  const terms = {
    name: 'bench',
    requirementMs: null,
    tree: { fanOut: 8, heartbeatMs: 1_000 },
    kind: 'site',
    admission: 'open',
    gateways: [],
  } as const;
  const charter = foundCharter(
    ownerKey,
    { ...terms, rootPublicKey: rootKey.publicKey, rootPeerId: somePeerId },
    Date.now(),
  );
  const releases = await ReleaseStore.open(store, charter);
  await publishFolder({
    folder: site,
    store: releases,
    ownerKey,
    authority: { charter: 1, epoch: 1, term: 1 },
    nowMs: Date.now(),
  });
  await releases.close();
  const { serviceId, ownerPublicKey } = charter;
  return { site, store, identity: { serviceId, ownerPublicKey }, bytes };
}

async function measure(
  kind: Kind,
  material: Material,
  workspace: Workspace,
): Promise<Extract<EndReport, { type: 'done' }>> {
  const { identity, bytes } = material;
  const sender = workspace.child(endModule);
  const receiver = workspace.child(endModule);
  try {
    const source = kind === 'release' ? material.store : material.site;
    const ready = await ask(sender, { end: 'sender', kind, folder: source, identity, bytes });
    if (ready.type !== 'ready') throw new Error('the sender is not ready');
    const { address, peerId } = ready;
    const done = await ask(receiver, {
      end: 'receiver',
      kind,
      folder: await workspace.folder(),
      identity,
      bytes,
      address,
      peerId,
    });
    if (done.type !== 'done') throw new Error('the receiver is not done');
    return done;
  } finally {
    sender.kill('SIGKILL');
    receiver.kill('SIGKILL');
  }
}

async function ask(child: ChildProcess, plan: EndPlan): Promise<EndReport> {
  child.send(plan);
  const ending = new AbortController();
  const ended = once(child, 'exit', { signal: ending.signal }).then(() => {
    throw new Error(`the ${plan.end} of the ${plan.kind} transfer ended early`);
  });
  const answered = once(child, 'message', { signal: ending.signal }) as Promise<[EndReport]>;
  try {
    const [answer] = await Promise.race([answered, ended]);
    return answer;
  } finally {
    // Whichever did not happen is waited for no longer.
    const settled = Promise.allSettled([answered, ended]);
    ending.abort();
    await settled;
  }
}

export function transferTable({
  ratio,
  megabytesPerSecond,
  peakRssBytes,
  grownRssBytes,
  megabytes,
  rounds,
}: TransferResult): string {
  return [
    `${megabytes} MB from process to process, disk to disk with fsync; medians of ${rounds}`,
    `  release (verified)   ${megabytesPerSecond.release.toFixed(0).padStart(5)} MB/s`,
    `  bare libp2p stream   ${megabytesPerSecond.libp2p.toFixed(0).padStart(5)} MB/s   release / stream ${ratio.libp2p.toFixed(2)}`,
    `  TCP socket           ${megabytesPerSecond.socket.toFixed(0).padStart(5)} MB/s   release / socket ${ratio.socket.toFixed(2)}`,
    `  peak memory of the receiver ${(peakRssBytes / 1e6).toFixed(0)} MB, ${(grownRssBytes / 1e6).toFixed(0)} MB of it during the transfer`,
  ].join('\n');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
