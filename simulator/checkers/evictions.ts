/**
 * Evictions: which parent evicted which child for which joiner, and what followed; a chain of them without end would be livelock.
 *
 * A parent that takes a joiner in place of its worst child sends `evict` to the child and `accept` to the joiner in one turn; the pair is
 * an eviction. Its `chain` is 1 when the joiner was not evicted itself, and one more than the joiner's own eviction when it was.
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
  /** The length of the chain that evicted a peer, until it has another parent. */
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
