/**
 * From a folder to a release: what the owner's `serve` and `update` do before signing.
 *
 * The folder is walked, every file hashed as it streams by (one block in memory), and its blocks can be put into a store
 * in a second pass that notices when a file changed in between. Left out, and said so: names that begin with a dot
 * (`.git`, `.DS_Store`, editors' droppings), save `.well-known`, which the web reserves (RFC 8615); sockets and devices.
 * A link that leaves the folder is refused rather than followed or dropped, and so is any private key: publishing
 * `~/.ssh` by accident is not undone.
 */
import { createHash, hash } from 'node:crypto';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { contentType } from 'mime-types';
import { blockBytes, mostFiles, pathFault, type FileEntry } from './manifest.ts';
import { ServiceError, systemCode } from './service-error.ts';

/** How a private key in PEM begins (RFC 7468), of whatever kind, protected or not. */
const privateKeyMark = /^\uFEFF?\s*-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;
const keyHeadBytes = 256;

/** How far the hashing has come. */
export interface BuildProgress {
  readonly path: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A folder, hashed. */
export interface HashedFolder {
  /** Sorted by path, ready for a manifest. */
  readonly files: readonly FileEntry[];
  /** Where each path's bytes lie on this machine. */
  readonly sources: ReadonlyMap<string, string>;
  /** What was left out, relative to the folder, with the reason. */
  readonly ignored: readonly { readonly path: string; readonly reason: string }[];
}

interface Found {
  readonly path: string;
  readonly source: string;
  readonly size: number;
}

/**
 * Hashes every file under `folder`.
 * @throws ServiceError `folder-unusable`: no such folder, nothing in it, a link that leaves it, a name that cannot be
 * served, a private key.
 */
export async function hashFolder(
  folder: string,
  onProgress: (progress: BuildProgress) => void = () => undefined,
): Promise<HashedFolder> {
  const root = await realpath(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw unusable(`There is no folder ${folder}`, error);
    throw unusable(`The folder ${folder} cannot be read (${systemCode(error)})`, error);
  });
  const found: Found[] = [];
  const ignored: { path: string; reason: string }[] = [];
  if (!(await stat(root)).isDirectory()) throw unusable(`${folder} is a file; a folder is needed`);
  await walk(root, root, [root], found, ignored);
  if (found.length === 0)
    throw unusable(`There is no file to serve in ${folder}: put one there first, such as index.html`);
  found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const twin = found.find((file, i) => i > 0 && found[i - 1]?.path === file.path);
  if (twin !== undefined) throw unusable(`Two files in ${folder} have the same name "${twin.path}" once normalised`);

  const bytesTotal = found.reduce((sum, file) => sum + file.size, 0);
  let bytesDone = 0;
  const files: FileEntry[] = [];
  for (const file of found) {
    const entry = await hashFile(file, (bytes) => {
      bytesDone += bytes;
      onProgress({ path: file.path, bytesDone, bytesTotal });
    });
    files.push(entry);
  }
  return { files, sources: new Map(found.map((file) => [file.path, file.source])), ignored };
}

/** Yields the blocks of one file with their hashes. The same buffer is used again for each block. */
export async function* readBlocks(source: string): AsyncGenerator<{ readonly hash: string; readonly bytes: Buffer }> {
  const file = await open(source, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(blockBytes);
    for (;;) {
      let filled = 0;
      while (filled < blockBytes) {
        const { bytesRead } = await file.read(buffer, filled, blockBytes - filled, null);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled === 0) return;
      const bytes = buffer.subarray(0, filled);
      yield { hash: hash('sha256', bytes, 'hex'), bytes };
      if (filled < blockBytes) return;
    }
  } finally {
    await file.close();
  }
}

/** The media type of a name, with charset for text. */
export function mediaTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return contentType(name.includes('.') ? name.slice(name.lastIndexOf('.')) : 'bin') || 'application/octet-stream';
}

async function hashFile(file: Found, onBytes: (bytes: number) => void): Promise<FileEntry> {
  const whole = createHash('sha256');
  const chunks: string[] = [];
  let size = 0;
  try {
    for await (const block of readBlocks(file.source)) {
      if (size === 0 && privateKeyMark.test(block.bytes.toString('utf8', 0, keyHeadBytes)))
        throw privateKey(file.source);
      whole.update(block.bytes);
      chunks.push(block.hash);
      size += block.bytes.length;
      onBytes(block.bytes.length);
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw unusable(`The file ${file.source} cannot be read (${systemCode(error)})`, error);
  }
  const entry = { path: file.path, size, sha256: whole.digest('hex'), mediaType: mediaTypeOf(file.path) };
  return size > blockBytes ? { ...entry, chunks } : entry;
}

async function walk(
  root: string,
  folder: string,
  trail: readonly string[],
  found: Found[],
  ignored: { path: string; reason: string }[],
): Promise<void> {
  const names = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unusable(`The folder ${folder} cannot be read (${systemCode(error)})`, error);
  });
  for (const name of names) {
    const source = join(folder, name.name);
    const path = relative(root, source).split(sep).join('/').normalize('NFC');
    if (name.name.startsWith('.') && name.name !== '.well-known') {
      ignored.push({ path, reason: 'its name begins with a dot' });
      continue;
    }
    const target = await realpath(source).catch((error: unknown) => {
      throw unusable(`The link ${source} leads nowhere (${systemCode(error)}): remove it`, error);
    });
    if (name.isSymbolicLink() && target !== root && !target.startsWith(root + sep)) {
      throw unusable(`The link ${source} leads out of the folder, to ${target}: copy the file in, or remove the link`);
    }
    const facts = await stat(target);
    if (facts.isDirectory()) {
      if (trail.includes(target)) throw unusable(`The link ${source} leads back to ${target}: remove it`);
      await walk(root, source, [...trail, target], found, ignored);
    } else if (facts.isFile()) {
      const fault = pathFault(path);
      if (fault !== null) throw unusable(`The file ${source} cannot be served under its name: ${fault}`);
      if (found.length >= mostFiles) throw unusable(`${root} has more than ${mostFiles} files`);
      found.push({ path, source, size: facts.size });
    } else {
      ignored.push({ path, reason: 'it is neither a file nor a folder' });
    }
  }
}

function privateKey(source: string): ServiceError {
  return unusable(
    `The file ${source} is a private key, and nothing was published: whoever could read it would have its powers. ` +
      'Move it out of the folder',
  );
}

function unusable(what: string, cause?: unknown): ServiceError {
  return new ServiceError('folder-unusable', `${what}.`, cause === undefined ? undefined : { cause });
}
