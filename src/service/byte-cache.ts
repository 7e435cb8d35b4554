/**
 * A cache of byte strings that never holds more than it may: the least recently used go first.
 *
 * Who asks for what is just being made waits for the same making, so a crowd at a cold cache costs one compression.
 */
export class ByteCache {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Buffer>();
  readonly #making = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is cached under `key`, or what `make` makes of it. Failures are not cached. */
  async get(key: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const cached = this.#entries.get(key);
    if (cached !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, cached); // a Map keeps the order of insertion: now it is the youngest
      return cached;
    }
    const underway = this.#making.get(key);
    if (underway !== undefined) return underway;
    const making = make();
    this.#making.set(key, making);
    try {
      const made = await making;
      this.#keep(key, made);
      return made;
    } finally {
      this.#making.delete(key);
    }
  }

  #keep(key: string, bytes: Buffer): void {
    if (bytes.length > this.#maxBytes / 4) return; // one big one shall not push out all the others
    this.#entries.set(key, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, old] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= old.length;
    }
  }
}
