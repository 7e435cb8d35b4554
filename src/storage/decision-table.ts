/**
 * What the root decided, for whoever asks why a server is where it is: the latest so many entries, by round.
 */
import type { SqliteFile } from './sqlite-file.ts';

export interface DecisionRow {
  /** Rises with every round. */
  readonly round: number;
  /** What was done, by name, with blanks between; empty for nothing. */
  readonly actions: string;
  readonly body: string;
}

export class DecisionTable {
  readonly #file: SqliteFile;
  readonly #kept: number;
  readonly #put;
  readonly #delete;
  readonly #prune;
  readonly #last;

  constructor(file: SqliteFile, kept = 10_000) {
    this.#file = file;
    this.#kept = kept;
    this.#put = file.prepare<[number, string, string]>(
      'INSERT INTO decisions (round, actions, body) VALUES (?, ?, ?) ' +
        'ON CONFLICT (round) DO UPDATE SET actions = excluded.actions, body = excluded.body',
    );
    this.#delete = file.prepare<[number]>('DELETE FROM decisions WHERE round = ?');
    this.#prune = file.prepare<[number]>(
      'DELETE FROM decisions WHERE round <= (SELECT round FROM decisions ORDER BY round DESC LIMIT 1 OFFSET ?)',
    );
    this.#last = file.prepare<[string, number], DecisionRow>(
      "SELECT round, actions, body FROM decisions WHERE ' ' || actions || ' ' LIKE ? ORDER BY round DESC LIMIT ?",
    );
  }

  /** Writes rows, each in place of what its round had, and takes away those of the rounds in `without`, in one transaction. */
  put(rows: readonly DecisionRow[], without: readonly number[] = []): void {
    this.#file.batch(() => {
      for (const round of without) this.#delete.run(round);
      for (const { round, actions, body } of rows) this.#put.run(round, actions, body);
      this.#prune.run(this.#kept);
    });
  }

  /** The latest rows, the oldest of them first; with `action`, only those in which that was done. */
  last(count: number, action: string | null = null): DecisionRow[] {
    const pattern = action === null ? '%' : `% ${action} %`;
    return this.#file.guard(() => this.#last.all(pattern, count)).reverse();
  }
}
