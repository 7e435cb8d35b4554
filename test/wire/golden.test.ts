/**
 * Golden vectors: the bytes of one example of everything, in `test/golden/wire.txt`, and the schema as a .proto file.
 *
 * A change here means that peers of different versions no longer understand each other, or that old signatures and
 * databases cannot be read. BANYAN_REWRITE_GOLDEN=1 rewrites the files; do that for additions, never to make a test pass.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/core/messages/index.ts';
import { durables } from '../../src/wire/durable.ts';
import { decode, decodeDurable, encode, encodeDurable, statementBytes } from '../../src/wire/index.ts';
import { messages } from '../../src/wire/schema.ts';
import { AddressBook } from './address-book.ts';
import { arbitraryDurable, arbitraryMessage, peerCount } from './arbitrary-messages.ts';
import { goldenMessages, goldenRecords, goldenStatements } from './golden-messages.ts';
import { protoText } from './proto-file.ts';

const vectorsFile = new URL('../golden/wire.txt', import.meta.url);
const protoFile = new URL('../../docs/protocol/banyan.proto', import.meta.url);
const rewrite = process.env['BANYAN_REWRITE_GOLDEN'] === '1';

const book = AddressBook.of(peerCount);
const serviceId = new TextEncoder().encode('a service');

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The object in one line; bytes as `hex:…`, NaN as a word. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Uint8Array) return `hex:${hex(inner)}`;
    return Number.isNaN(inner) ? 'NaN' : inner;
  });
}

function vectors(): string {
  const lines = [
    '# What everything is on the wire. Peer n has the key sha256("peer n") and the address /ip4/10.0.0.(100 + n)/tcp/4001.',
    '# Rewritten with BANYAN_REWRITE_GOLDEN=1; see test/wire/golden.test.ts before you do that.',
    '',
  ];
  for (const message of Object.values(goldenMessages).flat()) {
    lines.push(`message ${shown(message)}`, hex(encode(message, book)), '');
  }
  for (const statement of Object.values(goldenStatements).flat()) {
    lines.push(
      `signed, of service "a service" ${shown(statement)}`,
      hex(statementBytes(serviceId, statement, book)),
      '',
    );
  }
  for (const record of Object.values(goldenRecords).flat()) {
    const { key, value } = encodeDurable(record, book);
    lines.push(`durable ${shown(record)}`, `key ${hex(key)}`, hex(value), '');
  }
  return lines.join('\n');
}

function proto(): string {
  return protoText([
    { name: 'Envelope', about: 'What peers send each other.', cases: messages.parts('') },
    { name: 'DurableEnvelope', about: 'What a peer keeps in its state database.', cases: durables.parts('Durable') },
  ]);
}

function recorded(file: URL, present: string): string {
  if (rewrite) writeFileSync(file, present);
  return readFileSync(file, 'utf8');
}

describe('the wire has not changed', () => {
  test('every example has the recorded bytes', () => {
    expect(vectors()).toBe(recorded(vectorsFile, vectors()));
  });

  test('the recorded bytes are still read as the examples', () => {
    const text = recorded(vectorsFile, vectors());
    const bytes = [...text.matchAll(/^message .*\n([0-9a-f]+)$/gm)].map((match) => Buffer.from(match[1] ?? '', 'hex'));
    const examples = Object.values(goldenMessages).flat();
    expect(bytes.map((one) => decode(one, book))).toEqual(examples.map((message) => ({ type: 'message', message })));
  });

  test('the .proto file agrees with the schema', () => {
    expect(proto()).toBe(recorded(protoFile, proto()));
  });
});

describe('any protobuf tool', () => {
  const root = protobuf.parse(proto()).root;

  test('can read our messages and write them for us', () => {
    const envelope = root.lookupType('banyan.Envelope');
    fc.assert(
      fc.property(arbitraryMessage, (message) => {
        const theirs = envelope.decode(encode(message, book));
        expect(decode(envelope.encode(theirs).finish(), book)).toEqual({ type: 'message', message });
      }),
      { numRuns: 500 },
    );
  });

  test('reads the same values as we do', () => {
    const envelope = root.lookupType('banyan.Envelope');
    const join = goldenMessages.join[1] as Message;
    const seen = envelope.toObject(envelope.decode(encode(join, book)), { longs: Number, enums: String });
    expect(seen).toMatchObject({
      version: 1,
      join: {
        tree: 'TREE_KIND_SERVERS',
        nonce: 301,
        orphan: false,
        hasChildren: true,
        passed: { root: 1, life: 3, sequence: 1_000 },
        coordinate: { x: 1_234, y: -5_678, z: 1, height: 450, error: 1_234 },
        rttMs: 2_107,
      },
    });
    expect(hex(Uint8Array.from(seen['peers'][0].key))).toBe(hex(book.keyOf(0 as never)));
  });

  test('can read the durable records of a peer', () => {
    const envelope = root.lookupType('banyan.DurableEnvelope');
    fc.assert(
      fc.property(arbitraryDurable, (record) => {
        const row = encodeDurable(record, book);
        const value = envelope.encode(envelope.decode(row.value)).finish();
        expect(decodeDurable({ ...row, value }, book)).toEqual(record);
      }),
    );
  });
});
