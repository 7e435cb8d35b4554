/**
 * One daemon per state folder.
 *
 * The lock is SQLite's: a transaction that is begun EXCLUSIVE on an empty database file and never ended. Underneath, that is a
 * lock of the operating system, which releases it when the process ends, killed or crashed. So a lock is never stale, and
 * nothing must be guessed from process ids, which get reused. A lock file made with O_EXCL would
 * need such guesses, and two daemons that both find it stale could both take it over.
 *
 * The holder is named in `daemon.json` beside the lock, for people to read; the note counts only while the lock is held.
 * (Not for folders on network file systems whose locks do not work; SQLite says the same of its databases.)
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { StateFolder } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly startedAtMs: number;
  /** The command it was started with: `serve`, `join`. */
  readonly command: string;
  readonly version: string;
}

export interface Lock {
  release(): void;
}

/** `findHolder` takes the lock for a moment; a daemon that starts waits this long for it, ms. */
const lockPatienceMs = 250;

/** @throws UserError `state-in-use` naming who holds it */
export async function acquireLock(folder: StateFolder, holder: Holder): Promise<Lock> {
  await folder.make();
  const release = await seize(folder, lockPatienceMs);
  if (release === null) throw inUse(folder);
  const note = folder.file('holder');
  writeFileSync(`${note}.tmp`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(`${note}.tmp`, note);
  return {
    release: () => {
      rmSync(note, { force: true });
      release();
    },
  };
}

/** Who runs on this folder now; null when nobody does. A holder that has not written its note yet has pid 0. */
export async function findHolder(folder: StateFolder): Promise<Holder | null> {
  if ((await folder.record()) === null && readNote(folder) === null) return null;
  const release = await seize(folder, 0);
  if (release === null) return readNote(folder) ?? { pid: 0, startedAtMs: 0, command: '', version: '' };
  release();
  return null;
}

export function inUse(folder: StateFolder): UserError {
  const holder = readNote(folder);
  const who =
    holder === null
      ? 'another Banyan process that is just starting'
      : `the process ${holder.pid} (banyan ${holder.command}, since ${new Date(holder.startedAtMs).toISOString()})`;
  return new UserError(`The state folder ${folder.path} is in use by ${who}.`, {
    hint:
      `Talk to it with \`banyan status --state ${folder.path}\`, end it with \`banyan stop --state ${folder.path}\`, ` +
      'or run a second peer with another folder: --state <folder>.',
    code: 'state-in-use',
  });
}

async function seize(folder: StateFolder, patienceMs: number): Promise<(() => void) | null> {
  const { default: Database } = await import('better-sqlite3');
  const path = folder.file('lock');
  let database: InstanceType<typeof Database> | undefined;
  try {
    database = new Database(path, { timeout: patienceMs });
    const held = database.exec('BEGIN EXCLUSIVE');
    return () => held.close();
  } catch (error) {
    database?.close();
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('SQLITE_BUSY')) return null;
    if (code === 'SQLITE_NOTADB') {
      throw new UserError(`${path} is not a lock file of Banyan.`, {
        hint: `Delete ${path}; a lock file holds no data.`,
        cause: error,
      });
    }
    if (code === 'SQLITE_FULL') {
      throw new UserError(`The disk that holds ${folder.path} is full.`, {
        hint: 'Free some space, or use another disk with --state.',
        code: 'ENOSPC',
        cause: error,
      });
    }
    throw new UserError(`The state folder ${folder.path} cannot be locked (${code || String(error)}).`, {
      hint: 'Check that it may be written to, and that it lies on a local disk.',
      code: 'state-unlockable',
      cause: error,
    });
  }
}

function readNote(folder: StateFolder): Holder | null {
  try {
    const { pid, startedAtMs, command, version } = JSON.parse(
      readFileSync(folder.file('holder'), 'utf8'),
    ) as Partial<Holder>;
    if (typeof pid !== 'number' || typeof startedAtMs !== 'number') return null;
    return { pid, startedAtMs, command: command ?? '', version: version ?? '' };
  } catch (error) {
    // Absent, or torn by a crash: then it says nothing. The lock itself is what counts.
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return null;
    throw error;
  }
}
