/**
 * Which children keep counting peers that are never heard.
 *
 * A decision waits until most of the farm was heard, so one child that claims a thousand peers below it and reports none of them could keep
 * the controller waiting for ever. After a few such rounds in a row, the parent accepts from that child only one silent peer for each
 * client with a figure, plus one. Peers that are missing for a moment, as after a failure, are back before that. If half of a subtree
 * really is silent, the coverage still shows it.
 */
import type { Aggregate, PeerHandle } from '../../core/index.ts';

/** After this many such rounds in a row, a child's claim about its subtree is no longer believed. */
const patientRounds = 3;

export class Attendance {
  /** Rounds in a row in which too few peers were heard, by child; null while there is no such child. */
  #thin: Map<PeerHandle, number> | null = null;

  isDoubted(child: PeerHandle): boolean {
    return (this.#thin?.get(child) ?? 0) >= patientRounds;
  }

  /** The number of peers that a child counts for until it reports. */
  expected(child: PeerHandle, size: number): number {
    return this.isDoubted(child) ? 1 : size;
  }

  /** The part of a report that is believed. */
  believed(child: PeerHandle, aggregate: Aggregate): Aggregate {
    if (!this.isDoubted(child)) return aggregate;
    const { expected, reported, clients } = aggregate;
    return { ...aggregate, expected: Math.min(expected, reported + clients + 1) };
  }

  /** A round is over: the present children, and the share of the peers below each that was heard (0: the child did not report). */
  note(children: readonly PeerHandle[], heardShare: (child: PeerHandle) => number, leastShare: number): void {
    let thin: Map<PeerHandle, number> | null = null;
    for (const child of children)
      if (heardShare(child) < leastShare) (thin ??= new Map()).set(child, (this.#thin?.get(child) ?? 0) + 1);
    this.#thin = thin;
  }
}
