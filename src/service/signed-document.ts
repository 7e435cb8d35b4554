/**
 * A letter with a seal: the form shared by charter, release manifest and credential.
 *
 * Each is a JSON object with `format` (its version), fields of its own, and `signature`, made over a purpose tag and the
 * canonical bytes of everything else. The tag keeps a signature made for one kind of document from being shown as
 * another kind's. Reading is strict about size and known fields, tolerant of unknown ones, and refuses a format it does
 * not know with a reason, so that a person learns to update the program instead of guessing.
 */
import { canonicalJson, type JsonObject } from './canonical-json.ts';
import { type SigningKey, verifySignature } from './keys.ts';
import { ServiceError } from './service-error.ts';

/** 64 bytes in base64url, in their one form: the spare bits of the last letter are zero. */
const signaturePattern = /^[A-Za-z0-9_-]{85}[AQgw]$/;

/** What kinds of document exist, and how each is bounded. */
export interface DocumentKind {
  /** What a person calls it: 'charter', 'release manifest'. */
  readonly name: string;
  /** The format version that this program writes and reads. */
  readonly format: number;
  readonly maxBytes: number;
}

/** Signs `fields` as a document of `kind`; returns the object with `format` and `signature` in it. */
export function sealDocument(kind: DocumentKind, fields: JsonObject, key: SigningKey): JsonObject {
  const body = { ...fields, format: kind.format };
  const signature = key.sign(signedBytes(kind, body)).toString('base64url');
  return { ...body, signature };
}

/** The bytes to store and send. Canonical, so equal documents are equal bytes. */
export function encodeDocument(document: JsonObject): Buffer {
  return Buffer.from(canonicalJson(document), 'utf8');
}

/** Reads bytes into an object of `kind` whose format is known. The signature is not checked yet. */
export function readDocument(kind: DocumentKind, bytes: Uint8Array): JsonObject {
  if (bytes.length > kind.maxBytes) {
    throw new ServiceError(
      'document-malformed',
      `The ${kind.name} is ${bytes.length} bytes long; at most ${kind.maxBytes} are allowed.`,
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ServiceError('document-malformed', `The ${kind.name} cannot be read: it is not JSON in UTF-8.`, {
      cause: error,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ServiceError('document-malformed', `The ${kind.name} cannot be read: it is not a JSON object.`);
  }
  const document = parsed as JsonObject;
  const format = document['format'];
  if (format !== kind.format) {
    const newer = typeof format === 'number' && format > kind.format;
    throw new ServiceError(
      'document-version',
      newer
        ? `The ${kind.name} has format ${format}; this program knows format ${kind.format}: update the program.`
        : `The ${kind.name} has the unknown format ${JSON.stringify(format) ?? 'none'}.`,
    );
  }
  return document;
}

/** True when `document` bears a signature by `publicKey` (base64url, 32 raw bytes) over all its other fields. */
export function hasSignature(kind: DocumentKind, document: JsonObject, publicKey: string): boolean {
  const signature = document['signature'];
  if (typeof signature !== 'string' || !signaturePattern.test(signature)) return false;
  return verifySignature(publicKey, signedBytes(kind, document), Buffer.from(signature, 'base64url'));
}

/** The exact bytes under the signature. Also what a document's own hash is taken over. */
export function signedBytes(kind: DocumentKind, document: JsonObject): Buffer {
  return Buffer.from(`banyan ${kind.name}\n${canonicalJson(document, 'signature')}`, 'utf8');
}

/** Reads the fields of one document and complains by name. */
export class FieldReader {
  readonly #what: string;
  readonly #document: JsonObject;

  constructor(what: string, document: JsonObject) {
    this.#what = what;
    this.#document = document;
  }

  text(field: string, pattern: RegExp): string {
    const value = this.#document[field];
    if (typeof value !== 'string' || !pattern.test(value)) throw this.bad(field, value);
    return value;
  }

  oneOf<const T extends string>(field: string, allowed: readonly T[]): T {
    const value = this.#document[field];
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw this.bad(field, value);
    return found;
  }

  integer(field: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#document[field];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.bad(field, value);
    }
    return value;
  }

  integerOrNull(field: string, min: number, max?: number): number | null {
    return this.#document[field] === null ? null : this.integer(field, min, max);
  }

  list(field: string, maxLength: number): readonly unknown[] {
    const value = this.#document[field];
    if (!Array.isArray(value) || value.length > maxLength) throw this.bad(field, value);
    return value;
  }

  texts(field: string, pattern: RegExp, maxLength: number): readonly string[] {
    return this.list(field, maxLength).map((item) => {
      if (typeof item !== 'string' || !pattern.test(item)) throw this.bad(field, item);
      return item;
    });
  }

  object(field: string): JsonObject {
    const value = this.#document[field];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.bad(field, value);
    return value as JsonObject;
  }

  has(field: string): boolean {
    return this.#document[field] !== undefined;
  }

  bad(field: string, value: unknown): ServiceError {
    const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 80);
    return new ServiceError('document-malformed', `The ${this.#what} has a bad field "${field}": ${shown}.`);
  }
}
