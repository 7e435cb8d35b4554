/**
 * One SQLite file, opened so that what is committed is on the disk.
 *
 * `synchronous=FULL` is set at every open and read back: in WAL mode better-sqlite3's build would otherwise fall to NORMAL,
 * where a commit that was reported done can vanish with the power. FULL costs an fsync a commit, so writes that belong
 * together go in one `batch`. A damaged file is noticed at the door and moved aside, never deleted.
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
  /** The time that goes into the name of a file moved aside, ms since 1970. */
  readonly nowMs?: number;
}

/** What `PRAGMA synchronous` says for FULL. */
const synchronousFull = 2;

export class SqliteFile {
  readonly path: string;
  /** Where a damaged file lies that this one took the place of. */
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
   * Runs `work` as one transaction: all of it is on the disk when this returns, or none of it ever when it throws. Within
   * another batch it is part of that one. `work` must not wait for anything.
   */
  batch<T>(work: () => T): T {
    if (this.#database.inTransaction) return work();
    return this.guard(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        if (result instanceof Promise) throw new TypeError('the work of a batch must not wait for anything');
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
 * What is damaged in a database file that nobody has open; null when it is sound, or not there.
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

/** What `quick_check` found wrong. */
class Damage extends Error {
  override readonly name = 'Damage';
}

/** The first that says something: SQLite puts the database's name on a line of its own before them. */
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
    // macOS takes only this for "on the disk"; elsewhere it changes nothing.
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

/** Gives the file and what belongs to it (committed writes may still be in the WAL) a name beside. */
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
