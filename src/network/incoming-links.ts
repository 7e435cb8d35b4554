/**
 * The receiving half of held streams: bytes from neighbours become messages, within limits.
 *
 * Whoever sends a message that is too long, or too many of them, or more than its share of bytes, is refused: the reason is
 * reported once and the caller closes the connection. One peer has one incoming stream; a newer one replaces the older,
 * which its sender must have given up.
 */
import type { Stream } from '@libp2p/interface';
import { FrameError, FrameReader } from './frames.ts';
import { InboundLimiter, type InboundRates } from './rate-limit.ts';

export interface IncomingOptions {
  /** The longest message that is taken, in bytes. */
  readonly maxFrameBytes: number;
  readonly rates: InboundRates;
}

export class IncomingLinks {
  readonly #options: IncomingOptions;
  readonly #limiter: InboundLimiter;
  readonly #streams = new Map<string, Stream>();
  readonly #received: (peerId: string, message: Uint8Array) => void;
  readonly #refused: (peerId: string, reason: string) => void;

  constructor(
    options: IncomingOptions,
    received: (peerId: string, message: Uint8Array) => void,
    refused: (peerId: string, reason: string) => void,
  ) {
    this.#options = options;
    this.#limiter = new InboundLimiter(options.rates);
    this.#received = received;
    this.#refused = refused;
  }

  /** The stream this peer sends on now, if any. */
  stream(peerId: string): Stream | undefined {
    return this.#streams.get(peerId);
  }

  accept(peerId: string, stream: Stream): void {
    this.#streams.get(peerId)?.abort(new Error('a newer stream took the place of this one'));
    this.#streams.set(peerId, stream);
    this.#limiter.touch(peerId, performance.now());
    const reader = new FrameReader(this.#options.maxFrameBytes);
    let isRefused = false;
    const refuse = (reason: string): void => {
      isRefused = true;
      this.#refused(peerId, reason);
    };
    const onFrame = (message: Uint8Array): void => {
      if (isRefused) return;
      const reason = this.#limiter.refusal(peerId, message.byteLength, performance.now());
      if (reason === undefined) this.#received(peerId, message);
      else refuse(`it sent ${reason}`);
    };
    stream.addEventListener('close', () => {
      if (this.#streams.get(peerId) === stream) this.#streams.delete(peerId);
    });
    stream.addEventListener('remoteCloseWrite', () => {
      stream.close().catch((error: Error) => stream.abort(error));
    });
    stream.addEventListener('message', ({ data }) => {
      const chunks = data instanceof Uint8Array ? [data] : data;
      for (const chunk of chunks) {
        if (isRefused) return;
        try {
          reader.push(chunk, onFrame);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
          refuse(error.message);
        }
      }
    });
  }
}
