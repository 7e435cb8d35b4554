/** Messages about the service: membership, multicasts, promotion of volunteers, and releases. */
import type { PeerHandle, Signature, Standing } from '../ids.ts';
import type { MemberRecord, Order, ReleaseNotice } from './statements.ts';

// --- Membership -----------------------------------------------------------------------------------------------------

/** "Your membership differs from mine: here are the digests of my 16 buckets." The answer is the records of those that differ. */
export interface MembersCompare {
  readonly kind: 'members-compare';
  readonly buckets: readonly number[];
  /** The asker was away longer than tombstones last: send everything, and accept nothing from it. */
  readonly snapshot: boolean;
  /** This comparison answers another one, and is not to be answered itself. */
  readonly answer: boolean;
}

export interface Members {
  readonly kind: 'members';
  readonly records: readonly MemberRecord[];
  /** The answer to a snapshot request begins: forget the rest. More may follow without this mark. */
  readonly snapshot: boolean;
}

/** The servers that a client knows: the nearest to its tree, the root, one far away. Passed down the tree when it changes. */
export interface View {
  readonly kind: 'view';
  readonly version: number;
  /** The server whose view it is: the client tree's root. */
  readonly server: PeerHandle;
  readonly records: readonly MemberRecord[];
}

/** The changes of a view, for peers that have the version it is based on; others ask for the whole view. */
export interface ViewChange {
  readonly kind: 'view-change';
  /** The version that it changes, and the resulting version. */
  readonly base: number;
  readonly version: number;
  readonly server: PeerHandle;
  /** New servers, and new records of those that were in it. */
  readonly records: readonly MemberRecord[];
  /** Servers that are no longer in view. */
  readonly gone: readonly PeerHandle[];
}

export interface ViewPull {
  readonly kind: 'view-pull';
  readonly version: number;
}

// --- Multicast ------------------------------------------------------------------------------------------------------

/** How far a peer is in one origin's stream: the last sequence delivered. */
export interface CastHead {
  readonly origin: PeerHandle;
  readonly incarnation: number;
  readonly sequence: number;
}

export type CastPayload =
  | { readonly type: 'release'; readonly notice: ReleaseNotice }
  | { readonly type: 'note'; readonly topic: string; readonly bytes: Uint8Array };

export interface Cast {
  readonly kind: 'cast';
  readonly origin: PeerHandle;
  readonly incarnation: number;
  readonly sequence: number;
  readonly payload: CastPayload;
  /** The standing at the origin, and its signature over the `CastSeal`. */
  readonly standing: Standing;
  readonly signature: Signature;
}

/** "Send me this origin's messages from `sequence` on." */
export interface CastPull {
  readonly kind: 'cast-pull';
  readonly origin: PeerHandle;
  readonly incarnation: number;
  readonly sequence: number;
}

/** "I have forgotten those messages: continue at `sequence`." */
export interface CastGone {
  readonly kind: 'cast-gone';
  readonly origin: PeerHandle;
  readonly incarnation: number;
  readonly sequence: number;
}

export interface CastHeads {
  readonly kind: 'cast-heads';
  readonly heads: readonly CastHead[];
  /** The sender wants the other's heads in return. */
  readonly reply: boolean;
}

// --- Promotion ------------------------------------------------------------------------------------------------------

/** A volunteer's limits; 0 means "no limit of mine" for bytes. */
export interface Limits {
  readonly uploadBytesPerSecond: number;
  readonly storageBytes: number;
  readonly clients: number;
}

/** "I am willing to serve, within these limits": from a client to its server. */
export interface Volunteer {
  readonly kind: 'volunteer';
  readonly limits: Limits;
  /** The credential that the root gave the volunteer for its invite; null in an open farm. */
  readonly credential: Uint8Array | null;
}

/** From a server to a volunteer: the order to serve, the release to take, and its size. */
export interface Offer {
  readonly kind: 'offer';
  readonly order: Order;
  readonly notice: ReleaseNotice;
}

export type DeclineReason =
  'storage' | 'not-willing' | 'not-reachable' | 'busy' | 'install-failed' | 'no-release' | 'draining' | 'excluded';

export interface Answer {
  readonly kind: 'answer';
  /** 'taken': the transfer begins. 'serving': done. 'declined': with the reason. */
  readonly verdict: 'taken' | 'serving' | 'declined';
  readonly reason: DeclineReason | null;
}

// --- Service --------------------------------------------------------------------------------------------------------

/** From a server that was away: "what is the release now?" Answered by `release-now`. */
export interface ReleaseAsk {
  readonly kind: 'release-ask';
}

export interface ReleaseNow {
  readonly kind: 'release-now';
  /** Null when the peer that was asked knows of no release yet. */
  readonly notice: ReleaseNotice | null;
}

/** "Server `subject` sent me bytes that contradict the release they name": to the root, which checks before it acts. */
export interface Report {
  readonly kind: 'report';
  readonly subject: PeerHandle;
  readonly path: string;
  readonly releaseNumber: number;
  /** As in `Volunteer`. */
  readonly credential: Uint8Array | null;
}

export type FarmMessage =
  | MembersCompare
  | Members
  | View
  | ViewChange
  | ViewPull
  | Cast
  | CastPull
  | CastGone
  | CastHeads
  | Volunteer
  | Offer
  | Answer
  | ReleaseAsk
  | ReleaseNow
  | Report;
