/**
 * What the protocol must not forget, as it hands it over: rows of kind, key and value, of which this knows nothing more.
 *
 * Rows come back in the order in which they were last written, since a later one may say more than an earlier one of another key (the
 * parent in the tree of servers, and then in that of clients). So each carries its `place`, a number that only grows; rows from before
 * there were places have 0, and come first, by kind and key.
 */
import type { SqliteFile } from './sqlite-file.ts';

export interface StateRow {
  readonly kind: string;
  /** Which of its kind; empty when there is only one. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A row to be written in place of what has its kind and key; or, without a value, to be taken away. */
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

  /** Makes changes in their order, as one transaction. On the disk when this returns. */
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

  /** Says whether there was one. */
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
