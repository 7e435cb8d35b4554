/** What the trees are for: who serves, what all are told, how a volunteer becomes a server, and which release is current. */
import type { PeerHandle, Signature, Standing } from '../ids.ts';
import type { MemberRecord, Order, ReleaseNotice } from './statements.ts';

// --- Membership -----------------------------------------------------------------------------------------------------

/** "Your membership differs from mine: here are the digests of my 16 buckets." The answer is the records of those that differ. */
export interface MembersCompare {
  readonly kind: 'members-compare';
  readonly buckets: readonly number[];
  /** The asker was away longer than tombstones last: send everything, and take nothing from it. */
  readonly snapshot: boolean;
  /** This comparison answers one, so that it is not answered by another. */
  readonly answer: boolean;
}

export interface Members {
  readonly kind: 'members';
  readonly records: readonly MemberRecord[];
  /** The answer to a snapshot request begins: forget the rest. More may follow without this mark. */
  readonly snapshot: boolean;
}

/** What a client knows of the servers: its tree's nearest, the root, one far away. Handed down the tree when it changes. */
export interface View {
  readonly kind: 'view';
  readonly version: number;
  /** Whose view: the client tree's root. */
  readonly server: PeerHandle;
  readonly records: readonly MemberRecord[];
}

/** What is new in a view: counts for those who have the one that it is based on; the others ask for the whole. */
export interface ViewChange {
  readonly kind: 'view-change';
  /** The version that it changes, and the one that comes of it. */
  readonly base: number;
  readonly version: number;
  readonly server: PeerHandle;
  /** New servers, and new records of those that were in it. */
  readonly records: readonly MemberRecord[];
  /** Who is in view no more. */
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
  /** Where authority stood for the origin, and its signature over the `CastSeal`. */
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

/** "Those are gone from my memory: go on at `sequence`." */
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

/** What a volunteer is ready to give; 0 means "no limit of mine" for bytes. */
export interface Limits {
  readonly uploadBytesPerSecond: number;
  readonly storageBytes: number;
  readonly clients: number;
}

/** "I am willing to serve, within these limits": from a client to its server. */
export interface Volunteer {
  readonly kind: 'volunteer';
  readonly limits: Limits;
  /** What the root gave the volunteer for its invite; null in an open farm. */
  readonly credential: Uint8Array | null;
}

/** From a server to a volunteer: an order, the release to take, and how large it is. */
export interface Offer {
  readonly kind: 'offer';
  readonly order: Order;
  readonly notice: ReleaseNotice;
}

export type DeclineReason =
  'storage' | 'not-willing' | 'not-reachable' | 'busy' | 'install-failed' | 'no-release' | 'draining' | 'excluded';

export interface Answer {
  readonly kind: 'answer';
  /** 'taken': transfer begins. 'serving': done. 'declined': with the reason. */
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
  /** Null when the asked one knows of no release yet. */
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
