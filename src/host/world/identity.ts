/**
 * The key that makes this peer itself: an Ed25519 key in the state folder, from which its peer id follows.
 *
 * The file holds libp2p's own protobuf form and only its user may read it. It is made in one step that survives a crash and
 * a second process: written beside, flushed, then linked to its name, which fails if the name is there already; then the
 * other's key is the one. Who loses the file becomes a stranger to the farm, who copies it makes two peers with one name.
 */
import '../../network/index.ts'; // what libp2p wants of Node 20
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';

export const identityFile = 'peer.key';

/** The key file is there but cannot be used. The message says what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

export interface Identity {
  readonly privateKey: PrivateKey;
  readonly peerId: string;
  readonly path: string;
  /** The key was made just now. */
  readonly isNew: boolean;
  /** Something a person should know about the file, as a sentence. */
  readonly warning: string | undefined;
}

/**
 * Reads the key in a state folder, making folder and key where there is none.
 * @throws IdentityError when the file does not hold an Ed25519 key, or may not be read
 */
export async function loadIdentity(folder: string): Promise<Identity> {
  const path = join(folder, identityFile);
  const isNew = await createKeyFile(path);
  const privateKey = await readKeyFile(path);
  return {
    privateKey,
    peerId: peerIdFromPrivateKey(privateKey).toString(),
    path,
    isNew,
    warning: await exposure(path),
  };
}

/** Makes the file unless it is there. Says whether it did. */
async function createKeyFile(path: string): Promise<boolean> {
  if (await exists(path)) return false;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(beside, 'wx', 0o600);
  try {
    await file.writeFile(privateKeyToProtobuf(await generateKeyPair('Ed25519')));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(beside, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(beside);
    await syncFolder(dirname(path));
  }
}

async function readKeyFile(path: string): Promise<PrivateKey> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IdentityError(
      path,
      `The peer's key ${path} cannot be read (${reason}): give it back to the user that runs this.`,
      { cause },
    );
  }
  const advice =
    'Restore it from a backup, or move it away to become a new peer: the farm will then not know this one, nor count its time.';
  try {
    const key = privateKeyFromProtobuf(bytes);
    if (key.type !== 'Ed25519') throw new TypeError(`it is a key of the kind ${key.type}`);
    const proof = randomBytes(16);
    if (!(await key.publicKey.verify(proof, await key.sign(proof)))) throw new TypeError('its two halves do not match');
    return key;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IdentityError(
      path,
      `The file ${path} (${bytes.byteLength} bytes) holds no Ed25519 key: ${reason}. ${advice}`,
      { cause },
    );
  }
}

/** Says so when others than its user may read the key. Windows keeps permissions elsewhere. */
async function exposure(path: string): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return `Others on this machine can read the peer's key ${path} (mode ${mode.toString(8)}): run chmod 600 on it.`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function systemCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
