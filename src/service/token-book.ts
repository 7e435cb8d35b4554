/**
 * Invite tokens: how often each may be used, and by whom it was.
 *
 * The rule is a pure function from a record to the next; the book (a table in the state database) only makes "read,
 * decide, write" one step, so that two volunteers with the same last use cannot both get it. A peer that redeems again
 * (its answer was lost, its disk died) gets its credential again without using the token up. Only a hash of the secret is kept.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { InviteToken } from './invite.ts';

export interface TokenRecord {
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly secretHash: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** How many different peers may use it; null for any number. */
  readonly maxUses: number | null;
  /** Peers that have used it, in order. */
  readonly usedBy: readonly string[];
  readonly revoked: boolean;
}

export type RedeemRefusal = 'unknown' | 'expired' | 'used-up' | 'revoked';

export type RedeemResult =
  | { readonly ok: true; readonly record: TokenRecord; readonly again: boolean }
  | { readonly ok: false; readonly reason: RedeemRefusal; readonly message: string };

/** Where the tokens lie. Implementations make `redeem` one transaction. */
export interface TokenBook {
  add(record: TokenRecord): void;
  /**
   * Reads the record of `tokenId`, asks `rule` about it, and stores the record of a positive answer before returning it.
   */
  redeem(tokenId: string, rule: (record: TokenRecord | undefined) => RedeemResult): RedeemResult;
  list(): readonly TokenRecord[];
  /** Marks a token as revoked; false when there is none of this id. */
  revoke(tokenId: string): boolean;
}

/** A fresh token and the record that the root keeps of it. */
export function createToken(limits: {
  readonly nowMs: number;
  readonly expiresAtMs: number | null;
  readonly maxUses: number | null;
}): { readonly token: InviteToken; readonly record: TokenRecord } {
  const token = { id: randomBytes(8).toString('hex'), secret: randomBytes(16).toString('hex') };
  const record: TokenRecord = {
    id: token.id,
    secretHash: hashSecret(token.secret),
    createdAtMs: limits.nowMs,
    expiresAtMs: limits.expiresAtMs,
    maxUses: limits.maxUses,
    usedBy: [],
    revoked: false,
  };
  return { token, record };
}

/** May `peerId` use this token now? A wrong secret is answered like an unknown token, so that ids cannot be probed. */
export function redeemToken(
  record: TokenRecord | undefined,
  token: InviteToken,
  peerId: string,
  nowMs: number,
): RedeemResult {
  if (record === undefined || !sameHash(record.secretHash, hashSecret(token.secret))) {
    return refuse('unknown', `The token ${token.id} of this invite is not known here: ask for a new invite.`);
  }
  if (record.revoked) return refuse('revoked', 'This invite was withdrawn by the owner: ask for a new one.');
  if (record.usedBy.includes(peerId)) return { ok: true, record, again: true };
  if (record.expiresAtMs !== null && nowMs >= record.expiresAtMs) {
    const when = new Date(record.expiresAtMs).toISOString();
    return refuse('expired', `This invite expired on ${when}: ask for a new one.`);
  }
  if (record.maxUses !== null && record.usedBy.length >= record.maxUses) {
    return refuse(
      'used-up',
      `This invite was made for ${record.maxUses === 1 ? 'one peer' : `${record.maxUses} peers`} ` +
        `and has been used by as many: ask for a new one.`,
    );
  }
  return { ok: true, record: { ...record, usedBy: [...record.usedBy, peerId] }, again: false };
}

function hashSecret(secret: string): string {
  return createHash('sha256').update(`banyan token\n${secret}`).digest('hex');
}

function sameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'hex'), Buffer.from(other, 'hex')];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refuse(reason: RedeemRefusal, message: string): RedeemResult {
  return { ok: false, reason, message };
}
