/**
 * One SQLite file, opened so that committed data is on the disk.
 *
 * `synchronous=FULL` is set at every open and read back: in WAL mode better-sqlite3's build would otherwise use NORMAL, where a reported
 * commit can be lost in a power failure. FULL costs one fsync a commit, so writes that belong together go in one `batch`. A damaged file is
 * detected when it is opened and moved aside, never deleted.
 */
import { existsSync, renameSync } from 'node:fs';
import Database from 'better-sqlite3';
import { migrate, refuseNewer } from './migrations.ts';
import { CorruptStateError, isCorruption, StorageError, translate } from './storage-errors.ts';

export interface OpenOptions {
  /** After moving a damaged file aside, go on with a new, empty one instead of throwing. */
  readonly recoverOrFresh?: boolean;
  /** How long to wait for another process that is writing. */
  readonly busyTimeoutMs?: number;
  /** The file may not grow beyond this, in bytes; without it the disk is the limit. */
  readonly maxBytes?: number;
  /** The time in the name of a file moved aside, ms since 1970. */
  readonly nowMs?: number;
}

/** The value of `PRAGMA synchronous` for FULL. */
const synchronousFull = 2;

export class SqliteFile {
  readonly path: string;
  /** The path of the damaged file that this one replaced. */
  readonly replaced: string | undefined;
  readonly #database: Database.Database;

  /**
   * Opens or makes the file and brings it to the newest shape.
   * @throws CorruptStateError after moving a damaged file aside (unless `recoverOrFresh`)
   * @throws NewerStateError, StateBusyError, DiskFullError, StorageError
   */
  static open(path: string, options: OpenOptions = {}): SqliteFile {
    try {
      return new SqliteFile(path, openSound(path, options), undefined);
    } catch (error) {
      const damage =
        error instanceof Error && (error instanceof Damage || isCorruption(error)) ? error.message : undefined;
      if (damage === undefined) throw translate(error, path);
      const keptAs = moveAside(path, options.nowMs ?? Date.now());
      if (options.recoverOrFresh !== true) throw new CorruptStateError(path, damage, keptAs, { cause: error });
      try {
        return new SqliteFile(path, openSound(path, options), keptAs);
      } catch (again) {
        throw translate(again, path);
      }
    }
  }

  private constructor(path: string, database: Database.Database, replaced: string | undefined) {
    this.path = path;
    this.#database = database;
    this.replaced = replaced;
  }

  /** Runs `work` with SQLite's errors translated. */
  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw translate(error, this.path);
    }
  }

  prepare<Parameters extends unknown[], Row = unknown>(sql: string): Database.Statement<Parameters, Row> {
    return this.guard(() => this.#database.prepare<Parameters, Row>(sql));
  }

  /**
   * Runs `work` as one transaction: all of it is on the disk when this returns, or none of it when it throws. Inside another batch it is
   * part of that one. `work` must be synchronous.
   */
  batch<T>(work: () => T): T {
    if (this.#database.inTransaction) return work();
    return this.guard(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        if (result instanceof Promise) throw new TypeError('the work of a batch must be synchronous');
        this.#database.exec('COMMIT');
        return result;
      } finally {
        // SQLite has rolled back by itself after some errors, a full disk among them.
        if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      }
    });
  }

  /** Whether a commit is on the disk when it returns; read from SQLite, not remembered. */
  isDurable(): boolean {
    return isDurable(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * The damage of a database file that no process has open; null when it is sound, or absent.
 * @throws StorageError when it cannot be opened
 */
export function damageIn(path: string): string | null {
  if (!existsSync(path)) return null;
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { fileMustExist: true });
    const findings = database.pragma('quick_check', { simple: true });
    return findings === 'ok' ? null : firstFinding(String(findings));
  } catch (error) {
    if (isCorruption(error)) return (error as Error).message;
    throw translate(error, path);
  } finally {
    database?.close();
  }
}

/** The damage that `quick_check` found. */
class Damage extends Error {
  override readonly name = 'Damage';
}

/** The first meaningful finding: SQLite puts a line with the database's name before them. */
function firstFinding(findings: string): string {
  return findings.split('\n').find((line) => !line.startsWith('***')) ?? 'its pages do not fit together';
}

function openSound(path: string, { busyTimeoutMs = 5_000, maxBytes }: OpenOptions): Database.Database {
  const database = new Database(path, { timeout: busyTimeoutMs });
  try {
    refuseNewer(database);
    const findings = database.pragma('quick_check', { simple: true });
    if (findings !== 'ok') throw new Damage(firstFinding(String(findings)));
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    // On macOS only this writes through to the disk; elsewhere it changes nothing.
    database.pragma('fullfsync = ON');
    database.pragma('foreign_keys = ON');
    if (maxBytes !== undefined) {
      const pageBytes = Number(database.pragma('page_size', { simple: true }));
      database.pragma(`max_page_count = ${Math.floor(maxBytes / pageBytes)}`);
    }
    migrate(database);
    if (!isDurable(database)) {
      throw new StorageError(
        'state-unusable',
        path,
        `SQLite does not promise for ${path} that a commit is on the disk (it needs WAL and synchronous=FULL): ` +
          'put the state folder on a local disk.',
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDurable(database: Database.Database): boolean {
  return (
    database.pragma('journal_mode', { simple: true }) === 'wal' &&
    Number(database.pragma('synchronous', { simple: true })) === synchronousFull
  );
}

/** Renames the file and its companions (committed writes may still be in the WAL). */
function moveAside(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(':', '-');
  let keptAs = `${path}.corrupt-${stamp}`;
  for (let copy = 2; existsSync(keptAs); copy += 1) keptAs = `${path}.corrupt-${stamp}-${copy}`;
  renameSync(path, keptAs);
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, keptAs + suffix);
  }
  return keptAs;
}
