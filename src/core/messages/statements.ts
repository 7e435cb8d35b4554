/**
 * Statements: messages with authority over others, whoever brings them. Each names its issuer and the standing at which it was made, and
 * bears the issuer's signature.
 */
import type { PeerHandle, Signature, Standing } from '../ids.ts';
import type { Coordinate } from './places.ts';

export type MemberState = 'joining' | 'serving' | 'draining' | 'gone' | 'excluded';

/** One server's entry in the membership. The subject writes it; its parent or the root may write `gone`; only the root `excluded`. */
export interface MemberRecord {
  readonly type: 'member';
  readonly subject: PeerHandle;
  readonly incarnation: number;
  readonly state: MemberState;
  /** The subject's parent in the tree of servers when the record was made (itself, for the root). */
  readonly parent: PeerHandle;
  readonly coordinate: Coordinate;
  /** The server keeps its clients, and cannot take more. Only in a record of one that serves. */
  readonly full: boolean;
  readonly issuer: PeerHandle;
  readonly standing: Standing;
  readonly signature: Signature;
}

/** Release `number` of the service is out. The root signs this notice; the manifest that the digest names bears the owner's signature. */
export interface ReleaseNotice {
  readonly type: 'release';
  readonly number: number;
  /** SHA-256 of the manifest's signed bytes, 32 bytes. */
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  readonly issuer: PeerHandle;
  readonly standing: Standing;
  readonly signature: Signature;
}

export type OrderAction = 'serve' | 'retire';

/** An order to one peer. `serve`: take this release from the issuer and become a server. */
export interface Order {
  readonly type: 'order';
  readonly action: OrderAction;
  readonly subject: PeerHandle;
  readonly releaseNumber: number;
  readonly issuer: PeerHandle;
  readonly standing: Standing;
  readonly signature: Signature;
}

export type Statement = MemberRecord | ReleaseNotice | Order;

/** What the origin of a multicast signs: its number and its content. Each receiver builds it from the `Cast`. */
export interface CastSeal {
  readonly type: 'cast';
  readonly issuer: PeerHandle;
  readonly incarnation: number;
  readonly sequence: number;
  /** `release`, or `note:` and the note's topic. */
  readonly topic: string;
  /** The note's bytes, or the release notice's own signature, which stands for all of it. */
  readonly content: Uint8Array;
  readonly standing: Standing;
  readonly signature: Signature;
}

/** Everything that bears a signature. */
export type Signed = Statement | CastSeal;

/** A statement before it is signed. */
export type Unsigned<S extends Signed> = S extends Signed ? Omit<S, 'signature'> : never;
