/**
 * The charter: a service's constitution, signed by its owner key.
 *
 * It says what the service is called, who owns it, who runs it day by day (the root key), and by which parameters its
 * trees grow. The service id is a hash of the owner's public key and a nonce, so an id in an invite is enough to know
 * the right charter from a forged one: nobody else can sign a charter whose id comes out the same. A later charter
 * (number n+1) of the same service replaces an earlier one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { base32 } from './base32.ts';
import type { JsonObject } from './canonical-json.ts';
import { type SigningKey, publicKeyPattern, requireKey } from './keys.ts';
import { ServiceError } from './service-error.ts';
import {
  type DocumentKind,
  FieldReader,
  encodeDocument,
  hasSignature,
  readDocument,
  sealDocument,
} from './signed-document.ts';

/** Shares are written in millionths; delays are at most an hour. */
const million = 1_000_000;
const longestMs = 3_600_000;
/** Of more children a parent could not tell them all: the wire's limit, `mostChildren` of the core. */
export const mostFanOut = 691;

const charterKind: DocumentKind = { name: 'charter', format: 1, maxBytes: 64 * 1024 };

export interface TreeParameters {
  /** Children a parent takes at most. */
  readonly fanOut: number;
  readonly heartbeatMs: number;
}

/** Who may join: everybody who knows the service, or only holders of a credential. */
export type Admission = 'open' | 'invited';

/** What the owner asks of the farm besides the mean delay, and how it is to be reached. */
export interface QualityTerms {
  /** At least this share (0 to 1, in millionths) of the clients shall feel at most so many ms. */
  readonly percentile: { readonly share: number; readonly ms: number } | null;
  /** At least this share (0 to 1, in millionths) of the requests shall be answered. */
  readonly availability: number | null;
  readonly policy: (typeof policies)[number];
  readonly margin: (typeof margins)[number];
}

/** How the farm decides where servers are; see src/qos/control/policy.ts. */
const policies = ['balanced', 'worst-qos'] as const;
const margins = ['lean', 'n-1'] as const;

/** What a charter means that says nothing of it: all did before there was a controller. */
const usualQuality: QualityTerms = { percentile: null, availability: null, policy: 'balanced', margin: 'lean' };

/** What the owner decides. */
export interface CharterTerms {
  readonly name: string;
  /** The owner's target for the mean response delay, in ms; null when there is none. */
  readonly requirementMs: number | null;
  /** The usual when left out. */
  readonly quality?: QualityTerms;
  readonly tree: TreeParameters;
  readonly kind: string;
  readonly admission: Admission;
  /** Peer ids of gateways that speak for many users. */
  readonly gateways: readonly string[];
  readonly rootPublicKey: string;
  /** The libp2p peer id of the root. */
  readonly rootPeerId: string;
}

export interface Charter extends CharterTerms {
  readonly quality: QualityTerms;
  readonly serviceId: string;
  /** 1 for the first charter of a service; each later one is greater. */
  readonly number: number;
  readonly ownerPublicKey: string;
  readonly nonce: string;
  readonly issuedAtMs: number;
  /** The document as stored and sent: canonical JSON, signature included. */
  readonly bytes: Uint8Array;
}

export const serviceIdPattern = /^[a-z2-7]{32}$/;
export const peerIdPattern = /^[1-9A-HJ-NP-Za-km-z]{8,128}$/;
// eslint-disable-next-line no-control-regex -- a name is shown on terminals: control characters have no place in it.
const namePattern = /^[^\u0000-\u001f\u007f-\u009f]{1,100}$/u;

/** The id of the service that `ownerPublicKey` founded with `nonce`: 160 bits in base32, 32 characters. */
export function serviceIdOf(ownerPublicKey: string, nonce: string): string {
  const digest = createHash('sha256').update(`banyan service\n${ownerPublicKey}\n${nonce}`).digest();
  return base32(digest.subarray(0, 20));
}

/** Founds a service: its first charter. */
export function foundCharter(ownerKey: SigningKey, terms: CharterTerms, nowMs: number): Charter {
  return seal(ownerKey, terms, { number: 1, nonce: randomBytes(16).toString('base64url'), issuedAtMs: nowMs });
}

/**
 * The charter that follows `previous`, with the terms in `changes` replaced.
 * @throws ServiceError `key-wrong` when `ownerKey` is not the founder's.
 */
export function amendCharter(
  ownerKey: SigningKey,
  previous: Charter,
  changes: Partial<CharterTerms>,
  nowMs: number,
): Charter {
  requireKey(ownerKey, previous.ownerPublicKey, 'owner');
  const { name, requirementMs, quality, tree, kind, admission, gateways, rootPublicKey, rootPeerId } = previous;
  const before = { name, requirementMs, quality, tree, kind, admission, gateways, rootPublicKey, rootPeerId };
  const terms = { ...before, ...changes };
  return seal(ownerKey, terms, { number: previous.number + 1, nonce: previous.nonce, issuedAtMs: nowMs });
}

/**
 * Reads and checks a charter.
 * @param expectedServiceId the id from an invite, when there is one.
 * @throws ServiceError `document-malformed`, `document-version`, `document-signature`, `document-foreign`.
 */
export function readCharter(bytes: Uint8Array, expectedServiceId?: string): Charter {
  const document = readDocument(charterKind, bytes);
  const fields = new FieldReader('charter', document);
  const tree = new FieldReader('charter', fields.object('tree'));
  const charter: Charter = {
    serviceId: fields.text('serviceId', serviceIdPattern),
    number: fields.integer('number', 1),
    name: fields.text('name', namePattern),
    ownerPublicKey: fields.text('ownerPublicKey', publicKeyPattern),
    nonce: fields.text('nonce', /^[A-Za-z0-9_-]{22}$/),
    rootPublicKey: fields.text('rootPublicKey', publicKeyPattern),
    rootPeerId: fields.text('rootPeerId', peerIdPattern),
    requirementMs: fields.integerOrNull('requirementMs', 1, longestMs),
    quality: fields.has('quality') ? readQuality(fields.object('quality')) : usualQuality,
    tree: { fanOut: tree.integer('fanOut', 2, mostFanOut), heartbeatMs: tree.integer('heartbeatMs', 50, 600_000) },
    kind: fields.text('kind', /^[a-z][a-z0-9-]{0,31}$/),
    admission: fields.oneOf('admission', ['open', 'invited']),
    gateways: fields.texts('gateways', peerIdPattern, 256),
    issuedAtMs: fields.integer('issuedAtMs', 0),
    bytes: encodeDocument(document),
  };
  if (charter.serviceId !== serviceIdOf(charter.ownerPublicKey, charter.nonce)) {
    throw new ServiceError(
      'document-foreign',
      `The charter's owner key does not belong to service ${charter.serviceId}.`,
    );
  }
  if (expectedServiceId !== undefined && charter.serviceId !== expectedServiceId) {
    throw new ServiceError(
      'document-foreign',
      `The charter is of service ${charter.serviceId}; the invite is for ${expectedServiceId}.`,
    );
  }
  if (!hasSignature(charterKind, document, charter.ownerPublicKey)) {
    throw new ServiceError('document-signature', `The charter of ${charter.serviceId} is not signed by its owner key.`);
  }
  return charter;
}

/** True when `next` takes the place of `current`: same service, greater number. */
export function supersedes(next: Charter, current: Charter): boolean {
  return next.serviceId === current.serviceId && next.number > current.number;
}

function readQuality(object: JsonObject): QualityTerms {
  const fields = new FieldReader('charter', object);
  const availability = fields.integerOrNull('availabilityPpm', 1, million);
  return {
    percentile: object['percentile'] === null ? null : readPercentile(fields.object('percentile')),
    availability: availability === null ? null : availability / million,
    policy: fields.oneOf('policy', policies),
    margin: fields.oneOf('margin', margins),
  };
}

function readPercentile(object: JsonObject): QualityTerms['percentile'] {
  const fields = new FieldReader('charter', object);
  return { share: fields.integer('sharePpm', 1, million - 1) / million, ms: fields.integer('ms', 1, longestMs) };
}

/** As it stands in the document, where there are no fractions. Left out when it is as usual: so it always was. */
function writeQuality({ percentile, availability, policy, margin }: QualityTerms): JsonObject | undefined {
  const isUsual =
    percentile === null && availability === null && policy === usualQuality.policy && margin === usualQuality.margin;
  if (isUsual) return undefined;
  const ppm = (share: number): number => Math.round(share * million);
  return {
    percentile: percentile === null ? null : { sharePpm: ppm(percentile.share), ms: percentile.ms },
    availabilityPpm: availability === null ? null : ppm(availability),
    policy,
    margin,
  };
}

function seal(
  ownerKey: SigningKey,
  { quality = usualQuality, ...terms }: CharterTerms,
  own: { readonly number: number; readonly nonce: string; readonly issuedAtMs: number },
): Charter {
  const ownerPublicKey = ownerKey.publicKey;
  const serviceId = serviceIdOf(ownerPublicKey, own.nonce);
  const fields = { ...terms, ...own, quality: writeQuality(quality), serviceId, ownerPublicKey };
  const document = sealDocument(charterKind, fields, ownerKey);
  return readCharter(encodeDocument(document), serviceId);
}
