/**
 * A libp2p stream as a plain pipe of bytes, for transfers: no copies, and back-pressure that really holds.
 *
 * libp2p's own async iterator takes everything that comes and keeps it until somebody asks, so a slow disk would fill
 * the memory. Here the stream is paused when more than a megabyte waits, which stops the sender's window. And a stream
 * that broke is told from one that ended: only the sender's own "no more will come" ends the chunks without an error.
 */
import '../polyfill.ts';
import type { Stream } from '@libp2p/interface';
import { pauseReading, resumeReading, StreamCutError, writable } from './stream-drain.ts';
import { readStream } from './stream-reading.ts';

/** Both directions of one stream of bytes. */
export interface ByteStream {
  /** Resolves when writing may go on; rejects when the stream is broken. The bytes belong to the stream from now on. */
  send(bytes: Uint8Array): Promise<void>;
  /** What comes in; may be iterated once. Ends when the other side closed its writing; throws when the stream broke. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Tells the other side that no more will come. */
  closeWrite(): Promise<void>;
  /** Breaks the stream at once, in both directions. */
  abort(error: Error): void;
}

/** Pause when so much waits to be read; go on when half of it is gone. */
const highBytes = 1024 * 1024;

export function byteStream(stream: Stream): ByteStream {
  const incoming = new IncomingChunks(stream);
  return {
    send: async (bytes) => {
      if (stream.writeStatus !== 'writable') throw incoming.failure ?? new StreamCutError('the stream was closed');
      stream.send(bytes);
      if (stream.writableNeedsDrain) await writable(stream);
    },
    chunks: incoming,
    closeWrite: async () => {
      await stream.close();
    },
    abort: (error) => stream.abort(error),
  };
}

class IncomingChunks implements AsyncIterable<Uint8Array> {
  readonly #stream: Stream;
  #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #wake: (() => void) | undefined;
  failure: Error | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    readStream(stream, {
      data: (chunk) => {
        this.#chunks.push(chunk);
        this.#waitingBytes += chunk.byteLength;
        if (this.#waitingBytes > highBytes) pauseReading(stream);
        this.#wake?.();
      },
      end: () => this.#finish(undefined),
      cut: (error) => this.#finish(error),
    });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      for (;;) {
        const chunks = this.#chunks;
        this.#chunks = [];
        for (const chunk of chunks) {
          yield chunk;
          this.#waitingBytes -= chunk.byteLength;
        }
        if (this.#waitingBytes < highBytes / 2) resumeReading(this.#stream);
        if (this.#chunks.length > 0) continue;
        if (this.failure !== undefined) throw this.failure;
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      // Who stops reading early does not want the rest.
      if (!this.#isEnded) this.#stream.abort(new Error('the reader stopped before the end'));
    }
  }

  #finish(error: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.failure = error;
    this.#wake?.();
  }
}
