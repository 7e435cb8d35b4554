/**
 * The deadlines of one peer. Time comes in as an argument and the earliest deadline goes out, so a peer needs exactly one
 * alarm of its world, whatever it is waiting for.
 */

/** Every reason a peer wakes up for. */
export const timerNames = [
  /** Send heartbeats: to the children, to the parent. */
  'beat',
  /** The parent has been silent for too long. */
  'silence',
  /** A ping or a join has not been answered; or it is time to try again after a failed attempt. */
  'attempt',
  /** Draining has taken long enough. */
  'drain',
] as const;

export type TimerName = (typeof timerNames)[number];

const never = Number.POSITIVE_INFINITY;

export class Timers {
  /** In the order of the names. */
  readonly #deadlines = [never, never, never, never];

  set(name: TimerName, atMs: number): void {
    this.#deadlines[timerNames.indexOf(name)] = atMs;
  }

  clear(name: TimerName): void {
    this.set(name, never);
  }

  isSet(name: TimerName): boolean {
    return (this.#deadlines[timerNames.indexOf(name)] ?? never) < never;
  }

  /** The next deadline, ms; infinity when there is none. */
  next(): number {
    let earliest = never;
    for (const deadline of this.#deadlines) if (deadline < earliest) earliest = deadline;
    return earliest;
  }

  /** Takes one timer that is due, or null. */
  due(nowMs: number): TimerName | null {
    for (let i = 0; i < timerNames.length; i++) {
      if ((this.#deadlines[i] ?? never) <= nowMs) {
        this.#deadlines[i] = never;
        return timerNames[i] ?? null;
      }
    }
    return null;
  }
}
