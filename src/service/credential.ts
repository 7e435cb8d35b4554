/**
 * A credential: the membership card of one peer.
 *
 * Whoever redeems an invite gets a card that bears its own peer id and the root key's signature. Any parent can check it
 * offline, with nothing but the charter; a stolen card is worthless because noise proves who holds the peer id. It names
 * the authority it was given under (charter, epoch, term) and the key that signed it, so that later an acting root's
 * cards can be told from the root's.
 */
import type { Standing } from '../core/index.ts';
import { type Charter, peerIdPattern, serviceIdPattern } from './charter.ts';
import { type SigningKey, publicKeyPattern } from './keys.ts';
import { ServiceError } from './service-error.ts';
import {
  type DocumentKind,
  FieldReader,
  encodeDocument,
  hasSignature,
  readDocument,
  sealDocument,
} from './signed-document.ts';

const credentialKind: DocumentKind = { name: 'credential', format: 1, maxBytes: 4096 };

/** Clocks of strangers differ: a credential from the near future is taken. */
const clockSkewMs = 10 * 60_000;

export interface Credential extends Standing {
  readonly serviceId: string;
  readonly peerId: string;
  readonly issuer: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export type CredentialRefusal =
  | 'malformed'
  | 'version'
  | 'other-service'
  | 'other-peer'
  | 'unknown-issuer'
  | 'bad-signature'
  | 'not-yet-valid'
  | 'expired';

export type CredentialCheck =
  | { readonly ok: true; readonly credential: Credential }
  | { readonly ok: false; readonly reason: CredentialRefusal; readonly message: string };

/** Signs a credential. Times in ms since 1970. */
export function issueCredential(key: SigningKey, about: Omit<Credential, 'issuer'>): Uint8Array {
  return encodeDocument(sealDocument(credentialKind, { ...about, issuer: key.publicKey }, key));
}

/**
 * Checks a credential shown by `peerId`.
 * @param mayIssue whose signature counts, by public key: the charter's root key when left out.
 */
export function verifyCredential(
  bytes: Uint8Array,
  charter: Charter,
  peerId: string,
  nowMs: number,
  mayIssue: (issuer: string, standing: Standing) => boolean = (issuer) => issuer === charter.rootPublicKey,
): CredentialCheck {
  let read: { readonly credential: Credential; readonly isSigned: boolean };
  try {
    read = parse(bytes);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return refuse(error.code === 'document-version' ? 'version' : 'malformed', error.message);
  }
  const { credential, isSigned } = read;
  if (credential.serviceId !== charter.serviceId) {
    return refuse('other-service', `The credential is for service ${credential.serviceId}, not ${charter.serviceId}.`);
  }
  if (credential.peerId !== peerId) {
    return refuse('other-peer', `The credential belongs to peer ${credential.peerId}, not to ${peerId}.`);
  }
  if (!mayIssue(credential.issuer, credential)) {
    return refuse('unknown-issuer', `The credential was given by ${credential.issuer}, who may not give any.`);
  }
  if (!isSigned) return refuse('bad-signature', 'The signature of the credential does not hold.');
  if (credential.issuedAtMs > nowMs + clockSkewMs) {
    const when = new Date(credential.issuedAtMs).toISOString();
    return refuse('not-yet-valid', `The credential is from the future (${when}): one of the two clocks is wrong.`);
  }
  if (nowMs >= credential.expiresAtMs) {
    const when = new Date(credential.expiresAtMs).toISOString();
    return refuse('expired', `The credential expired on ${when}: join again with an invite.`);
  }
  return { ok: true, credential };
}

function parse(bytes: Uint8Array): { readonly credential: Credential; readonly isSigned: boolean } {
  const document = readDocument(credentialKind, bytes);
  const fields = new FieldReader('credential', document);
  const latestMs = 8.64e15;
  const credential: Credential = {
    serviceId: fields.text('serviceId', serviceIdPattern),
    peerId: fields.text('peerId', peerIdPattern),
    charter: fields.integer('charter', 1),
    epoch: fields.integer('epoch', 0),
    term: fields.integer('term', 0),
    issuer: fields.text('issuer', publicKeyPattern),
    issuedAtMs: fields.integer('issuedAtMs', 0, latestMs),
    expiresAtMs: fields.integer('expiresAtMs', 0, latestMs),
  };
  return { credential, isSigned: hasSignature(credentialKind, document, credential.issuer) };
}

function refuse(reason: CredentialRefusal, message: string): CredentialCheck {
  return { ok: false, reason, message };
}
