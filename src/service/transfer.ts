/**
 * How a release moves from the server that has it to the one that shall have it, over one stream.
 *
 *     receiver                      sender
 *       want {release, have?}  ->
 *                              <-   manifest (in parts)       nothing, if `have` names it already
 *       need (a bit a block)   ->
 *                              <-   block … block end
 *       done {blocks}          ->                             after fsync
 *
 * Like moving house by the list: the receiver ticks what it already has, the sender carries the rest, and every box is
 * weighed at the door against the signed list before it is put down. Both sides number blocks by `allBlocks(manifest)`. A
 * cut costs nothing but the block in flight: what came before is on the disk and is not asked for again. A few MiB are
 * in memory whatever the release weighs: the sender reads a few parts of 256 KiB ahead of the line, the receiver has up to
 * four blocks on their way to the disk while the next comes in. Both hash while the bytes pass through. The full story is in
 * docs/protocol/transfer.md.
 */
import { type FrameChannel, type FrameHead, protocolError } from './byte-stream.ts';
import type { BlockReference, Manifest } from './manifest.ts';
import { ServiceError, TransferRefusedError, type TransferRefusal } from './service-error.ts';

export const transferVersion = 1;

/** The types of frames. */
export const wantCode = 1;
export const manifestCode = 2;
export const needCode = 3;
export const blockCode = 4;
export const endCode = 5;
export const doneCode = 6;
export const refuseCode = 7;

/** A block's number, before its bytes. */
export const indexBytes = 4;
/** After a block's bytes: whether they are what the sender stored, which it knows only once they have passed through. */
export const trailerBytes = 1;
export const wholeSign = 1;
export const damagedSign = 0;
/** Longer things than blocks go in parts of this size. */
export const partBytes = 512 * 1024;

export interface TransferProgress {
  /** Bytes of this transfer that have come (or gone). */
  readonly bytesDone: number;
  /** Bytes that this transfer moves: what the receiver lacked at its start. */
  readonly bytesTotal: number;
}

export interface TransferOptions {
  /** Silence after which a side gives up, in ms. Default 30,000. */
  readonly silenceMs?: number;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface TransferResult {
  readonly manifest: Manifest;
  /** Blocks that were moved, and their bytes. */
  readonly blocks: number;
  readonly bytes: number;
  /** Blocks that the receiver had already. */
  readonly blocksReused: number;
}

/** The head of the next frame, which must be of this type; a refusal becomes the error that it is. */
export async function expectFrame(channel: FrameChannel, type: number): Promise<FrameHead> {
  const head = await channel.next();
  if (head === null) throw new ServiceError('transfer-cut', 'The transfer was cut off: the other side closed early.');
  if (head.type === type) return head;
  if (head.type !== refuseCode) throw protocolError(`a frame of type ${head.type} where ${type} was expected`);
  const { reason, message } = await channel.takeJson(head);
  const [why, text] = [String(reason).slice(0, 40), String(message).slice(0, 500)];
  throw new TransferRefusedError(why, `The other side refused the transfer (${why}): ${text}`);
}

/** Says why not, and ends. */
export async function refuse(channel: FrameChannel, reason: TransferRefusal, message: string): Promise<void> {
  await channel.sendJson(refuseCode, { reason, message });
  await channel.closeWrite();
  channel.end(); // closed in order: an abort would overtake the reason
}

/** Bytes of some blocks together. */
export function sumOf(blocks: readonly BlockReference[]): number {
  return blocks.reduce((sum, block) => sum + block.size, 0);
}
