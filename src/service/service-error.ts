/**
 * What can go wrong with a service, said so that a person can act on it.
 *
 * Every error that a person may meet has a code (for programs) and a sentence (for people): what happened, with which
 * value, and what to do. Broken invariants are not in this list; those throw plain errors.
 */

export type ServiceErrorCode =
  | 'key-missing'
  | 'key-unreadable'
  | 'key-exists'
  | 'key-exposed'
  | 'key-wrong'
  | 'document-malformed'
  | 'document-version'
  | 'document-signature'
  | 'document-foreign'
  | 'invite-malformed'
  | 'invite-truncated'
  | 'invite-expired'
  | 'invite-version'
  | 'folder-unusable'
  | 'release-order'
  | 'release-incomplete'
  | 'release-unknown'
  | 'quota'
  | 'disk-full'
  | 'block-damaged'
  | 'block-mismatch'
  | 'store-busy'
  | 'store-closed'
  | 'transfer-protocol'
  | 'transfer-refused'
  | 'transfer-timeout'
  | 'transfer-cut'
  | 'kind-unknown'
  | 'lie';

export class ServiceError extends Error {
  readonly code: ServiceErrorCode;

  constructor(code: ServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServiceError';
    this.code = code;
  }
}

/** A release would need more of the disk than its volunteer gives. Thrown before any byte is taken. */
export class QuotaError extends ServiceError {
  readonly neededBytes: number;
  readonly allowedBytes: number;

  constructor(neededBytes: number, allowedBytes: number, release: number) {
    super(
      'quota',
      `Release ${release} needs ${neededBytes} bytes in the store but only ${allowedBytes} are allowed: ` +
        `raise the storage limit (--max-storage) or leave this service to another volunteer.`,
    );
    this.name = 'QuotaError';
    this.neededBytes = neededBytes;
    this.allowedBytes = allowedBytes;
  }
}

/** The disk itself has no room. What had been written of the release was taken back; the old one keeps serving. */
export class DiskFullError extends ServiceError {
  constructor(folder: string, detail: string, cause?: unknown) {
    super(
      'disk-full',
      `The disk that holds ${folder} is full (${detail}): free some space or give the store another folder. ` +
        `A release that was being served stays in service.`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'DiskFullError';
  }
}

/** A block on our own disk no longer has the hash it was stored under. It is dropped and must be fetched again. */
export class BlockDamagedError extends ServiceError {
  readonly hash: string;

  constructor(hash: string, where: string) {
    super('block-damaged', `Block ${hash} in ${where} is damaged or missing on disk: it must be fetched again.`);
    this.name = 'BlockDamagedError';
    this.hash = hash;
  }
}

/** A sender gave bytes that are not the block the signed manifest asks for. */
export class BlockMismatchError extends ServiceError {
  /** SHA-256 the manifest asks for, hex. */
  readonly hash: string;
  /** SHA-256 of what came, hex. */
  readonly actual: string;

  constructor(hash: string, actual: string) {
    super(
      'block-mismatch',
      `The sender gave wrong bytes for block ${hash} (they hash to ${actual}): take the release from another server.`,
    );
    this.name = 'BlockMismatchError';
    this.hash = hash;
    this.actual = actual;
  }
}

/** Reasons for which one side of a transfer refuses. */
export type TransferRefusal =
  'version' | 'release-unknown' | 'release-order' | 'quota' | 'disk-full' | 'damaged' | 'busy';

/** The other side, or this one, would not do the transfer. `reason` is for programs; what is unknown to us reads as text. */
export class TransferRefusedError extends ServiceError {
  readonly reason: TransferRefusal | (string & {});

  constructor(reason: string, message: string) {
    super('transfer-refused', message);
    this.name = 'TransferRefusedError';
    this.reason = reason;
  }
}

/** The system error codes by which an operating system says that no more can be written. */
const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** True when `error` is the operating system's way to say that the disk (or the share of it) is used up. */
export function isDiskFull(error: unknown): boolean {
  return fullCodes.has(systemCode(error));
}

/** The system error code (`ENOENT`, `ENOSPC` …) of an error, or an empty string. */
export function systemCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return String(error.code);
}
