/**
 * What the controller has learned from its own decisions.
 *
 * Every decision comes with the change that is expected of it, and the next reading shows what became of that. So the controller knows how
 * much promotions bring beyond what their bids can see, whether moves are worth trying, whether it retires too eagerly, and how far a
 * reading can be trusted at all: in a real network the same farm reads a little differently each time, and who acts on such differences
 * is never done. A farm whose readings do not waver is trimmed to the last server, one whose readings do keeps a little more.
 */
import type { BidAction } from '../core/messages.ts';
import type { Action } from './policy.ts';
import type { CostKind } from './requirement.ts';

/** What a policy may know of it. */
export interface Lessons {
  /** What promotions really changed lately, over what was expected of them: bids do not see gains in other groups. */
  readonly credit: number;
  /** Rounds to wait before the next move: none at first, and longer with each move that did not keep its promise. */
  readonly pause: number;
  /** 1, and more after retirements that had to be undone: so much more must be to spare before the next. */
  readonly regret: number;
  /** The requirement was met before: something was lost, and users should not wait for it twice. */
  readonly recovering: boolean;
  /** How far readings stray from what was expected of them, as cost of one client; null before two can be compared. */
  readonly doubt: number | null;
}

/** A reading, as far as it can be compared with the next. */
export interface Reading {
  readonly cost: CostKind;
  /** Summed cost, over so many clients. */
  readonly total: number;
  readonly clients: number;
  readonly met: boolean;
}

/** How much of its promise the last decision kept, 1 = all. */
export interface Kept {
  readonly action: BidAction;
  readonly share: number;
}

/** Bounds of how much better or worse than promised promotions are taken to be. */
const leastCredit = 0.7;
const mostCredit = 1.2;
/** A move that keeps less of its promise than this has failed. */
const keptAtLeast = 0.5;
/** Rounds without a move after the first one that failed; each further one doubles them, up to so many times. */
const firstPause = 2;
const mostDoublings = 7;
const mostRegret = 256;
/** Doubt is the largest surprise lately; it fades by this share with each reading. */
const doubtFades = 0.2;

interface Expectation {
  readonly before: Reading;
  readonly actions: readonly Action[];
  readonly change: number;
}

export class Experience {
  #credit = 1;
  /** Moves that failed lately. */
  #failures = 0;
  #pause = 0;
  #regret = 1;
  #doubt: number | null = null;
  /** What kind of cost the doubt is about. */
  #doubtOf: CostKind | null = null;
  #wasMet = false;
  #expected: Expectation | null = null;

  get lessons(): Lessons {
    return {
      credit: this.#credit,
      pause: this.#pause,
      regret: this.#regret,
      recovering: this.#wasMet,
      doubt: this.#doubt,
    };
  }

  /** Compares a reading with what was expected of it. Returns how much of its promise the last decision kept; null when there was none. */
  read(now: Reading): Kept | null {
    const expected = this.#expected;
    this.#expected = null;
    if (this.#pause > 0) this.#pause--;
    if (this.#doubtOf !== now.cost) this.#doubt = null;
    this.#doubtOf = now.cost;
    if (expected === null || expected.before.cost !== now.cost) return null;
    const { before, actions, change } = expected;
    const kind = kindOf(actions);
    if (kind !== 'promote') {
      const surprise = Math.abs(now.total / now.clients - (before.total + change) / before.clients);
      this.#doubt = Math.max(surprise, (this.#doubt ?? 0) * (1 - doubtFades));
    }
    if (kind === null || change >= 0) return null;
    const share = (now.total - before.total) / change;
    if (kind === 'promote') {
      this.#credit = Math.min(mostCredit, Math.max(leastCredit, (this.#credit + share) / 2));
    } else if (kind === 'move') {
      this.#moved(share >= keptAtLeast);
    }
    return { action: kind, share };
  }

  #moved(asPromised: boolean): void {
    if (asPromised) {
      this.#failures = Math.floor(this.#failures / 2);
    } else {
      this.#pause = firstPause * 2 ** Math.min(this.#failures, mostDoublings);
      this.#failures++;
    }
  }

  /** Takes note of what was decided on a reading. `before`: what had been decided on the one before it. */
  decided(now: Reading, actions: readonly Action[], before: readonly Action[]): void {
    const isUndone =
      before.some(({ action }) => action === 'retire') && actions.some(({ action }) => action === 'promote');
    if (isUndone) this.#regret = Math.min(mostRegret, this.#regret * 4);
    this.#wasMet ||= now.met;
    this.#expected = { before: now, actions, change: actions.reduce((sum, { change }) => sum + change, 0) };
  }
}

/** What kind of decision these actions are together; a swap is a move. Null when nothing is done. */
function kindOf(actions: readonly Action[]): BidAction | null {
  const [first] = actions;
  if (first === undefined) return null;
  return actions.every(({ action }) => action === first.action) ? first.action : 'move';
}
