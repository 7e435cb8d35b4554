/**
 * What a command asks of whoever builds peers: the port between the command line and the host.
 *
 * `main.ts` puts the real thing behind it; tests put a peer of their own. Everything in a request has been checked and is in
 * one unit; whoever builds the peer reads and writes its keys and database in the state folder, whose lock is held.
 */
import type { FarmNode } from '../host/index.ts';
import type { Charter, Invite } from '../service/index.ts';
import type { Topology } from '../topology/index.ts';
import type { Logger } from './log.ts';
import type { Simulator } from './simulation.ts';
import type { Part, StateFolder } from './state-folder.ts';

export interface NodeRequest {
  /** The root founds; all others join. A reader and a gateway never serve. */
  readonly part: Part;
  readonly serviceId: string;
  readonly state: StateFolder;
  /** For the root; others learn theirs from the farm (and find it in the state folder the next time). */
  readonly charter: Charter | null;
  /** The link joined with; null for the root. One that has expired since is given all the same: it has been used. */
  readonly invite: Invite | null;
  /** Whether it offers itself (`at-once`), consents when asked, or neither. A root serves anyway. */
  readonly serving: 'at-once' | 'if-asked' | 'never';
  /** What it gives at most; 0 = no limit. */
  readonly limits: { readonly uploadBytesPerSecond: number; readonly storageBytes: number; readonly clients: number };
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

/** What the demo is asked for. */
export interface DemoRequest {
  /** Ends by itself after so long; null = stays until Ctrl-C. */
  readonly seconds: number | null;
  readonly json: boolean;
  readonly volunteers: number;
  readonly port: number;
}

/** The parts of the program that are put in from outside. */
export interface Adapters {
  readonly version: string;
  /** The file that node runs to run this program: for processes and units that start it again. */
  readonly programPath: string;
  readonly startNode: StartNode;
  /** Resolves with the exit code. A program without one has no command `demo`. */
  readonly runDemo?: (request: DemoRequest) => Promise<number>;
  /** A program without a simulator has no command `simulate`. */
  readonly loadSimulator?: () => Promise<Simulator>;
}
