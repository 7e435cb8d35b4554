/** What the controller goes by, and who is told what it does. */
import type { PeerHandle } from '../core/index.ts';
import type { FullReason, Load } from './load/overload.ts';
import type { Action, Decision, Margin, PolicyName } from './control/policy.ts';
import type { Requirement } from './requirement.ts';

export interface QosOptions {
  /** Volunteers wait for the root's order, instead of serving as soon as they offer. */
  readonly controlled: boolean;
  /** What the root's controller is to reach; null: it opens no rounds (yet). Only the root's counts. */
  readonly requirement: Requirement | null;
  readonly policy: PolicyName;
  readonly margin: Margin;
  /** Heartbeats from the end of a change to the next round: clients hear of it, move, and make requests again. */
  readonly settleBeats: number;
  /** Heartbeats between two rounds when nothing was changed. */
  readonly quietBeats: number;
  /** Requests of the last so many heartbeats count in a round. */
  readonly freshBeats: number;
  /** Below this share of reported over expected peers no decision is taken. */
  readonly leastCoverage: number;
  /** Servers that are full say so and send clients on. Off only to see what that is good for. */
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

/** What happened at the controller, or at a server about its load: for logs, `explain` and experiments. */
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
      /** Who serves now; NOBODY when nobody would. For `retire`: who went. */
      readonly peer: PeerHandle;
      readonly worked: boolean;
    }
  /** This server is full, with the reason, or no longer (null). */
  | { readonly type: 'fullness-changed'; readonly full: FullReason | null; readonly load: Load }
  /** This server sends these clients on. */
  | { readonly type: 'shed'; readonly clients: readonly PeerHandle[]; readonly load: Load };
