/**
 * The clock of a simulated machine that was set wrong, as its process sees it.
 *
 * The process runs on the machine's steady clock and slews towards the wall clock by a twentieth of the time that passes; it steps only
 * when the wall clock is more than a minute ahead, and never goes back. The real clock does the same (`src/host/world/clock.ts`). Machines
 * with a right clock have no such object and use the farm's time.
 */
const slew = 0.05;
const stepMs = 60_000;

export class HostClock {
  /** How far the machine's wall clock is ahead of the farm's time, ms. */
  offsetMs = 0;
  /**
   * When its peer wants to be woken, by this clock. Until the peer has set it, any alarm wakes the peer, which then sets it again.
   */
  wakeAtMs = Number.NEGATIVE_INFINITY;
  #farmMs: number;
  #nowMs: number;

  constructor(farmMs: number) {
    this.#farmMs = farmMs;
    this.#nowMs = farmMs;
  }

  /** The process's time when the farm's time is `farmMs`. */
  read(farmMs: number): number {
    const passedMs = farmMs - this.#farmMs;
    const behindMs = farmMs + this.offsetMs - (this.#nowMs + passedMs);
    const slewMs = slew * passedMs;
    this.#nowMs += passedMs + (behindMs > stepMs ? behindMs : Math.min(slewMs, Math.max(-slewMs, behindMs)));
    this.#farmMs = farmMs;
    return this.#nowMs;
  }

  /** The process starts anew, with the wall clock's time. */
  restart(farmMs: number): void {
    this.#farmMs = farmMs;
    this.#nowMs = farmMs + this.offsetMs;
  }
}
