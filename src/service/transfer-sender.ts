/** The sending half of a transfer (see transfer.ts): gives the manifest, then the blocks that are asked for. */
import { type Hash, createHash } from 'node:crypto';
import type { BlockLease } from './block-store.ts';
import { type ByteStream, FrameChannel, headBytes, bytesPerSend, protocolError, writeHead } from './byte-stream.ts';
import { allBlocks, type BlockReference, type Manifest } from './manifest.ts';
import type { ReleaseStore } from './release-store.ts';
import { BlockDamagedError, TransferRefusedError, type TransferRefusal } from './service-error.ts';
import {
  blockCode,
  damagedSign,
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

/**
 * Serves one transfer from `store`. Resolves when the receiver has said that all is on its disk.
 * @throws ServiceError `transfer-refused` (by either side), `transfer-cut`, `transfer-timeout`, `transfer-protocol`;
 * BlockDamagedError when a block of ours is damaged (the receiver is told, and looks elsewhere).
 */
export async function sendRelease(
  stream: ByteStream,
  store: ReleaseStore,
  options: TransferOptions = {},
): Promise<TransferResult> {
  const channel = new FrameChannel(stream, options.silenceMs ?? 30_000);
  try {
    const manifest = await answerWant(channel, store);
    const blocks = allBlocks(manifest);
    const needed = await readNeed(channel, blocks);
    await sendBlocks(channel, store, needed, options);
    await channel.closeWrite();
    channel.end();
    return {
      manifest,
      blocks: needed.length,
      bytes: sumOf(needed.map(({ block }) => block)),
      blocksReused: blocks.length - needed.length,
    };
  } catch (error) {
    channel.end(error instanceof Error ? error : new Error('the transfer failed'));
    throw error;
  }
}

/** Answers whoever asks for a transfer that there will be none now, and why; they may ask elsewhere. */
export async function refuseTransfer(
  stream: ByteStream,
  reason: TransferRefusal,
  message: string,
  { silenceMs = 30_000 }: Pick<TransferOptions, 'silenceMs'> = {},
): Promise<void> {
  const channel = new FrameChannel(stream, silenceMs);
  try {
    await expectFrame(channel, wantCode).then((head) => channel.takeJson(head)); // read, or the answer might overtake the question
    await refuse(channel, reason, message);
  } catch (error) {
    channel.end(error instanceof Error ? error : new Error('the transfer failed'));
    throw error;
  }
}

async function answerWant(channel: FrameChannel, store: ReleaseStore): Promise<Manifest> {
  const want = await channel.takeJson(await expectFrame(channel, wantCode));
  if (want['version'] !== transferVersion) {
    return refuseAndThrow(channel, 'version', `transfer version ${String(want['version'])} is not spoken here`);
  }
  const release = want['release'];
  const manifest = typeof release === 'number' ? store.find(release) : store.current;
  if (manifest === null || want['serviceId'] !== store.identity.serviceId) {
    const asked = typeof release === 'number' ? `release ${release}` : 'a release';
    return refuseAndThrow(channel, 'release-unknown', `${asked} of service ${String(want['serviceId'])} is not here`);
  }
  if (want['have'] === manifest.id) {
    await channel.sendJson(manifestCode, { bytes: 0 });
    return manifest;
  }
  await channel.sendJson(manifestCode, { bytes: manifest.bytes.length });
  for (let at = 0; at < manifest.bytes.length; at += partBytes) {
    await channel.send(manifestCode, manifest.bytes.subarray(at, at + partBytes));
  }
  return manifest;
}

/** Parts that are read while one is on the line. */
const partsAhead = 4;

interface NeededBlock {
  readonly index: number;
  readonly block: BlockReference;
}

async function readNeed(channel: FrameChannel, blocks: readonly BlockReference[]): Promise<readonly NeededBlock[]> {
  const bitmap = Buffer.alloc(Math.ceil(blocks.length / 8));
  for (let at = 0; at === 0 || at < bitmap.length;) {
    const head = await expectFrame(channel, needCode);
    if (at + head.payloadBytes > bitmap.length || (head.payloadBytes === 0 && bitmap.length > 0)) {
      throw protocolError('a list of needs of the wrong length');
    }
    await channel.fill(bitmap.subarray(at, at + head.payloadBytes));
    at += head.payloadBytes;
    if (bitmap.length === 0) break;
  }
  return blocks.flatMap((block, index) =>
    (bitmap.readUInt8(index >> 3) & (1 << (index & 7))) === 0 ? [] : [{ index, block }],
  );
}

async function sendBlocks(
  channel: FrameChannel,
  store: ReleaseStore,
  needed: readonly NeededBlock[],
  options: TransferOptions,
): Promise<void> {
  const bytesTotal = sumOf(needed.map(({ block }) => block));
  let lease: BlockLease;
  try {
    lease = store.leaseBlocks(needed.map(({ block }) => block));
  } catch (error) {
    if (error instanceof BlockDamagedError) await refuse(channel, 'damaged', `block ${error.hash} is damaged here`);
    throw error;
  }
  const ahead: Promise<ReadPart>[] = [];
  try {
    const parts = partsOf(needed);
    let hashing: Hash | null = null;
    let bytesDone = 0;
    for (;;) {
      while (ahead.length < partsAhead) {
        const { value: part, done } = parts.next();
        if (done === true) break;
        ahead.push(readPart(lease, part));
      }
      const read = await ahead.shift();
      if (read === undefined) break;
      if ('error' in read) throw read.error;
      const { part, buffer, bytes } = read;
      if (part.offset === 0) hashing = lease.isFresh(part.at) ? null : createHash('sha256');
      hashing?.update(bytes);
      let isWhole = true;
      if (part.isLast) {
        if (hashing !== null) isWhole = hashing.digest('hex') === part.needed.block.hash;
        if (hashing !== null && isWhole) lease.setChecked(part.at, true);
        buffer.writeUInt8(isWhole ? wholeSign : damagedSign, buffer.length - trailerBytes);
      }
      await channel.sendBytes(buffer);
      if (!isWhole) {
        const error = lease.damaged(part.at);
        await refuse(channel, 'damaged', `block ${error.hash} is damaged here`);
        throw error;
      }
      bytesDone += bytes.length;
      if (part.isLast) options.onProgress?.({ bytesDone, bytesTotal });
    }
    await channel.send(endCode, new Uint8Array(0));
    await channel.takeJson(await expectFrame(channel, doneCode));
  } catch (error) {
    // Perhaps the receiver found a block wrong and hung up: whatever it was, our disk is asked before the next time.
    needed.forEach((_, at) => lease.setChecked(at, false));
    throw error;
  } finally {
    await Promise.all(ahead); // they read from what the lease holds
    lease.release();
  }
}

/** Up to bytesPerSend of a block: what is read, hashed and sent at a time. */
interface Part {
  readonly needed: NeededBlock;
  /** The block's place in the lease. */
  readonly at: number;
  readonly offset: number;
  readonly size: number;
  readonly isLast: boolean;
}

function* partsOf(needed: readonly NeededBlock[]): Generator<Part, undefined> {
  for (const [at, one] of needed.entries()) {
    for (let offset = 0; offset < one.block.size; offset += bytesPerSend) {
      const size = Math.min(bytesPerSend, one.block.size - offset);
      yield { needed: one, at, offset, size, isLast: offset + size === one.block.size };
    }
  }
  return undefined;
}

type ReadPart = { readonly part: Part; readonly buffer: Buffer; readonly bytes: Buffer } | { readonly error: unknown };

/** Reads a part into a buffer with room for the frame around it. A failure is a value: nobody listens to it yet. */
async function readPart(lease: BlockLease, part: Part): Promise<ReadPart> {
  const { block, index } = part.needed;
  const before = part.offset === 0 ? headBytes + indexBytes : 0;
  const buffer = Buffer.allocUnsafe(before + part.size + (part.isLast ? trailerBytes : 0));
  if (before > 0) {
    writeHead(buffer, blockCode, indexBytes + block.size + trailerBytes);
    buffer.writeUInt32BE(index, headBytes);
  }
  const bytes = buffer.subarray(before, before + part.size);
  try {
    await lease.readPart(part.at, part.offset, bytes);
    return { part, buffer, bytes };
  } catch (error) {
    return { error };
  }
}

async function refuseAndThrow(channel: FrameChannel, reason: TransferRefusal, message: string): Promise<never> {
  await refuse(channel, reason, message);
  throw new TransferRefusedError(reason, `The transfer was refused: ${message}.`);
}
