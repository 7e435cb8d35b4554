/** Going in good order: out of service, out of the farm, out of the machine. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { until } from '../patience.ts';
import type { FarmPeer } from './farm-peer.ts';
import { type Farm, untilKnown, untilServing, useFarm } from './farm.ts';
import { largeBytes, largeFile, writeSite } from './test-site.ts';
import { Visitor, fetchSlowly } from './visitor.ts';

const newFarm = useFarm();

async function command(farm: Farm, peer: FarmPeer, ...args: string[]): Promise<number | null> {
  return (await farm.banyan([...args, '--state', peer.state.path, '--json'])).code;
}

describe('a volunteer', () => {
  it('drains and is a client again, leaves and removes what it stored, and no request fails meanwhile', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const [oak, elm] = [await farm.volunteer('oak'), await farm.volunteer('elm')];
    const reader = await farm.reader('ada');
    await untilServing([root, oak, elm]);
    await untilKnown(reader, [root, oak, elm]);
    const visitors = [new Visitor(reader.url), new Visitor(reader.url)];
    await until('the visitors are on their way', () => visitors.every(({ visits }) => visits.length > 30));

    expect(await command(farm, oak, 'drain')).toBe(0);
    expect(await oak.status()).toMatchObject({ role: 'client', draining: false });
    await until('nobody counts it among the servers', async () =>
      (await root.status()).servers.every(({ peerId, state }) => peerId !== oak.id || state !== 'serving'),
    );
    await until('it hangs in the farm as a client', async () => (await oak.status()).attached);

    expect(await command(farm, elm, 'leave', '--yes')).toBe(0);
    expect((await elm.process.ended).code).toBe(0);
    expect(existsSync(elm.state.path)).toBe(false);
    await until('the root has forgotten it', async () =>
      (await root.status()).servers.every(({ peerId }) => peerId !== elm.id),
    );

    const counts = visitors.map(({ visits }) => visits.length);
    await until('the visitors read on', () => visitors.every(({ visits }, i) => visits.length > (counts[i] ?? 0) + 30));
    const walks = await Promise.all(visitors.map((visitor) => visitor.end()));
    expect(walks.flat().filter(({ fault }) => fault !== '')).toEqual([]);
  });

  it('leaves also when it does not run, and cannot go on afterwards', async () => {
    const farm = await newFarm();
    await farm.raise();
    const oak = await farm.volunteer('oak');
    await oak.kill();
    expect(await command(farm, oak, 'leave', '--yes')).toBe(0);
    expect(existsSync(oak.state.path)).toBe(false);
    expect(await command(farm, oak, 'status')).toBe(1);
  });
});

describe('every daemon', () => {
  it('ends by `stop`, Ctrl-C and SIGTERM with code 0, and lets go of its folder and its ports', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const oak = await farm.volunteer('oak');
    const reader = await farm.reader('ada');
    await untilServing([root, oak]);
    const urls = [root.url, reader.url];
    const endings: readonly (readonly [FarmPeer, () => Promise<unknown>])[] = [
      [oak, () => command(farm, oak, 'stop')],
      [reader, () => reader.process.end('SIGINT')],
      [root, () => root.process.end('SIGTERM')],
    ];
    for (const [peer, end] of endings) {
      const { pid } = peer.process.child;
      await end();
      const { code, stdout } = await peer.process.ended;
      expect([peer.name, code, stdout.trim().split('\n').at(-1)]).toEqual([peer.name, 0, '{"kind":"stopped"}']);
      expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
      expect(existsSync(peer.state.file('holder'))).toBe(false);
    }
    for (const url of urls) await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('waits for the request under way at the first Ctrl-C, and ends at once at the second', async () => {
    const farm = await newFarm();
    await writeSite(farm.file('site'), 1, { large: largeBytes });
    await farm.raise({ site: farm.file('site') });
    const reader = await farm.reader('ada');
    const { child } = reader.process;
    const fetching = fetchSlowly(reader.url, largeFile, {
      pauseAtBytes: 1_000_000,
      whilePaused: async () => {
        child.kill('SIGINT');
        await until('it has heard', () => reader.process.stderr.includes('Stopping'));
        child.kill('SIGINT');
        await reader.process.ended;
      },
    });
    await expect(fetching).rejects.toThrow('aborted');
    const { code, stderr } = await reader.process.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('Forced to end');
  });
});
