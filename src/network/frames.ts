/**
 * Messages cut from a stream of bytes: each is preceded by its length, an unsigned LEB128 number as everywhere in libp2p.
 *
 * The reader is given chunks as they come off a stream and calls back once for each whole message. A length beyond the
 * limit is refused before a byte of the message is stored, so what a stranger can make us hold is bounded.
 */

/** A peer announced a message longer than allowed, or a length that is no number. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** A length needs at most this many bytes; four hold 256 MiB, more than any limit here. */
const lengthBytes = 4;

/** Puts messages one behind the other, each with its length in front. */
export function encodeFrames(messages: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (const message of messages) total += lengthSize(message.byteLength) + message.byteLength;
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const message of messages) {
    let rest = message.byteLength;
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    bytes.set(message, at);
    at += message.byteLength;
  }
  return bytes;
}

function lengthSize(length: number): number {
  let size = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) size += 1;
  return size;
}

export class FrameReader {
  readonly #maxFrameBytes: number;
  #length = 0;
  #lengthDigits = 0;
  #partial: Uint8Array | undefined;
  #filled = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Takes the next chunk. The bytes given to `onFrame` may be a view into the chunk: copy what must outlive the call.
   * @throws FrameError when the peer breaks the limit; the stream is of no use afterwards
   */
  push(chunk: Uint8Array, onFrame: (message: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#partial !== undefined) {
        const taken = chunk.subarray(at, at + this.#partial.byteLength - this.#filled);
        this.#partial.set(taken, this.#filled);
        this.#filled += taken.byteLength;
        at += taken.byteLength;
        if (this.#filled === this.#partial.byteLength) {
          const message = this.#partial;
          this.#partial = undefined;
          onFrame(message);
        }
        continue;
      }
      const digit = chunk[at++] as number;
      this.#length |= (digit & 0x7f) << (7 * this.#lengthDigits);
      this.#lengthDigits += 1;
      if (digit >= 0x80) {
        if (this.#lengthDigits === lengthBytes) throw new FrameError('the length of a message is not a number');
        continue;
      }
      const length = this.#length;
      this.#length = 0;
      this.#lengthDigits = 0;
      if (length > this.#maxFrameBytes) {
        throw new FrameError(`a message of ${length} bytes is over the limit of ${this.#maxFrameBytes}`);
      }
      if (at + length <= chunk.byteLength) {
        const message = chunk.subarray(at, at + length);
        at += length;
        onFrame(message);
      } else {
        this.#partial = new Uint8Array(length);
        this.#filled = 0;
      }
    }
  }
}
