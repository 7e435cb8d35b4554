import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  blockBytes,
  BlockMismatchError,
  type Manifest,
  QuotaError,
  type ReleaseStore,
  type StoreEvent,
  allBlocks,
  signManifest,
} from '../../src/service/index.ts';
import { type Files, testNowMs, found, noise, openStore, publish, spoil, temporaryFolder } from './workshop.ts';

const service = found();

/** Takes over what `from` has, block by block, as a transfer does. */
async function copyInto(store: ReleaseStore, from: ReleaseStore, manifest: Manifest): Promise<void> {
  const intake = await store.begin(manifest);
  for (const block of intake.missing) await intake.write(block, await from.readBlock(block));
  await intake.finish();
}

async function packBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(join(folder, 'packs'))) sum += (await readFile(join(folder, 'packs', name))).length;
  return sum;
}

const text = (store: ReleaseStore, path: string): Promise<string> => {
  const file = store.current?.byPath.get(path);
  if (file === undefined) throw new Error(`no ${path}`);
  const lease = store.leaseFile(file);
  return lease
    .read(0)
    .then(String)
    .finally(() => lease.release());
};

describe('a release store', () => {
  it('serves what was installed, also after it is closed and opened again', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    const manifest = await publish(service, store, { 'index.html': 'one', film: noise(3 * blockBytes + 7, 1) });
    await store.close();
    const again = await openStore(service.charter, { folder });
    expect(again.current?.id).toBe(manifest.id);
    expect(again.missing(manifest)).toEqual([]);
    expect(await text(again, 'index.html')).toBe('one');
    expect(await again.check()).toBe(0);
  });

  it('stores a block once, however many files and releases have it', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    const film = noise(2 * blockBytes, 2);
    await publish(service, store, { 'a.bin': film, 'b.bin': film, 'c.txt': 'one' });
    const before = await packBytes(folder);
    expect(before).toBeLessThan(film.length + 1000);
    await publish(service, store, { 'a.bin': film, 'b.bin': film, 'c.txt': 'two' });
    expect((await packBytes(folder)) - before).toBeLessThan(1000);
  });

  it('switches only to a release that is whole', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    const first = await publish(service, origin, { 'index.html': 'one' });
    await copyInto(store, origin, first);
    await store.install(first);
    const second = await publish(service, origin, { 'index.html': 'two' });
    await expect(store.install(second)).rejects.toMatchObject({ code: 'release-incomplete' });
    expect(store.current?.id).toBe(first.id);
    await copyInto(store, origin, second);
    await store.install(second);
    await store.install(second); // a notice that comes twice does no harm
    expect([store.current?.release, store.previous?.release]).toEqual([2, 1]);
  });

  it('never goes from a newer release to an older one, nor to a second one of the same number', async () => {
    const [origin, twin] = [await openStore(service.charter), await openStore(service.charter)];
    const first = await publish(service, origin, { a: 'one' });
    const second = await publish(service, origin, { a: 'two' });
    expect(second.release).toBe(2);
    await expect(origin.install(first)).rejects.toMatchObject({ code: 'release-order' });
    const other = await publish(service, twin, { a: 'another one' });
    await copyInto(twin, origin, second);
    await twin.install(second);
    const forked = signManifest({ ...second, files: other.files }, service.ownerKey, service.charter);
    await expect(twin.install(forked)).rejects.toThrow(/owner signed two/);
    expect(twin.current?.id).toBe(second.id);
  });

  it('keeps the current release and the one before, and gives the space of older ones back', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    for (let i = 1; i <= 5; i += 1) await publish(service, store, { 'a.bin': noise(blockBytes, i), 'b.txt': `${i}` });
    expect([store.current?.release, store.previous?.release]).toEqual([5, 4]);
    expect(await packBytes(folder)).toBeLessThan(2.1 * blockBytes);
    expect(store.usedBytes).toBeLessThan(2.1 * blockBytes);
    expect((await readdir(join(folder, 'releases'))).sort()).toEqual(['4.manifest', '5.manifest']);
    expect(await store.check()).toBe(0);
  });

  it('copies what is still needed out of a pack that is mostly dead', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    const kept = noise(300_000, 99);
    const files = (i: number): Files => ({ 'kept.bin': kept, 'other.bin': noise(blockBytes, i) });
    for (let i = 1; i <= 4; i += 1) await publish(service, store, files(i));
    expect(await packBytes(folder)).toBeLessThan(2 * blockBytes + kept.length + 10_000);
    expect(await store.check()).toBe(0);
    expect(store.missing(store.current as Manifest)).toEqual([]);
  });

  it('lets a reader finish a file whose release was struck meanwhile', async () => {
    const store = await openStore(service.charter);
    const film = noise(2 * blockBytes, 1);
    const first = await publish(service, store, { film });
    const file = first.files[0];
    if (file === undefined) throw new Error('no film');
    const lease = store.leaseFile(file);
    for (let i = 2; i <= 4; i += 1) await publish(service, store, { film: noise(2 * blockBytes, i) });
    expect(store.missing(first)).toHaveLength(2);
    expect(Buffer.concat([await lease.read(0), await lease.read(1)]).equals(film)).toBe(true);
    lease.release();
  });

  it('goes back to the release before when asked to', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    await publish(service, store, { a: 'good' });
    const bad = await publish(service, store, { a: 'bad' });
    await store.rollback();
    expect(await text(store, 'a')).toBe('good');
    await store.close();
    const again = await openStore(service.charter, { folder });
    expect(again.current?.release).toBe(1);
    expect(again.find(bad.release)).toBeNull();
    await expect(again.rollback()).rejects.toMatchObject({ code: 'release-unknown' });
  });

  it('takes no block that is not what it should be', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    const manifest = await publish(service, origin, { a: 'truth' });
    const intake = await store.begin(manifest);
    const block = allBlocks(manifest)[0];
    if (block === undefined) throw new Error('no block');
    await expect(intake.write(block, Buffer.from('false'))).rejects.toBeInstanceOf(BlockMismatchError);
    await expect(store.begin(manifest)).rejects.toMatchObject({ code: 'store-busy' });
    await intake.write(block, Buffer.from('truth'));
    await intake.finish();
    await store.install(manifest);
    expect(await text(store, 'a')).toBe('truth');
  });
});

describe('a damaged disk', () => {
  it('is noticed on reading, reported, and mended by fetching the block again', async () => {
    const folder = await temporaryFolder();
    const origin = await openStore(service.charter);
    const events: StoreEvent[] = [];
    const store = await openStore(service.charter, { folder, onEvent: (event) => events.push(event) });
    const film = noise(2 * blockBytes, 5);
    const manifest = await publish(service, origin, { film, 'a.txt': 'fine' });
    await copyInto(store, origin, manifest);
    await store.install(manifest);
    await spoil(folder, film.subarray(blockBytes, blockBytes + 64));

    const damaged = allBlocks(manifest).find((block) => block.hash === manifest.byPath.get('film')?.chunks?.[1]);
    if (damaged === undefined) throw new Error('no such block');
    await expect(store.readBlock(damaged)).rejects.toMatchObject({ code: 'block-damaged', hash: damaged.hash });
    expect(events).toMatchObject([{ type: 'block-damaged', hash: damaged.hash }]);
    expect(store.missing(manifest)).toEqual([damaged]);

    await copyInto(store, origin, manifest);
    expect((await store.readBlock(damaged)).equals(film.subarray(blockBytes))).toBe(true);
    await store.close();
    const again = await openStore(service.charter, { folder });
    expect(await again.check()).toBe(0); // after a restart it is the mended copy that counts
    expect(again.missing(manifest)).toEqual([]);
  });

  it('that spoils a manifest costs that release, not the store', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    await publish(service, store, { a: 'one' });
    await publish(service, store, { a: 'two' });
    await store.close();
    await writeFile(join(folder, 'releases', '2.manifest'), '{"format":1}');
    const events: StoreEvent[] = [];
    const again = await openStore(service.charter, { folder, onEvent: (event) => events.push(event) });
    expect(events).toMatchObject([{ type: 'manifest-damaged', release: 2 }]);
    expect(again.current?.release).toBe(1);
    expect(await text(again, 'a')).toBe('one');
  });

  it('that spoils the pointer is got over by taking the newest whole release', async () => {
    for (const pointer of ['', '{"rel', '[]', null]) {
      const folder = await temporaryFolder();
      const store = await openStore(service.charter, { folder });
      await publish(service, store, { a: 'one' });
      await publish(service, store, { a: 'two' });
      await store.close();
      if (pointer === null) await rm(join(folder, 'current'));
      else await writeFile(join(folder, 'current'), pointer);
      expect((await openStore(service.charter, { folder })).current?.release).toBe(2);
    }
  });

  it('and a crash in the middle of a transfer cost no more than the last block', async () => {
    const folder = await temporaryFolder();
    const origin = await openStore(service.charter);
    const store = await openStore(service.charter, { folder });
    const manifest = await publish(service, origin, { film: noise(4 * blockBytes, 6) });
    await copyInto(store, origin, manifest);
    await store.close();
    // As a crash leaves it: a part that was never named, its end missing.
    const [pack] = await readdir(join(folder, 'packs'));
    if (pack === undefined) throw new Error('no pack');
    const bytes = await readFile(join(folder, 'packs', pack));
    await rm(join(folder, 'packs', pack));
    await writeFile(join(folder, 'packs', pack.replace('.pack', '.part')), bytes.subarray(0, bytes.length - 100));
    const again = await openStore(service.charter, { folder });
    expect(again.current).toBeNull();
    expect(again.missing(manifest)).toEqual(allBlocks(manifest).slice(3));
    await copyInto(again, origin, manifest);
    await again.install(manifest);
    expect(await again.check()).toBe(0);
  });
});

describe('the quota of a volunteer', () => {
  it('refuses a release that does not fit before anything is taken, with both figures', async () => {
    const folder = await temporaryFolder();
    const origin = await openStore(service.charter);
    const store = await openStore(service.charter, { folder, maxBytes: blockBytes });
    const manifest = await publish(service, origin, { film: noise(2 * blockBytes, 1) });
    const error: unknown = await store.begin(manifest).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(QuotaError);
    expect(error).toMatchObject({
      allowedBytes: blockBytes,
      message: expect.stringContaining('--max-storage') as string,
    });
    expect((error as QuotaError).neededBytes).toBeGreaterThan(2 * blockBytes);
    expect(await readdir(join(folder, 'packs'))).toEqual([]);
    expect(await readdir(join(folder, 'releases'))).toEqual([]);
  });

  it('gives up the release before, if that makes the new one fit, and keeps the current', async () => {
    const folder = await temporaryFolder();
    const origin = await openStore(service.charter);
    const store = await openStore(service.charter, { folder, maxBytes: 2.2 * blockBytes });
    for (let i = 1; i <= 4; i += 1) {
      const manifest = await publish(service, origin, { film: noise(blockBytes, i) });
      await copyInto(store, origin, manifest);
      await store.install(manifest);
      expect(await packBytes(folder)).toBeLessThanOrEqual(2.2 * blockBytes);
    }
    expect(store.current?.release).toBe(4);
    const tooBig = await publish(service, origin, { film: noise(3 * blockBytes, 9) });
    await expect(store.begin(tooBig)).rejects.toBeInstanceOf(QuotaError);
    expect([store.current?.release, store.previous?.release]).toEqual([4, 3]);
    expect(await store.check()).toBe(0);
  });

  it('counts only what is new in an update', async () => {
    const origin = await openStore(service.charter);
    const store = await openStore(service.charter, { maxBytes: 1.1 * blockBytes });
    const film = noise(blockBytes, 1);
    for (const page of ['one', 'two', 'three']) {
      const manifest = await publish(service, origin, { film, page }, testNowMs);
      await copyInto(store, origin, manifest);
      await store.install(manifest);
    }
    expect(store.current?.release).toBe(3);
  });
});
