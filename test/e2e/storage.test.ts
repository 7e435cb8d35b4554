/** A volunteer whose disk is full, or that gives less than is needed: it says so, lives on, and another is asked. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../patience.ts';
import type { FarmPeer } from './farm-peer.ts';
import { type Farm, untilKnown, untilServing, useFarm } from './farm.ts';
import { largeFile, largeOf, writeSite } from './test-site.ts';
import { Visitor, fetchFrom } from './visitor.ts';
import { itNeeds } from '../programs.ts';

const newFarm = useFarm();
const siteBytes = 12_000_000;
const diskBytes = 8_000_000;

const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }).status === 0;
const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0;

/** A disk of its own for a peer's folder. */
async function mountDisk(farm: Farm, name: string): Promise<string> {
  const disk = farm.file(`${name}-disk`);
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', disk]);
  farm.atEnd(() => execFileSync('umount', [disk]));
  return join(disk, 'state');
}

/** A volunteer, not serving yet, that can store no more than a few megabytes. */
async function cramped(farm: Farm, name: string): Promise<FarmPeer> {
  if (canMount) return await farm.volunteer(name, { args: [], folder: await mountDisk(farm, name) });
  const peer = await farm.volunteer(name, { args: [] });
  execFileSync('prlimit', ['--pid', String(peer.process.child.pid), `--fsize=${diskBytes / 2}`]);
  return peer;
}

describe('a volunteer', () => {
  itNeeds(canMount || canLimit, 'the right to mount a small disk, or prlimit')(
    'whose disk is too small for the release says so and stays a client; the next candidate serves',
    async () => {
      const farm = await newFarm();
      await writeSite(farm.file('site'), 1, { large: siteBytes });
      const root = await farm.raise({ site: farm.file('site') });
      const oak = await cramped(farm, 'oak');
      const elm = await farm.volunteer('elm', { args: [] });
      await oak.ask('volunteer', {});
      const told = await until('it says that its disk is full', async () =>
        (await oak.status()).problems.find((sentence) => sentence.includes('is full')),
      );
      expect(told).toMatch(/^Release 1 could not be installed: The disk that holds .* is full .*free some space/);
      expect(oak.process.stderr).toContain('is full');

      await elm.ask('volunteer', {});
      await untilServing([root, elm]);
      expect(await oak.status()).toMatchObject({ role: 'client', attached: true, release: { installed: 0 } });
      const reader = await farm.reader('ada');
      await untilKnown(reader, [root, elm]);
      await root.kill();
      expect((await fetchFrom(reader.url, largeFile)).body.equals(largeOf(1, siteBytes))).toBe(true);
    },
  );

  itNeeds(canMount, 'the right to mount a small disk')(
    'that serves when its disk fills up goes on with what it has, and catches up when there is room',
    async () => {
      const farm = await newFarm();
      const root = await farm.raise();
      const folder = await mountDisk(farm, 'oak');
      const oak = await farm.volunteer('oak', { folder });
      const elm = await farm.volunteer('elm');
      const reader = await farm.reader('ada');
      await untilServing([root, oak, elm]);
      await untilKnown(reader, [root, oak, elm]);
      const visitor = new Visitor(reader.url);
      const filler = join(folder, '..', 'filler');
      await expect(writeFile(filler, Buffer.alloc(2 * diskBytes))).rejects.toThrow('ENOSPC');

      await farm.update(2);
      await until('it says that there is no room', async () => (await oak.status()).problems.length > 0);
      await until('the others have the release', async () => (await elm.status()).release.installed === 2);
      await until('the visitor sees it', () => visitor.visits.at(-1)?.edition === 2);
      expect((await oak.status()).release.installed).toBe(1);
      await rm(filler);
      await until('it has caught up', async () => (await oak.status()).release.installed === 2);
      await until('its problems are over', async () => (await oak.status()).problems.length === 0);
      const walk = await visitor.end();
      expect(walk.filter(({ fault }) => fault !== '')).toEqual([]);
    },
  );

  it('that gives less storage than the release needs says why it is not asked; the next candidate serves', async () => {
    const farm = await newFarm();
    await writeSite(farm.file('site'), 1, { large: siteBytes });
    const root = await farm.raise({ site: farm.file('site') });
    const oak = await farm.volunteer('oak', { args: ['--serve', '--max-storage', '2MB'] });
    const elm = await farm.volunteer('elm');
    await untilServing([root, elm]);
    const told = await until('it says why', async () =>
      (await oak.status()).problems.find((sentence) => sentence.includes('--max-storage')),
    );
    expect(told).toMatch(/^Release 1 takes 12\.\d MB and this volunteer gives 2\.0 MB/);
    expect(await oak.status()).toMatchObject({ role: 'client', attached: true, release: { installed: 0 } });

    // A release that fits is offered again, and taken.
    await writeSite(farm.file('small'), 2);
    await root.ask('update', { folder: farm.file('small') });
    await untilServing([root, elm, oak]);
    await until('all is well again', async () => (await oak.status()).problems.length === 0);
  });
});
