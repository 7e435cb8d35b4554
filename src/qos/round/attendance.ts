/**
 * Which children keep speaking of peers that are never heard.
 *
 * A decision waits until most of the farm was heard, so one child that claims a thousand peers below it, and reports none of them, could
 * keep the controller waiting for ever. After a few rounds in a row a parent believes such a child that there is one silent peer for each
 * client with a figure, and one more. What is missing for a moment, as after a failure, is back before that; and where really half
 * of a subtree keeps silent, it still shows.
 */
import type { Aggregate, PeerHandle } from '../../core/index.ts';

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
    if (!this.isDoubted(child)) return aggregate;
    const { expected, reported, clients } = aggregate;
    return { ...aggregate, expected: Math.min(expected, reported + clients + 1) };
  }

  /** A round is over: the children there are, and the share of those below that each reported (0: it was not heard). */
  note(children: readonly PeerHandle[], heardShare: (child: PeerHandle) => number, leastShare: number): void {
    let thin: Map<PeerHandle, number> | null = null;
    for (const child of children)
      if (heardShare(child) < leastShare) (thin ??= new Map()).set(child, (this.#thin?.get(child) ?? 0) + 1);
    this.#thin = thin;
  }
}
