/**
 * A libp2p stream dressed as a Node socket, so that Node's own HTTP client and server can talk over it.
 *
 * Half-close, back-pressure and errors mean the same on both sides of the dress: `end()` closes our writing only; a reader who
 * does not read pauses the stream; a stream that broke destroys the socket with an error, and the other way round. The
 * few methods that only a TCP socket has (keep-alive, no-delay, timeouts) are here as far as HTTP needs them.
 */
import '../polyfill.ts';
import { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';
import { pauseReading, resumeReading, whenWritable } from './stream-drain.ts';
import { readStream } from './stream-reading.ts';
import type { UploadLimit } from './upload-limit.ts';

/** Small pieces written together leave as one frame up to this size. */
const gatherBytes = 64 * 1024;
/** What waits on either side of the dress before somebody is asked to slow down. */
const bufferBytes = 256 * 1024;
/** How long the other side may take to end after we did. */
const goodbyeMs = 10_000;

type Done = (error?: Error | null) => void;

export interface DuplexOptions {
  readonly allowHalfOpen?: boolean;
  /** What is written waits for its turn here. */
  readonly upload?: UploadLimit | undefined;
}

export class StreamDuplex extends Duplex {
  /** The peer id at the other end, as the noise handshake proved it. */
  readonly remotePeer: string;
  readonly encrypted = true;
  readonly #opening: Promise<Stream>;
  readonly #upload: UploadLimit | undefined;
  #stream: Stream | undefined;
  #timeoutMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes an open stream, or one that is being opened: what is written meanwhile waits for it. Unless `allowHalfOpen` our
   * side ends when the other has.
   */
  constructor(
    stream: Stream | Promise<Stream>,
    remotePeer: string,
    { allowHalfOpen = true, upload }: DuplexOptions = {},
  ) {
    super({ allowHalfOpen, readableHighWaterMark: bufferBytes, writableHighWaterMark: bufferBytes });
    this.remotePeer = remotePeer;
    this.#upload = upload;
    if (stream instanceof Promise) {
      this.#opening = stream.then((opened) => {
        this.#attach(opened);
        return opened;
      });
      this.#opening.catch((error: Error) => this.destroy(error));
    } else {
      this.#opening = Promise.resolve(stream);
      this.#attach(stream);
    }
  }

  override _read(): void {
    if (this.#stream !== undefined) resumeReading(this.#stream);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#sendInTurn([chunk], done);
  }

  override _writev(pieces: readonly { readonly chunk: Uint8Array }[], done: Done): void {
    this.#sendInTurn(gather(pieces), done);
  }

  #sendInTurn(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#upload === undefined) {
      this.#send(chunks, done);
      return;
    }
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    this.#upload.take(bytes, () => (this.destroyed ? done() : this.#send(chunks, done)));
  }

  override _final(done: Done): void {
    this.#opening.then((stream) => stream.close()).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#timer);
    // No effect on a stream that both sides have closed.
    this.#stream?.abort(error ?? new Error('the socket was destroyed'));
    done(error);
  }

  /** As `net.Socket.setTimeout`: emits `timeout` when nothing has moved for `ms`; 0 turns it off. */
  setTimeout(ms: number, listener?: () => void): this {
    this.#timeoutMs = ms;
    clearTimeout(this.#timer);
    if (ms > 0) {
      this.#timer = setTimeout(() => this.emit('timeout'), ms);
      this.#timer.unref();
      if (listener !== undefined) this.once('timeout', listener);
    } else if (listener !== undefined) {
      this.off('timeout', listener);
    }
    return this;
  }

  get timeout(): number {
    return this.#timeoutMs;
  }

  /** As `net.Socket.destroySoon`: ends, and stays until the other side has ended too, or for a while at most. */
  destroySoon(): void {
    if (this.writable) this.end();
    this.resume();
    // A reset right behind the last bytes would overtake them at a reader that is slow.
    const patience = setTimeout(() => this.destroy(), goodbyeMs);
    patience.unref();
    this.once('close', () => clearTimeout(patience));
  }

  /** TCP's concern, not ours. */
  setNoDelay(): this {
    return this;
  }

  /** TCP's concern, not ours. */
  setKeepAlive(): this {
    return this;
  }

  /** The connection below decides whether the process stays alive. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #attach(stream: Stream): void {
    this.#stream = stream;
    if (this.destroyed) {
      stream.abort(new Error('the socket was destroyed while its stream was being opened'));
      return;
    }
    readStream(stream, {
      data: (chunk) => {
        this.#active();
        if (!this.push(chunk)) pauseReading(stream);
      },
      end: () => this.push(null),
      cut: (error) => this.destroy(error),
    });
  }

  #send(chunks: readonly Uint8Array[], done: Done): void {
    this.#active();
    const stream = this.#stream;
    if (stream === undefined) {
      // A stream that cannot be opened destroys the socket, which answers for this write too.
      this.#opening.then(() => this.#send(chunks, done), done);
      return;
    }
    try {
      for (const chunk of chunks) stream.send(chunk);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    whenWritable(stream, done);
  }

  #active(): void {
    if (this.#timeoutMs > 0) this.#timer?.refresh();
  }
}

function gather(pieces: readonly { readonly chunk: Uint8Array }[]): Uint8Array[] {
  const chunks = pieces.map(({ chunk }) => chunk);
  let total = 0;
  for (const chunk of chunks) total += chunk.byteLength;
  return total <= gatherBytes ? [Buffer.concat(chunks, total)] : chunks;
}
