/**
 * Membership records that others send, verified in small steps.
 *
 * To verify a signature takes about 0.1 ms, and one message may carry thousands of records: verified in one go they would stop all
 * else that this peer does, and a sender that keeps to its rates could do that all day. So there is a budget of verifications
 * for each slice of time; what is over it waits for the next slice, and what is over that is dropped: digests find it again. A farm of
 * the usual size never meets the budget.
 *
 * Honest peers verify what they pass on, so a false signature is its sender's own: nothing more is taken from it, and the world
 * closes its connection.
 */
import type { Context } from '../context.ts';
import type { PeerHandle } from '../ids.ts';
import type { MemberRecord } from '../messages/index.ts';
import type { Membership } from './membership.ts';

/** One slice of time, ms, and the signatures that are verified in it: a tenth of a machine's time, or a fifth of a slow one's. */
const sliceMs = 50;
const mostVerified = 64;
/** Records of one sender that wait, at most: a farm of this size is told in one go. */
const mostWaiting = 8_192;

/** What one sender has sent, and how far it was verified. */
interface Waiting {
  readonly records: MemberRecord[];
  next: number;
}

export class Intake {
  readonly #ctx: Context;
  readonly #membership: Membership;
  readonly #waiting = new Map<PeerHandle, Waiting>();
  #sliceEndsAtMs = 0;
  #verifiedBefore = 0;

  constructor(ctx: Context, membership: Membership) {
    this.#ctx = ctx;
    this.#membership = membership;
  }

  /** Records wait for their turn: the list is about to change. */
  get isBusy(): boolean {
    return this.#waiting.size > 0;
  }

  /** Takes what a neighbour sent: as much as the budget allows now, the rest soon. */
  take(from: PeerHandle, records: readonly MemberRecord[]): void {
    if (records.length === 0) return;
    const { records: before, next } = this.#waiting.get(from) ?? { records: [], next: 0 };
    const left = before.slice(next);
    this.#waiting.set(from, { records: [...left, ...records.slice(0, mostWaiting - left.length)], next: 0 });
    this.step();
  }

  /** Goes on with what waits: one record of each sender in turn, so that one with many delays nobody else. */
  step(): void {
    const { nowMs } = this.#ctx;
    if (nowMs >= this.#sliceEndsAtMs) {
      this.#sliceEndsAtMs = nowMs + sliceMs;
      this.#verifiedBefore = this.#membership.verified;
    }
    while (this.isBusy && this.#hasBudget()) {
      for (const [from, waiting] of this.#waiting) {
        if (!this.#hasBudget()) break;
        const record = waiting.records[waiting.next++];
        if (record !== undefined && this.#membership.judge(record) === 'forged') this.#refuse(from);
        else if (waiting.next >= waiting.records.length) this.#waiting.delete(from);
      }
    }
    if (this.isBusy) this.#ctx.timers.set('news', this.#sliceEndsAtMs);
  }

  #hasBudget(): boolean {
    return this.#membership.verified - this.#verifiedBefore < mostVerified;
  }

  #refuse(from: PeerHandle): void {
    this.#waiting.delete(from);
    const what = 'a membership record with a false signature';
    this.#ctx.world.tell({ type: 'refused', peer: from, what });
    this.#ctx.world.refuse(from, what);
  }
}
