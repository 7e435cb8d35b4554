/**
 * Everything that one peer may say to another.
 *
 * Messages are plain immutable objects, passed by reference inside one process and encoded by `wire` between processes.
 * A parent builds one heartbeat and sends the same object to all its children. Handles stand for peers; `wire` replaces
 * them by keys and addresses.
 *
 * What has authority over others (a membership record, a release notice, an order) is a *statement*: it names where
 * authority stood when it was made, who issued it, and bears the issuer's signature, because whoever relays it is not to
 * be believed.
 */
import type { PeerHandle, Signature, Standing, TreeKind } from './ids.ts';

/** A place in the network's latency space (Vivaldi with height), in milliseconds. `error` is relative, 0 to 1. */
export interface Coordinate {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly height: number;
  readonly error: number;
}

/** A peer as it is named to others: where it is, and whether others can dial it. */
export interface PeerCard {
  readonly peer: PeerHandle;
  readonly coordinate: Coordinate;
  /** Round trip, ms, measured along the tree: between the sender and this peer; NaN when unknown. */
  readonly rttMs: number;
}

/** The mark that the root of a tree puts on its heartbeats; passed down unchanged. Newer = higher (term, sequence). */
export interface Stamp {
  readonly root: PeerHandle;
  /** The root's incarnation: a restarted root stamps with a higher one. */
  readonly term: number;
  readonly sequence: number;
}

/** What a parent tells its children about the neighbourhood; sent when it changed, else only its version. */
export interface Roster {
  readonly version: number;
  /** From the tree's root down to and including the parent itself. */
  readonly ancestors: readonly PeerCard[];
  /** The parent's children that others can reach. */
  readonly siblings: readonly PeerCard[];
  /** The parent's own siblings: where its children go when it dies. */
  readonly uncles: readonly PeerCard[];
}

// --- Statements: what carries authority -------------------------------------------------------------------------

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
  /** It serves those it has, and cannot take more. Only of one that serves. */
  readonly full: boolean;
  readonly issuer: PeerHandle;
  readonly standing: Standing;
  readonly signature: Signature;
}

/** Release `number` of the service is out. The digest is of the owner-signed manifest; `ownerSignature` is the manifest's. */
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

/** What the origin of a multicast signs: its number, and what it says. Built anew by each receiver from the `Cast`. */
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

/** All that bears a signature. */
export type Signed = Statement | CastSeal;

/** A statement before it is signed. */
export type Unsigned<S extends Signed> = S extends Signed ? Omit<S, 'signature'> : never;

// --- Building the tree --------------------------------------------------------------------------------------------

/** "There is a service at `root`": sent to neighbours, who pass it on while `ttl` lasts and join if they are interested. */
export interface TreeCreate {
  readonly kind: 'tree-create';
  readonly root: PeerHandle;
  /** How many more times it may be passed on: 2 when the root sends it. */
  readonly ttl: number;
}

export interface Join {
  readonly kind: 'join';
  readonly tree: TreeKind;
  /** Ties the answer to this attempt. */
  readonly nonce: number;
  /** The joiner has no parent: only then may it push out a worse child. */
  readonly orphan: boolean;
  readonly hasChildren: boolean;
  /** The newest stamp the joiner ever passed down, and its own depth then; null if it never passed one on. */
  readonly passed: Stamp | null;
  readonly passedDepth: number;
  readonly coordinate: Coordinate;
  /** The joiner's own median round trip to the one it asks, ms; NaN when it has not measured one. */
  readonly rttMs: number;
  /** Others could dial the joiner: it may be named to others and have children. */
  readonly reachable: boolean;
  readonly incarnation: number;
  /** What the root gave the joiner for its invite; empty in an open farm. */
  readonly credential: Uint8Array;
}

export interface Accept {
  readonly kind: 'accept';
  readonly tree: TreeKind;
  readonly nonce: number;
  readonly stamp: Stamp;
  /** The acceptor's own depth: 0 for the tree's root. */
  readonly depth: number;
  readonly intervalMs: number;
  readonly roster: Roster;
  /** How far the acceptor is in each origin's multicast. */
  readonly heads: readonly CastHead[];
}

export type RedirectReason = 'no-room' | 'infeasible' | 'not-a-parent' | 'draining' | 'no-credential' | 'excluded';

/** "Not here; try these": nobody is ever just turned away. */
export interface Redirect {
  readonly kind: 'redirect';
  readonly tree: TreeKind;
  readonly nonce: number;
  readonly reason: RedirectReason;
  readonly candidates: readonly PeerCard[];
}

/** From a parent: "hang elsewhere". The child stays until it does, unless the parent is `leaving`. */
export interface Evict {
  readonly kind: 'evict';
  readonly tree: TreeKind;
  readonly reason: 'worse' | 'draining' | 'handover' | 'no-room';
  readonly candidates: readonly PeerCard[];
}

/** From a child: "I hang elsewhere now", or "I leave the farm". */
export interface Part {
  readonly kind: 'part';
  readonly tree: TreeKind;
}

/** From a parent: "you are no child of mine" (answer to a stranger's heartbeat): repair at once. */
export interface Disown {
  readonly kind: 'disown';
  readonly tree: TreeKind;
}

// --- Heartbeats ---------------------------------------------------------------------------------------------------

export interface HeartbeatDown {
  readonly kind: 'heartbeat-down';
  readonly tree: TreeKind;
  /** Null while the sender has nothing from above to pass on: the beat then only says "I live". */
  readonly stamp: Stamp | null;
  readonly depth: number;
  /** This parent's beat counter, from 1; children echo it. 0 = a beat out of turn. */
  readonly beat: number;
  readonly intervalMs: number;
  readonly rosterVersion: number;
  readonly roster: Roster | null;
  readonly standing: Standing;
  /** The newest release the sender knows of; 0 for none. */
  readonly release: number;
  /** Tree of servers: records that changed since the last beat. */
  readonly deltas: readonly MemberRecord[];
  /** Tree of servers: digest of the sender's membership. Tree of clients: version of the view of servers. */
  readonly membershipDigest: number;
  readonly castDigest: number;
}

export interface HeartbeatUp {
  readonly kind: 'heartbeat-up';
  readonly tree: TreeKind;
  /** The parent's beat that was heard last, and for how long it has been held: gives the parent a round trip for nothing. */
  readonly echo: number;
  readonly heldMs: number;
  readonly coordinate: Coordinate;
  readonly reachable: boolean;
  /** Peers in the sender's subtree, itself included. */
  readonly size: number;
  /** Levels below the sender: 0 for a leaf. */
  readonly height: number;
  readonly rosterVersion: number;
  readonly deltas: readonly MemberRecord[];
  readonly membershipDigest: number;
  readonly castDigest: number;
}

export interface Ping {
  readonly kind: 'ping';
  readonly nonce: number;
}

export interface Pong {
  readonly kind: 'pong';
  readonly nonce: number;
  readonly coordinate: Coordinate;
  /** Free places for children of each kind. */
  readonly serverRoom: number;
  readonly clientRoom: number;
}

// --- Membership ---------------------------------------------------------------------------------------------------

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

export interface ViewPull {
  readonly kind: 'view-pull';
  readonly version: number;
}

// --- Multicast ----------------------------------------------------------------------------------------------------

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

// --- Promotion ----------------------------------------------------------------------------------------------------

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

// --- Service ------------------------------------------------------------------------------------------------------

/** From a server that was away: "what is the release now?" Answered by `release-now`. */
export interface ReleaseAsk {
  readonly kind: 'release-ask';
}

export interface ReleaseNow {
  readonly kind: 'release-now';
  /** Null when the asked one knows of no release yet. */
  readonly notice: ReleaseNotice | null;
}

// --- Reachability -------------------------------------------------------------------------------------------------

/** "Please dial me on a fresh connection and tell me whether it worked." */
export interface DialBack {
  readonly kind: 'dial-back';
  readonly nonce: number;
}

export interface DialedBack {
  readonly kind: 'dialed-back';
  readonly nonce: number;
  readonly worked: boolean;
}

/** "Server `subject` sent me bytes that contradict the release they name": to the root, which checks before it acts. */
export interface Report {
  readonly kind: 'report';
  readonly subject: PeerHandle;
  readonly path: string;
  readonly releaseNumber: number;
}

// --- Quality of service -------------------------------------------------------------------------------------------
// The core carries these for the layer above (`src/qos`), which alone reads them.

/** What one client feels, and where it is: one of a bounded, uniform sample of a group. */
export interface MemberSample {
  readonly peer: PeerHandle;
  readonly coordinate: Coordinate;
  /** Mean response delay of its fresh requests, ms. */
  readonly delayMs: number;
  /** The server that answered most of them. */
  readonly server: PeerHandle;
  /** Round trip to that server, ms. */
  readonly rttMs: number;
  /** What it would feel at the next best server, ms; NaN when it knows of none. */
  readonly secondMs: number;
  /** It offered to serve, and others can reach it. */
  readonly willing: boolean;
}

export type BidAction = 'promote' | 'move' | 'retire';

/** What a server proposes for its own group, with the change it expects. */
export interface Bid {
  readonly action: BidAction;
  /** Whose group it is about. */
  readonly server: PeerHandle;
  /** Who should serve instead or as well, the first choice first; none for `retire`. */
  readonly candidates: readonly PeerHandle[];
  readonly coordinate: Coordinate;
  /** Expected change of the farm's summed cost (client-ms, or clients over the limit); below 0 = a gain. */
  readonly change: number;
}

/** Clients that use a server without hanging in its tree: what they would lose without it, summed cost. */
export interface Visit {
  readonly server: PeerHandle;
  readonly loss: number;
}

/** What is known of a subtree in one round. All sums add up; sketches, samples and bids merge. */
export interface Aggregate {
  /** Peers that should have been heard, and those that were. */
  readonly expected: number;
  readonly reported: number;
  /** Peers with a figure: each counts once. */
  readonly clients: number;
  /** Sum of their mean response delays, ms. */
  readonly sumMs: number;
  /** Of them, how many are over the limit that the round names. */
  readonly over: number;
  readonly requests: number;
  readonly failures: number;
  /** Peers that are mostly served by another server than that of the tree they hang in. */
  readonly strays: number;
  /** Pairs of bucket and count of a `DelaySketch`, flat, buckets rising. */
  readonly sketch: readonly number[];
  /** The end of the descent through the worst averages; NOBODY when nobody there is willing. */
  readonly worst: PeerHandle;
  readonly worstMs: number;
  /** The server whose client `worst` is; NOBODY inside a client tree. */
  readonly worstServer: PeerHandle;
  /** Client trees: what the group would lose, summed, if everybody had to take its second choice. */
  readonly loss: number;
  /** Tree of servers: the largest loss of any one server. */
  readonly worstLoss: number;
  /** What clients in other servers' trees would lose without this server, summed. */
  readonly visits: readonly Visit[];
  readonly servers: number;
  readonly samples: readonly MemberSample[];
  readonly bids: readonly Bid[];
  /** Tree of servers: what each server needs for a request besides the way, as its clients felt it: a `DelaySketch` like the other. */
  readonly serveSketch: readonly number[];
}

/** A subtree's aggregate of one round: from child to parent, once. */
export interface AggregateReport {
  readonly kind: 'aggregate';
  readonly tree: TreeKind;
  readonly round: number;
  readonly aggregate: Aggregate;
}

/** From a server to one of its clients: "how far are these from you?" */
export interface Survey {
  readonly kind: 'survey';
  readonly round: number;
  readonly cards: readonly PeerCard[];
}

export interface Surveyed {
  readonly kind: 'surveyed';
  readonly round: number;
  /** The cards asked about, `rttMs` now measured by the client. */
  readonly cards: readonly PeerCard[];
}

/** From the root to a server: "make one of these a server"; each order is the root's, for the candidate to check. */
export interface Grant {
  readonly kind: 'grant';
  /** Ties the outcome to this grant. */
  readonly number: number;
  readonly orders: readonly Order[];
}

/** What became of a grant: who serves now, or NOBODY when all declined. */
export interface Granted {
  readonly kind: 'granted';
  readonly number: number;
  readonly peer: PeerHandle;
}

/** From the root to a server: "stop serving, stay a client". */
export interface Retire {
  readonly kind: 'retire';
  readonly order: Order;
}

/** From a full server to one of its own clients: "go to the next server that is near you and not full". */
export interface Shed {
  readonly kind: 'shed';
}

/** What the core carries without reading it. */
export type LayerMessage = AggregateReport | Survey | Surveyed | Grant | Granted | Retire | Shed;

export type Message =
  | TreeCreate
  | Join
  | Accept
  | Redirect
  | Evict
  | Part
  | Disown
  | HeartbeatDown
  | HeartbeatUp
  | Ping
  | Pong
  | MembersCompare
  | Members
  | View
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
  | DialBack
  | DialedBack
  | Report
  | LayerMessage;

export type MessageKind = Message['kind'];
