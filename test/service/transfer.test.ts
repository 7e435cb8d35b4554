import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockBytes,
  BlockMismatchError,
  type ByteStream,
  type Manifest,
  QuotaError,
  type ReceiveOptions,
  type ReleaseStore,
  type TransferOptions,
  type TransferProgress,
  type TransferResult,
  allBlocks,
  createKey,
  receiveManifest,
  receiveRelease,
  sendRelease,
} from '../../src/service/index.ts';
import { until } from '../patience.ts';
import {
  type Files,
  found,
  noise,
  openStore,
  publish,
  socketPair,
  spoil,
  streamOf,
  temporaryFolder,
} from './workshop.ts';

const service = found();

interface Outcome {
  readonly received: TransferResult | Error;
  readonly sent: TransferResult | Error;
}

/** Runs a transfer over a real TCP connection; `shape` may tamper with either end. */
async function transfer(
  from: ReleaseStore,
  to: ReleaseStore,
  options: ReceiveOptions & {
    sender?: TransferOptions;
    shape?: (stream: ByteStream, side: 'near' | 'far') => ByteStream;
  } = {},
): Promise<Outcome> {
  const shape = options.shape ?? ((stream: ByteStream): ByteStream => stream);
  const [near, far] = await socketPair();
  const failed = (error: unknown): Error => error as Error;
  const [sent, received] = await Promise.all([
    sendRelease(shape(streamOf(far), 'far'), from, options.sender).catch(failed),
    receiveRelease(shape(streamOf(near), 'near'), to, options).catch(failed),
  ]);
  near.destroy();
  far.destroy();
  return { sent, received };
}

/** Lets `bytes` through towards the receiver, then breaks the line. */
function cutAfter(bytes: number) {
  return (stream: ByteStream, side: 'near' | 'far'): ByteStream => {
    if (side === 'near') return stream;
    let left = bytes;
    const send = async (piece: Uint8Array): Promise<void> => {
      left -= piece.length;
      if (left < 0) {
        stream.abort(new Error('the line was cut'));
        throw new Error('the line was cut');
      }
      await stream.send(piece);
    };
    return { ...stream, chunks: stream.chunks, send };
  };
}

const site: Files = {
  'index.html': '<p>hello',
  'film.bin': noise(5 * blockBytes + 1234, 1),
  'again.bin': noise(5 * blockBytes + 1234, 1),
  'empty.txt': '',
  ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`pages/${i}.html`, `page ${i}`])),
};

describe('a transfer', () => {
  it('brings a release over, every byte of it, each block once, and it can be installed', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    const manifest = await publish(service, origin, site);
    const { received, sent } = await transfer(origin, store);
    expect(received).toMatchObject({
      blocks: allBlocks(manifest).length,
      blocksReused: 0,
      manifest: { id: manifest.id },
    });
    expect(sent).toMatchObject({ blocks: allBlocks(manifest).length });
    expect((received as TransferResult).bytes).toBeLessThan(manifest.totalBytes);
    await store.install(manifest);
    expect(await store.check()).toBe(0);
    const film = manifest.byPath.get('film.bin');
    if (film === undefined) throw new Error('no film');
    const lease = store.leaseFile(film);
    const blocks = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => lease.read(i)));
    lease.release();
    expect(Buffer.concat(blocks).equals(site['film.bin'] as Buffer)).toBe(true);
  });

  it('tells both sides how far it is', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    await publish(service, origin, site);
    const [here, there]: TransferProgress[][] = [[], []];
    const { received } = await transfer(origin, store, {
      onProgress: (progress) => here?.push(progress),
      sender: { onProgress: (progress) => there?.push(progress) },
    });
    const { bytes } = received as TransferResult;
    for (const seen of [here, there]) {
      expect(seen?.at(-1)).toEqual({ bytesDone: bytes, bytesTotal: bytes });
      const done = seen?.map((progress) => progress.bytesDone) ?? [];
      expect(done).toEqual([...done].sort((a, b) => a - b));
    }
  });

  it('of an update moves only what is new', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    await store.install(
      (await publish(service, origin, site), (await transfer(origin, store)).received as TransferResult).manifest,
    );
    await publish(service, origin, { ...site, 'index.html': '<p>changed' });
    const { received } = await transfer(origin, store);
    expect(received).toMatchObject({ blocks: 1, bytes: '<p>changed'.length });
  });

  it('goes on after a cut where it stopped, also after a restart, also from another sender', async () => {
    const folder = await temporaryFolder();
    const origin = await openStore(service.charter);
    const manifest = await publish(service, origin, site);
    const second = await openStore(service.charter);
    await transfer(origin, second);
    await second.install(manifest);

    let store = await openStore(service.charter, { folder });
    const { received } = await transfer(origin, store, { shape: cutAfter(3 * blockBytes) });
    expect(received).toMatchObject({ code: 'transfer-cut' });
    const missing = store.missing(manifest).length;
    expect(missing).toBeGreaterThan(0);
    expect(missing).toBeLessThan(allBlocks(manifest).length);
    await store.close();

    store = await openStore(service.charter, { folder });
    expect(store.missing(manifest).length).toBe(missing);
    const resumed = await transfer(second, store);
    expect(resumed.received).toMatchObject({ blocks: missing, blocksReused: allBlocks(manifest).length - missing });
    await store.install(manifest);
    expect(await store.check()).toBe(0);
  });

  it('arrives in the end, whole, wherever it is cut on the way', async () => {
    const origin = await openStore(service.charter);
    const manifest = await publish(service, origin, { a: noise(2 * blockBytes + 3, 4), b: 'x', c: noise(70_000, 5) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2 * blockBytes), { maxLength: 3 }), async (cuts) => {
        const store = await openStore(service.charter);
        for (const bytes of cuts) await transfer(origin, store, { shape: cutAfter(bytes) });
        expect((await transfer(origin, store)).received).toMatchObject({ manifest: { id: manifest.id } });
        await store.install(manifest);
        expect(await store.check()).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it('does not send a manifest that the receiver has', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    const manifest = await publish(service, origin, site);
    let bytes = 0;
    const shape = (stream: ByteStream, side: string): ByteStream => ({
      ...stream,
      chunks: stream.chunks,
      send: (piece) => {
        if (side === 'far') bytes += piece.length;
        return stream.send(piece);
      },
    });
    const { received } = await transfer(origin, store, { manifest, shape });
    expect(bytes).toBeLessThan((received as TransferResult).bytes + 10 * allBlocks(manifest).length + 200);
  });

  it('can be of the manifest alone', async () => {
    const origin = await openStore(service.charter);
    const manifest = await publish(service, origin, site);
    const [near, far] = await socketPair();
    const [read] = await Promise.all([
      receiveManifest(streamOf(near), { identity: service.charter }),
      sendRelease(streamOf(far), origin),
    ]);
    expect(read.id).toBe(manifest.id);
  });

  it('holds a few MiB in memory, whatever it moves: a receiver whose disk is slow stops the sender', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    await publish(service, origin, { film: noise(48 * blockBytes, 1) });
    const [near, far] = await socketPair();
    let taken = 0;
    let mayGoOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (mayGoOn = resolve));
    const slow: ByteStream = {
      ...streamOf(near),
      chunks: (async function* () {
        for await (const piece of near as AsyncIterable<Uint8Array>) {
          taken += piece.length;
          if (taken > 2 * blockBytes) await gate;
          yield piece;
        }
      })(),
    };
    let sentBytes = 0;
    const sending = sendRelease(streamOf(far), origin, { onProgress: ({ bytesDone }) => (sentBytes = bytesDone) });
    const receiving = receiveRelease(slow, store);
    await until('it has taken two blocks', () => taken > 2 * blockBytes);
    let steady = 0;
    let before = -1;
    await until('the sender stands still', () => {
      steady = far.writableLength === before ? steady + 1 : 0;
      before = far.writableLength;
      return steady > 20;
    });
    expect(sentBytes).toBeLessThan(24 * blockBytes); // what the kernel buffers on loopback, and a block or two
    expect(far.writableLength).toBeLessThan(2 * blockBytes);
    mayGoOn();
    await Promise.all([sending, receiving]);
  });
});

describe('a transfer that fails', () => {
  it('because the sender lies names the block, and keeps what was true before it', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    const manifest = await publish(service, origin, { film: noise(3 * blockBytes, 7) });
    let bytes = 0;
    const lying = (stream: ByteStream, side: string): ByteStream => ({
      ...stream,
      chunks: stream.chunks,
      send: (piece) => {
        bytes += piece.length;
        if (side !== 'far' || bytes < 1.5 * blockBytes) return stream.send(piece);
        const wrong = Buffer.from(piece);
        wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 1;
        return stream.send(wrong);
      },
    });
    const { received } = await transfer(origin, store, { shape: lying });
    expect(received).toBeInstanceOf(BlockMismatchError);
    expect(manifest.files[0]?.chunks).toContain((received as BlockMismatchError).hash);
    expect(store.missing(manifest)).toHaveLength(2);
    await expect(store.install(manifest)).rejects.toMatchObject({ code: 'release-incomplete' });
    expect((await transfer(origin, store)).received).toMatchObject({ blocks: 2 });
  });

  it('because the manifest is forged takes nothing', async () => {
    const forger = { ...service, ownerKey: createKey() };
    const charter = { ...service.charter, ownerPublicKey: forger.ownerKey.publicKey };
    const [origin, store] = [await openStore(charter), await openStore(service.charter)];
    await publish({ ...forger, charter }, origin, { a: 'false' });
    const { received } = await transfer(origin, store);
    expect(received).toMatchObject({ code: 'document-signature' });
    expect(store.usedBytes).toBe(0);
  });

  it('because of the quota says so to both sides', async () => {
    const folder = await temporaryFolder();
    const origin = await openStore(service.charter);
    const store = await openStore(service.charter, { folder, maxBytes: 1000 });
    await publish(service, origin, { film: noise(blockBytes, 7) });
    const { received, sent } = await transfer(origin, store);
    expect(received).toBeInstanceOf(QuotaError);
    expect(sent).toMatchObject({ code: 'transfer-refused', reason: 'quota' });
    expect(await readdir(join(folder, 'packs'))).toEqual([]);
  });

  it('because the sender has no such release, or is of another service, says so', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    expect((await transfer(origin, store)).received).toMatchObject({ reason: 'release-unknown' });
    await publish(service, origin, { a: 'x' });
    expect((await transfer(origin, store, { release: 9 })).received).toMatchObject({ reason: 'release-unknown' });
    const stranger = await openStore(found().charter);
    expect((await transfer(origin, stranger)).received).toMatchObject({ reason: 'release-unknown' });
  });

  it('because a block of the sender is damaged is no lie: it is told, and another sender can go on', async () => {
    const folder = await temporaryFolder();
    const film = noise(3 * blockBytes, 7);
    let origin = await openStore(service.charter, { folder });
    const manifest = await publish(service, origin, { film });
    await origin.close();
    await spoil(folder, film.subarray(2 * blockBytes, 2 * blockBytes + 64));
    origin = await openStore(service.charter, { folder });
    const store = await openStore(service.charter);
    const { received, sent } = await transfer(origin, store);
    expect(received).toMatchObject({ code: 'transfer-refused', reason: 'damaged' });
    expect(sent).toMatchObject({ code: 'block-damaged', hash: manifest.files[0]?.chunks?.[2] });
    expect(origin.missing(manifest)).toHaveLength(1); // it knows now, and can have it mended
    expect(store.missing(manifest)).toHaveLength(1);
    expect((await transfer(origin, store)).received).toMatchObject({ reason: 'damaged' });
    expect((await transfer(store, origin)).received).toMatchObject({ reason: 'release-unknown' });
  });

  it('because the disk of the sender rotted a moment after it was checked is found by the sender the next time', async () => {
    const folder = await temporaryFolder();
    const film = noise(3 * blockBytes, 7);
    const origin = await openStore(service.charter, { folder });
    await publish(service, origin, { film });
    await spoil(folder, film.subarray(2 * blockBytes, 2 * blockBytes + 64));
    const store = await openStore(service.charter);
    expect((await transfer(origin, store)).received).toBeInstanceOf(BlockMismatchError);
    expect((await transfer(origin, store)).received).toMatchObject({ reason: 'damaged' });
  });

  it('because the other side is silent ends by itself, on both sides', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    await publish(service, origin, { a: 'x' });
    for (const start of [
      (stream: ByteStream) => receiveRelease(stream, store, { silenceMs: 60 }),
      (stream: ByteStream) => sendRelease(stream, origin, { silenceMs: 60 }),
    ]) {
      const [near, far] = await socketPair();
      const closed = once(far, 'end');
      far.resume();
      await expect(start(streamOf(near))).rejects.toMatchObject({ code: 'transfer-timeout' });
      await closed;
    }
    expect((await transfer(origin, store)).received).toMatchObject({ blocks: 1 });
  });

  it('because of nonsense on the line ends with an error, never with a crash or a wait', async () => {
    const origin = await openStore(service.charter);
    await publish(service, origin, { a: 'x' });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (bytes, toReceiver) => {
        const [near, far] = await socketPair();
        const store = await openStore(service.charter);
        const ending = toReceiver
          ? receiveRelease(streamOf(near), store, { silenceMs: 5000 })
          : sendRelease(streamOf(near), origin, { silenceMs: 5000 });
        far.resume();
        far.end(bytes);
        await expect(ending).rejects.toMatchObject({ name: expect.stringMatching(/Service|Transfer/) as string });
      }),
      { numRuns: 100 },
    );
  });

  it('leaves the store free for the next one', async () => {
    const [origin, store] = [await openStore(service.charter), await openStore(service.charter)];
    const first: Manifest = await publish(service, origin, { film: noise(3 * blockBytes, 7) });
    await transfer(origin, store, { shape: cutAfter(blockBytes) });
    const next = await publish(service, origin, { film: noise(2 * blockBytes, 8) });
    expect((await transfer(origin, store)).received).toMatchObject({ manifest: { id: next.id } });
    await store.install(next);
    expect(store.missing(first).length).toBeGreaterThan(0);
    expect(store.usedBytes).toBeLessThan(2.1 * blockBytes); // the one that was never finished is swept away
  });
});
