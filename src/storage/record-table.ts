/**
 * The protocol's durable records: rows of kind, key and value, which this file does not interpret.
 *
 * Rows are returned in the order in which they were last written, because a later one may correct an earlier one of another key (the parent
 * in the tree of servers, and then in that of clients). So each row has a `place`, a number that only grows. Rows from before places were
 * introduced have 0 and come first, by kind and key.
 */
import type { SqliteFile } from './sqlite-file.ts';

export interface StateRow {
  readonly kind: string;
  /** Tells rows of one kind apart; empty when there is only one. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A row that replaces the one of the same kind and key; without a value, it deletes that row. */
export type StateChange = StateRow | (Omit<StateRow, 'value'> & { readonly value: null });

export class RecordTable {
  readonly #file: SqliteFile;
  readonly #put;
  readonly #get;
  readonly #delete;
  readonly #list;
  readonly #all;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#put = file.prepare<[string, Uint8Array, Uint8Array]>(
      `INSERT INTO records (kind, key, value, place)
        VALUES (?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM records))
        ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, place = excluded.place`,
    );
    this.#get = file.prepare<[string, Uint8Array], { value: Uint8Array }>(
      'SELECT value FROM records WHERE kind = ? AND key = ?',
    );
    this.#delete = file.prepare<[string, Uint8Array]>('DELETE FROM records WHERE kind = ? AND key = ?');
    this.#list = file.prepare<[string], StateRow>('SELECT kind, key, value FROM records WHERE kind = ? ORDER BY key');
    this.#all = file.prepare<[], StateRow>('SELECT kind, key, value FROM records ORDER BY place, kind, key');
  }

  /** Applies changes in their order, in one transaction. They are on the disk when this returns. */
  put(changes: readonly StateChange[]): void {
    if (changes.length === 0) return;
    this.#file.batch(() => {
      for (const { kind, key, value } of changes)
        if (value === null) this.#delete.run(kind, key);
        else this.#put.run(kind, key, value);
    });
  }

  get(kind: string, key: Uint8Array): Uint8Array | undefined {
    return this.#file.guard(() => this.#get.get(kind, key)?.value);
  }

  /** Returns whether there was one. */
  delete(kind: string, key: Uint8Array): boolean {
    return this.#file.guard(() => this.#delete.run(kind, key).changes > 0);
  }

  /** All rows of a kind, by key. */
  list(kind: string): StateRow[] {
    return this.#file.guard(() => this.#list.all(kind));
  }

  /** All rows, in the order in which they were last written. */
  all(): StateRow[] {
    return this.#file.guard(() => this.#all.all());
  }
}
