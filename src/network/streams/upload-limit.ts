/**
 * A volunteer's word on its upload: so many bytes a second for content, pages and releases together.
 *
 * Like a tap, not a bucket: each piece that leaves books the time it takes at the given rate, and the next piece waits until
 * that time has come. After a pause a quarter of a second's worth may leave at once, so that small pages are not slowed down by
 * a limit that they do not reach. Heartbeats are not counted: they are small, and holding them back would look like death.
 */
const burstMs = 250;

export class UploadLimit {
  readonly #bytesPerMs: number;
  #bookedUntilMs = Number.NEGATIVE_INFINITY;

  /** @param bytesPerSecond above 0 */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Books `bytes`, and calls `go` when they may leave: at once, or later. */
  take(bytes: number, go: () => void): void {
    const nowMs = performance.now();
    const startMs = Math.max(nowMs - burstMs, this.#bookedUntilMs);
    this.#bookedUntilMs = startMs + bytes / this.#bytesPerMs;
    if (startMs <= nowMs) go();
    else setTimeout(go, startMs - nowMs);
  }

  /** Resolves when `bytes` more may leave. */
  async wait(bytes: number): Promise<void> {
    await new Promise<void>((resolve) => this.take(bytes, resolve));
  }
}
