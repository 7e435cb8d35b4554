/** What the daemon itself keeps over a restart: settings that it was given (its credential, for example), and counters. */
import type { SqliteFile } from './sqlite-file.ts';

/** Texts by name: documents, credentials, options. */
export class SettingTable {
  readonly #file: SqliteFile;
  readonly #put;
  readonly #get;
  readonly #delete;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#put = file.prepare<[string, string]>(
      'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    );
    this.#get = file.prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?');
    this.#delete = file.prepare<[string]>('DELETE FROM settings WHERE name = ?');
  }

  set(name: string, value: string): void {
    this.#file.guard(() => this.#put.run(name, value));
  }

  get(name: string): string | undefined {
    return this.#file.guard(() => this.#get.get(name)?.value);
  }

  delete(name: string): void {
    this.#file.guard(() => this.#delete.run(name));
  }
}

/** Sums that survive restarts, such as requests served and seconds in service. */
export class CounterTable {
  readonly #file: SqliteFile;
  readonly #add;
  readonly #get;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#add = file.prepare<[string, number]>(
      'INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
    );
    this.#get = file.prepare<[string], { value: number }>('SELECT value FROM counters WHERE name = ?');
  }

  add(name: string, amount: number): void {
    this.#file.guard(() => this.#add.run(name, amount));
  }

  get(name: string): number {
    return this.#file.guard(() => this.#get.get(name)?.value ?? 0);
  }
}
