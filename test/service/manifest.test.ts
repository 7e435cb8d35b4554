import { appendFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockBytes,
  type FileEntry,
  allBlocks,
  blocksOf,
  createKey,
  hashFolder,
  publishFolder,
  readManifest,
  signManifest,
} from '../../src/service/index.ts';
import { testNowMs, folderOf, found, noise, openStore, spoil, temporaryFolder } from './workshop.ts';

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const service = found();

const facts = (files: readonly FileEntry[]) => ({
  serviceId: service.charter.serviceId,
  charter: 1,
  epoch: 0,
  term: 0,
  release: 1,
  createdAtMs: testNowMs,
  files,
});
const sign = (files: readonly FileEntry[]) => signManifest(facts(files), service.ownerKey, service.charter);
const small = (path: string, text = path): FileEntry => ({
  path,
  size: text.length,
  sha256: sha256(text),
  mediaType: 'text/plain; charset=utf-8',
});

describe('hashing a folder', () => {
  it('lists every file sorted, with size, hash and media type, and blocks for the large ones', async () => {
    const film = noise(2 * blockBytes + 5, 1);
    const folder = await folderOf({
      'index.html': '<p>hi',
      'b/film.mp4': film,
      'a.css': 'p{}',
      'empty.txt': '',
      LICENSE: 'MIT',
    });
    const { files } = await hashFolder(folder);
    expect(files.map((file) => file.path)).toEqual(['LICENSE', 'a.css', 'b/film.mp4', 'empty.txt', 'index.html']);
    expect(files.map((file) => file.mediaType)).toEqual([
      'application/octet-stream',
      'text/css; charset=utf-8',
      'video/mp4',
      'text/plain; charset=utf-8',
      'text/html; charset=utf-8',
    ]);
    const entry = files[2];
    expect(entry).toMatchObject({ size: film.length, sha256: sha256(film) });
    expect(entry?.chunks).toEqual([0, 1, 2].map((i) => sha256(film.subarray(i * blockBytes, (i + 1) * blockBytes))));
    expect(blocksOf(entry as FileEntry).map((block) => block.size)).toEqual([blockBytes, blockBytes, 5]);
    expect(blocksOf(files[3] as FileEntry)).toEqual([]);
  });

  it('tells how far it is, up to the end', async () => {
    const folder = await folderOf({ a: noise(blockBytes + 1, 1), b: 'x' });
    const seen: number[] = [];
    await hashFolder(folder, ({ bytesDone, bytesTotal }) => {
      expect(bytesTotal).toBe(blockBytes + 2);
      seen.push(bytesDone);
    });
    expect(seen).toEqual([blockBytes, blockBytes + 1, blockBytes + 2]);
  });

  it('leaves out names with a leading dot, says so, and keeps .well-known', async () => {
    const folder = await folderOf({
      'index.html': 'x',
      '.git/config': 'secret',
      'a/.DS_Store': 'x',
      '.well-known/security.txt': 'y',
    });
    const { files, ignored } = await hashFolder(folder);
    expect(files.map((file) => file.path)).toEqual(['.well-known/security.txt', 'index.html']);
    expect(ignored.map((left) => left.path).sort()).toEqual(['.git', 'a/.DS_Store']);
  });

  it('follows links within the folder and refuses those that leave it, lead nowhere, or run in a circle', async () => {
    const folder = await folderOf({ 'docs/index.html': 'x' });
    await symlink(join(folder, 'docs'), join(folder, 'manual'));
    expect((await hashFolder(folder)).files.map((file) => file.path)).toEqual(['docs/index.html', 'manual/index.html']);

    const outside = await folderOf({ 'index.html': 'x' });
    await symlink('/etc/hostname', join(outside, 'name.txt'));
    await expect(hashFolder(outside)).rejects.toThrow(/name\.txt leads out of the folder/);

    const dangling = await folderOf({ 'index.html': 'x' });
    await symlink('gone', join(dangling, 'link'));
    await expect(hashFolder(dangling)).rejects.toThrow(/leads nowhere/);

    const circle = await folderOf({ 'a/index.html': 'x' });
    await symlink('..', join(circle, 'a', 'up'));
    await expect(hashFolder(circle)).rejects.toThrow(/leads back/);
  });

  it.each([
    '-----BEGIN PRIVATE KEY-----\nMC4CAQ',
    '\n-----BEGIN ENCRYPTED PRIVATE KEY-----',
    '-----BEGIN OPENSSH PRIVATE KEY-----\r\n',
    '-----BEGIN RSA PRIVATE KEY-----',
  ])('never publishes a private key: %j', async (key) => {
    const folder = await folderOf({ 'index.html': 'x', 'deep/down/notes.txt': key });
    await expect(hashFolder(folder)).rejects.toMatchObject({
      code: 'folder-unusable',
      message: expect.stringMatching(/notes\.txt is a private key.*Move it out of the folder\.$/) as string,
    });
  });

  it('publishes what only speaks of keys', async () => {
    const folder = await folderOf({
      'a.html': 'a key begins with -----BEGIN PRIVATE KEY-----',
      'b.pem': '-----BEGIN PUBLIC KEY-----',
    });
    expect((await hashFolder(folder)).files).toHaveLength(2);
  });

  it('says what is wrong with a folder that cannot be served', async () => {
    const empty = await temporaryFolder();
    await mkdir(join(empty, 'nothing'));
    await expect(hashFolder(empty)).rejects.toThrow(/no file to serve/);
    await expect(hashFolder(join(empty, 'missing'))).rejects.toThrow(/There is no folder .*missing/);
    await writeFile(join(empty, 'file'), 'x');
    await expect(hashFolder(join(empty, 'file'))).rejects.toThrow(/is a file; a folder is needed/);
  });
});

describe('publishing', () => {
  it('numbers releases from 1, and makes none when nothing has changed', async () => {
    const store = await openStore(service.charter);
    const folder = await folderOf({ 'index.html': 'one' });
    const options = {
      folder,
      store,
      ownerKey: service.ownerKey,
      standing: { charter: 1, epoch: 0, term: 0 },
      nowMs: testNowMs,
    };
    const first = await publishFolder(options);
    expect(first).toMatchObject({ isNew: true, manifest: { release: 1 } });
    expect(await publishFolder(options)).toMatchObject({ isNew: false, manifest: { release: 1 } });
    await writeFile(join(folder, 'index.html'), 'two');
    const second = await publishFolder(options);
    expect(second.manifest.release).toBe(2);
    expect(second.manifest.createdAtMs).toBeGreaterThanOrEqual(first.manifest.createdAtMs + 1000);
    expect(store.current?.id).toBe(second.manifest.id);
  });

  it('puts back the blocks that a bad disk has lost, though nothing has changed', async () => {
    const folder = await folderOf({ 'index.html': 'one', film: noise(blockBytes + 1000, 5) });
    const store = await openStore(service.charter);
    const standing = { charter: 1, epoch: 0, term: 0 };
    const options = { folder, store, ownerKey: service.ownerKey, standing, nowMs: testNowMs };
    const { manifest } = await publishFolder(options);
    expect(store.damaged).toEqual([]);
    await spoil(store.folder, noise(64, 5));
    expect(await store.check()).toBe(1);
    expect(store.damaged).toEqual(blocksOf(manifest.byPath.get('film') as FileEntry).slice(0, 1));
    expect(await publishFolder(options)).toMatchObject({ isNew: false, repairedBlocks: 1, manifest: { release: 1 } });
    expect(store.damaged).toEqual([]);
    expect(await store.check()).toBe(0);
    expect(await publishFolder(options)).toMatchObject({ repairedBlocks: 0 });
  });

  it('after a restoration, with nothing known of the past, is newer than all that was before', async () => {
    const folder = await folderOf({ 'index.html': 'one' });
    const standing = { charter: 2, epoch: 0, term: 0 };
    const store = await openStore(service.charter);
    const options = { folder, store, ownerKey: service.ownerKey, standing, nowMs: testNowMs };
    expect((await publishFolder(options)).manifest.release).toBe(1_000_001);
    await writeFile(join(folder, 'index.html'), 'two');
    expect((await publishFolder(options)).manifest.release).toBe(1_000_002);
  });

  it('notices a file that changes while it is being published, and leaves the old release in service', async () => {
    const store = await openStore(service.charter);
    const folder = await folderOf({ a: 'x', b: noise(blockBytes * 2, 3) });
    const options = {
      folder,
      store,
      ownerKey: service.ownerKey,
      standing: { charter: 1, epoch: 0, term: 0 },
      nowMs: testNowMs,
    };
    let growing: Promise<void> = Promise.resolve();
    const onProgress = ({ bytesDone, bytesTotal }: { bytesDone: number; bytesTotal: number }): void => {
      if (bytesDone === bytesTotal) growing = appendFile(join(folder, 'a'), 'more');
    };
    const attempt = publishFolder({ ...options, onProgress });
    await expect(attempt).rejects.toThrow(/changed while it was being published/);
    await growing;
    expect(store.current).toBeNull();
    expect((await publishFolder(options)).manifest.release).toBe(1);
  });

  it('with the wrong key is refused', async () => {
    const store = await openStore(service.charter);
    const folder = await folderOf({ a: 'x' });
    const options = {
      folder,
      store,
      ownerKey: createKey(),
      standing: { charter: 1, epoch: 0, term: 0 },
      nowMs: testNowMs,
    };
    await expect(publishFolder(options)).rejects.toMatchObject({ code: 'key-wrong' });
  });
});

describe('a manifest', () => {
  it('is read back as it was signed', () => {
    const manifest = sign([small('a'), small('b')]);
    const again = readManifest(manifest.bytes, service.charter);
    expect(again).toEqual(manifest);
    expect(again.totalBytes).toBe(2);
    expect(again.id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('of another owner, or another service, is refused', () => {
    const { bytes } = sign([small('a')]);
    const stranger = { ...service.charter, ownerPublicKey: createKey().publicKey };
    expect(() => readManifest(bytes, stranger)).toThrow(/not signed by the owner key/);
    expect(() => readManifest(bytes, { ...service.charter, serviceId: found().charter.serviceId })).toThrow(/not of/);
  });

  it('with any byte changed is refused', () => {
    const { bytes } = sign([small('a'), small('b')]);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(() => readManifest(changed, service.charter)).toThrow(
          expect.objectContaining({ name: 'ServiceError' }) as Error,
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each(['../up', '/etc/passwd', 'a//b', 'a/./b', 'a\\b', 'a\0b', '', 'a/', 'x'.repeat(300), 'line\nbreak'])(
    'with the unsafe path %j is refused, even signed by the owner',
    (path) => {
      expect(() => sign([{ ...small('a'), path }])).toThrow(/unsafe path|bad field/);
    },
  );

  it('whose files are unsorted, doubled, inside one another, or contradict their sizes is refused', () => {
    expect(() => sign([small('b'), small('a')])).toThrow(/not sorted/);
    expect(() => sign([small('a'), small('a')])).toThrow(/not sorted/);
    expect(() => sign([small('a'), small('a/b')])).toThrow(/lies inside what is a file/);
    expect(() => sign([{ ...small('a'), size: blockBytes + 1 }])).toThrow(/chunks/);
    expect(() => sign([{ ...small('a'), chunks: [sha256('a')] }])).toThrow(/chunks/);
    expect(() => sign([{ ...small('a'), mediaType: 'text/html\r\nset-cookie: x' }])).toThrow(/mediaType/);
  });

  it('takes paths that differ in case only: nothing is ever stored under them', () => {
    expect(sign([small('README.md'), small('readme.md')]).files).toHaveLength(2);
  });

  it('names a block once, however many files have it', () => {
    expect(allBlocks(sign([small('a', 'same'), small('b', 'same'), small('c', 'other')]))).toEqual([
      { hash: sha256('same'), size: 4 },
      { hash: sha256('other'), size: 5 },
    ]);
  });
});
