import { describe, expect, it } from 'vitest';
import {
  type Credential,
  type TokenBook,
  type TokenRecord,
  createKey,
  createToken,
  issueCredential,
  redeemToken,
  verifyCredential,
} from '../../src/service/index.ts';
import { testNowMs, testOtherPeerId, testRootPeerId, found } from './workshop.ts';

const hourMs = 3_600_000;

describe('a credential', () => {
  const { charter, rootKey } = found();
  const about: Omit<Credential, 'issuer'> = {
    serviceId: charter.serviceId,
    charter: 1,
    epoch: 0,
    term: 3,
    peerId: testOtherPeerId,
    issuedAtMs: testNowMs,
    expiresAtMs: testNowMs + hourMs,
  };
  const bytes = issueCredential(rootKey, about);
  const reasonOf = (check: ReturnType<typeof verifyCredential>): string => (check.ok ? 'ok' : check.reason);

  it('is good for the peer that it names, offline, with the charter alone', () => {
    const check = verifyCredential(bytes, charter, testOtherPeerId, testNowMs + 1);
    expect(check).toEqual({ ok: true, credential: { ...about, issuer: rootKey.publicKey } });
  });

  it('is worth nothing to another peer, for another service, after its time, or long before it', () => {
    expect(reasonOf(verifyCredential(bytes, charter, testRootPeerId, testNowMs))).toBe('other-peer');
    expect(reasonOf(verifyCredential(bytes, found().charter, testOtherPeerId, testNowMs))).toBe('other-service');
    expect(reasonOf(verifyCredential(bytes, charter, testOtherPeerId, testNowMs + hourMs))).toBe('expired');
    expect(reasonOf(verifyCredential(bytes, charter, testOtherPeerId, testNowMs - hourMs))).toBe('not-yet-valid');
  });

  it('must be signed by the root key of the charter, or by whom the caller lets issue', () => {
    const acting = createKey();
    const other = issueCredential(acting, about);
    expect(reasonOf(verifyCredential(other, charter, testOtherPeerId, testNowMs))).toBe('unknown-issuer');
    const mayIssue = (issuer: string, { term }: { term: number }): boolean => issuer === acting.publicKey && term === 3;
    expect(reasonOf(verifyCredential(other, charter, testOtherPeerId, testNowMs, mayIssue))).toBe('ok');
    const document = JSON.parse(Buffer.from(other).toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...document, issuer: rootKey.publicKey }));
    expect(reasonOf(verifyCredential(forged, charter, testOtherPeerId, testNowMs))).toBe('bad-signature');
  });

  it('with any bit flipped is refused with a reason, never with a crash', () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifyCredential(flipped, charter, testOtherPeerId, testNowMs).ok, `bit ${bit}`).toBe(false);
    }
  });
});

class ListBook implements TokenBook {
  readonly records = new Map<string, TokenRecord>();
  add(record: TokenRecord): void {
    this.records.set(record.id, record);
  }
  redeem(tokenId: string, rule: Parameters<TokenBook['redeem']>[1]): ReturnType<TokenBook['redeem']> {
    const result = rule(this.records.get(tokenId));
    if (result.ok) this.records.set(tokenId, result.record);
    return result;
  }
  list(): readonly TokenRecord[] {
    return [...this.records.values()];
  }
  revoke(tokenId: string): boolean {
    const record = this.records.get(tokenId);
    if (record !== undefined) this.records.set(tokenId, { ...record, revoked: true });
    return record !== undefined;
  }
}

describe('redeeming a token', () => {
  const setUp = (maxUses: number | null, expiresAtMs: number | null = null) => {
    const book = new ListBook();
    const { token, record } = createToken({ nowMs: testNowMs, expiresAtMs, maxUses });
    book.add(record);
    const redeem = (peerId: string, nowMs = testNowMs, shown = token): string => {
      const result = book.redeem(shown.id, (found) => redeemToken(found, shown, peerId, nowMs));
      return result.ok ? (result.again ? 'again' : 'ok') : result.reason;
    };
    return { book, token, redeem };
  };

  it('works as often as it was made for, and again for a peer that has done it already', () => {
    const { redeem } = setUp(2);
    expect(['a', 'b', 'c', 'a', 'b', 'c'].map((peer) => redeem(peer))).toEqual([
      'ok',
      'ok',
      'used-up',
      'again',
      'again',
      'used-up',
    ]);
  });

  it('works any number of times when no limit was set, until it expires', () => {
    const { redeem } = setUp(null, testNowMs + hourMs);
    for (let i = 0; i < 50; i += 1) expect(redeem(`peer ${i}`)).toBe('ok');
    expect(redeem('late', testNowMs + hourMs)).toBe('expired');
    expect(redeem('peer 1', testNowMs + hourMs)).toBe('again');
  });

  it('answers a wrong secret like an unknown token, and a withdrawn one by saying so', () => {
    const { book, token, redeem } = setUp(null);
    expect(redeem('a', testNowMs, { id: token.id, secret: 'f'.repeat(32) })).toBe('unknown');
    expect(redeem('a', testNowMs, { id: 'f'.repeat(16), secret: token.secret })).toBe('unknown');
    book.revoke(token.id);
    expect(redeem('a')).toBe('revoked');
  });

  it('keeps no secret', () => {
    const { book, token } = setUp(1);
    expect(JSON.stringify(book.list())).not.toContain(token.secret);
  });
});
