/**
 * Invite tokens and the peers that have used them. The caller supplies the rules; this file makes "read, decide, write" one atomic step, so
 * that two peers cannot both get the last use of a token.
 */
import type { SqliteFile } from './sqlite-file.ts';

export interface TokenRow {
  readonly id: string;
  readonly secretHash: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** How many different peers may use it; null for any number. */
  readonly maxUses: number | null;
  /** Peers that have used it, in order. */
  readonly usedBy: readonly string[];
  readonly revoked: boolean;
}

/** The answer of a rule: the record to keep from now on, or a refusal that changes nothing. */
type Ruling = { readonly ok: true; readonly record: TokenRow } | { readonly ok: false };

interface Stored {
  readonly id: string;
  readonly secret_hash: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly max_uses: number | null;
  readonly revoked: number;
}

export class TokenTable {
  readonly #file: SqliteFile;
  readonly #put;
  readonly #get;
  readonly #list;
  readonly #revoke;
  readonly #uses;
  readonly #use;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#put = file.prepare<[string, string, number, number | null, number | null, number]>(
      `INSERT INTO tokens (id, secret_hash, created_at_ms, expires_at_ms, max_uses, revoked) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, created_at_ms = excluded.created_at_ms,
         expires_at_ms = excluded.expires_at_ms, max_uses = excluded.max_uses, revoked = excluded.revoked`,
    );
    this.#get = file.prepare<[string], Stored>('SELECT * FROM tokens WHERE id = ?');
    this.#list = file.prepare<[], Stored>('SELECT * FROM tokens ORDER BY created_at_ms, id');
    this.#revoke = file.prepare<[string]>('UPDATE tokens SET revoked = 1 WHERE id = ?');
    this.#uses = file.prepare<[string], { peer_id: string }>(
      'SELECT peer_id FROM token_uses WHERE token_id = ? ORDER BY place',
    );
    this.#use = file.prepare<[string, number, string]>(
      'INSERT INTO token_uses (token_id, place, peer_id) VALUES (?, ?, ?)',
    );
  }

  add(record: TokenRow): void {
    this.#file.batch(() => this.#write(record));
  }

  /**
   * Reads the record of a token, asks `rule` about it, and stores the record of a positive answer before returning it. Uses are only ever
   * added: `usedBy` of the answer must begin with the old one.
   */
  redeem<R extends Ruling>(tokenId: string, rule: (record: TokenRow | undefined) => R): R {
    return this.#file.batch(() => {
      const ruling = rule(this.#read(tokenId));
      if (ruling.ok) this.#write(ruling.record);
      return ruling;
    });
  }

  /** All tokens, the oldest first. */
  list(): TokenRow[] {
    return this.#file.guard(() => this.#list.all().map((stored) => this.#complete(stored)));
  }

  /** Says whether there is such a token. */
  revoke(tokenId: string): boolean {
    return this.#file.guard(() => this.#revoke.run(tokenId).changes > 0);
  }

  #read(tokenId: string): TokenRow | undefined {
    const stored = this.#get.get(tokenId);
    return stored === undefined ? undefined : this.#complete(stored);
  }

  #write(record: TokenRow): void {
    const { id, secretHash, createdAtMs, expiresAtMs, maxUses, revoked, usedBy } = record;
    this.#put.run(id, secretHash, createdAtMs, expiresAtMs, maxUses, revoked ? 1 : 0);
    const known = this.#uses.all(id).length;
    for (let place = known; place < usedBy.length; place += 1) this.#use.run(id, place, usedBy[place] as string);
  }

  #complete(stored: Stored): TokenRow {
    return {
      id: stored.id,
      secretHash: stored.secret_hash,
      createdAtMs: stored.created_at_ms,
      expiresAtMs: stored.expires_at_ms,
      maxUses: stored.max_uses,
      usedBy: this.#uses.all(stored.id).map(({ peer_id }) => peer_id),
      revoked: stored.revoked === 1,
    };
  }
}
