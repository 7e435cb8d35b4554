/**
 * The shape of the state database, as the steps that lead to it.
 *
 * A file records how many steps it has taken (`user_version`); opening it takes the rest in one transaction. Steps are only ever added at
 * the end, never changed, because existing files may be at any of them. There is no way back; a newer file is refused before anything is
 * written to it.
 */
import type Database from 'better-sqlite3';
import { NewerStateError } from './storage-errors.ts';

export const migrations: readonly string[] = [
  `
  -- What the protocol must not forget; the latest value of each kind and key counts.
  CREATE TABLE records (
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;

  -- Invite tokens that this root has given out; of the secret only a hash is kept.
  CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    max_uses INTEGER,
    revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1))
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE token_uses (
    token_id TEXT NOT NULL REFERENCES tokens (id),
    place INTEGER NOT NULL,
    peer_id TEXT NOT NULL,
    PRIMARY KEY (token_id, place),
    UNIQUE (token_id, peer_id)
  ) STRICT, WITHOUT ROWID;

  -- The daemon's own: what it was told or given, and what it counts over its restarts.
  CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What the root decided, by round; of \`body\` (JSON) only the host knows more. \`actions\`: their names, with blanks between.
  CREATE TABLE decisions (
    round INTEGER NOT NULL PRIMARY KEY,
    actions TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- The order in which records were last written; what was written before there was one comes first.
  ALTER TABLE records ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX records_by_place ON records (place);
  `,
];

/** How many steps a file has taken. */
export function versionOf(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** @throws NewerStateError when the file has taken steps that this program does not know */
export function refuseNewer(database: Database.Database, steps: readonly string[] = migrations): void {
  const version = versionOf(database);
  if (version > steps.length) throw new NewerStateError(database.name, version, steps.length);
}

/** Takes the steps that are missing: all of them or none. */
export function migrate(database: Database.Database, steps: readonly string[] = migrations): void {
  database
    .transaction(() => {
      // Read inside the transaction: another process may have migrated the file while this one waited.
      for (const step of steps.slice(versionOf(database))) database.exec(step);
      database.pragma(`user_version = ${steps.length}`);
    })
    .immediate();
}
