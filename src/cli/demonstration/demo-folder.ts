/**
 * Where a demonstration keeps its farm: a temporary folder, gone when it ends. A demonstration that was killed leaves its folder
 * behind; the next one removes it. A folder is in use while its lock is held, and the system releases the lock of a dead process.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireLock, findHolder } from '../daemon/lock.ts';
import { StateFolder } from '../state/state-folder.ts';

const prefix = 'banyan-demo-';

export interface DemoFolder {
  readonly path: string;
  /** Takes it away with all that is in it. */
  remove(): Promise<void>;
}

export async function makeDemoFolder(): Promise<DemoFolder> {
  await removeAbandoned();
  const path = await mkdtemp(join(tmpdir(), prefix));
  const holder = { pid: process.pid, startedAtMs: Date.now(), command: 'demo', version: '' };
  const lock = await acquireLock(new StateFolder(path), holder);
  return {
    path,
    async remove() {
      lock.release();
      await rm(path, { recursive: true, force: true });
    },
  };
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const folder = new StateFolder(join(tmpdir(), name));
    // Without such a note it is another user's, or just being made.
    if (!name.startsWith(prefix) || !existsSync(folder.file('holder'))) continue;
    const isInUse = await findHolder(folder).then(
      (holder) => holder !== null,
      () => true, // another demonstration is taking it away at this very moment
    );
    if (!isInUse) await rm(folder.path, { recursive: true, force: true });
  }
}
