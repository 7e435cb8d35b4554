/**
 * What a running peer keeps on disk, as the host sees it; `src/storage` has the file behind it.
 */
import type { TokenBook } from '../service/index.ts';
import type { DurableRow, RowKey } from '../wire/index.ts';

/** A row to be written in place of what has its kind and key; or, without a value, to be taken away. */
export type RowChange = DurableRow | (RowKey & { readonly value: null });

/** Where durable rows lie. */
export interface DurableRows {
  /** One transaction, in this order; on disk when it returns. */
  put(changes: readonly RowChange[]): void;
  /** All rows, in the order in which they were last written. */
  all(): readonly DurableRow[];
}

/** Numbers that only grow, over all runs. */
export type CounterName = 'requests-served' | 'bytes-served' | 'serving-seconds';

/** What the root decided, by round; see decision-log.ts. */
export interface DecisionRow {
  readonly round: number;
  /** What was done, by name, with blanks between; empty for nothing. */
  readonly actions: string;
  readonly body: string;
}

export interface DecisionRows {
  /** Writes rows, and takes away those of the rounds in `without`, as one transaction. */
  put(rows: readonly DecisionRow[], without?: readonly number[]): void;
  /** The latest rows, the oldest of them first; with `action`, only those in which that was done. */
  last(count: number, action?: string | null): readonly DecisionRow[];
}

export interface NodeState extends DurableRows {
  readonly decisions: DecisionRows;
  readonly tokens: TokenBook;
  /** A setting or document of the daemon; null when there is none. */
  recall(key: string): string | null;
  remember(key: string, value: string): void;
  counter(name: CounterName): number;
  count(name: CounterName, by: number): void;
  close(): void;
}
