/** The options of the controller, and the events that tell what it does. */
import type { PeerHandle } from '../core/index.ts';
import type { FullReason, Load } from './load/overload.ts';
import type { Action, Decision, Margin, PolicyName } from './control/policy.ts';
import type { Requirement } from './requirement.ts';

export interface QosOptions {
  /** Volunteers wait for the root's order, instead of serving as soon as they offer. */
  readonly controlled: boolean;
  /** The requirement that the root's controller works towards; null: it opens no rounds (yet). Only the root's is used. */
  readonly requirement: Requirement | null;
  readonly policy: PolicyName;
  readonly margin: Margin;
  /** Heartbeats from the end of a change to the next round: clients hear of it, move, and make requests again. */
  readonly settleBeats: number;
  /** Heartbeats between two rounds when nothing was changed. */
  readonly quietBeats: number;
  /** A request counts in a round when it is at most this many heartbeats old. */
  readonly freshBeats: number;
  /** Below this share of reported over expected peers no decision is taken. */
  readonly leastCoverage: number;
  /** Load shedding: full servers say so and send clients on. Switched off only to compare. */
  readonly shedding: boolean;
}

export const defaultQosOptions: QosOptions = {
  controlled: false,
  requirement: null,
  policy: 'balanced',
  margin: 'lean',
  settleBeats: 10,
  quietBeats: 8,
  freshBeats: 4,
  leastCoverage: 0.8,
  shedding: true,
};

/** An event at the controller, or at a server about its load: for logs, `explain` and experiments. */
export type QosEvent =
  | { readonly type: 'round-opened'; readonly round: number }
  | { readonly type: 'round-lost'; readonly round: number }
  | {
      readonly type: 'decided';
      readonly decision: Decision;
      /** 95th and 50th percentile of the clients' delays, ms, within 2%. */
      readonly p95Ms: number;
      readonly p50Ms: number;
    }
  | {
      readonly type: 'concluded';
      readonly round: number;
      readonly action: Action;
      /** The new server; NOBODY when no candidate agreed. For `retire`: the server that left. */
      readonly peer: PeerHandle;
      readonly worked: boolean;
    }
  /** This server became full, with the reason, or is no longer full (null). */
  | { readonly type: 'fullness-changed'; readonly full: FullReason | null; readonly load: Load }
  /** This server sends these clients on. */
  | { readonly type: 'shed'; readonly clients: readonly PeerHandle[]; readonly load: Load };
