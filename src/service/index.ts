/** The boundary of the service: what host, gateway, storage and the commands may use. */
export { type ByteStream } from './byte-stream.ts';
export {
  peerIdPattern,
  serviceIdPattern,
  amendCharter,
  foundCharter,
  readCharter,
  serviceIdOf,
  supersedes,
  type Admission,
  type Charter,
  type CharterTerms,
  type QualityTerms,
  type TreeParameters,
} from './charter.ts';
export {
  issueCredential,
  verifyCredential,
  type Credential,
  type CredentialCheck,
  type CredentialRefusal,
} from './credential.ts';
export { Intake } from './intake.ts';
export { inviteScheme, formatInvite, readInvite, type Invite, type InviteToken } from './invite.ts';
export {
  createKey,
  exportKey,
  keyFromPem,
  readKeyFile,
  requireKey,
  restoreKey,
  verifySignature,
  writeKeyFile,
  type KeyRole,
  type SigningKey,
} from './keys.ts';
export {
  blockBytes,
  mostManifestBytes,
  allBlocks,
  blocksOf,
  readManifest,
  signManifest,
  type BlockReference,
  type FileEntry,
  type Manifest,
  type ReleaseFacts,
  type ServiceIdentity,
} from './manifest.ts';
export { publishFolder, type Publication } from './publish.ts';
export { hashFolder, type BuildProgress, type HashedFolder } from './release-builder.ts';
export { ReleaseStore, type StoreEvent, type StoreOptions } from './release-store.ts';
export {
  BlockDamagedError,
  BlockMismatchError,
  DiskFullError,
  QuotaError,
  ServiceError,
  TransferRefusedError,
  type ServiceErrorCode,
  type TransferRefusal,
} from './service-error.ts';
export { type Health, type ServiceContext, type ServiceEvent, type ServiceKind } from './service-kind.ts';
export { createService } from './service-registry.ts';
export { Site, requestOf, siteHandler, type SiteHooks, type SiteOptions, type SiteResponse } from './site.ts';
export {
  contentHeader,
  releaseHeader,
  switchGraceMs,
  entityTag,
  planResponse,
  readReleaseHeader,
  type ResponsePlan,
  type SiteRequest,
} from './site-plan.ts';
export {
  createToken,
  redeemToken,
  type RedeemRefusal,
  type RedeemResult,
  type TokenBook,
  type TokenRecord,
} from './token-book.ts';
export { transferVersion, type TransferOptions, type TransferProgress, type TransferResult } from './transfer.ts';
export { receiveManifest, receiveRelease, type ReceiveOptions } from './transfer-receiver.ts';
export { refuseTransfer, sendRelease } from './transfer-sender.ts';
export { LieError, verifyResponse, type RawResponse, type VerifiedResponse } from './verified-response.ts';
export { AcceptedReleases, ResponseVerifier, type BodyVerdict, type HeadVerdict } from './verify.ts';
