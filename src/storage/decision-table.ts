/** The root's decisions, for people who ask why a server is where it is: a bounded number of the latest entries, by round. */
import type { SqliteFile } from './sqlite-file.ts';

export interface DecisionRow {
  /** Rises with every round. */
  readonly round: number;
  /** The names of the actions, separated by spaces; empty for none. */
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

  /** Writes rows, each replacing its round's row, and deletes those of the rounds in `without`, in one transaction. */
  put(rows: readonly DecisionRow[], without: readonly number[] = []): void {
    this.#file.batch(() => {
      for (const round of without) this.#delete.run(round);
      for (const { round, actions, body } of rows) this.#put.run(round, actions, body);
      this.#prune.run(this.#kept);
    });
  }

  /** The latest rows, the oldest of them first; with `action`, only the rows with that action. */
  last(count: number, action: string | null = null): DecisionRow[] {
    const pattern = action === null ? '%' : `% ${action} %`;
    return this.#file.guard(() => this.#last.all(pattern, count)).reverse();
  }
}
