/**
 * How the farm decides where servers are: one interface, two policies.
 *
 * A policy is asked once per fresh round, at the root. It is given what the round found and answers with what is to be done now;
 * all that it decides is carried out, concluded and given time to show before the next round is opened.
 */
import type { Aggregate, BidAction, PeerHandle } from '../../core/index.ts';
import type { Lessons } from './experience.ts';
import type { CostKind, Figures, Goal } from '../requirement.ts';

/** `lean`: just enough servers. `n-1`: the requirement holds after the loss of any one of them. */
export type Margin = 'lean' | 'n-1';

export type PolicyName = 'worst-qos' | 'balanced';

/**
 * One thing to do. A move is a promotion beside the others, so that one of them can go: probably `leaves`, but that the next round shows,
 * and it is an action of its own.
 */
export interface Action {
  readonly action: BidAction;
  /** Whose client is to be promoted; for `retire`, who goes. */
  readonly server: PeerHandle;
  /** Who is asked to serve, in this order; none for `retire`. */
  readonly candidates: readonly PeerHandle[];
  /** `move`: who will probably not be needed any more. `promote`: who retires by the same decision, when both are one bid. NOBODY else. */
  readonly leaves: PeerHandle;
  /** The change of the summed cost that is expected; where somebody leaves: when it has gone. */
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
  /** In words: why this and nothing else. */
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
