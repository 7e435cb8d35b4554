/**
 * What the protocol must not forget, as it hands it over: rows of kind, key and value, of which this knows nothing more.
 */
import type { SqliteFile } from './sqlite-file.ts';

export interface StateRow {
  readonly kind: string;
  /** Which of its kind; empty when there is only one. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

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
      'INSERT INTO records (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value',
    );
    this.#get = file.prepare<[string, Uint8Array], { value: Uint8Array }>(
      'SELECT value FROM records WHERE kind = ? AND key = ?',
    );
    this.#delete = file.prepare<[string, Uint8Array]>('DELETE FROM records WHERE kind = ? AND key = ?');
    this.#list = file.prepare<[string], StateRow>('SELECT kind, key, value FROM records WHERE kind = ? ORDER BY key');
    this.#all = file.prepare<[], StateRow>('SELECT kind, key, value FROM records ORDER BY kind, key');
  }

  /** Writes rows as one transaction, each in place of what had its kind and key. On the disk when this returns. */
  put(rows: readonly StateRow[]): void {
    if (rows.length === 0) return;
    this.#file.batch(() => {
      for (const { kind, key, value } of rows) this.#put.run(kind, key, value);
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

  /** All rows, by kind and key. */
  all(): StateRow[] {
    return this.#file.guard(() => this.#all.all());
  }
}
