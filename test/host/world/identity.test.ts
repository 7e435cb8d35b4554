import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityFile, IdentityError, loadIdentity } from '../../../src/host/world/identity.ts';

let folder = '';
const file = (): string => join(folder, 'state', identityFile);
const load = (): ReturnType<typeof loadIdentity> => loadIdentity(join(folder, 'state'));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-identity-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the identity of a peer', () => {
  it('is made once, kept for its user alone, and found again', async () => {
    const first = await load();
    expect([first.isNew, first.warning]).toEqual([true, undefined]);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    const second = await load();
    expect([second.isNew, second.peerId]).toEqual([false, first.peerId]);
    expect(await readdir(join(folder, 'state'))).toEqual([identityFile]);
  });

  it('is one even when several processes make it at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, load));
    expect(new Set(all.map(({ peerId }) => peerId)).size).toBe(1);
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(await readdir(join(folder, 'state'))).toEqual([identityFile]);
  });

  it('is never replaced when its file is damaged; the sentence says what to do', async () => {
    await load();
    const good = await readFile(file());
    const otherKind = Buffer.from(privateKeyToProtobuf(await generateKeyPair('secp256k1')));
    const mixed = Buffer.from(good);
    mixed[mixed.length - 1] = (mixed.at(-1) as number) ^ 1;
    for (const bad of [Buffer.alloc(0), Buffer.from('not a key'), good.subarray(0, 40), otherKind, mixed]) {
      await writeFile(file(), bad);
      const error: unknown = await load().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(IdentityError);
      expect((error as Error).message).toContain(`${bad.byteLength} bytes) holds no Ed25519 key`);
      expect((error as Error).message).toContain('Restore it from a backup');
      expect(await readFile(file())).toEqual(bad);
    }
  });

  it('warns when others may read it, and works all the same', async () => {
    const { peerId } = await load();
    await chmod(file(), 0o644);
    const again = await load();
    expect(again.peerId).toBe(peerId);
    expect(again.warning).toMatch(/can read .* \(mode 644\): run chmod 600/);
  });
});
