/**
 * Everything that a peer must remember, in one file of its state folder (only keys are files of their own).
 *
 * With one file, one transaction can hold records that belong together, and one fsync makes them safe. The host gathers the records that
 * the protocol persists in a turn, commits them in one `batch`, and only then sends the messages that depend on them.
 */
import { DecisionTable } from './decision-table.ts';
import { CounterTable, SettingTable } from './daemon-tables.ts';
import { RecordTable, type StateChange, type StateRow } from './record-table.ts';
import { SqliteFile, type OpenOptions } from './sqlite-file.ts';
import { TokenTable } from './token-table.ts';

/** The file's usual name. */
export const stateFile = 'state.db';

export class StateDatabase {
  /** The protocol's durable records. */
  readonly records: RecordTable;
  /** Invite tokens. */
  readonly tokens: TokenTable;
  /** The root's decisions. */
  readonly decisions: DecisionTable;
  readonly #settings: SettingTable;
  readonly #counters: CounterTable;
  readonly #file: SqliteFile;

  /**
   * Opens the database at `path`, making it or bringing it to the newest shape as needed.
   * @throws CorruptStateError after moving a damaged file aside (unless `recoverOrFresh`, which then begins anew)
   * @throws NewerStateError, StateBusyError, DiskFullError, StorageError; see `storage-errors.ts`
   */
  static open(path: string, options: OpenOptions = {}): StateDatabase {
    return new StateDatabase(SqliteFile.open(path, options));
  }

  private constructor(file: SqliteFile) {
    this.#file = file;
    this.records = new RecordTable(file);
    this.tokens = new TokenTable(file);
    this.decisions = new DecisionTable(file);
    this.#settings = new SettingTable(file);
    this.#counters = new CounterTable(file);
  }

  get path(): string {
    return this.#file.path;
  }

  /** The path of the damaged file that this one replaced, if there was one. */
  get replaced(): string | undefined {
    return this.#file.replaced;
  }

  /**
   * Everything that `work` writes is on the disk when this returns, or nothing of it when it throws. Nested batches are part of the outer
   * one. `work` must be synchronous.
   */
  batch<T>(work: () => T): T {
    return this.#file.batch(work);
  }

  /** Writes durable records, and deletes those without a value, in this order and in one transaction; on the disk when this returns. */
  put(changes: readonly StateChange[]): void {
    this.records.put(changes);
  }

  /** All durable records, in the order in which they were last written. */
  all(): StateRow[] {
    return this.records.all();
  }

  /** The text stored under this name; null when there is none. */
  recall(name: string): string | null {
    return this.#settings.get(name) ?? null;
  }

  remember(name: string, value: string): void {
    this.#settings.set(name, value);
  }

  forget(name: string): void {
    this.#settings.delete(name);
  }

  /** A sum over all runs; 0 when nothing was ever added. */
  counter(name: string): number {
    return this.#counters.get(name);
  }

  /** Adds to a sum. A commit each time: gather, and add several in one batch. */
  count(name: string, by: number): void {
    this.#counters.add(name, by);
  }

  /** Whether SQLite still promises that commits are on the disk when they return. */
  isDurable(): boolean {
    return this.#file.isDurable();
  }

  close(): void {
    this.#file.close();
  }
}
