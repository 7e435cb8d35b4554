/**
 * Who was pushed out of a full house, by whom, and what followed: the raw material of livelock.
 *
 * A parent that takes a joiner in place of its worst child says `evict` to the one and `accept` to the other in one breath;
 * the pair is an eviction. Its `chain` is 1 when the joiner came of itself, and one more than the joiner's own eviction when the
 * joiner had been pushed out before: a chain without end is a farm that never comes to rest.
 */
import type { PeerHandle, TreeKind } from '../../src/core/index.ts';
import type { SimulatedFarm } from '../farm.ts';

export interface EvictionSeen {
  readonly atMs: number;
  readonly parent: PeerHandle;
  readonly tree: TreeKind;
  readonly evicted: PeerHandle;
  readonly joiner: PeerHandle;
  readonly chain: number;
}

/** Records the evictions of a farm from now on. */
export function watchEvictions(farm: SimulatedFarm): EvictionSeen[] {
  const seen: EvictionSeen[] = [];
  /** How long the chain is that pushed a peer out, until it hangs elsewhere. */
  const chains = new Map<PeerHandle, number>();
  let pending: { readonly parent: PeerHandle; readonly evicted: PeerHandle } | null = null;
  const before = farm.onSend;
  farm.onSend = (from, to, message): void => {
    before?.(from, to, message);
    if (message.kind === 'evict') pending = message.reason === 'worse' ? { parent: from, evicted: to } : null;
    if (message.kind !== 'accept') return;
    const chain = (chains.get(to) ?? 0) + 1;
    chains.delete(to);
    if (pending?.parent !== from) return;
    chains.set(pending.evicted, chain);
    seen.push({ atMs: farm.nowMs, ...pending, tree: message.tree, joiner: to, chain });
    pending = null;
  };
  return seen;
}
