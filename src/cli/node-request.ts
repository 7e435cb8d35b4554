/**
 * What a command asks of whoever builds peers: the port between the command line and the host.
 *
 * `main.ts` puts the real thing behind it; tests put a peer of their own. Everything in a request has been checked and is in
 * one unit; whoever builds the peer reads and writes its keys and database in the state folder, whose lock is held.
 */
import type { Logger } from 'pino';
import type { FarmNode } from '../host/index.ts';
import type { Charter, Invite } from '../service/index.ts';
import type { Topology } from '../topology/index.ts';
import type { Gift, Part, StateFolder } from './state/state-folder.ts';

export interface NodeRequest extends Gift {
  /** The root founds; all others join. A reader and a gateway never serve. */
  readonly part: Part;
  readonly serviceId: string;
  readonly state: StateFolder;
  /** For the root; others learn theirs from the farm (and find it in the state folder the next time). */
  readonly charter: Charter | null;
  /** The link joined with; null for the root. One that has expired since is given all the same: it has been used. */
  readonly invite: Invite | null;
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Multiaddrs to tell others instead; empty = those listened on. */
  readonly announce: readonly string[];
  /** Root: heartbeats between two rounds of measuring, and after a change; as usual when left out. */
  readonly settleBeats?: number;
  readonly emulation: { readonly topology: Topology; readonly node: number } | null;
  readonly logger: Logger;
}

/** Builds and starts a peer; resolves when it listens. It need not be attached to the farm yet. */
export type StartNode = (request: NodeRequest) => Promise<FarmNode>;

/** What commands that deal with peers need from outside. */
export interface PeerAdapters {
  readonly version: string;
  /** The file that node runs to run this program: for processes and units that start it again. */
  readonly programPath: string;
  readonly startNode: StartNode;
}
