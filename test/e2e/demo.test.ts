/** The demonstration, played to its end by the built program: what `npm start` shows to a stranger must be so every time. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { builtProgram, homeEnvironment, newHome, removeHome } from '../home.ts';
import { neverMs, until } from '../patience.ts';
import { Process, linesOf } from './farm-peer.ts';

/** The last line that a demonstration prints for a program. */
interface Summary {
  readonly peers: number;
  readonly servers: number;
  readonly requests: { readonly ok: number; readonly failed: number };
  readonly responseDelayMs: { readonly first: number | null; readonly last: number | null };
  readonly requiredMs: number;
  readonly farmDelayMs: { readonly first: number; readonly least: number; readonly last: number };
  readonly promotions: number;
  readonly releases: number;
  readonly kills: number;
  readonly recoveryMs: number | null;
}

let home = '';
let demo: Process | undefined;

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(`${demo?.stderr}\n${demo?.stdout}\n`);
  // Told to end, it ends its farm; only then is it ended for good.
  const ending = demo?.end('SIGTERM');
  await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, neverMs).unref())]);
  await demo?.end('SIGKILL');
  await removeHome(home);
});

async function play(seconds: number, where?: string): Promise<Process> {
  home = where ?? (await newHome());
  demo = new Process({
    program: builtProgram,
    args: ['demo', '--seconds', String(seconds), '--port', '0', '--json'],
    cwd: home,
    environment: { ...homeEnvironment(home), TMPDIR: home },
  });
  return demo;
}

/** Command lines of processes that live in this test's home. */
async function processesHere(): Promise<string[]> {
  if (!existsSync('/proc/self/cmdline')) {
    const { stdout } = spawnSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line.includes(home));
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')), // it has ended meanwhile
  );
  return lines.filter((line) => line.includes(home));
}

async function folders(): Promise<string[]> {
  return (await readdir(home)).filter((name) => name.startsWith('banyan-demo-'));
}

async function leftBehind(): Promise<string[]> {
  return [...(await folders()), ...(await processesHere())];
}

describe('the demonstration', () => {
  it('makes users wait less, loses no request to an attack, recovers, and leaves nothing behind', async () => {
    const running = await play(neverMs / 1_000);
    await until('its story is told', () => running.stderr.includes('has drained and is a client again'));
    expect(await processesHere()).not.toEqual([]);
    const { code, stdout, stderr } = await running.end('SIGINT');
    expect(code).toBe(0);
    const [summary] = linesOf(stdout) as unknown as [Summary];
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(summary).toMatchObject({ kind: 'summary', peers: 11, releases: 2 });
    expect(summary.requests.failed).toBe(0);
    expect(summary.requests.ok).toBeGreaterThan(100);
    expect(summary.farmDelayMs.first).toBeGreaterThan(summary.requiredMs);
    expect(summary.farmDelayMs.least).toBeLessThanOrEqual(summary.requiredMs);
    expect(summary.responseDelayMs.last).toBeLessThan(summary.responseDelayMs.first ?? 0);
    expect(summary.promotions).toBeGreaterThanOrEqual(2);
    expect(summary.kills).toBeGreaterThanOrEqual(1);
    expect(summary.recoveryMs).toBeGreaterThan(0);
    for (const act of [
      /The root measured a mean delay of .* missed\. It orders: /,
      / serves\./,
      /Attack: /,
      /The farm has recovered/,
    ])
      expect(stderr).toMatch(act);
    expect(stderr).not.toMatch(/It went wrong|A request failed/);
    expect(await leftBehind()).toEqual([]);
  });

  it('ends by itself when its time is over, however early, and leaves nothing behind', async () => {
    const { code, stdout } = await (await play(4)).ended;
    expect({ code, failed: (linesOf(stdout) as unknown as [Summary])[0].requests.failed }).toEqual({
      code: 0,
      failed: 0,
    });
    expect(await leftBehind()).toEqual([]);
  });

  it('that was killed outright takes its farm with it, and the next one takes away what it left', async () => {
    const killed = await play(neverMs / 1_000);
    await until('its farm is up', () => killed.stderr.includes('The root is up in London'));
    const [abandoned] = await folders();
    expect(abandoned).toBeDefined();
    await killed.end('SIGKILL');
    await until('its farm has gone', async () => (await processesHere()).length === 0);
    expect(await folders()).toEqual([abandoned]);
    const { code } = await (await play(4, home)).ended;
    expect(code).toBe(0);
    expect(await leftBehind()).toEqual([]);
  });
});
