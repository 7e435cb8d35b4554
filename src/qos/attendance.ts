/**
 * Which children keep speaking of peers that are never heard.
 *
 * A decision waits until most of the farm was heard, so one child that claims a thousand peers below it, and reports none of them, could
 * keep the controller waiting for ever. After a few rounds in a row a parent takes such a child at what is heard from it. What is
 * missing for a moment, as after a failure, is back before that.
 */
import type { PeerHandle } from '../core/ids.ts';
import type { Aggregate } from '../core/messages.ts';

/** Rounds in a row after which a child's word for what is below it is no longer taken. */
const patientRounds = 3;

export class Attendance {
  /** Rounds in a row in which too few were heard, by child; null while there is none such. */
  #thin: Map<PeerHandle, number> | null = null;

  isDoubted(child: PeerHandle): boolean {
    return (this.#thin?.get(child) ?? 0) >= patientRounds;
  }

  /** How many peers a child counts for until it reports. */
  expected(child: PeerHandle, size: number): number {
    return this.isDoubted(child) ? 1 : size;
  }

  /** A report as far as it is believed. */
  believed(child: PeerHandle, aggregate: Aggregate): Aggregate {
    return this.isDoubted(child) ? { ...aggregate, expected: aggregate.reported } : aggregate;
  }

  /** A round is over: the children there are, and the share of those below that each reported (0: it was not heard). */
  note(children: readonly PeerHandle[], heardShare: (child: PeerHandle) => number, leastShare: number): void {
    let thin: Map<PeerHandle, number> | null = null;
    for (const child of children)
      if (heardShare(child) < leastShare) (thin ??= new Map()).set(child, (this.#thin?.get(child) ?? 0) + 1);
    this.#thin = thin;
  }
}
