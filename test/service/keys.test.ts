import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createKey,
  exportKey,
  keyFromPem,
  readKeyFile,
  requireKey,
  restoreKey,
  verifySignature,
  writeKeyFile,
} from '../../src/service/index.ts';
import { temporaryFolder } from './workshop.ts';

describe('a key file', () => {
  it('holds the key that was written, readable by its user only', async () => {
    const path = join(await temporaryFolder(), 'owner.pem');
    const key = createKey();
    await writeKeyFile(path, key, 'owner');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const again = await readKeyFile(path, 'owner');
    expect(again.publicKey).toBe(key.publicKey);
    expect(again.seed()).toEqual(key.seed());
    expect(again.seed()).toHaveLength(32);
  });

  it('is never overwritten', async () => {
    const path = join(await temporaryFolder(), 'owner.pem');
    await writeKeyFile(path, createKey(), 'owner');
    const before = await readFile(path);
    await expect(writeKeyFile(path, createKey(), 'owner')).rejects.toMatchObject({ code: 'key-exists' });
    expect(await readFile(path)).toEqual(before);
  });

  it('that is lost says what still works, what does not, and what to do', async () => {
    const path = join(await temporaryFolder(), 'owner.pem');
    await expect(readKeyFile(path, 'owner')).rejects.toMatchObject({
      code: 'key-missing',
      message: expect.stringMatching(/goes on serving.*no new release.*restore/s) as string,
    });
  });

  it.runIf(process.platform !== 'win32')('that others can read is refused', async () => {
    const path = join(await temporaryFolder(), 'owner.pem');
    await writeKeyFile(path, createKey(), 'owner');
    await chmod(path, 0o644);
    await expect(readKeyFile(path, 'owner')).rejects.toMatchObject({ code: 'key-exposed' });
  });

  it('that is damaged, or of another kind, is named as such', async () => {
    const path = join(await temporaryFolder(), 'root.pem');
    await writeFile(path, 'not a key', { mode: 0o600 });
    await expect(readKeyFile(path, 'root')).rejects.toMatchObject({ code: 'key-unreadable' });
    const rsa = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(() => keyFromPem(rsa.toString(), 'owner key')).toThrow(/Ed25519 is needed/);
  });
});

describe('exporting and restoring a key', () => {
  it('brings back the same key, with and without a passphrase', async () => {
    const folder = await temporaryFolder();
    const key = createKey();
    await writeKeyFile(join(folder, 'owner.pem'), key, 'owner');
    for (const passphrase of [undefined, 'correct horse']) {
      const pem = await exportKey(join(folder, 'owner.pem'), 'owner', passphrase);
      expect(pem.includes('ENCRYPTED')).toBe(passphrase !== undefined);
      const path = join(folder, `restored-${passphrase === undefined ? 'plain' : 'locked'}.pem`);
      const expectedPublicKey = key.publicKey;
      const restored = await restoreKey(path, pem, 'owner', { passphrase, expectedPublicKey });
      expect(restored.publicKey).toBe(key.publicKey);
      expect((await readKeyFile(path, 'owner')).publicKey).toBe(key.publicKey);
    }
  });

  it('asks for a passphrase that is missing and refuses one that is wrong', () => {
    const pem = createKey().toPem('right');
    expect(() => keyFromPem(pem, 'exported owner key')).toThrow(/give the passphrase/);
    expect(() => keyFromPem(pem, 'exported owner key', 'wrong')).toThrow(/passphrase is wrong/);
  });

  it('refuses the key of another service and writes nothing', async () => {
    const path = join(await temporaryFolder(), 'owner.pem');
    const [right, wrong] = [createKey(), createKey()];
    const attempt = restoreKey(path, wrong.toPem(), 'owner', { expectedPublicKey: right.publicKey });
    await expect(attempt).rejects.toMatchObject({ code: 'key-wrong' });
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => requireKey(wrong, right.publicKey, 'owner')).toThrow(right.publicKey);
  });
});

describe('a signature', () => {
  it('holds for its bytes and its key only, and nonsense is false, not an error', () => {
    const key = createKey();
    const bytes = Buffer.from('a release');
    const signature = key.sign(bytes);
    expect(verifySignature(key.publicKey, bytes, signature)).toBe(true);
    expect(verifySignature(key.publicKey, Buffer.from('another'), signature)).toBe(false);
    expect(verifySignature(createKey().publicKey, bytes, signature)).toBe(false);
    expect(verifySignature('nonsense', bytes, signature)).toBe(false);
    expect(verifySignature(key.publicKey, bytes, signature.subarray(1))).toBe(false);
    expect(verifySignature('_'.repeat(42) + '8', bytes, signature)).toBe(false);
  });
});
