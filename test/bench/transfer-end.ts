/**
 * One end of a transfer, in a process of its own: `transfer-end.js <way> <send|receive>`, forked by `transfer.ts`.
 *
 * It is told what to do by messages and answers each: the cargo first, and a receiver then once per round.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cargo, type Receiver, type WayName, ways } from './transfer-ways.ts';

export type Order =
  | { readonly type: 'send'; readonly cargo: Cargo }
  | { readonly type: 'receive'; readonly cargo: Cargo; readonly address: string }
  /** Fetch it once; what arrived is removed again. */
  | { readonly type: 'fetch'; readonly folder: string }
  | { readonly type: 'measure' };

export interface Memory {
  /** What the process weighs now, and the most that it ever weighed. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** What a process has cost so far. */
export interface Costs extends Memory {
  /** Processor time of all its threads, in the kernel included. */
  readonly cpuMs: number;
}

export type Report =
  | { readonly type: 'sending'; readonly address: string }
  | { readonly type: 'connected' }
  | { readonly type: 'fetched'; readonly ms: number }
  | ({ readonly type: 'measured' } & Costs)
  | { readonly type: 'failed'; readonly message: string };

let receiver: Receiver | undefined;

async function carryOut(wayName: WayName, order: Order): Promise<Report> {
  switch (order.type) {
    case 'send':
      return { type: 'sending', address: (await ways[wayName].send(order.cargo)).address };
    case 'receive':
      receiver = await ways[wayName].receive(order.cargo, order.address);
      return { type: 'connected' };
    case 'fetch':
      return { type: 'fetched', ms: await fetchOnce(order.folder) };
    case 'measure':
      return { type: 'measured', ...memory(), cpuMs: cpuMs() };
  }
}

async function fetchOnce(parent: string): Promise<number> {
  if (receiver === undefined) throw new Error('this process was not told to receive');
  const folder = await mkdtemp(join(parent, 'round-'));
  const startedAtMs = performance.now();
  await receiver.fetch(folder);
  const ms = performance.now() - startedAtMs;
  await rm(folder, { recursive: true });
  return ms;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Linux hands a child its parent's peak as `maxRSS`, but keeps the right one in /proc. */
function memory(): Memory {
  const rssBytes = process.memoryUsage.rss();
  if (process.platform !== 'linux') return { rssBytes, peakRssBytes: process.resourceUsage().maxRSS * 1_024 };
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return { rssBytes, peakRssBytes: Number(kilobytes) * 1_024 };
}

const [wayName] = process.argv.slice(2);
process.on('message', (order: Order) => {
  carryOut(wayName as WayName, order)
    .catch((error: unknown): Report => ({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
    }))
    .then((report) => process.send?.(report))
    .catch((error: unknown) => {
      throw error;
    });
});
process.on('disconnect', () => process.exit());
