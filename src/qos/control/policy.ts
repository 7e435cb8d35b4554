/**
 * How the farm decides where servers are: one interface, two policies.
 *
 * A policy runs at the root, once for each fresh round. It is given the round's figures and returns the actions to take. All of them are
 * carried out and concluded, and their effect has time to show, before the next round is opened.
 */
import type { Aggregate, BidAction, PeerHandle } from '../../core/index.ts';
import type { Lessons } from './experience.ts';
import type { CostKind, Figures, Goal } from '../requirement.ts';

/** `lean`: just enough servers. `n-1`: the requirement holds after the loss of any one of them. */
export type Margin = 'lean' | 'n-1';

export type PolicyName = 'worst-qos' | 'balanced';

/**
 * One action. A move is a promotion beside the others so that one of them can retire: probably `leaves`, but the next round decides, and
 * the retirement is an action of its own.
 */
export interface Action {
  readonly action: BidAction;
  /** The server whose client is promoted; for `retire`, the server that retires. */
  readonly server: PeerHandle;
  /** The peers that are asked to serve, in this order; none for `retire`. */
  readonly candidates: readonly PeerHandle[];
  /**
   * `move`: the server that will probably retire later. `promote`: the server that retires by the same decision (an exchange). Otherwise
   * NOBODY.
   */
  readonly leaves: PeerHandle;
  /** The expected change of the summed cost; with `leaves`, the change after that server has retired. */
  readonly change: number;
}

/** A decision with the figures it was taken from. */
export interface Decision {
  readonly round: number;
  readonly figures: Figures;
  readonly cost: CostKind;
  readonly servers: number;
  /** Reported over expected peers. */
  readonly coverage: number;
  readonly met: boolean;
  /** A sentence for people: why these actions. */
  readonly reason: string;
  readonly actions: readonly Action[];
}

/** What a policy goes by. */
export interface Situation {
  readonly aggregate: Aggregate;
  readonly figures: Figures;
  readonly goal: Goal;
  readonly cost: CostKind;
  /** Summed cost now, and the most that meets the requirement. */
  readonly total: number;
  readonly budget: number;
  readonly margin: Margin;
  /** What earlier decisions taught. */
  readonly lessons: Lessons;
}

export interface Policy {
  readonly name: PolicyName;
  decide(situation: Situation): { readonly actions: readonly Action[]; readonly reason: string };
}
