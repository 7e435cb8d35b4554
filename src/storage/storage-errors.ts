/**
 * The errors of the state database, worded so that a person can act on them.
 *
 * SQLite's own codes are translated here. Callers see these classes, each with a sentence that says what happened, what was kept, and what
 * to do. Any other error of SQLite is a bug of ours and is passed on unchanged.
 */
import Database from 'better-sqlite3';

export type StorageErrorCode = 'corrupt-state' | 'newer-state' | 'disk-full' | 'state-busy' | 'state-unusable';

export class StorageError extends Error {
  override readonly name: string = 'StorageError';
  readonly code: StorageErrorCode;
  readonly path: string;

  constructor(code: StorageErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/** The file is damaged. `keptAs` is its new path, when it could be moved aside. */
export class CorruptStateError extends StorageError {
  override readonly name = 'CorruptStateError';
  readonly keptAs: string | undefined;

  constructor(path: string, damage: string, keptAs: string | undefined, options?: ErrorOptions) {
    const kept =
      keptAs === undefined
        ? 'The file is still there. Restart the peer to have it moved aside.'
        : `Nothing was deleted: it is kept as ${keptAs}. Put a backup in its place, or start again with an empty state: ` +
          'the peer keeps its key and its content and joins the farm anew, but invites given out and times counted here are lost.';
    super('corrupt-state', path, `The state database ${path} is damaged (${damage}). ${kept}`, options);
    this.keptAs = keptAs;
  }
}

/** The file was written by a newer version of this program. It was not touched. */
export class NewerStateError extends StorageError {
  override readonly name = 'NewerStateError';

  constructor(path: string, version: number, knownVersion: number) {
    super(
      'newer-state',
      path,
      `The state database ${path} has version ${version}, this program knows versions up to ${knownVersion}: ` +
        'a newer program has written it. Update this one, or use another state folder. The file was not changed.',
    );
  }
}

/** The disk is full. The write was rolled back as a whole; earlier data is intact. */
export class DiskFullError extends StorageError {
  override readonly name = 'DiskFullError';

  constructor(path: string, options?: ErrorOptions) {
    super(
      'disk-full',
      path,
      `There is no room left for the state database ${path}: free some space on its disk. Nothing half-written was kept.`,
      options,
    );
  }
}

/** Another process is writing and did not finish in time. */
export class StateBusyError extends StorageError {
  override readonly name = 'StateBusyError';

  constructor(path: string, options?: ErrorOptions) {
    super(
      'state-busy',
      path,
      `Another process holds the state database ${path}: stop it, or try again in a moment.`,
      options,
    );
  }
}

/** Turns SQLite's errors into the ones above; others come back as they are. */
export function translate(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const options = { cause: error };
  if (error.code === 'SQLITE_FULL') return new DiskFullError(path, options);
  if (error.code.startsWith('SQLITE_BUSY')) return new StateBusyError(path, options);
  if (isCorruption(error)) return new CorruptStateError(path, error.message, undefined, options);
  if (/^SQLITE_(?:CANTOPEN|READONLY|PERM|IOERR)/.test(error.code)) {
    const message = `The state database ${path} cannot be used (${error.code}: ${error.message}): check its permissions and disk.`;
    return new StorageError('state-unusable', path, message, options);
  }
  return error;
}

/** Whether SQLite says that the file itself is damaged. */
export function isCorruption(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(?:CORRUPT|NOTADB)/.test(error.code);
}
