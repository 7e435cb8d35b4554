/**
 * A multicast is delivered exactly once and in order per origin. A peer may begin in the middle of a stream (it came later),
 * and may skip what its neighbours have forgotten; both are said by events. Within one life nothing else may be missing.
 */
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Checker } from '../farm.ts';

export interface MulticastChecker extends Checker {
  readonly delivered: Map<PeerHandle, number>;
  readonly skipped: number;
}

export function onceInOrder(): MulticastChecker {
  const found: string[] = [];
  const last = new Map<string, number>();
  const delivered = new Map<PeerHandle, number>();
  let skipped = 0;
  return {
    name: 'multicast once in order',
    delivered,
    get skipped() {
      return skipped;
    },
    observed(farm, peer, event) {
      if (event.type === 'gap-skipped') {
        skipped++;
        last.set(`${peer} ${farm.life(peer)} ${event.origin} ${event.from.incarnation}`, event.to - 1);
      }
      if (event.type !== 'delivered') return;
      const key = `${peer} ${farm.life(peer)} ${event.origin} ${event.incarnation}`;
      const before = last.get(key);
      if (before !== undefined && event.sequence !== before + 1) {
        found.push(`at ${farm.nowMs} ms peer ${peer} got ${event.origin}/${event.incarnation}:${event.sequence} after ${before}`);
      }
      last.set(key, event.sequence);
      delivered.set(peer, (delivered.get(peer) ?? 0) + 1);
    },
    verdict: () => found,
  };
}
