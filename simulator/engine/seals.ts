/**
 * Signatures of a simulated farm: a number that only fits its statement and its issuer. Enough to catch a forgery, not to stop a
 * cryptographer.
 */
import { mix } from '../../src/core/index.ts';
import type { PeerHandle, Signature, Signed, Unsigned } from '../../src/core/index.ts';

/** What stands for a peer's key, 32 bits. */
export function fingerprint(peer: PeerHandle): number {
  return mix(peer + 0x51ed);
}

export function seal(statement: Unsigned<Signed>): Signature {
  const { charter, epoch, term } = statement.standing;
  let hash = mix(fingerprint(statement.issuer) ^ charter ^ (epoch << 8) ^ (term << 16));
  switch (statement.type) {
    case 'member':
      hash = mix(
        hash ^
          Math.imul(statement.subject + 1, 0x9e3779b1) ^
          Math.imul(statement.incarnation, 77) ^
          Math.imul(statement.parent + 1, 0x85ebca6b) ^
          textHash(statement.state),
      );
      break;
    case 'release':
      hash = mix(hash ^ Math.imul(statement.number, 0x85ebca6b) ^ statement.sizeBytes ^ bytesHash(statement.digest));
      break;
    case 'cast':
      hash = mix(hash ^ Math.imul(statement.incarnation, 77) ^ Math.imul(statement.sequence, 0x85ebca6b));
      hash = mix(hash ^ textHash(statement.topic) ^ bytesHash(statement.content));
      break;
    case 'order':
      hash = mix(hash ^ Math.imul(statement.subject + 1, 31) ^ statement.releaseNumber ^ textHash(statement.action));
      break;
  }
  return Uint8Array.of(hash & 255, (hash >>> 8) & 255, (hash >>> 16) & 255, hash >>> 24);
}

function bytesHash(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, bytes.length);
}

function textHash(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

export function isSealed(statement: Signed): boolean {
  const { signature } = statement;
  const expected = seal(statement);
  return signature.length === expected.length && signature.every((byte, i) => byte === expected[i]);
}
