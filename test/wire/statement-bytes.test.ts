import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { MemberRecord, Message, Order, ReleaseNotice, Statement } from '../../src/core/messages/index.ts';
import { decode, encode, statementBytes } from '../../src/wire/index.ts';
import { AddressBook } from './address-book.ts';
import { arbitraryMember, arbitraryStatement, peerCount } from './arbitrary-messages.ts';

const book = AddressBook.of(peerCount);
const service = Uint8Array.of(1, 2, 3, 4);

/** A message that carries the statement. */
function carrying(statement: Statement): Message {
  if (statement.type === 'member') return { kind: 'members', records: [statement], snapshot: false };
  if (statement.type === 'release') return { kind: 'release-now', notice: statement };
  const { issuer, standing, signature } = statement;
  const notice: ReleaseNotice = {
    type: 'release',
    number: 1,
    digest: new Uint8Array(32),
    sizeBytes: 1,
    issuer,
    standing,
    signature,
  };
  return { kind: 'offer', order: statement, notice };
}

function carriedBy(message: Message): Statement {
  if (message.kind === 'members') return message.records[0] as MemberRecord;
  if (message.kind === 'release-now' && message.notice !== null) return message.notice;
  if (message.kind === 'offer') return message.order;
  throw new Error(`a ${message.kind} carries no statement`);
}

function relayed(statement: Statement, to: AddressBook): Statement {
  const decoded = decode(encode(carrying(statement), book), to);
  if (decoded.type !== 'message') throw new Error(decoded.reason);
  return carriedBy(decoded.message);
}

describe('the signed bytes of a statement', () => {
  test('are the same after a trip over the wire to a process with other handles', () => {
    fc.assert(
      fc.property(arbitraryStatement, (statement) => {
        const elsewhere = AddressBook.of(peerCount, (handle) => peerCount - 1 - handle);
        expect(statementBytes(service, relayed(statement, elsewhere), elsewhere)).toEqual(
          statementBytes(service, statement, book),
        );
      }),
    );
  });

  test('are the same after the wire has rounded the coordinate', () => {
    const any = fc.double({ min: -6e6, max: 6e6, noNaN: true });
    const coordinate = fc.record({
      x: any,
      y: any,
      z: any,
      height: any,
      error: fc.double({ min: 0, max: 1e4, noNaN: true }),
    });
    fc.assert(
      fc.property(arbitraryMember, coordinate, (member, exact) => {
        const record = { ...member, coordinate: exact };
        const rounded = relayed(record, AddressBook.of(peerCount));
        expect(statementBytes(service, rounded, book)).toEqual(statementBytes(service, record, book));
      }),
    );
  });

  test('do not contain the signature, so they are the same before and after signing', () => {
    fc.assert(
      fc.property(arbitraryStatement, (statement) => {
        const { signature: _, ...unsigned } = statement;
        expect(statementBytes(service, unsigned, book)).toEqual(statementBytes(service, statement, book));
      }),
    );
  });

  test('name their type and their service', () => {
    const [statement] = fc.sample(arbitraryStatement, { numRuns: 1, seed: 1 });
    const bytes = Buffer.from(statementBytes(service, statement as Statement, book));
    expect(bytes.subarray(0, 24)).toEqual(
      Buffer.concat([Buffer.from('banyan/statement/1\0'), Buffer.from([4, 1, 2, 3, 4])]),
    );
  });

  test('differ between any two statements that differ in anything but the signature', () => {
    const fields: { readonly [K in keyof MemberRecord]: MemberRecord[K] } = {
      type: 'member',
      subject: 1 as PeerHandle,
      incarnation: 2,
      state: 'serving',
      parent: 3 as PeerHandle,
      coordinate: { x: 100, y: 200, z: 300, height: 400, error: 5_000 },
      full: false,
      issuer: 1 as PeerHandle,
      standing: { charter: 1, epoch: 2, term: 3 },
      signature: new Uint8Array(64),
    };
    const order: Order = {
      type: 'order',
      action: 'serve',
      subject: 1 as PeerHandle,
      releaseNumber: 2,
      issuer: 3 as PeerHandle,
      standing: fields.standing,
      signature: fields.signature,
    };
    const release: ReleaseNotice = {
      type: 'release',
      number: 1,
      digest: new Uint8Array(32),
      sizeBytes: 9,
      issuer: 3 as PeerHandle,
      standing: fields.standing,
      signature: fields.signature,
    };
    const all: Statement[] = [
      fields,
      { ...fields, subject: 2 as PeerHandle },
      { ...fields, incarnation: 3 },
      { ...fields, state: 'gone' },
      { ...fields, parent: 4 as PeerHandle },
      { ...fields, parent: NOBODY },
      { ...fields, coordinate: { ...fields.coordinate, y: 2.01 } },
      { ...fields, issuer: 2 as PeerHandle },
      { ...fields, standing: { charter: 1, epoch: 3, term: 3 } },
      order,
      { ...order, action: 'retire' },
      { ...order, subject: 2 as PeerHandle },
      { ...order, releaseNumber: 3 },
      { ...order, issuer: 4 as PeerHandle },
      release,
      { ...release, number: 2 },
      { ...release, digest: new Uint8Array(32).fill(1) },
      { ...release, sizeBytes: 10 },
    ];
    const seen = new Set(all.map((statement) => Buffer.from(statementBytes(service, statement, book)).toString('hex')));
    expect(seen.size).toBe(all.length);
  });

  test('differ between services, even when one id is a prefix of another', () => {
    const [statement] = fc.sample(arbitraryStatement, { numRuns: 1, seed: 2 });
    const ids = [[], [1], [1, 2], [2]].map((id) => Uint8Array.from(id));
    const seen = new Set(
      ids.map((id) => Buffer.from(statementBytes(id, statement as Statement, book)).toString('hex')),
    );
    expect(seen.size).toBe(ids.length);
  });

  test('verify with a real key after the trip, and not when a relay changed them', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const [unsigned] = fc.sample(arbitraryMember, { numRuns: 1, seed: 4 });
    if (unsigned === undefined) throw new Error('no record');
    const signature = new Uint8Array(sign(null, statementBytes(service, unsigned, book), privateKey));
    const elsewhere = AddressBook.of(0);
    const arrived = relayed({ ...unsigned, signature }, elsewhere);
    const holds = (statement: Statement): boolean =>
      verify(null, statementBytes(service, statement, elsewhere), publicKey, statement.signature);
    expect(holds(arrived)).toBe(true);
    expect(holds({ ...arrived, incarnation: unsigned.incarnation + 1 } as MemberRecord)).toBe(false);
  });
});
