/**
 * No peer has a parent that others cannot dial: an orphan sent there would never arrive. Compared with the simulated network, not with what
 * the peers believe of themselves.
 */
import type { Checker } from './checker.ts';

export function belowReachable(): Checker {
  const found: string[] = [];
  return {
    name: 'parents can be dialled',
    observed(farm, peer, event) {
      if (event.type !== 'attached' || (farm.options.reachable?.(event.parent) ?? true)) return;
      found.push(`at ${farm.nowMs} ms peer ${peer} hung below ${event.parent}, which nobody can dial`);
    },
    verdict: () => found,
  };
}
