/**
 * The sending half of a held stream: messages to one neighbour, in order, through a bounded queue.
 *
 * Messages given in one turn of the event loop leave together, which saves the headers of yamux and noise for each.
 * While the stream is being opened, or the other side is slow, they wait; a queue that is full means a neighbour who is
 * too slow to be one, so the link is cut with a reason rather than losing messages silently from its middle. After a
 * failure the next message opens a new stream.
 */
import type { Stream } from '@libp2p/interface';
import { encodeFrames } from './frames.ts';
import { writable } from './streams/stream-drain.ts';

export interface QueueLimits {
  /** Most messages that may wait for one neighbour. */
  readonly maxQueuedMessages: number;
  /** Most bytes that may wait for one neighbour. */
  readonly maxQueuedBytes: number;
}

/** Bytes given to the stream at a time; about what one noise message carries. */
const batchBytes = 64 * 1024;
/** A neighbour that has not read the last messages after this long is hung up on all the same, ms. */
const takenTimeoutMs = 2_000;

export class OutgoingLink {
  readonly #open: () => Promise<Stream>;
  readonly #limits: QueueLimits;
  readonly #failed: (reason: string) => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #stream: Stream | undefined;
  #pumping: Promise<void> | undefined;
  /** Counts failures, so that a pump that was waiting when the link was cut knows that it is not its queue any more. */
  #generation = 0;

  constructor(open: () => Promise<Stream>, limits: QueueLimits, failed: (reason: string) => void) {
    this.#open = open;
    this.#limits = limits;
    this.#failed = failed;
  }

  /** The stream this link holds now, if any. */
  get stream(): Stream | undefined {
    return this.#stream;
  }

  get queuedMessages(): number {
    return this.#queue.length;
  }

  /** Queues a message. The bytes belong to the link from now on. */
  send(message: Uint8Array): void {
    this.#queue.push(message);
    this.#queuedBytes += message.byteLength;
    if (this.#queue.length > this.#limits.maxQueuedMessages) {
      this.cut(`${this.#queue.length} messages were waiting, over the limit of ${this.#limits.maxQueuedMessages}`);
    } else if (this.#queuedBytes > this.#limits.maxQueuedBytes) {
      this.cut(`${this.#queuedBytes} bytes were waiting, over the limit of ${this.#limits.maxQueuedBytes}`);
    } else {
      this.#pumping ??= this.#pump();
    }
  }

  /** Drops what waits, closes the stream at once, and reports the reason. */
  cut(reason: string): void {
    this.#generation += 1;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#pumping = undefined;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.abort(new Error(reason));
    this.#failed(reason);
  }

  /** Sends what is queued, then closes the stream. What has not left when the signal comes is dropped and reported. */
  async close(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.cut('the link was closed before all of its messages had left');
    signal.addEventListener('abort', onAbort);
    await this.#pumping;
    signal.removeEventListener('abort', onAbort);
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    try {
      await stream.close({ signal });
      await untilTaken(stream, AbortSignal.any([signal, AbortSignal.timeout(takenTimeoutMs)]));
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #pump(): Promise<void> {
    const generation = this.#generation;
    await Promise.resolve(); // lets the rest of this turn's messages join
    try {
      while (generation === this.#generation && this.#queue.length > 0) {
        const stream = await this.#usableStream(generation);
        if (stream === undefined) return;
        stream.send(encodeFrames(this.#takeBatch()));
        await writable(stream);
      }
    } catch (error) {
      if (generation === this.#generation) this.cut(error instanceof Error ? error.message : String(error));
      return;
    }
    if (generation === this.#generation) this.#pumping = undefined;
  }

  async #usableStream(generation: number): Promise<Stream | undefined> {
    if (this.#stream?.writeStatus === 'writable') return this.#stream;
    const stream = await this.#open();
    if (generation !== this.#generation) {
      stream.abort(new Error('the link was cut while its stream was being opened'));
      return undefined;
    }
    this.#stream = stream;
    // The neighbour sends on a stream of its own; what comes here is not for us. The listener lets its end be noticed.
    stream.addEventListener('message', () => stream.abort(new Error('nothing may be sent on this side of the stream')));
    stream.addEventListener('close', () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    return stream;
  }

  #takeBatch(): Uint8Array[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && (count === 0 || bytes < batchBytes)) {
      bytes += (this.#queue[count] as Uint8Array).byteLength;
      count += 1;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }
}

/**
 * Waits until the neighbour has read all and closed its own half, or the signal comes. A connection that is hung up earlier takes along
 * what the neighbour has not read yet.
 */
async function untilTaken(stream: Stream, signal: AbortSignal): Promise<void> {
  if (stream.remoteWriteStatus === 'closed') return;
  await new Promise<void>((resolve) => {
    for (const event of ['close', 'remoteCloseWrite'] as const) stream.addEventListener(event, () => resolve());
    signal.addEventListener('abort', () => resolve());
  });
}
