/** Checks of the numbers given to a generator; each error names the number and its bounds. */
import { TopologyError } from './topology-error.ts';

export function requireCount(value: number, what: string, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new TopologyError(`${what} must be a whole number from ${least} to ${most}, not ${value}`);
}

/** A number above 0 and up to `most`. */
export function requireShare(value: number, what: string, most = 1): void {
  if (value > 0 && value <= most) return;
  throw new TopologyError(`${what} must be a number above 0 and at most ${most}, not ${value}`);
}
