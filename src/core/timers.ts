/**
 * The deadlines of one peer. Time comes in as an argument and the earliest deadline goes out, so a peer needs exactly one
 * alarm of its world, whatever it is waiting for.
 */
import { invariant } from './invariant.ts';

/** Every reason for a peer to wake up. */
export const timerNames = [
  /** Send heartbeats: to the children, to the parent. */
  'beat',
  /** The parent has been silent for too long. */
  'silence',
  /** A ping or a join was not answered, or it is time to retry after a failed attempt. */
  'attempt',
  /** The time limit for draining. */
  'drain',
  /** Membership records wait to be verified. */
  'news',
] as const;

export type TimerName = (typeof timerNames)[number];

/** When each timer goes off, ms; null for not at all. Five fields and no array: a million peers have one of these each. */
export class Timers {
  #beat: number | null = null;
  #silence: number | null = null;
  #attempt: number | null = null;
  #drain: number | null = null;
  #news: number | null = null;

  set(name: TimerName, atMs: number | null): void {
    // NaN would never be due, and would hide the timers after it.
    invariant(atMs === null || !Number.isNaN(atMs), 'a deadline is a time');
    switch (name) {
      case 'beat':
        this.#beat = atMs;
        return;
      case 'silence':
        this.#silence = atMs;
        return;
      case 'attempt':
        this.#attempt = atMs;
        return;
      case 'drain':
        this.#drain = atMs;
        return;
      case 'news':
        this.#news = atMs;
        return;
    }
  }

  clear(name: TimerName): void {
    this.set(name, null);
  }

  isSet(name: TimerName): boolean {
    return this.#get(name) !== null;
  }

  /** The next deadline, ms; null when there is none. */
  next(): number | null {
    let earliest = this.#beat;
    if (this.#silence !== null && (earliest === null || this.#silence < earliest)) earliest = this.#silence;
    if (this.#attempt !== null && (earliest === null || this.#attempt < earliest)) earliest = this.#attempt;
    if (this.#drain !== null && (earliest === null || this.#drain < earliest)) earliest = this.#drain;
    if (this.#news !== null && (earliest === null || this.#news < earliest)) earliest = this.#news;
    return earliest;
  }

  /** When the next heartbeat is due, ms, if the only timers set are that one and the parent's silence; else null. */
  onlyPulse(): number | null {
    return this.#silence === null || this.#attempt !== null || this.#drain !== null || this.#news !== null
      ? null
      : this.#beat;
  }

  /** When the parent counts as silent, ms; infinity when that timer is not set. */
  get silenceAtMs(): number {
    return this.#silence ?? Number.POSITIVE_INFINITY;
  }

  /** Takes one timer that is due, or null; of several, the first by the order of their names above. */
  due(nowMs: number): TimerName | null {
    if (this.#beat !== null && this.#beat <= nowMs) {
      this.#beat = null;
      return 'beat';
    }
    if (this.#silence !== null && this.#silence <= nowMs) {
      this.#silence = null;
      return 'silence';
    }
    if (this.#attempt !== null && this.#attempt <= nowMs) {
      this.#attempt = null;
      return 'attempt';
    }
    if (this.#drain !== null && this.#drain <= nowMs) {
      this.#drain = null;
      return 'drain';
    }
    if (this.#news !== null && this.#news <= nowMs) {
      this.#news = null;
      return 'news';
    }
    return null;
  }

  #get(name: TimerName): number | null {
    switch (name) {
      case 'beat':
        return this.#beat;
      case 'silence':
        return this.#silence;
      case 'attempt':
        return this.#attempt;
      case 'drain':
        return this.#drain;
      case 'news':
        return this.#news;
    }
  }
}
