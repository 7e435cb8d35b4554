/** The receiving half of a transfer (see transfer.ts): asks, checks the manifest, takes what it lacks. */
import { createHash } from 'node:crypto';
import { BufferPool } from './buffer-pool.ts';
import { type ByteStream, FrameChannel, protocolError } from './byte-stream.ts';
import type { Intake } from './intake.ts';
import { mostManifestBytes, allBlocks, readManifest, type Manifest } from './manifest.ts';
import type { ReleaseStore } from './release-store.ts';
import { QuotaError, ServiceError, type TransferRefusal } from './service-error.ts';
import {
  blockCode,
  doneCode,
  endCode,
  indexBytes,
  manifestCode,
  needCode,
  partBytes,
  trailerBytes,
  transferVersion,
  wantCode,
  wholeSign,
  expectFrame,
  refuse,
  sumOf,
  type TransferOptions,
  type TransferResult,
} from './transfer.ts';

/** Blocks in memory at a time. */
const bufferCount = 4;

export interface ReceiveOptions extends TransferOptions {
  /** The release to ask for; the sender's current one when left out. */
  readonly release?: number;
  /** The manifest, when it is known already: then it is not sent again. */
  readonly manifest?: Manifest;
}

/**
 * Fetches a release into `store`: when this resolves all its blocks are there and durable, ready for `store.install`.
 * @throws QuotaError, DiskFullError (nothing is left behind), BlockMismatchError (the sender lies); ServiceError
 * `transfer-refused`, `transfer-cut`, `transfer-timeout`, `transfer-protocol`, `document-*` (a forged manifest).
 */
export async function receiveRelease(
  stream: ByteStream,
  store: ReleaseStore,
  options: ReceiveOptions = {},
): Promise<TransferResult> {
  const channel = new FrameChannel(stream, options.silenceMs ?? 30_000);
  try {
    const manifest = await askManifest(channel, store, options);
    const intake = await store.begin(manifest).catch(async (error: unknown) => {
      await refuse(channel, refusalFor(error), error instanceof Error ? error.message : 'the release was refused');
      throw error;
    });
    try {
      await receiveBlocks(channel, manifest, intake, options);
    } finally {
      await intake.finish();
    }
    await channel.sendJson(doneCode, { blocks: intake.missing.length });
    await channel.closeWrite();
    channel.end();
    const bytes = sumOf(intake.missing);
    const blocks = intake.missing.length;
    return { manifest, blocks, bytes, blocksReused: allBlocks(manifest).length - blocks };
  } catch (error) {
    channel.end(error instanceof Error ? error : new Error('the transfer failed'));
    throw error;
  }
}

/** Fetches only the signed manifest of a release: all that a reader needs to check what servers tell it. */
export async function receiveManifest(
  stream: ByteStream,
  store: Pick<ReleaseStore, 'identity'>,
  options: Omit<ReceiveOptions, 'manifest' | 'onProgress'> = {},
): Promise<Manifest> {
  const channel = new FrameChannel(stream, options.silenceMs ?? 30_000);
  try {
    const manifest = await askManifest(channel, store, options);
    await channel.send(needCode, Buffer.alloc(Math.ceil(allBlocks(manifest).length / 8)));
    await expectFrame(channel, endCode);
    await channel.sendJson(doneCode, { blocks: 0 });
    await channel.closeWrite();
    channel.end();
    return manifest;
  } catch (error) {
    channel.end(error instanceof Error ? error : new Error('the transfer failed'));
    throw error;
  }
}

async function askManifest(
  channel: FrameChannel,
  store: Pick<ReleaseStore, 'identity'>,
  options: ReceiveOptions,
): Promise<Manifest> {
  const { manifest: known, release = known?.release } = options;
  const { serviceId } = store.identity;
  await channel.sendJson(wantCode, {
    version: transferVersion,
    serviceId,
    release: release ?? null,
    have: known?.id ?? null,
  });
  const first = await channel.takeJson(await expectFrame(channel, manifestCode));
  const bytesTotal = first['bytes'];
  if (typeof bytesTotal !== 'number' || !Number.isSafeInteger(bytesTotal) || bytesTotal < 0) {
    throw protocolError('a manifest without its length');
  }
  if (bytesTotal === 0 && known !== undefined) return known;
  if (bytesTotal > mostManifestBytes) throw protocolError(`a manifest of ${bytesTotal} bytes`);
  const bytes = Buffer.allocUnsafe(bytesTotal);
  for (let at = 0; at < bytesTotal;) {
    const part = await expectFrame(channel, manifestCode);
    if (part.payloadBytes === 0 || at + part.payloadBytes > bytesTotal) throw protocolError('a manifest too long');
    await channel.fill(bytes.subarray(at, at + part.payloadBytes));
    at += part.payloadBytes;
  }
  const manifest = readManifest(bytes, store.identity);
  if (release !== undefined && manifest.release !== release) {
    throw protocolError(`release ${manifest.release} where ${release} was asked for`);
  }
  return manifest;
}

async function receiveBlocks(
  channel: FrameChannel,
  manifest: Manifest,
  intake: Intake,
  options: TransferOptions,
): Promise<void> {
  const blocks = allBlocks(manifest);
  const missing = new Set(intake.missing.map((block) => block.hash));
  const bitmap = Buffer.alloc(Math.ceil(blocks.length / 8));
  blocks.forEach((block, i) => {
    if (missing.has(block.hash)) bitmap.writeUInt8(bitmap.readUInt8(i >> 3) | (1 << (i & 7)), i >> 3);
  });
  for (let at = 0; at === 0 || at < bitmap.length; at += partBytes) {
    await channel.send(needCode, bitmap.subarray(at, at + partBytes));
  }
  const bytesTotal = sumOf(intake.missing);
  const buffers = new BufferPool(bufferCount);
  let bytesDone = 0;
  try {
    for (const expected of intake.missing) {
      const head = await expectFrame(channel, blockCode);
      if (head.payloadBytes !== indexBytes + expected.size + trailerBytes)
        throw protocolError('a block of the wrong size');
      const index = (await channel.take(indexBytes)).readUInt32BE(0);
      if (blocks[index]?.hash !== expected.hash) throw protocolError(`block ${index} out of turn`);
      const buffer = await buffers.take();
      const bytes = buffer.subarray(0, expected.size);
      const hashing = createHash('sha256');
      await channel.fill(bytes, (piece) => hashing.update(piece));
      if ((await channel.take(trailerBytes)).readUInt8(0) !== wholeSign) {
        await expectFrame(channel, blockCode); // in its place comes the refusal with the reason
        throw protocolError('a block that is damaged');
      }
      buffers.giveBackAfter(buffer, intake.write(expected, bytes, hashing.digest('hex')));
      bytesDone += expected.size;
      options.onProgress?.({ bytesDone, bytesTotal });
    }
    await expectFrame(channel, endCode);
  } finally {
    await buffers.settle();
  }
  buffers.throwIfFailed();
}

function refusalFor(error: unknown): TransferRefusal {
  if (error instanceof QuotaError) return 'quota';
  if (!(error instanceof ServiceError)) return 'busy';
  return error.code === 'disk-full' || error.code === 'release-order' ? error.code : 'busy';
}
