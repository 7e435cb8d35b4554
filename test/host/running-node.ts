/** Whole peers on loopback, in this process: a root that serves one page, and clients of it. They are stopped after the test. */
import { join } from 'node:path';
import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { startNode } from '../../src/host/index.ts';
import type { Node } from '../../src/host/index.ts';
import { createKey, foundCharter, readInvite, writeKeyFile } from '../../src/service/index.ts';
import { StateDatabase } from '../../src/storage/state-database.ts';
import { afterwards, folderOf, temporaryFolder, termsFor } from '../service/workshop.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };
const limits = { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 };
const heartbeatMs = 50;

async function common(): Promise<
  Pick<Parameters<typeof startNode>[0], 'folder' | 'state' | 'limits' | 'listen' | 'logger'>
> {
  const folder = await temporaryFolder();
  const state = StateDatabase.open(join(folder, 'state.db'));
  return { folder: join(folder, 'content'), state, limits, listen: ['/ip4/127.0.0.1/tcp/0'], logger: quiet };
}

/** The root of a farm in which nothing is required and everybody is let in. */
export async function startRoot(): Promise<Node> {
  const [ownerKey, rootKey] = [createKey(), createKey()];
  const privateKey = privateKeyFromRaw(Buffer.concat([rootKey.seed(), Buffer.from(rootKey.publicKey, 'base64url')]));
  const terms = {
    ...termsFor(rootKey),
    rootPeerId: peerIdFromPrivateKey(privateKey).toString(),
    requirementMs: null,
    admission: 'open',
    tree: { fanOut: 8, heartbeatMs },
  } as const;
  const ownerKeyPath = join(await temporaryFolder(), 'owner.key');
  await writeKeyFile(ownerKeyPath, ownerKey, 'owner');
  const node = await startNode({
    ...(await common()),
    privateKey,
    rootKey,
    charter: foundCharter(ownerKey, terms, Date.now()),
    invite: null,
    ownerKeyPath,
    serving: 'if-asked',
  });
  afterwards(async () => await node.stop());
  await node.update(await folderOf({ 'index.html': '<h1>one</h1>' }), () => {});
  return node;
}

export async function startClient(root: Node): Promise<Node> {
  const { link } = root.invite({ expiresInSeconds: null, uses: null });
  const node = await startNode({
    ...(await common()),
    privateKey: await generateKeyPair('Ed25519'),
    rootKey: null,
    charter: root.charter,
    invite: readInvite(link, Date.now()),
    ownerKeyPath: null,
    serving: 'if-asked',
  });
  afterwards(async () => await node.stop());
  return node;
}
