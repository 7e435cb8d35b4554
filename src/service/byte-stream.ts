/**
 * The pipe that transfers run through, whoever lays it: a libp2p stream in the field, a TCP socket in tests.
 *
 * Above it, frames: `length (4 B, big endian) | type (1 B) | payload`, where length counts type and payload. A reader takes a
 * frame's head first and then lets the payload run straight into the buffer where it is wanted, so a block is copied
 * once on its way from the network to the disk. A watchdog aborts the pipe when the other side has gone silent.
 */
import { ServiceError } from './service-error.ts';

/** Both directions of one stream of bytes. */
export interface ByteStream {
  /** Resolves when writing may go on (back-pressure); rejects when the stream is broken. */
  send(bytes: Uint8Array): Promise<void>;
  /**
   * What comes in, in plain byte arrays of any size (no lists of them). Ends when the other side closed its writing; throws when the stream
   * broke.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Tells the other side that no more will come. */
  closeWrite(): Promise<void>;
  /** Breaks the stream at once, in both directions. */
  abort(error: Error): void;
}

export const mostFrameBytes = 1024 * 1024 + 16;
export const headBytes = 5;
/** What is given to the stream at a time. */
export const bytesPerSend = 256 * 1024;

export interface FrameHead {
  readonly type: number;
  /** Bytes of payload that follow. */
  readonly payloadBytes: number;
}

/** Writes a frame's head for `payloadBytes` of payload at the front of `target`. */
export function writeHead(target: Buffer, type: number, payloadBytes: number): void {
  target.writeUInt32BE(payloadBytes + 1, 0);
  target.writeUInt8(type, 4);
}

/** One end of the conversation: frames in and out, with a limit to silence. */
export class FrameChannel {
  readonly #stream: ByteStream;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #silenceMs: number;
  readonly #watchdog: NodeJS.Timeout;
  /** Those who wait for the other side, to be told when it has been silent for too long. */
  readonly #waiting = new Set<(error: ServiceError) => void>();
  #silence: ServiceError | undefined;
  #rest: Uint8Array = new Uint8Array(0);
  #isOver = false;

  /** @param silenceMs after so long without a byte moving in either direction the stream is aborted. */
  constructor(stream: ByteStream, silenceMs: number) {
    this.#stream = stream;
    this.#source = stream.chunks[Symbol.asyncIterator]();
    this.#silenceMs = silenceMs;
    this.#watchdog = setTimeout(() => {
      const text = `The other side of the transfer was silent for ${this.#silenceMs / 1000} s.`;
      this.#silence = new ServiceError('transfer-timeout', text);
      for (const tell of this.#waiting) tell(this.#silence);
    }, silenceMs);
  }

  async send(type: number, payload: Uint8Array): Promise<void> {
    const frame = Buffer.allocUnsafe(headBytes + payload.length);
    writeHead(frame, type, payload.length);
    frame.set(payload, headBytes);
    for (let at = 0; at < frame.length; at += bytesPerSend) await this.sendBytes(frame.subarray(at, at + bytesPerSend));
  }

  async sendJson(type: number, value: unknown): Promise<void> {
    await this.send(type, Buffer.from(JSON.stringify(value), 'utf8'));
  }

  /** Sends bytes of a frame whose head is among them or went before. Resolves when more may follow. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    await this.#inTime(this.#stream.send(bytes));
  }

  /** The next frame's head; null when the other side has closed between two frames. */
  async next(): Promise<FrameHead | null> {
    if (this.#rest.length === 0 && !(await this.#pull())) return null;
    const head = await this.take(headBytes);
    const length = head.readUInt32BE(0);
    if (length === 0 || length > mostFrameBytes + 1) throw protocolError(`a frame of ${length} bytes`);
    return { type: head.readUInt8(4), payloadBytes: length - 1 };
  }

  /** The next `count` bytes, in a buffer of their own. */
  async take(count: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(count);
    await this.fill(target);
    return target;
  }

  /** The payload of a frame, as JSON. */
  async takeJson(head: FrameHead, maxBytes = 64 * 1024): Promise<Readonly<Record<string, unknown>>> {
    if (head.payloadBytes > maxBytes) throw protocolError(`a message of ${head.payloadBytes} bytes`);
    const text = (await this.take(head.payloadBytes)).toString('utf8');
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
    } catch (error) {
      throw protocolError('a message that is not JSON', error);
    }
    throw protocolError('a message that is not an object');
  }

  /** Fills `target` from the stream; `onPiece` sees each part as it comes in, while it is still in the processor's cache. */
  async fill(target: Uint8Array, onPiece?: (piece: Uint8Array) => void): Promise<void> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#rest.length === 0 && !(await this.#pull())) {
        throw new ServiceError('transfer-cut', 'The transfer was cut off: the other side closed in the middle of it.');
      }
      const piece = this.#rest.subarray(0, target.length - filled);
      target.set(piece, filled);
      onPiece?.(piece);
      filled += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
  }

  /** Says that no more will be sent. */
  async closeWrite(): Promise<void> {
    await this.#inTime(this.#stream.closeWrite());
  }

  /** Ends the watch. With an error the stream is aborted. */
  end(error?: Error): void {
    clearTimeout(this.#watchdog);
    if (this.#isOver) return;
    this.#isOver = true;
    if (error !== undefined) this.#stream.abort(error);
  }

  async #pull(): Promise<boolean> {
    const { done, value } = await this.#inTime(this.#source.next());
    if (done === true) return false;
    this.#rest = value;
    return value.length > 0 || this.#pull();
  }

  async #inTime<T>(promise: Promise<T>): Promise<T> {
    try {
      const value = await this.#unlessSilent(promise);
      this.#watchdog.refresh();
      return value;
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      throw new ServiceError('transfer-cut', `The transfer was cut off: ${detail}.`, { cause: error });
    }
  }

  /**
   * What `promise` comes to, or the silence if that comes first. Not `Promise.race` with one promise of the silence: that would
   * remember the outcome of every race, which is every chunk of the release, for as long as the channel lives.
   */
  async #unlessSilent<T>(promise: Promise<T>): Promise<T> {
    if (this.#silence !== undefined) {
      promise.catch(() => undefined); // too late to matter
      throw this.#silence;
    }
    let tell: (error: ServiceError) => void = () => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        tell = reject;
        this.#waiting.add(tell);
        promise.then(resolve, reject);
      });
    } finally {
      this.#waiting.delete(tell);
    }
  }
}

export function protocolError(what: string, cause?: unknown): ServiceError {
  return new ServiceError('transfer-protocol', `The other side of the transfer sent ${what}.`, { cause });
}
