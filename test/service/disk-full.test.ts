/** A disk that is really full: a small tmpfs where mounting is allowed, else a limit on the size of files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { itNeeds } from '../programs.ts';
import { canMountDisks, mountSmallDisk } from '../small-disk.ts';
import { blockBytes, DiskFullError, type Manifest, type ReleaseStore } from '../../src/service/index.ts';
import { afterwards, found, noise, openStore, publish, temporaryFolder } from './workshop.ts';

const service = found();
const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0;

async function take(store: ReleaseStore, from: ReleaseStore, manifest: Manifest): Promise<void> {
  const intake = await store.begin(manifest);
  for (const block of intake.missing) await intake.write(block, await from.readBlock(block));
  await intake.finish();
}

/** An origin, and a server on the disk in question that has the first release: one block. */
async function releaseOne(folder: string): Promise<{ readonly origin: ReleaseStore; readonly store: ReleaseStore }> {
  const origin = await openStore(service.charter);
  const store = await openStore(service.charter, { folder });
  const first = await publish(service, origin, { film: noise(blockBytes, 1) });
  await take(store, origin, first);
  await store.install(first);
  return { origin, store };
}

/** The old release must still be there in every byte, and nothing of the new one. */
async function expectUntouched(store: ReleaseStore, folder: string): Promise<void> {
  expect(store.current?.release).toBe(1);
  expect(await store.check()).toBe(0);
  expect((await readdir(join(folder, 'packs'))).filter((name) => name.endsWith('.part'))).toEqual([]);
}

describe('a full disk', () => {
  itNeeds(canMountDisks, 'the right to mount a small disk')(
    'is noticed before a byte is taken when its free space is known to be too small',
    async () => {
      const folder = await temporaryFolder();
      afterwards(mountSmallDisk(folder, 4 * blockBytes));
      const { origin, store } = await releaseOne(folder);
      const big = await publish(service, origin, { film: noise(8 * blockBytes, 2) });
      await expect(store.begin(big)).rejects.toBeInstanceOf(DiskFullError);
      await expectUntouched(store, folder);
      await store.close();
    },
  );

  itNeeds(canMountDisks, 'the right to mount a small disk')(
    'that fills up in the middle takes back the new release and keeps serving the old',
    async () => {
      const folder = await temporaryFolder();
      afterwards(mountSmallDisk(folder, 8 * blockBytes));
      const { origin, store } = await releaseOne(folder);
      const second = await publish(service, origin, { film: noise(5 * blockBytes, 2) });
      const intake = await store.begin(second);
      const hog = spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'hog')}`, 'bs=1M', 'count=4'], {
        stdio: 'ignore',
      });
      expect(hog.error).toBeUndefined();
      const filling = async (): Promise<void> => {
        for (const block of intake.missing) await intake.write(block, await origin.readBlock(block));
      };
      await expect(filling()).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/ENOSPC.*free some space/s) as string,
      });
      await expectUntouched(store, folder);
      spawnSync('rm', [join(folder, 'hog')]);
      await take(store, origin, second);
      await store.install(second);
      expect(store.current?.release).toBe(2);
      await store.close();
    },
  );

  itNeeds(canLimit, 'prlimit (package util-linux)')('also when it is a limit on files that is reached', async () => {
    const folder = await temporaryFolder();
    const { origin, store } = await releaseOne(folder);
    const second = await publish(service, origin, { film: noise(5 * blockBytes, 2) });
    const ignore = (): void => undefined;
    process.on('SIGXFSZ', ignore); // without a listener the signal ends the process
    const limit = (size: string): void => {
      execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${size}:unlimited`]);
    };
    try {
      limit(String(3 * blockBytes));
      await expect(take(store, origin, second)).rejects.toMatchObject({ code: 'disk-full' });
    } finally {
      limit('unlimited');
      process.off('SIGXFSZ', ignore);
    }
    await expectUntouched(store, folder);
    await take(store, origin, second);
    await store.install(second);
    expect(store.current?.release).toBe(2);
  });
});
