import { once } from 'node:events';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, findHolder } from '../../../src/cli/daemon/lock.ts';
import { StateFolder } from '../../../src/cli/state/state-folder.ts';
import { itNeeds } from '../../programs.ts';
import { canMountDisks, fillDisk, mountSmallDisk } from '../../small-disk.ts';
import { builtModule } from '../command-line.ts';

const me = { pid: process.pid, startedAtMs: 1_000, command: 'serve', version: '0.1.0' };
let folder: StateFolder;
const children: ChildProcess[] = [];

beforeEach(async () => (folder = new StateFolder(await mkdtemp(join(tmpdir(), 'by-')))));
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder.path, { recursive: true });
});

/** A process that takes the lock of the folder and holds it. */
async function holder(): Promise<ChildProcess> {
  const script = `
    import { acquireLock } from ${JSON.stringify(builtModule('cli/daemon/lock.js'))};
    import { StateFolder } from ${JSON.stringify(builtModule('cli/state/state-folder.js'))};
    const holder = { pid: process.pid, startedAtMs: Date.now(), command: 'join', version: '0.1.0' };
    // Kept, as a daemon keeps it: a lock that nobody refers to is let go when the garbage is collected.
    await acquireLock(new StateFolder(${JSON.stringify(folder.path)}), holder)
      .then((lock) => { globalThis.lock = lock; process.send('held'); }, (error) => process.send(error.message));
    process.on('message', () => {});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  const [word] = (await once(child, 'message')) as [string];
  if (word !== 'held') throw new Error(word);
  return child;
}

describe('the lock of a state folder', () => {
  it('is held by one process; the second is told who has it and how to talk to it', async () => {
    const child = await holder();
    await expect(acquireLock(folder, me)).rejects.toMatchObject({
      code: 'state-in-use',
      exitCode: 1,
      message: expect.stringMatching(
        new RegExp(`^The state folder ${folder.path} is in use by the process ${child.pid} \\(banyan join, since 20`),
      ) as string,
      hint: expect.stringContaining('banyan stop --state') as string,
    });
    expect(await findHolder(folder)).toMatchObject({ pid: child.pid, command: 'join' });
  });

  it('is free at once when its holder is killed, whatever the note beside it says', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await stat(folder.file('holder'))).size).toBeGreaterThan(0);
    expect(await findHolder(folder)).toBeNull();
    const lock = await acquireLock(folder, me);
    expect(await findHolder(folder)).toEqual(me);
    lock.release();
  });

  it('goes to exactly one of several processes that want it at the same moment', async () => {
    const outcomes = await Promise.allSettled([holder(), holder(), holder(), holder()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('is in use by');
  });

  it('can be taken again after it was released', async () => {
    (await acquireLock(folder, me)).release();
    expect(await findHolder(folder)).toBeNull();
    (await acquireLock(folder, me)).release();
  });

  it('is not shared within one process either', async () => {
    const lock = await acquireLock(folder, me);
    await expect(acquireLock(folder, me)).rejects.toThrow('is in use by');
    lock.release();
  });

  it('says so when the folder cannot be locked, or the lock is no lock', async () => {
    await writeFile(folder.file('lock'), 'this is a text and not a database, long enough to be looked at '.repeat(20));
    await expect(acquireLock(folder, me)).rejects.toThrow('is not a lock file of Banyan');
  });

  itNeeds(canMountDisks, 'the right to mount a small disk')('says so when the disk is full', async () => {
    const unmount = mountSmallDisk(folder.path, 1_000_000);
    try {
      fillDisk(folder.path);
      await expect(acquireLock(folder, me)).rejects.toMatchObject({
        code: 'ENOSPC',
        message: `The disk that holds ${folder.path} is full.`,
        hint: expect.stringContaining('Free some space') as string,
      });
    } finally {
      unmount();
    }
  });

  it('looking for a holder makes no folder', async () => {
    const nowhere = new StateFolder(join(folder.path, 'nowhere'));
    expect(await findHolder(nowhere)).toBeNull();
    await expect(stat(nowhere.path)).rejects.toThrow('ENOENT');
  });
});
