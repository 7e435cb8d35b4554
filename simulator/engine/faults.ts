/**
 * The kinds of faults in a simulated farm, counted: a run that claims to survive a fault shows that the fault occurred.
 */

/**
 * - `loss`, `duplication`, `reordering`, `delay-spike`: messages affected. `lie`: messages that were changed or withheld.
 * - `cut`: links from one peer to another that were cut. `partition`, `one-way-partition`: groups that were cut off, in both directions or
 *   one (each link also counts as a cut).
 * - `crash`, `power-cut`: deaths, with closing connections or in silence. `torn-write`: deaths (also counted as crashes) between a write to
 *   disk and the message after it. `restart`, `restart-blank`: returns, with the disk or without.
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
