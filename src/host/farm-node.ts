/**
 * What a running peer offers to the people around it: the command line, the gateway, the live page.
 *
 * This is the contract between the daemon and whatever hangs the core on libp2p. Everything here is plain data, so that it
 * crosses the control socket as JSON unchanged.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

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
  readonly limits: {
    readonly uploadBytesPerSecond: number;
    readonly storageBytes: number;
    readonly clients: number;
  } | null;
  /** Sentences about what is wrong now; empty when all is well. */
  readonly problems: readonly string[];
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
  status(): NodeStatus;
  /** Root only. */
  invite(options: InviteOptions): Invitation;
  /** Root only: makes, signs and publishes a release of this folder. Ends when it is out; rejects with a sentence. */
  update(folder: string, progress: (step: Progress) => void): Promise<UpdateResult>;
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
