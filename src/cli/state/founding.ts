/**
 * Founding a service: its two keys, its charter, its state folder; and bringing one back from an export.
 *
 * `service.json` is written last: a folder without it was not finished, and is taken up where it stopped. An export is the
 * owner key (PEM) with the charter behind it in the same armour, all that is needed to carry on elsewhere: the new
 * machine gets a root key of its own and a charter of the next number that names it, so the old root, should it still
 * run somewhere, counts for nothing from then on.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Charter, CharterTerms, SigningKey } from '../../service/index.ts';
import type { StateFolder } from './state-folder.ts';
import { UserError, tellError } from '../words/user-error.ts';

export type Terms = Omit<CharterTerms, 'rootPublicKey' | 'rootPeerId'>;

const charterArmour = /-----BEGIN BANYAN CHARTER-----([A-Za-z0-9+/=\s]+)-----END BANYAN CHARTER-----/;

/** Makes a service in an empty (or half-made) folder. */
export async function foundService(state: StateFolder, terms: Terms, folder: string | null): Promise<Charter> {
  const { foundCharter } = await import('../../service/index.ts');
  await state.make();
  const ownerKey = await keyAt(state, 'ownerKey');
  const rootKey = await keyAt(state, 'rootKey');
  const charter = foundCharter(ownerKey, { ...terms, ...(await rootOf(rootKey)) }, Date.now());
  await finish(state, charter, folder);
  return charter;
}

/** The charter in a root's folder. @throws UserError when it is missing, ServiceError when it does not hold */
export async function readOwnCharter(state: StateFolder, serviceId: string): Promise<Charter> {
  const { readCharter } = await import('../../service/index.ts');
  const path = state.file('charter');
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`The charter of the service is not at ${path} (${error.code ?? error.message}).`, {
      hint: 'Restore the state folder from a backup, or the service from its export: banyan init --restore <file>.',
      code: 'charter-missing',
    });
  });
  try {
    return readCharter(bytes, serviceId);
  } catch (error) {
    throw new UserError(`The file ${path} does not hold the charter of this service. ${tellError(error).message}`, {
      hint: 'Restore the state folder from a backup, or the service from its export: banyan init --restore <file>.',
      code: 'charter-damaged',
      cause: error,
    });
  }
}

/** The text to keep elsewhere. */
export async function exportService(
  state: StateFolder,
  charter: Charter,
  passphrase: string | undefined,
): Promise<string> {
  const { exportKey } = await import('../../service/index.ts');
  const key = await exportKey(state.file('ownerKey'), 'owner', passphrase);
  const lines = Buffer.from(charter.bytes).toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `${key.trimEnd()}\n-----BEGIN BANYAN CHARTER-----\n${lines}\n-----END BANYAN CHARTER-----\n`;
}

/**
 * Brings an export back. Where the folder still has the service, only the owner key is put back; an empty folder becomes
 * the service's new root.
 */
export async function restoreService(
  state: StateFolder,
  text: string,
  passphrase: string | undefined,
): Promise<{ readonly charter: Charter; readonly isNewRoot: boolean }> {
  const service = await import('../../service/index.ts');
  const record = await state.record();
  if (record !== null) {
    const charter = await readOwnCharter(state, record.serviceId);
    await service.restoreKey(state.file('ownerKey'), text, 'owner', {
      passphrase,
      expectedPublicKey: charter.ownerPublicKey,
    });
    return { charter, isNewRoot: false };
  }
  const before = await charterIn(text);
  await state.make();
  const ownerKey = service.keyFromPem(text, 'exported owner key', passphrase);
  service.requireKey(ownerKey, before.ownerPublicKey, 'owner');
  if (!(await exists(state.file('ownerKey')))) await service.writeKeyFile(state.file('ownerKey'), ownerKey, 'owner');
  const root = await rootOf(await keyAt(state, 'rootKey'));
  const charter = service.amendCharter(ownerKey, before, root, Date.now());
  await finish(state, charter, null);
  return { charter, isNewRoot: true };
}

/** The charter in an export. @throws UserError when there is none; ServiceError when it does not hold */
export async function charterIn(text: string): Promise<Charter> {
  const { readCharter } = await import('../../service/index.ts');
  const [, armoured] = charterArmour.exec(text) ?? [];
  if (armoured !== undefined) return readCharter(Buffer.from(armoured, 'base64'));
  throw new UserError('This file holds a key but not the charter that goes with it.', {
    hint: 'Use the whole file that `banyan init --export` wrote. With the key alone, restore into the old state folder: --state <folder>.',
    code: 'export-incomplete',
  });
}

async function keyAt(state: StateFolder, which: 'ownerKey' | 'rootKey'): Promise<SigningKey> {
  const { createKey, readKeyFile, writeKeyFile } = await import('../../service/index.ts');
  const role = which === 'ownerKey' ? 'owner' : 'root';
  const path = state.file(which);
  if (await exists(path)) return await readKeyFile(path, role);
  const key = createKey();
  await writeKeyFile(path, key, role);
  return key;
}

/** The root's key is its peer's identity too: one key less to lose, and the charter can name both. */
async function rootOf(key: SigningKey): Promise<Pick<CharterTerms, 'rootPublicKey' | 'rootPeerId'>> {
  const { generateKeyPairFromSeed } = await import('@libp2p/crypto/keys');
  const { peerIdFromPrivateKey } = await import('@libp2p/peer-id');
  const rootPeerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', key.seed())).toString();
  return { rootPublicKey: key.publicKey, rootPeerId };
}

async function finish(state: StateFolder, charter: Charter, folder: string | null): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(state.file('charter'), charter.bytes, { mode: 0o644, flush: true });
  const { serviceId, name } = charter;
  await state.writeRecord({ format: 1, serviceId, name, part: 'root', folder, invite: null });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
