/**
 * `bench multicast`: what it costs, and how long it takes, to tell everybody something; our tree against gossipsub.
 *
 * Both swarms live in this process, one after the other, on the same emulated distances, and carry the same load. What
 * counts is the ratio of the two: the machine is the same for both, its noise cancels out.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Topology, presetTopology, readTopology } from '../../src/topology/index.ts';
import { gatherGossip } from './gossip-swarm.ts';
import { type LoadResult, measureLoad } from './load.ts';
import type { Swarm, SwarmOptions } from './swarm.ts';
import { growTree } from './tree-swarm.ts';
import type { Workspace } from './workspace.ts';

export interface MulticastOptions {
  readonly peers: number;
  readonly seconds: number;
  /** Messages a second. */
  readonly rate: number;
  readonly seed: number;
  /** A ready-made topology by name, or a file. */
  readonly topology: string;
}

export const multicastDefaults: MulticastOptions = { peers: 50, seconds: 60, rate: 10, seed: 1, topology: 'plane-50' };

const payloadBytes = 1_024;
const mostConnections = 12;
/** When the event loop is this late, one hop in twenty takes this much longer. */
const busyMs = 25;

/** What one side did, in the order in which it is printed. */
export type MulticastSide = LoadResult;

export interface MulticastResult {
  readonly tree: MulticastSide;
  readonly gossipsub: MulticastSide;
  /** Of the tree's figure to gossipsub's: below 1 the tree is better. */
  readonly ratio: { readonly bytes: number; readonly p95: number };
  readonly peers: number;
  readonly seconds: number;
  readonly rate: number;
  readonly seed: number;
  readonly topology: string;
}

export async function benchMulticast(options: MulticastOptions, workspace: Workspace): Promise<MulticastResult> {
  const { peers, seconds, rate, seed } = options;
  const topology = await openTopology(options.topology);
  const measure = async (name: string, make: (options: SwarmOptions) => Promise<Swarm>): Promise<MulticastSide> => {
    const { signal } = workspace;
    const say = (sentence: string): void => workspace.say(`${name}: ${sentence}`);
    const folder = await workspace.folder();
    const swarm = await make({ topology, peers, seed, mostConnections, folder, signal, say });
    try {
      say(`${swarm.describe()}; measuring for ${seconds} s`);
      const side = await measureLoad(swarm, { peers, seconds, messagesPerSecond: rate, payloadBytes, signal });
      say(summary(side));
      if (side.lateP95Ms > busyMs) say('the machine was busy: these latencies say more of it than of the protocol');
      return rounded(side);
    } finally {
      await swarm.stop();
    }
  };
  const tree = await measure('tree', growTree);
  const gossipsub = await measure('gossipsub', gatherGossip);
  const ratio = {
    bytes: round(tree.bytesPerDelivered / gossipsub.bytesPerDelivered),
    p95: round(tree.p95Ms / gossipsub.p95Ms),
  };
  return { tree, gossipsub, ratio, peers, seconds, rate, seed, topology: topology.description };
}

async function openTopology(name: string): Promise<Topology> {
  return existsSync(name) ? readTopology(await readFile(name, 'utf8')) : presetTopology(name);
}

function summary(side: MulticastSide): string {
  const { deliveredShare, bytesPerDelivered, p50Ms, p95Ms, cpuShare } = side;
  const percent = (share: number): string => `${(100 * share).toFixed(share === 1 ? 0 : 2)}%`;
  return (
    `${percent(deliveredShare)} delivered, ${bytesPerDelivered.toFixed(0)} bytes a delivery, ` +
    `p50 ${p50Ms.toFixed(0)} ms, p95 ${p95Ms.toFixed(0)} ms, ${percent(cpuShare)} of a core`
  );
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function rounded(side: MulticastSide): MulticastSide {
  return {
    ...side,
    bytesPerDelivered: round(side.bytesPerDelivered),
    p50Ms: round(side.p50Ms),
    p95Ms: round(side.p95Ms),
    cpuShare: round(side.cpuShare),
    lateP95Ms: round(side.lateP95Ms),
  };
}

/** The result as a small table. */
export function multicastTable({ tree, gossipsub, ratio, peers, seconds, rate, topology }: MulticastResult): string {
  const row = (name: string, side: MulticastSide): string =>
    [
      name.padEnd(10),
      `${(100 * side.deliveredShare).toFixed(2)}%`.padStart(10),
      side.bytesPerDelivered.toFixed(0).padStart(16),
      side.p50Ms.toFixed(0).padStart(8),
      side.p95Ms.toFixed(0).padStart(8),
      String(side.connectionsMax).padStart(12),
      side.cpuShare.toFixed(2).padStart(6),
    ].join('');
  return [
    `${peers} peers on ${topology}; ${payloadBytes} bytes ${rate} times a second for ${seconds} s`,
    `${''.padEnd(10)} delivered${'bytes a delivery'.padStart(16)}${'p50 ms'.padStart(8)}${'p95 ms'.padStart(8)}` +
      `${'connections'.padStart(12)}${'cores'.padStart(6)}`,
    row('tree', tree),
    row('gossipsub', gossipsub),
    `ratio tree / gossipsub: bytes ${ratio.bytes}, p95 ${ratio.p95}`,
  ].join('\n');
}
