import { hash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackWriter, readFully, scanPack } from '../../src/service/pack.ts';
import { temporaryFolder } from './workshop.ts';

const blockOf = (size: number): { readonly name: string; readonly bytes: Buffer } => {
  const bytes = randomBytes(size);
  return { name: hash('sha256', bytes, 'hex'), bytes };
};

test('blocks that are appended all at once lie whole and in their order in the pack, large and small', async () => {
  const folder = await temporaryFolder();
  let packs = 0;
  const size = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 100_000, max: 300_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 30 }), async (sizes) => {
      const path = join(folder, String(++packs));
      const writer = await PackWriter.create(`${path}.part`);
      const blocks = sizes.map(blockOf);
      await Promise.all(
        blocks.map(async ({ name, bytes }) => {
          await writer.append(name, bytes);
          bytes.fill(0); // from now on it may be used for something else
        }),
      );
      const file = await writer.seal(`${path}.pack`);
      const { records, endsAt, fileBytes } = await scanPack(file, true);
      expect(records.map((record) => record.hash)).toEqual(blocks.map(({ name }) => name));
      expect(records).toEqual(writer.records);
      expect([endsAt, fileBytes]).toEqual([writer.bytes, writer.bytes]);
      await file.close();
    }),
    { numRuns: 40 },
  );
});

test('a write that fails is told to all who wait for it, and everything after it is refused', async () => {
  const path = join(await temporaryFolder(), 'one');
  const writer = await PackWriter.create(`${path}.part`);
  const large = blockOf(300_000);
  await writer.append(large.name, large.bytes);
  // A write to a handle that is closed fails, as one to a broken disk does.
  const sealed = await writer.seal(`${path}.pack`);
  expect(await readFully(sealed, Buffer.alloc(10), 0)).toBe(10);
  await sealed.close();
  const outcomes = await Promise.allSettled([1, 2, 3].map(async () => writer.append(large.name, large.bytes)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  const small = blockOf(10);
  await expect(writer.append(small.name, small.bytes)).rejects.toThrow();
});
