/**
 * What can go wrong in a simulated farm, and how often it did: a run that claims to survive a fault shows that the fault occurred.
 */

/**
 * - `loss`, `duplication`, `reordering`, `delay-spike`: messages that this befell. `lie`: messages that were changed or kept back.
 * - `cut`: ways from one peer to another that were cut. `partition`, `one-way-partition`: groups that were cut off, both ways or one
 *   (each way counts as a cut, too).
 * - `crash`, `power-cut`: deaths, with closing connections or in silence. `torn-write`: deaths (also counted as crashes) between what a
 *   peer wrote down and what it was about to say. `restart`, `restart-blank`: returns, with the disk or without.
 * - `slow-peer`: peers that were slowed down. `clock-jump`: clocks that were set.
 */
export const faultKinds = [
  'loss',
  'duplication',
  'reordering',
  'delay-spike',
  'lie',
  'cut',
  'partition',
  'one-way-partition',
  'crash',
  'power-cut',
  'torn-write',
  'restart',
  'restart-blank',
  'slow-peer',
  'clock-jump',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  return Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as FaultCounts;
}
