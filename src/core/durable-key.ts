/**
 * Which durable record takes the place of which: the name of a record on a disk.
 *
 * "The latest of each counts" is a promise of the port (`world.ts`), so what "each" means is said here, once, and not by each disk.
 * A disk only spells the key in its own way: the state database as bytes (`src/wire/durable.ts`), where a peer stands as its public key;
 * the simulator as text, with the peer's handle.
 */
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { DurableRecord } from './world.ts';

export interface DurableKey {
  readonly type: DurableRecord['type'];
  /** Which of its type: a peer, or a name. Null where there is only one. */
  readonly which: PeerHandle | string | null;
}

export function durableKeyOf(record: DurableRecord): DurableKey {
  switch (record.type) {
    case 'parent':
      return { type: record.type, which: record.tree };
    // The one that is served and the newest one heard of are two facts: the second must not overwrite the first.
    case 'release':
      return { type: record.type, which: record.installed ? 'installed' : 'latest' };
    case 'member':
    case 'client-record':
      return { type: record.type, which: record.peer === NOBODY ? null : record.peer };
    default:
      return { type: record.type, which: null };
  }
}
