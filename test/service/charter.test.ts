import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  serviceIdPattern,
  amendCharter,
  createKey,
  foundCharter,
  readCharter,
  serviceIdOf,
  supersedes,
} from '../../src/service/index.ts';
import { canonicalJson } from '../../src/service/canonical-json.ts';
import { testNowMs, found, termsFor } from './workshop.ts';

function edited(bytes: Uint8Array, change: (document: Record<string, unknown>) => void): Buffer {
  const document = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
  change(document);
  return Buffer.from(JSON.stringify(document));
}

describe('a charter', () => {
  it('is read back as it was signed, by anyone, with the service id as the only thing known before', () => {
    const { charter, rootKey } = found();
    expect(charter.serviceId).toMatch(serviceIdPattern);
    expect(readCharter(charter.bytes, charter.serviceId)).toEqual(charter);
    expect(charter).toMatchObject({ ...termsFor(rootKey), number: 1, issuedAtMs: testNowMs });
  });

  it('does not depend on the order of its fields', () => {
    const { charter } = found();
    const shuffled = edited(charter.bytes, () => undefined);
    const document = JSON.parse(shuffled.toString()) as object;
    const reversed = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(document).reverse())));
    expect(readCharter(reversed).bytes).toEqual(charter.bytes);
  });

  it('cannot be changed in any field without its signature failing', () => {
    const { charter } = found();
    const fields = [
      'name',
      'number',
      'requirementMs',
      'kind',
      'admission',
      'rootPublicKey',
      'rootPeerId',
      'issuedAtMs',
    ];
    const others: Record<string, unknown> = {
      name: 'Another',
      number: 2,
      requirementMs: null,
      kind: 'process',
      admission: 'open',
      rootPublicKey: createKey().publicKey,
      rootPeerId: '12D3KooWHdiAxVd8uMQR1hGWXccidmfCwLqcMpGwR6QcTP6QRMuD',
      issuedAtMs: 1,
    };
    for (const field of fields) {
      const forged = edited(charter.bytes, (document) => (document[field] = others[field]));
      expect(() => readCharter(forged), field).toThrow(/not signed by its owner key/);
    }
  });

  it('of another owner cannot claim the id of a service', () => {
    const { charter } = found();
    const thief = found();
    expect(() => readCharter(thief.charter.bytes, charter.serviceId)).toThrow(/the invite is for/);
    const forged = edited(thief.charter.bytes, (document) => (document['serviceId'] = charter.serviceId));
    expect(() => readCharter(forged, charter.serviceId)).toThrow(/does not belong to service/);
    expect(serviceIdOf(charter.ownerPublicKey, charter.nonce)).toBe(charter.serviceId);
  });

  it('with a field from a newer version is still read, and the field is covered by the signature', () => {
    const { ownerKey, rootKey } = found();
    const terms = { ...termsFor(rootKey), colour: 'green' };
    const newer = foundCharter(ownerKey, terms, testNowMs);
    expect(Buffer.from(newer.bytes).toString()).toContain('"colour":"green"');
    expect(readCharter(newer.bytes, newer.serviceId).name).toBe(terms.name);
    expect(() => readCharter(edited(newer.bytes, (document) => (document['colour'] = 'red')))).toThrow(/not signed/);
  });

  it('keeps what the owner asks of the farm besides the mean, to the last digit', () => {
    const { charter, ownerKey } = found();
    const quality = {
      percentile: { share: 0.9995, ms: 200 },
      availability: 0.99999,
      policy: 'worst-qos',
      margin: 'n-1',
    } as const;
    const next = amendCharter(ownerKey, charter, { quality }, testNowMs);
    expect(readCharter(next.bytes, charter.serviceId).quality).toEqual(quality);
    expect(amendCharter(ownerKey, next, { name: 'Another' }, testNowMs).quality).toEqual(quality);
    expect(() => readCharter(edited(next.bytes, (document) => delete document['quality']))).toThrow(/not signed/);
  });

  it('that says nothing of it reads as the usual: so did all that were made before there was a controller', () => {
    const { charter } = found();
    expect(JSON.parse(Buffer.from(charter.bytes).toString())).not.toHaveProperty('quality');
    expect(charter.quality).toEqual({ percentile: null, availability: null, policy: 'balanced', margin: 'lean' });
  });

  it('of a format of the future is refused with the reason', () => {
    const future = edited(found().charter.bytes, (document) => (document['format'] = 2));
    expect(() => readCharter(future)).toThrow(/format 2; this program knows format 1: update the program/);
  });

  it('is followed by another number under the same id, signed by the same owner only', () => {
    const { charter, ownerKey } = found();
    const next = amendCharter(ownerKey, charter, { requirementMs: null }, testNowMs + 1);
    expect(next).toMatchObject({ serviceId: charter.serviceId, number: 2, requirementMs: null, name: charter.name });
    expect(supersedes(next, charter)).toBe(true);
    expect(supersedes(charter, next)).toBe(false);
    expect(supersedes(found().charter, charter)).toBe(false);
    expect(() => amendCharter(createKey(), charter, {}, testNowMs)).toThrow(/not the owner key/);
  });

  it('with terms of no sense is refused before it is given out', () => {
    const key = createKey();
    const terms = termsFor(createKey());
    const usual = { availability: null, policy: 'balanced', margin: 'lean' } as const;
    for (const bad of [
      { name: '' },
      { name: 'bell\u0007' },
      { requirementMs: -1 },
      { quality: { percentile: { share: 1, ms: 100 }, ...usual } },
      { quality: { percentile: null, ...usual, availability: 1.5 } },
      { quality: { percentile: null, ...usual, policy: 'greedy' as 'balanced' } },
      { tree: { fanOut: 1, heartbeatMs: 1000 } },
    ]) {
      expect(() => foundCharter(key, { ...terms, ...bad }, testNowMs)).toThrow(/bad field/);
    }
  });

  it('never crashes on bytes that are something else', () => {
    const { charter } = found();
    const mutated = fc
      .tuple(fc.nat(charter.bytes.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, flip]) => Buffer.from(charter.bytes.map((byte, i) => (i === at ? byte ^ flip : byte))));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        try {
          readCharter(bytes, charter.serviceId);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ServiceError' });
          return;
        }
        throw new Error('a forged charter was taken');
      }),
      { numRuns: 500 },
    );
  });
});

describe('canonical JSON', () => {
  it('is the same for equal values, whatever the order of their keys, and reads back as the value', () => {
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('node'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('node'), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(value, (before) => {
        const text = canonicalJson(before);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        const turned =
          typeof before === 'object' && before !== null && !Array.isArray(before)
            ? Object.fromEntries(Object.entries(before).reverse())
            : before;
        expect(canonicalJson(turned)).toBe(text);
      }),
    );
  });

  it('refuses what has more than one form', () => {
    for (const bad of [0.5, Number.NaN, 2 ** 53, '\ud800', { a: undefined, b: () => 0 }]) {
      expect(() => canonicalJson(bad)).toThrow(/no canonical form/);
    }
    let deep: unknown = 1;
    for (let i = 0; i < 40; i += 1) deep = [deep];
    expect(() => canonicalJson(deep)).toThrow(/nested deeper/);
  });
});
