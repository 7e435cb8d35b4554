/**
 * The benchmarks run and say what they should; how good the figures are is for docs/BENCHMARKS.md, not for a test on a busy machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomGraph } from './gossip-swarm.ts';
import { quantile } from './load.ts';
import type { MulticastResult } from './multicast.ts';
import type { SimulatorResult } from './simulator.ts';
import type { TransferResult } from './transfer.ts';

const program = fileURLToPath(new URL('../../dist/test/bench/main.js', import.meta.url));

/** Where the program's temporary folders go, so that what it leaves behind can be seen. */
let temporary: string;

beforeEach(async () => {
  if (!existsSync(program)) throw new Error(`there is no ${program}: build first (npm run build)`);
  temporary = await mkdtemp(join(tmpdir(), 'banyan-test-'));
});

afterEach(async () => {
  await rm(temporary, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end; `interruptAt` sends it what Ctrl-C sends, once it has said this. */
async function bench(args: readonly string[], interruptAt?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    const before = said;
    said += chunk.toString();
    if (interruptAt?.test(said) === true && !interruptAt.test(before)) child.kill('SIGINT');
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number | null, stdout, stderr };
}

/** The one line of stdout. */
function onlyLine({ code, stdout, stderr }: Ended): unknown {
  expect(code, stderr).toBe(0);
  expect(stdout.split('\n')).toHaveLength(2);
  return JSON.parse(stdout);
}

describe('the command line', () => {
  it('lists the benchmarks when asked for help', async () => {
    const { code, stdout } = await bench(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/multicast/);
    expect(stdout).toMatch(/transfer/);
  });

  it('refuses a benchmark that does not exist, with the list of those that do', async () => {
    const { code, stdout, stderr } = await bench(['juggling']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/juggling/);
    expect(stderr).toMatch(/multicast[\s\S]*transfer/);
  });

  it('refuses an option that makes no sense, and a topology that does not exist', async () => {
    expect((await bench(['multicast', '--peers', '1'])).code).toBe(2);
    const { code, stderr } = await bench(['multicast', '--topology', 'atlantis']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/atlantis.*plane-50/);
  });
});

describe('bench multicast', () => {
  it('delivers everything on both sides and compares them', async () => {
    const args = ['multicast', '--peers', '6', '--seconds', '2', '--json'];
    const result = onlyLine(await bench(args)) as MulticastResult;
    expect(Object.keys(result).slice(0, 3)).toEqual(['tree', 'gossipsub', 'ratio']);
    for (const side of [result.tree, result.gossipsub]) {
      expect(Object.keys(side).slice(0, 4)).toEqual(['deliveredShare', 'bytesPerDelivered', 'p50Ms', 'p95Ms']);
      expect(side.deliveredShare).toBe(1);
      expect(side.messages).toBe(20);
      expect(side.bytesPerDelivered).toBeGreaterThan(1_024);
      expect(side.p95Ms).toBeGreaterThanOrEqual(side.p50Ms);
      expect(side.connectionsMax).toBeLessThanOrEqual(12);
    }
    const { tree, gossipsub, ratio } = result;
    expect(ratio.bytes).toBeCloseTo(tree.bytesPerDelivered / gossipsub.bytesPerDelivered, 2);
    expect(ratio.p95).toBeCloseTo(tree.p95Ms / gossipsub.p95Ms, 2);
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('bench transfer', () => {
  it('moves a release three ways, and never holds it in memory', async () => {
    const result = onlyLine(
      await bench(['transfer', '--megabytes', '300', '--rounds', '1', '--json']),
    ) as TransferResult;
    expect(Object.keys(result).slice(0, 2)).toEqual(['ratio', 'peakRssBytes']);
    const { banyan, libp2p, socket } = result.megabytesPerSecond;
    expect(result.ratio.libp2p).toBeCloseTo(banyan / libp2p, 1);
    expect(result.ratio.socket).toBeCloseTo(banyan / socket, 1);
    // What the transfer needs, and what the garbage collector has not come round to; far less than the release.
    expect(result.rssGrowthBytes).toBeLessThan(150e6);
    expect(result.senderPeakRssBytes).toBeLessThan(300e6);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('leaves nothing behind when it is stopped in the middle', async () => {
    const { code, stdout } = await bench(['transfer', '--megabytes', '20', '--rounds', '1000'], /round 2 of/);
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('bench simulator', () => {
  it('plays the same events on both engines, or says why there is only one', async () => {
    const result = onlyLine(
      await bench(['simulator', '--peers', '2000', '--rounds', '1', '--json']),
    ) as SimulatorResult;
    const [size] = result.sizes;
    expect(result.sizes).toHaveLength(1);
    expect(Object.keys(size ?? {})).toEqual(['peers', 'simulatedSeconds', 'banyan', 'ns3', 'ratio']);
    const { simulatedSeconds = 0, banyan, ns3, ratio } = size ?? {};
    // Everybody but the root beats once a second, and all but the last beats have arrived.
    const expected = 2 * 1_999 * simulatedSeconds;
    expect(banyan?.events).toBeGreaterThan(0.99 * expected);
    expect(banyan?.events).toBeLessThanOrEqual(expected);
    expect(banyan?.peakRssBytes).toBeGreaterThan(10e6);
    if (result.ns3Missing === null) {
      expect(ns3?.events).toBeGreaterThan(0.99 * expected);
      expect(ratio).toBeCloseTo((banyan?.eventsPerCpuSecond ?? 0) / (ns3?.eventsPerCpuSecond ?? 1), 1);
    } else {
      expect(ns3).toBeNull();
      expect(ratio).toBeNull();
      expect(result.ns3Missing).toMatch(/g\+\+|ns-3/);
    }
    expect(await readdir(temporary)).toEqual([]);
  });

  it('refuses sizes that make no sense', async () => {
    expect((await bench(['simulator', '--peers', '1'])).code).toBe(2);
    expect((await bench(['simulator', '--peers', '10,many'])).code).toBe(2);
  });
});

describe('its parts', () => {
  it('make a connected graph in which nobody has too many connections', () => {
    const edges = randomGraph(50, 12, 7);
    const reached = new Set([0]);
    for (let before = 0; before < reached.size;) {
      before = reached.size;
      for (const [a, b] of edges) if (reached.has(a) || reached.has(b)) reached.add(a).add(b);
    }
    expect(reached.size).toBe(50);
    const degrees = Array.from({ length: 50 }, (_, node) => edges.filter((edge) => edge.includes(node)).length);
    expect(Math.max(...degrees)).toBe(12);
    expect(Math.min(...degrees)).toBeGreaterThanOrEqual(6);
    expect(randomGraph(50, 12, 7)).toEqual(edges);
    expect(randomGraph(50, 12, 8)).not.toEqual(edges);
  });

  it('read quantiles off sorted values', () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    expect(quantile(values, 0.5)).toBe(50);
    expect(quantile(values, 0.95)).toBe(95);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
