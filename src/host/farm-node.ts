/**
 * What a running peer offers to the people around it: the command line, the gateway, the live page.
 *
 * This is the contract between the daemon and whatever hangs the core on libp2p. Everything here is plain data, so that it
 * crosses the control socket as JSON unchanged.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Requirement } from '../qos/index.ts';
import type { HappeningStream } from './happenings.ts';

export type FarmRole = 'root' | 'server' | 'client' | 'outside';

export interface NeighbourStatus {
  readonly peerId: string;
  readonly rttMs: number | null;
  readonly reachable: boolean;
  /** Peers in its subtree, itself included. */
  readonly size: number;
}

export interface ServerStatus {
  readonly peerId: string;
  readonly state: 'joining' | 'serving' | 'draining' | 'gone' | 'excluded';
  /** It takes no clients that it does not have yet. */
  readonly full: boolean;
  readonly incarnation: number;
  /** This peer's own record of it; null where it never asked it. */
  readonly delayMs: number | null;
  readonly requests: number;
}

export interface NodeStatus {
  readonly service: { readonly id: string; readonly name: string };
  readonly peerId: string;
  readonly addresses: readonly string[];
  readonly role: FarmRole;
  readonly draining: boolean;
  /** This server has as many clients as it can serve: no newcomers come, and some may be sent to others. */
  readonly full: boolean;
  /** Attached to the farm: the root always is. */
  readonly attached: boolean;
  readonly parent: string | null;
  readonly depth: number | null;
  /** The server whose client tree this peer is in; itself when it serves. */
  readonly server: string | null;
  readonly serverChildren: readonly NeighbourStatus[];
  readonly clientChildren: readonly NeighbourStatus[];
  /** Peers in the whole subtree, itself included; for the root: the farm. */
  readonly subtreeSize: number;
  readonly servers: readonly ServerStatus[];
  readonly release: {
    readonly installed: number;
    readonly latest: number;
    readonly installing: { readonly number: number; readonly bytesDone: number; readonly bytesTotal: number } | null;
  };
  readonly reachable: boolean;
  /** Requests served to others since the state folder was made. */
  readonly requestsServed: number;
  readonly bytesServed: number;
  /** Seconds in the role of server or root since the state folder was made. */
  readonly servingSeconds: number;
  readonly uptimeSeconds: number;
  readonly quality: QualityStatus;
  readonly limits: {
    readonly uploadBytesPerSecond: number;
    readonly storageBytes: number;
    readonly clients: number;
  } | null;
  /** Sentences about what is wrong now; empty when all is well. */
  readonly problems: readonly string[];
}

/** What the farm as a whole felt in one round. */
export interface FarmFigures {
  readonly clients: number;
  /** Of the clients' response delays; null when nobody told of any. */
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** Share of the clients over the required percentile's limit; 0 without one. */
  readonly overShare: number;
  /** Share of the requests that were answered. */
  readonly answeredShare: number;
}

/** One thing that was decided, and what became of it. */
export interface DecidedAction {
  readonly action: 'promote' | 'retire' | 'move';
  /** `promote`, `move`: whose client is to serve. `retire`: who stops. */
  readonly server: string;
  /** Who is asked to serve, in this order. */
  readonly candidates: readonly string[];
  /** `move`: who stops serving once the new server serves. */
  readonly leaves: string | null;
  /** By how much the mean delay over all clients, ms (or the share over the limit), was expected to change. */
  readonly expected: number;
  /** Null while it is under way. `peer`: who serves now, or who went. */
  readonly outcome: { readonly worked: boolean; readonly peer: string | null; readonly atMs: number } | null;
}

/** A round that was decided upon: figures in, actions out. */
export interface Decision {
  readonly kind: 'decided';
  readonly round: number;
  readonly atMs: number;
  readonly figures: FarmFigures;
  /** Servers then, the root included. */
  readonly servers: number;
  /** Share of the peers that were heard. */
  readonly coverage: number;
  readonly requirement: Requirement;
  /** What was to be brought down: the mean delay, or the share of clients over the limit. */
  readonly cost: 'delay' | 'over';
  readonly met: boolean;
  readonly reason: string;
  readonly actions: readonly DecidedAction[];
  /** What the round after it showed; null before there is one. */
  readonly next: Pick<Decision, 'round' | 'atMs' | 'figures' | 'servers' | 'met'> | null;
  /** Where nothing was done: since when, and how many rounds in a row before this one ended in the same way. */
  readonly sinceMs: number;
  readonly before: number;
}

/** A round that did not come back. */
export interface LostRound {
  readonly kind: 'lost';
  readonly round: number;
  readonly atMs: number;
}

export type DecisionEntry = Decision | LostRound;

export interface ExplainOptions {
  /** Only decisions in which this was done; null for all. */
  readonly about: DecidedAction['action'] | null;
  readonly last: number;
}

/** What is asked of the farm, and how it stands. */
export interface QualityStatus {
  /** Null: nothing is, and volunteers serve as soon as they offer. */
  readonly requirement: Requirement | null;
  readonly policy: 'balanced' | 'worst-qos';
  readonly margin: 'lean' | 'n-1';
  /** The last round that was decided upon, and the last in which something was done; at the root only, null elsewhere. */
  readonly latest: Decision | null;
  readonly lastAction: Decision | null;
}

export interface InviteOptions {
  /** Seconds from now; null = does not expire. */
  readonly expiresInSeconds: number | null;
  /** How many peers it lets in; null = any number. */
  readonly uses: number | null;
}

export interface Invitation {
  readonly link: string;
  readonly expiresAtMs: number | null;
  readonly uses: number | null;
  /** All addresses are loopback: it works on this machine only. */
  readonly loopbackOnly: boolean;
}

export interface Progress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

/** What became of a folder that was published. */
export interface UpdateResult {
  /** The release that is current now. */
  readonly number: number;
  readonly files: number;
  readonly bytes: number;
  /** False when the folder holds just what this release does: no new one was made. */
  readonly changed: boolean;
  /** What of the folder is not in the release, with the reason; the first hundred. */
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
}

export interface FarmNode {
  /** All that happens to this peer, for whoever wants to listen. Not plain data: it stays in this process. */
  readonly happenings: HappeningStream;
  status(): NodeStatus;
  /** Root only. */
  invite(options: InviteOptions): Invitation;
  /** Root only: makes, signs and publishes a release of this folder. Ends when it is out; rejects with a sentence. */
  update(folder: string, progress: (step: Progress) => void): Promise<UpdateResult>;
  /** Root only: what was decided, the latest so many, the oldest of them first. */
  explain(options: ExplainOptions): readonly DecisionEntry[];
  /** Client: offers to serve. */
  volunteer(): void;
  /** Stops serving and stays a client; ends when it is done. */
  drain(): Promise<void>;
  /** Departs from the farm; ends when neighbours know. */
  leave(): Promise<void>;
  /**
   * Answers a local HTTP request from the best server, verified, with failover. When no server can serve it and nothing has
   * been sent yet, calls `nobody` with a sentence for the visitor, and leaves the answer to the caller.
   */
  proxy(request: IncomingMessage, response: ServerResponse, nobody: (why: string) => void): void;
  /** Stops everything; the farm repairs. */
  stop(): Promise<void>;
}
