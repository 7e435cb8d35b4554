/**
 * The manifest: the packing list of a release, signed by the owner key.
 *
 * It names every file with its size, SHA-256 and media type; a file over one block (1 MiB) also with the SHA-256 of each
 * block, so that a reader can check a film while it plays and a broken transfer can go on where it stopped. Whoever holds
 * the manifest needs to trust nobody about a single byte, nor about what is *not* in the release. The release id is the
 * SHA-256 of what was signed: two releases of the same number with different ids prove that an owner key was misused.
 *
 * Paths are names, not places: nothing in a store is ever written under them. They are still held to a safe form (no `..`,
 * no backslash, no control characters, `/` between parts), because other kinds of service may unpack them. Two paths
 * that differ by case only are allowed, as they are on the web.
 */
import { createHash } from 'node:crypto';
import type { Standing } from '../core/index.ts';
import type { JsonObject } from './canonical-json.ts';
import { serviceIdPattern } from './charter.ts';
import { type SigningKey, requireKey } from './keys.ts';
import { ServiceError } from './service-error.ts';
import {
  type DocumentKind,
  FieldReader,
  encodeDocument,
  hasSignature,
  readDocument,
  sealDocument,
  signedBytes,
} from './signed-document.ts';

/** 1 MiB: the unit of hashing, storage and transfer. */
export const blockBytes = 1024 * 1024;
export const mostManifestBytes = 32 * 1024 * 1024;
export const mostFiles = 100_000;
/** The first release under charter n is numbered after (n - 1) times this, when nothing is known of those before. */
export const releasesPerCharter = 1_000_000;
export const hashPattern = /^[0-9a-f]{64}$/;

const manifestKind: DocumentKind = { name: 'release manifest', format: 1, maxBytes: mostManifestBytes };
const mediaTypePattern = /^[\x21-\x7e][\x20-\x7e]{0,198}[\x21-\x7e]$/;
const mostPathBytes = 1024;
const mostPartBytes = 255;

export interface FileEntry {
  /** Relative, `/` between parts, in Unicode form C. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of the whole file, hex. */
  readonly sha256: string;
  /** As in a Content-Type header: `text/html; charset=utf-8`. */
  readonly mediaType: string;
  /** SHA-256 of each block, hex; only for files over {@link blockBytes}. */
  readonly chunks?: readonly string[];
}

/** What identifies the service whose releases one looks at. */
export interface ServiceIdentity {
  readonly serviceId: string;
  readonly ownerPublicKey: string;
}

export interface ReleaseFacts extends Standing {
  readonly serviceId: string;
  /**
   * The release's number; each later release has a greater one. Usually one more than the last. A root that was restored
   * from an export knows of no last one, but bears a charter of a higher number, and starts at the million that goes with
   * it: so what it publishes is newer than all that its predecessor did.
   */
  readonly release: number;
  readonly createdAtMs: number;
  /** Sorted by path, in code-unit order. */
  readonly files: readonly FileEntry[];
}

/** A manifest whose signature and fields were checked. The only way to one is {@link readManifest}. */
export interface Manifest extends ReleaseFacts {
  /** The sum of all sizes. */
  readonly totalBytes: number;
  /** SHA-256 of what the owner signed, hex. */
  readonly id: string;
  /** By path. */
  readonly byPath: ReadonlyMap<string, FileEntry>;
  /** The document as stored and sent. */
  readonly bytes: Uint8Array;
}

/** A block as a manifest names it. */
export interface BlockReference {
  readonly hash: string;
  readonly size: number;
}

/** Signs a release. */
export function signManifest(facts: ReleaseFacts, ownerKey: SigningKey, identity: ServiceIdentity): Manifest {
  requireKey(ownerKey, identity.ownerPublicKey, 'owner');
  const { serviceId, charter, epoch, term, release, createdAtMs, files } = facts;
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0);
  const body = { serviceId, charter, epoch, term, release, createdAtMs, files, totalBytes };
  return readManifest(encodeDocument(sealDocument(manifestKind, body as unknown as JsonObject, ownerKey)), identity);
}

/**
 * Reads and checks a manifest.
 * @throws ServiceError `document-malformed`, `document-version`, `document-foreign`, `document-signature`.
 */
export function readManifest(bytes: Uint8Array, identity: ServiceIdentity): Manifest {
  const document = readDocument(manifestKind, bytes);
  const fields = new FieldReader('release manifest', document);
  const serviceId = fields.text('serviceId', serviceIdPattern);
  if (serviceId !== identity.serviceId) {
    throw new ServiceError('document-foreign', `The release is of service ${serviceId}, not of ${identity.serviceId}.`);
  }
  if (!hasSignature(manifestKind, document, identity.ownerPublicKey)) {
    throw new ServiceError('document-signature', 'The release manifest is not signed by the owner key of the service.');
  }
  const files = fields.list('files', mostFiles).map(readEntry);
  requireOrder(files);
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0);
  if (fields.integer('totalBytes', 0) !== totalBytes) throw fields.bad('totalBytes', document['totalBytes']);
  return {
    serviceId,
    charter: fields.integer('charter', 1),
    epoch: fields.integer('epoch', 0),
    term: fields.integer('term', 0),
    release: fields.integer('release', 1),
    createdAtMs: fields.integer('createdAtMs', 0, 8.64e15),
    files,
    totalBytes,
    id: createHash('sha256').update(signedBytes(manifestKind, document)).digest('hex'),
    byPath: new Map(files.map((file) => [file.path, file])),
    bytes: encodeDocument(document),
  };
}

/** The blocks that make up one file, in order. An empty file has none. */
export function blocksOf(file: FileEntry): readonly BlockReference[] {
  if (file.size === 0) return [];
  if (file.chunks === undefined) return [{ hash: file.sha256, size: file.size }];
  const last = file.chunks.length - 1;
  return file.chunks.map((hash, i) => ({ hash, size: i === last ? file.size - last * blockBytes : blockBytes }));
}

/** Every block of a release once, in the order of first use. Both ends of a transfer number blocks by this list. */
export function allBlocks(manifest: Manifest): readonly BlockReference[] {
  const seen = new Map<string, BlockReference>();
  for (const file of manifest.files) {
    for (const block of blocksOf(file)) if (!seen.has(block.hash)) seen.set(block.hash, block);
  }
  return [...seen.values()];
}

/** Why a path may not stand in a manifest; null when it may. */
export function pathFault(path: string): string | null {
  if (path === '') return 'it is empty';
  if (path.startsWith('/')) return 'it is absolute';
  if (path.includes('\\')) return 'it has a backslash';
  // eslint-disable-next-line no-control-regex -- these are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'it has a control character';
  if (Buffer.byteLength(path) > mostPathBytes) return `it is longer than ${mostPathBytes} bytes`;
  for (const part of path.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it has the part "${part}"`;
    if (Buffer.byteLength(part) > mostPartBytes) return `a part is longer than ${mostPartBytes} bytes`;
  }
  return null;
}

function readEntry(item: unknown): FileEntry {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new ServiceError('document-malformed', 'A file of the release manifest is not an object.');
  }
  const fields = new FieldReader('release manifest', item as JsonObject);
  const path = fields.text('path', /^/);
  const fault = pathFault(path);
  if (fault !== null) {
    throw new ServiceError('document-malformed', `The release has the unsafe path ${JSON.stringify(path)}: ${fault}.`);
  }
  const entry: FileEntry = {
    path,
    size: fields.integer('size', 0),
    sha256: fields.text('sha256', hashPattern),
    mediaType: fields.text('mediaType', mediaTypePattern),
  };
  if (entry.size <= blockBytes) {
    if (fields.has('chunks')) throw fields.bad('chunks', 'given for a file of one block');
    return entry;
  }
  const chunks = fields.texts('chunks', hashPattern, Math.ceil(mostManifestBytes / 64));
  if (chunks.length !== Math.ceil(entry.size / blockBytes)) throw fields.bad('chunks', `${chunks.length} of them`);
  return { ...entry, chunks };
}

function requireOrder(files: readonly FileEntry[]): void {
  const paths = new Set(files.map((file) => file.path));
  let previous: string | null = null;
  for (const { path } of files) {
    if (previous !== null && previous >= path) {
      throw new ServiceError('document-malformed', `The files of the release are not sorted: ${JSON.stringify(path)}.`);
    }
    previous = path;
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      if (paths.has(path.slice(0, end))) {
        throw new ServiceError('document-malformed', `${JSON.stringify(path)} lies inside what is a file.`);
      }
    }
  }
}
