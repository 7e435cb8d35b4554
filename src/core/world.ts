/**
 * The port: everything a peer may ask of the world, and the one promise it relies on.
 *
 * A `Peer` has no clock, no dice, no socket and no disk. It is told the time with every call, and it acts only through
 * this interface. Production hangs it on libp2p and SQLite, the simulator on a timing wheel; the peer cannot tell.
 *
 * **The promise**: what is given to `persist` is on disk BEFORE any message given to `send` after it leaves the machine.
 * A world may do that one by one, or gather the effects of one call, commit them together, and then let the messages go.
 * `forget` is under the same promise. A peer that starts again is given what it persisted in the order in which it last did.
 * (The idea, effects that carry their ordering, is that of the `Ready` struct of etcd's raft.)
 */
import { NOBODY } from './ids.ts';
import type { PeerHandle, Signature, TreeKind } from './ids.ts';
import type {
  CastHead,
  CastPayload,
  MemberRecord,
  Message,
  ReleaseNotice,
  Signed,
  Unsigned,
} from './messages/index.ts';

/** What a peer remembers over a restart. The latest record of each key (`durableKeyOf`) counts. */
export type DurableRecord =
  | { readonly type: 'incarnation'; readonly value: number }
  | { readonly type: 'standing'; readonly charter: number; readonly epoch: number; readonly term: number }
  | { readonly type: 'role'; readonly role: Role }
  | { readonly type: 'parent'; readonly tree: TreeKind; readonly peer: PeerHandle }
  | { readonly type: 'member'; readonly peer: PeerHandle; readonly record: MemberRecord; readonly atMs: number }
  | { readonly type: 'release'; readonly notice: ReleaseNotice; readonly installed: boolean }
  | { readonly type: 'attached'; readonly atMs: number }
  | {
      readonly type: 'client-record';
      readonly peer: PeerHandle;
      readonly delayMs: number;
      readonly failures: number;
      readonly requests: number;
    }
  | {
      readonly type: 'limits';
      readonly uploadBytesPerSecond: number;
      readonly storageBytes: number;
      readonly clients: number;
    };

export type Role = 'root' | 'server' | 'client' | 'outside';

/** What happened, for logs, `status`, tests and checkers. Past tense; the protocol never depends on it. */
export type PeerEvent =
  | {
      readonly type: 'attached';
      readonly tree: TreeKind;
      readonly parent: PeerHandle;
      readonly depth: number;
      readonly moved: boolean;
    }
  | { readonly type: 'orphaned'; readonly tree: TreeKind; readonly parent: PeerHandle; readonly reason: string }
  | { readonly type: 'child-accepted'; readonly tree: TreeKind; readonly child: PeerHandle }
  | { readonly type: 'child-lost'; readonly tree: TreeKind; readonly child: PeerHandle; readonly reason: string }
  | { readonly type: 'role-changed'; readonly role: Role }
  | { readonly type: 'member-changed'; readonly record: MemberRecord }
  | {
      readonly type: 'delivered';
      readonly origin: PeerHandle;
      readonly incarnation: number;
      readonly sequence: number;
      readonly payload: CastPayload;
    }
  | { readonly type: 'gap-skipped'; readonly origin: PeerHandle; readonly from: CastHead; readonly to: number }
  | { readonly type: 'release-learned'; readonly notice: ReleaseNotice }
  | { readonly type: 'release-installed'; readonly number: number }
  | { readonly type: 'offer-declined'; readonly candidate: PeerHandle; readonly reason: string }
  | { readonly type: 'reachability-changed'; readonly reachable: boolean }
  | { readonly type: 'refused'; readonly peer: PeerHandle; readonly what: string }
  | {
      readonly type: 'reported';
      readonly subject: PeerHandle;
      readonly by: PeerHandle;
      readonly path: string;
      readonly releaseNumber: number;
    }
  | { readonly type: 'excluded-self' }
  /** The peer asks its children to move, and goes when they have or its time is up: `drained` or `left` follows. */
  | { readonly type: 'draining-began' }
  | { readonly type: 'drained' }
  | { readonly type: 'left' };

export interface World {
  /** Hands a message to the network. It may be lost; it is never reordered on one living connection. */
  send(to: PeerHandle, message: Message): void;
  /** Writes down what must survive a restart; see the promise above. */
  persist(record: DurableRecord): void;
  /** Removes a record from the disk, in order with those that are persisted. Removing one that is not there is no error. */
  forget(key: DurableKey): void;
  /** Asks for one `peer.wake` at this time (ms); a later call replaces an earlier one. */
  wakeAt(atMs: number): void;
  /** Keep a connection to this peer open (parent, backup, children). */
  connect(peer: PeerHandle): void;
  /** The connection is no longer needed. */
  disconnect(peer: PeerHandle): void;
  /** Closes all connections with a peer that sent what no honest peer sends; it may come back. */
  refuse(peer: PeerHandle, what: string): void;
  /** Fetch and install this release from a server; ends in `peer.installed` or `peer.installFailed`. */
  transfer(notice: ReleaseNotice, from: PeerHandle): void;
  /** Dial this peer on a fresh connection; ends in `peer.dialed`. */
  dial(peer: PeerHandle, nonce: number): void;
  /** Reports an event. */
  tell(event: PeerEvent): void;
  /** A number in [0, 1): for jitter and for choices between equals. The simulator seeds it. */
  random(): number;
  /** Signs as this peer. */
  sign(statement: Unsigned<Signed>): Signature;
  /** Whether the issuer that a statement names signed it. */
  verify(statement: Signed): boolean;
  /** Whether this credential lets that peer into the farm now. */
  admits(peer: PeerHandle, credential: Uint8Array): boolean;
  /** 32 bits that every process computes alike for this peer (from its key). */
  fingerprint(peer: PeerHandle): number;
  /** The network neighbourhood a peer sits in: peers of one subnet have the same number. */
  subnet(peer: PeerHandle): number;
}

/**
 * The key of a durable record: a record replaces an earlier one with the same key. This is a promise of the port, so it stands here once. A
 * disk only chooses the spelling: the state database as bytes (`src/wire/durable.ts`, a peer as its public key), the simulator as text.
 */
export interface DurableKey {
  readonly type: DurableRecord['type'];
  /** Distinguishes records of one type: a peer, or a name. Null where there is only one. */
  readonly which: PeerHandle | string | null;
}

export function durableKeyOf(record: DurableRecord): DurableKey {
  switch (record.type) {
    case 'parent':
      return { type: record.type, which: record.tree };
    // The release that is served and the newest one heard of are two facts: the second must not overwrite the first.
    case 'release':
      return { type: record.type, which: record.installed ? 'installed' : 'latest' };
    case 'member':
    case 'client-record':
      return { type: record.type, which: record.peer === NOBODY ? null : record.peer };
    default:
      return { type: record.type, which: null };
  }
}
