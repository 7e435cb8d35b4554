/**
 * What the controller has learned from its own decisions.
 *
 * Every decision comes with the change that is expected of it, and the next reading shows what became of that. So the controller knows how
 * much promotions bring beyond what their bids can see, which moves are not worth trying again, whether it retires too eagerly, and how
 * far a reading can be trusted at all: in a real network the same farm reads a little differently each time, and who acts on such
 * differences is never done. A farm whose readings do not waver is trimmed to the last server, one whose readings do keeps a little more.
 */
import { NOBODY } from '../../core/index.ts';
import type { BidAction, PeerHandle } from '../../core/index.ts';
import type { Action } from './policy.ts';
import type { CostKind } from '../requirement.ts';

/** What a policy may know of it. */
export interface Lessons {
  /** What promotions really changed lately, over what was expected of them: bids do not see gains in other groups. */
  readonly credit: number;
  /** Who came beside the others by the last move: now one of them all is to go. NOBODY when nothing is being tried. */
  readonly newcomer: PeerHandle;
  /** It should have been decided by now who goes for the newcomer. */
  readonly isOverdue: boolean;
  /** Not too many newcomers came in vain lately. */
  readonly mayTry: boolean;
  /** Who is not to be the end of a move now: candidates that were tried in vain, servers that proposed them, and who just left. */
  readonly resting: ReadonlySet<PeerHandle>;
  /** 1, and more after retirements that had to be undone: so much more must be to spare before the next. */
  readonly regret: number;
  /** The requirement was met before: something was lost, and users should not wait for it twice. */
  readonly recovering: boolean;
  /** The last decision was an exchange, and this is what came of it. */
  readonly hasExchanged: boolean;
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
const mostCredit = 2;
/** Readings for which both ends of a move rest, the candidate that was tried in vain or the server that left; each time twice as long. */
const endsRest = 16;
/** And the server that proposed a move in vain: its next best may be better. */
const proposerRests = 1;
const mostDoublings = 7;
/** Peers that rest; who began first is forgotten first. */
const mostResting = 1_024;
/** So long somebody may go for a newcomer, readings; then it stays. */
const trialReadings = 4;
/** So many trials in vain, in a row, cost nothing more; from then on the farm takes a rest from all of them, longer each time. */
const freeTrials = 3;
const mostRegret = 256;
/** What is regretted is forgotten by this share with each reading: who was wrong at night may be right by day. */
const regretFades = 0.03;
/** Doubt is the largest surprise lately; it fades by this share with each reading. */
const doubtFades = 0.2;

interface Expectation {
  readonly before: Reading;
  readonly actions: readonly Action[];
  readonly change: number;
}

/** A server more than is needed, to see who can go for it. */
interface Trial {
  readonly move: Action;
  /** NOBODY while, or when, nobody took it on. */
  newcomer: PeerHandle;
  readonly until: number;
}

export class Experience {
  #credit = 1;
  #readings = 0;
  #trial: Trial | null = null;
  /** Trials in vain, less those that paid. */
  #inVain = 0;
  #quietUntil = 0;
  readonly #rests = new Map<PeerHandle, { readonly times: number; readonly until: number }>();
  #regret = 1;
  #doubt: number | null = null;
  /** What kind of cost the doubt is about. */
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
    // A farm that was left alone and misses what it met has lost something: no waver of its readings.
    const isLoss = kind === null && before.met && !now.met;
    if ((kind === null && !isLoss) || kind === 'retire') {
      const surprise = Math.abs(now.total / now.clients - (before.total + change) / before.clients);
      this.#doubt = Math.max(surprise, (this.#doubt ?? 0) * (1 - doubtFades));
    }
    // Of an exchange, what the newcomer brought.
    const promised = kind === 'promote' ? sumOf(actions.filter(({ action }) => action === kind)) : change;
    if (kind === null || promised >= 0) return null;
    const share = (now.total - before.total - (change - promised)) / promised;
    // What a move promises is less than what its newcomer brings.
    const isTelling = kind === 'promote' && actions.every(({ leaves }) => leaves === NOBODY);
    if (isTelling) this.#credit = Math.min(mostCredit, Math.max(leastCredit, (this.#credit + share) / 2));
    return { action: kind, share };
  }

  /** Takes note of what was decided on a reading. `before`: what had been decided on the one before it. */
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

  /** Who goes for a newcomer: somebody else, the newcomer itself, or nobody since nobody came. */
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

/** A server goes for a newcomer. */
function isExchange(actions: readonly Action[]): boolean {
  return kindOf(actions) === 'promote' && actions.some(({ action }) => action === 'retire');
}

/**
 * What kind of decision these actions are together: all are of one kind, but that somebody may retire for one who is promoted. Null for
 * none.
 */
export function kindOf(actions: readonly Action[]): BidAction | null {
  return actions[0]?.action ?? null;
}
