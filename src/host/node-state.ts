/**
 * What a running peer keeps on disk, as the host sees it; `src/storage` has the file behind it.
 */
import type { TokenBook } from '../service/index.ts';
import type { DurableRows } from './core-host.ts';

/** Numbers that only grow, over all runs. */
export type CounterName = 'requests-served' | 'bytes-served' | 'serving-seconds';

export interface NodeState extends DurableRows {
  readonly tokens: TokenBook;
  /** A setting or document of the daemon; null when there is none. */
  recall(key: string): string | null;
  remember(key: string, value: string): void;
  counter(name: CounterName): number;
  count(name: CounterName, by: number): void;
  close(): void;
}
