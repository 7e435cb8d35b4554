/**
 * The bucket chain of a transfer: a few block-sized buffers, filled from the network while others empty to the disk.
 *
 * Their number bounds the memory of a transfer and is its back-pressure: when all are on their way to the disk, the
 * network is not read. The first write that fails is kept and told to whoever asks for a buffer next.
 */
import { blockBytes } from './manifest.ts';

export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #pending = new Set<Promise<void>>();
  #left: number;
  #failure: { readonly error: unknown } | null = null;

  constructor(count: number) {
    this.#left = count;
  }

  async take(): Promise<Buffer> {
    for (;;) {
      this.throwIfFailed();
      const buffer = this.#free.pop();
      if (buffer !== undefined) return buffer;
      if (this.#left > 0) {
        this.#left -= 1;
        return Buffer.allocUnsafeSlow(blockBytes);
      }
      await Promise.race(this.#pending);
    }
  }

  giveBackAfter(buffer: Buffer, writing: Promise<void>): void {
    const pending = writing
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .then(() => {
        this.#pending.delete(pending);
        this.#free.push(buffer);
      });
    this.#pending.add(pending);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
