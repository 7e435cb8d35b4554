/**
 * The two keys of a service.
 *
 * The *owner key* is the deed of the house: it signs charters and releases, nothing else, and may lie in a drawer. The
 * *root key* is the caretaker's: it signs day by day (membership, invites, credentials) and is named by the charter. Both
 * are Ed25519 (RFC 8032), kept as PKCS#8 PEM in files that only their user may read, so that common tools understand
 * them. Whoever loses the owner key can never change the service again, whoever leaks it has lost it; the sentences
 * below say so when it matters.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { chmod, open, readFile, stat } from 'node:fs/promises';
import { syncFolder } from './durable-file.ts';
import { dirname } from 'node:path';
import { ServiceError, systemCode } from './service-error.ts';

/** An Ed25519 key that can sign. */
export interface SigningKey {
  /** The 32 raw bytes of the public key, base64url without padding (43 characters). */
  readonly publicKey: string;
  /** The signature over `bytes`: 64 bytes. */
  sign(bytes: Uint8Array): Buffer;
  /** The 32-byte private seed (RFC 8032, 5.1.5), for those who need the key in another library's form. */
  seed(): Buffer;
  /** The key as PKCS#8 PEM; encrypted when a passphrase is given. */
  toPem(passphrase?: string): string;
}

/** Which key a message is about. */
export type KeyRole = 'owner' | 'root';

/** 43 base64url characters: 32 bytes. */
export const publicKeyPattern = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export function createKey(): SigningKey {
  return wrap(generateKeyPairSync('ed25519').privateKey);
}

/**
 * Reads a key from PEM text.
 * @throws ServiceError `key-unreadable` when it is no Ed25519 private key, or needs another passphrase.
 */
export function keyFromPem(pem: string, what: string, passphrase?: string): SigningKey {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----/.test(pem) && passphrase === undefined) {
    throw new ServiceError('key-unreadable', `The ${what} is protected by a passphrase: give the passphrase as well.`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch (error) {
    throw new ServiceError(
      'key-unreadable',
      passphrase === undefined
        ? `The ${what} is not a private key in PEM form: is it the right file, and complete? Else restore it from your backup.`
        : `The ${what} cannot be opened: the passphrase is wrong, or the file is damaged.`,
      { cause: error },
    );
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new ServiceError('key-unreadable', `The ${what} is a ${key.asymmetricKeyType} key; Ed25519 is needed.`);
  }
  return wrap(key);
}

/** Writes a new key file (mode 0600, on disk when this returns). Never overwrites one. */
export async function writeKeyFile(path: string, key: SigningKey, role: KeyRole): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    if (systemCode(error) === 'EEXIST') {
      throw new ServiceError('key-exists', `There is already a key at ${path}: it is not overwritten. Move it first.`);
    }
    throw new ServiceError('key-unreadable', `The ${role} key cannot be written to ${path} (${systemCode(error)}).`, {
      cause: error,
    });
  });
  try {
    await file.writeFile(key.toPem());
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(path, 0o600);
  await syncFolder(dirname(path));
}

/**
 * Reads a key file.
 * @throws ServiceError `key-missing`, `key-exposed` (others may read it), `key-unreadable`.
 */
export async function readKeyFile(path: string, role: KeyRole): Promise<SigningKey> {
  let pem: string;
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new ServiceError(
        'key-exposed',
        `The ${role} key at ${path} can be read by other users (mode ${(mode & 0o777).toString(8)}): ` +
          `run chmod 600 on it, and if others may have copied it, do not use it any more.`,
      );
    }
    pem = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (systemCode(error) === 'ENOENT') throw missingKey(path, role);
    throw new ServiceError('key-unreadable', `The ${role} key at ${path} cannot be read (${systemCode(error)}).`, {
      cause: error,
    });
  }
  return keyFromPem(pem, `${role} key at ${path}`);
}

/** The owner key in a form to be kept elsewhere (on paper, on a stick). Encrypted when a passphrase is given. */
export async function exportKey(path: string, role: KeyRole, passphrase?: string): Promise<string> {
  return (await readKeyFile(path, role)).toPem(passphrase);
}

/**
 * Puts an exported key back in its place, if it is the right one.
 * @param expectedPublicKey the key that the charter names, when a charter is at hand.
 */
export async function restoreKey(
  path: string,
  pem: string,
  role: KeyRole,
  options: { readonly passphrase?: string | undefined; readonly expectedPublicKey?: string | undefined } = {},
): Promise<SigningKey> {
  const key = keyFromPem(pem, `exported ${role} key`, options.passphrase);
  if (options.expectedPublicKey !== undefined) requireKey(key, options.expectedPublicKey, role);
  await writeKeyFile(path, key, role);
  return key;
}

/** @throws ServiceError `key-wrong` unless `key` is the one that the charter names. */
export function requireKey(key: SigningKey, expectedPublicKey: string, role: KeyRole): void {
  if (key.publicKey === expectedPublicKey) return;
  throw new ServiceError(
    'key-wrong',
    `This is not the ${role} key of the service: its charter names the ${role} key ${expectedPublicKey}, ` +
      `this one is ${key.publicKey}. Use the key that the service was made with.`,
  );
}

/** True when `signature` is `publicKey`'s over `bytes`. False, never an exception, for keys and signatures of no sense. */
export function verifySignature(publicKey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!publicKeyPattern.test(publicKey) || signature.length !== 64) return false;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  return verify(null, bytes, key, signature);
}

function wrap(key: KeyObject): SigningKey {
  const jwk = key.export({ format: 'jwk' });
  const { x, d } = jwk;
  if (x === undefined || d === undefined) throw new Error('an Ed25519 key without its parts');
  return {
    publicKey: x,
    sign: (bytes) => sign(null, bytes, key),
    seed: () => Buffer.from(d, 'base64url'),
    toPem: (passphrase) =>
      key
        .export({
          type: 'pkcs8',
          format: 'pem',
          ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
        })
        .toString(),
  };
}

function missingKey(path: string, role: KeyRole): ServiceError {
  const sentence =
    role === 'owner'
      ? `The owner key is not at ${path}. Without it the service goes on serving what is already signed, but no new ` +
        `release or charter can be signed: restore the key from the export you kept. If there is no copy, this service ` +
        `can never be changed again; start a new one.`
      : `The root key is not at ${path}: restore it from your backup, or sign a new charter that names a new root key.`;
  return new ServiceError('key-missing', sentence);
}
