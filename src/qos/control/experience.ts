/**
 * What the controller has learned from its own decisions.
 *
 * Every decision comes with an expected change, and the next reading shows the real one. So the controller learns how much promotions gain
 * beyond what their bids can see, which moves are not worth trying again, whether it retires too eagerly, and how far a reading can be
 * trusted. In a real network the same farm reads a little differently each time, and a controller that acts on such differences never
 * stops. A farm with steady readings is reduced to the last server that it can spare; a farm with noisy readings keeps a little more.
 */
import { NOBODY } from '../../core/index.ts';
import type { BidAction, PeerHandle } from '../../core/index.ts';
import type { Action } from './policy.ts';
import type { CostKind } from '../requirement.ts';

/** The part of the experience that policies use. */
export interface Lessons {
  /** What recent promotions changed, over what was expected: bids do not see gains in other groups. */
  readonly credit: number;
  /** The newcomer of the last move, while it is open which server retires for it. NOBODY when no move is being tried. */
  readonly newcomer: PeerHandle;
  /** The decision which server retires for the newcomer is overdue. */
  readonly isOverdue: boolean;
  /** A move may be tried: few enough recent ones failed. */
  readonly mayTry: boolean;
  /**
   * Peers that take no part in a move now: candidates that were tried in vain, servers that proposed them, and servers that just retired.
   */
  readonly resting: ReadonlySet<PeerHandle>;
  /** 1, and more after retirements that had to be undone: the spare budget that a retirement needs is multiplied by it. */
  readonly regret: number;
  /** The requirement was met before and is missed now: users should not wait for a slow repair. */
  readonly recovering: boolean;
  /** The last decision was an exchange; this reading shows its result. */
  readonly hasExchanged: boolean;
  /** The noise of readings: how far they differ from what was expected, as cost of one client; null before two can be compared. */
  readonly doubt: number | null;
}

/** A reading, as far as it can be compared with the next. */
export interface Reading {
  readonly cost: CostKind;
  /** The summed cost, and the number of clients that it is summed over. */
  readonly total: number;
  readonly clients: number;
  readonly met: boolean;
}

/** How much of its promise the last decision kept, 1 = all. */
export interface Kept {
  readonly action: BidAction;
  readonly share: number;
}

/** Bounds of `credit`: promotions count for at least and at most this multiple of their promise. */
const leastCredit = 0.7;
const mostCredit = 2;
/**
 * Readings for which a candidate that was tried in vain, or the server that retired for one, takes no part in moves; twice as long each
 * time.
 */
const endsRest = 16;
/** Readings for which the server that proposed a failed move rests: its next best candidate may be better. */
const proposerRests = 1;
const mostDoublings = 7;
/** Resting peers remembered; the one that has rested longest is forgotten first. */
const mostResting = 1_024;
/** Within this many readings another server may retire for a newcomer; then the newcomer stays. */
const trialReadings = 4;
/** This many failed moves in a row cost nothing; after more, no move is tried for a while, longer each time. */
const freeTrials = 3;
const mostRegret = 256;
/** Regret fades by this share with each reading: a retirement that was wrong at night may be right by day. */
const regretFades = 0.03;
/** Doubt is the largest surprise lately; it fades by this share with each reading. */
const doubtFades = 0.2;

interface Expectation {
  readonly before: Reading;
  readonly actions: readonly Action[];
  readonly change: number;
}

/** A move being tried: one more server than is needed, to find out which one can retire. */
interface Trial {
  readonly move: Action;
  /** NOBODY until a candidate serves, or when none agreed. */
  newcomer: PeerHandle;
  readonly until: number;
}

export class Experience {
  #credit = 1;
  #readings = 0;
  #trial: Trial | null = null;
  /** Failed moves, less those that gained. */
  #inVain = 0;
  #quietUntil = 0;
  readonly #rests = new Map<PeerHandle, { readonly times: number; readonly until: number }>();
  #regret = 1;
  #doubt: number | null = null;
  /** The kind of cost that the doubt belongs to. */
  #doubtOf: CostKind | null = null;
  #wasMet = false;
  #hasExchanged = false;
  #expected: Expectation | null = null;

  get lessons(): Lessons {
    return {
      credit: this.#credit,
      newcomer: this.#trial?.newcomer ?? NOBODY,
      isOverdue: this.#trial !== null && this.#readings >= this.#trial.until,
      mayTry: this.#readings > this.#quietUntil,
      resting: new Set([...this.#rests].filter(([, { until }]) => until >= this.#readings).map(([peer]) => peer)),
      regret: this.#regret,
      recovering: this.#wasMet,
      hasExchanged: this.#hasExchanged,
      doubt: this.#doubt,
    };
  }

  /** Compares a reading with what was expected of it. Returns how much of its promise the last decision kept; null when there was none. */
  read(now: Reading): Kept | null {
    const expected = this.#expected;
    this.#expected = null;
    this.#readings++;
    this.#regret = Math.max(1, this.#regret * (1 - regretFades));
    if (this.#trial !== null && this.#trial.newcomer === NOBODY) this.#endTrial(NOBODY);
    else if (this.#trial !== null && this.#readings > this.#trial.until) this.#trial = null;
    if (this.#doubtOf !== now.cost) this.#doubt = null;
    this.#doubtOf = now.cost;
    if (expected === null || expected.before.cost !== now.cost) return null;
    const { before, actions, change } = expected;
    const kind = kindOf(actions);
    // An unchanged farm that now misses its requirement has lost a server: that is not noise.
    const isLoss = kind === null && before.met && !now.met;
    if ((kind === null && !isLoss) || kind === 'retire') {
      const surprise = Math.abs(now.total / now.clients - (before.total + change) / before.clients);
      this.#doubt = Math.max(surprise, (this.#doubt ?? 0) * (1 - doubtFades));
    }
    // Of an exchange, only the newcomer's gain counts.
    const promised = kind === 'promote' ? sumOf(actions.filter(({ action }) => action === kind)) : change;
    if (kind === null || promised >= 0) return null;
    const share = (now.total - before.total - (change - promised)) / promised;
    // A move promises less than its newcomer gains.
    const isTelling = kind === 'promote' && actions.every(({ leaves }) => leaves === NOBODY);
    if (isTelling) this.#credit = Math.min(mostCredit, Math.max(leastCredit, (this.#credit + share) / 2));
    return { action: kind, share };
  }

  /** Records what was decided on a reading. `before`: what had been decided on the reading before it. */
  decided(now: Reading, actions: readonly Action[], before: readonly Action[]): void {
    const isUndone = kindOf(before) === 'retire' && kindOf(actions) === 'promote';
    if (isUndone) this.#regret = Math.min(mostRegret, this.#regret * 4);
    this.#wasMet ||= now.met;
    const [first] = actions;
    if (first?.action === 'move')
      this.#trial = { move: first, newcomer: NOBODY, until: this.#readings + trialReadings };
    else if (first?.action === 'retire') this.#endTrial(first.server);
    else if (first?.action === 'promote') this.#trial = null;
    this.#hasExchanged = isExchange(actions);
    this.#expected = { before: now, actions, change: sumOf(actions) };
  }

  /** The last decision was a move, and this peer serves now. */
  came(peer: PeerHandle): void {
    if (this.#trial !== null) this.#trial.newcomer = peer;
  }

  /** Ends the trial: another server retires for the newcomer, or the newcomer retires, or none does because no newcomer came. */
  #endTrial(leaver: PeerHandle): void {
    const trial = this.#trial;
    this.#trial = null;
    if (trial === null) return;
    const { move, newcomer } = trial;
    const inVain = leaver === newcomer;
    const ends = new Set(inVain ? [newcomer, ...move.candidates.slice(0, 1)] : [leaver]);
    for (const peer of ends) if (peer !== NOBODY) this.#rest(peer, endsRest);
    if (inVain) this.#rest(move.server, proposerRests);
    else this.#rests.delete(move.server);
    this.#inVain = inVain ? Math.min(this.#inVain + 1, freeTrials + mostDoublings) : this.#inVain >> 1;
    if (inVain && this.#inVain > freeTrials) this.#quietUntil = this.#readings + 2 ** (this.#inVain - freeTrials - 1);
  }

  #rest(peer: PeerHandle, readings: number): void {
    const times = this.#rests.get(peer)?.times ?? 0;
    this.#rests.delete(peer);
    this.#rests.set(peer, {
      times: Math.min(times + 1, mostDoublings),
      until: this.#readings + readings * 2 ** times,
    });
    const [oldest] = this.#rests.keys();
    if (this.#rests.size > mostResting && oldest !== undefined) this.#rests.delete(oldest);
  }
}

function sumOf(actions: readonly Action[]): number {
  return actions.reduce((sum, { change }) => sum + change, 0);
}

/** Whether one server retires for another that is promoted. */
function isExchange(actions: readonly Action[]): boolean {
  return kindOf(actions) === 'promote' && actions.some(({ action }) => action === 'retire');
}

/**
 * The kind of decision that these actions are together: all have the same kind, except that a server may retire for one that is promoted.
 * Null for no action.
 */
export function kindOf(actions: readonly Action[]): BidAction | null {
  return actions[0]?.action ?? null;
}
