/**
 * The clock of a simulated machine that was set wrong, as its process sees it.
 *
 * The process runs on the machine's steady clock and lets itself be drawn towards the wall clock by a twentieth of the time that
 * passes; only when the wall clock is more than a minute ahead does it step. It never goes back. So does the real one, in
 * `src/host/world/clock.ts`; machines whose clocks are right have none of these and are told the farm's time.
 */
const slew = 0.05;
const stepMs = 60_000;

export class HostClock {
  /** How far the machine's wall clock is ahead of the farm's time, ms. */
  offsetMs = 0;
  /**
   * The time its peer wants to be woken at, by this clock; before it has said so, any alarm that was set wakes it, and it says so again.
   */
  wakeAtMs = Number.NEGATIVE_INFINITY;
  #farmMs: number;
  #nowMs: number;

  constructor(farmMs: number) {
    this.#farmMs = farmMs;
    this.#nowMs = farmMs;
  }

  /** What the process believes when the farm's time is `farmMs`. */
  read(farmMs: number): number {
    const passedMs = farmMs - this.#farmMs;
    const behindMs = farmMs + this.offsetMs - (this.#nowMs + passedMs);
    const slewMs = slew * passedMs;
    this.#nowMs += passedMs + (behindMs > stepMs ? behindMs : Math.min(slewMs, Math.max(-slewMs, behindMs)));
    this.#farmMs = farmMs;
    return this.#nowMs;
  }

  /** The process starts anew: it believes the wall clock. */
  restart(farmMs: number): void {
    this.#farmMs = farmMs;
    this.#nowMs = farmMs + this.offsetMs;
  }
}
