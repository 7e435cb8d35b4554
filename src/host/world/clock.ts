/**
 * The time that the core is told: the machine's wall clock, made safe to reckon with.
 *
 * System clocks are set back, leap forward and stand still over a laptop's sleep. This one runs on the monotonic clock and
 * lets itself be drawn towards the wall clock by at most a twentieth of the time that passes, so it never goes back and
 * intervals stay nearly true. Only when the wall clock is more than a minute ahead (the machine slept) does it step. A jump
 * of the system clock is reported, since a clock that is wrong is worth telling a person about.
 */
import { EventEmitter } from 'node:events';

export interface ClockEvents {
  /** The system clock was set: by so many ms, negative when set back. */
  jumped: [byMs: number];
}

/** Where a clock gets its time; the defaults are the machine's. */
export interface TimeSources {
  /** Never goes back; origin arbitrary. */
  readonly monotonicMs: () => number;
  /** Since 1970, as the system believes. */
  readonly wallMs: () => number;
}

/** A change of the system clock by more than this within one reading is a jump. */
const leastJumpMs = 5_000;
/** Further ahead than this the wall clock is followed at once. */
const stepMs = 60_000;
/** The most that this clock runs fast or slow. */
const slew = 0.05;
/** `setTimeout` counts in 31 bits; a wake further away is set in pieces. */
const longestTimerMs = 3_600_000;

export class FarmClock extends EventEmitter<ClockEvents> {
  readonly #sources: TimeSources;
  #monotonicMs: number;
  #wallMs: number;
  #nowMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: TimeSources = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }) {
    super();
    this.#sources = sources;
    this.#monotonicMs = sources.monotonicMs();
    this.#wallMs = sources.wallMs();
    this.#nowMs = this.#wallMs;
  }

  /** ms since 1970, with fractions. Never less than it said before. */
  nowMs(): number {
    const monotonicMs = this.#sources.monotonicMs();
    const wallMs = this.#sources.wallMs();
    const passedMs = Math.max(0, monotonicMs - this.#monotonicMs);
    const jumpMs = wallMs - this.#wallMs - passedMs;
    if (Math.abs(jumpMs) > leastJumpMs) queueMicrotask(() => this.emit('jumped', Math.round(jumpMs)));
    const behindMs = wallMs - (this.#nowMs + passedMs);
    const slewMs = slew * passedMs;
    this.#nowMs += passedMs + (behindMs > stepMs ? behindMs : Math.min(slewMs, Math.max(-slewMs, behindMs)));
    this.#monotonicMs = monotonicMs;
    this.#wallMs = wallMs;
    return this.#nowMs;
  }

  /** Calls back once, not before `nowMs()` has reached `atMs`. A later call takes the place of an earlier one. */
  wakeAt(atMs: number, wake: () => void): void {
    this.cancel();
    const waitMs = Math.max(0, Math.min(longestTimerMs, Math.ceil(atMs - this.nowMs())));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.nowMs() >= atMs) wake();
      else this.wakeAt(atMs, wake);
    }, waitMs);
  }

  /** Forgets the wake that was asked for. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
