/**
 * The default policy: promote where it helps the farm most, then retire what is not needed. In terms of facility location it is a greedy
 * algorithm with local search: add, drop, swap.
 *
 * Requirement missed: the bids with the largest gains are granted, one for each neighbourhood, until the expected figure meets the
 * requirement. A bid under 0.35 of the best waits for the next round, when better ones may have come up, and a growing farm at most doubles
 * its servers in one round. If one newcomer in the place of another server is enough, that exchange is made instead.
 *
 * Requirement met: one change a round. The server that is cheapest to lose retires if the requirement still holds without it. Otherwise a
 * move is tried, in a way that hurts nobody if it was a mistake: a newcomer is added, the next round shows which server is now cheapest to
 * lose, and that one retires, be it the newcomer. Such gains pay for the next retirement. A change that promises less than the gate, or
 * less than readings of an unchanged farm differ by, is not made, and peers that were tried in vain rest; so a farm that meets its
 * requirement makes no changes.
 */
import { NOBODY, predictRttMs } from '../../core/index.ts';
import type { Aggregate, Bid } from '../../core/index.ts';
import type { Action, Policy, Situation } from './policy.ts';
import { mostSamples } from '../round/tally.ts';

/** A bid below this share of the best gain waits for the next round. */
const leastShareOfBest = 0.35;
/** A farm grows by at most this share of its servers in a round. */
const mostGrowth = 1;
const growthOfSampled = 1 / 3;
/** An exchange needs at least this many servers. */
const leastForExchange = 3;
/** Two grants to different groups must be this far apart, as a share of the mean round trip of the farm's clients. */
const neighbourhoodShare = 0.5;
/** After a loss, this share of the budget should be spare: one server too many is retired later, one too few costs another round. */
const spareInRecovery = 0.03;
/** A move must gain this share of the budget. */
const gate = 0.001;
/** After a retirement this share of the budget must be left. */
const reserve = 0.001;
/** The cost of a retirement is known to this share when groups are known by a sample. */
const sampleError = 0.05;
/** A farm with more than this share of its clients in other servers' trees retires none: the sums by group are not true yet. */
const mostStrays = 0.25;

export const balanced: Policy = {
  name: 'balanced',
  decide(situation) {
    const { goal, figures, aggregate, margin, total, budget } = situation;
    const idle = idleServer(situation);
    if (!goal.isMet(figures)) {
      const exchanged = exchange(situation);
      if (exchanged !== null)
        return {
          actions: exchanged,
          reason: 'the requirement is missed; with one server in the place of another it should hold',
        };
      const actions = promotions(situation);
      if (actions.length > 0) return { actions, reason: 'the requirement is missed; these gain most' };
      if (idle !== null)
        return { actions: [idle], reason: 'no client gains by one more server; this one is of no use' };
      return { actions: [], reason: 'the requirement is missed, and no bid gains anything' };
    }
    if (margin === 'n-1' && total + aggregate.worstLoss > budget) {
      const actions = promotions(situation);
      if (actions.length > 0)
        return { actions, reason: 'the requirement would be missed if the most important server were lost' };
      return {
        actions: [],
        reason: 'the requirement is met, but would be missed after the loss of one server, and no bid helps',
      };
    }
    if (aggregate.strays > mostStrays * aggregate.clients)
      return { actions: [], reason: 'the requirement is met; clients are still moving' };
    return trim(situation, idle);
  },
};

function promotions({ aggregate, total, budget, lessons }: Situation): Action[] {
  const { credit, recovering } = lessons;
  const bids = aggregate.bids.filter(({ action, change }) => action === 'promote' && change < 0);
  bids.sort((a, b) => a.change - b.change);
  const bestChange = bids[0]?.change ?? 0;
  const granted: Bid[] = [];
  let expected = total;
  // No bid knows what a newcomer gains for other groups: a growing farm adds a few servers in one round, then measures again.
  const growth = isSampled(aggregate) ? growthOfSampled : mostGrowth;
  const most = recovering ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(aggregate.servers * growth));
  const target = recovering ? budget * (1 - spareInRecovery) : budget;
  for (const bid of bids) {
    if (granted.length > 0 && expected <= target) break;
    // The requirement was met before: its users do not wait for a better bid.
    if ((bid.change > leastShareOfBest * bestChange && !recovering) || granted.length >= most) break;
    if (granted.some((other) => isNear(other, bid, aggregate.clients, total))) continue;
    granted.push(bid);
    expected += credit * bid.change;
  }
  return granted.map((bid) => promote(bid));
}

/**
 * An exchange: a newcomer for whom another server retires, if the farm is expected to meet the requirement that way. The first servers were
 * chosen when there were no others, and one too many would only be retired again. If an exchange was not enough, a promotion follows.
 */
function exchange({ aggregate, total, budget, margin, lessons }: Situation): Action[] | null {
  const { credit, recovering, hasExchanged, resting } = lessons;
  const isTime = !recovering && !hasExchanged && aggregate.servers >= leastForExchange;
  if (!isTime || margin === 'n-1' || total <= budget) return null;
  const { bids } = aggregate;
  const comes = leastOf(bids.filter(({ action }) => action === 'promote'));
  const goes = cheapest(bids);
  const rests = ({ server, candidates }: Bid): boolean =>
    resting.has(server) || candidates.some((peer) => resting.has(peer));
  const moves = leastOf(bids.filter((bid) => bid.action === 'move' && !rests(bid)));
  const moved = (moves?.change ?? 0) * Math.min(1, credit);
  const exchanged =
    comes === null || goes === null ? 0 : credit * comes.change + goes.change + unsureOf(aggregate, goes);
  if (total + Math.min(exchanged, moved) > budget) return null;
  if (moves !== null && moved <= exchanged)
    return [
      { ...promote(moves), leaves: moves.server },
      { ...retirement(moves), change: 0 },
    ];
  return comes === null || goes === null ? null : [promote(comes), retirement(goes)];
}

/** Bids of different groups for the same neighbourhood would both gain the same clients. */
function isNear(a: Bid, b: Bid, clients: number, total: number): boolean {
  if (a.server === b.server) return a.candidates[0] === b.candidates[0];
  const gainPerClientMs = Math.max(1, -Math.min(a.change, b.change) / Math.max(1, clients));
  return (
    predictRttMs(a.coordinate, b.coordinate) <
    neighbourhoodShare * Math.min(gainPerClientMs * 4, total / Math.max(1, clients))
  );
}

function promote({ server, candidates, change }: Bid): Action {
  return { action: 'promote', server, candidates, leaves: NOBODY, change };
}

/** A server whose loss costs nothing. */
function idleServer({ aggregate, budget }: Situation): Action | null {
  const bid = cheapest(aggregate.bids);
  if (bid === null || bid.change > (reserve * budget) / 10) return null;
  return retirement(bid);
}

function cheapest(bids: readonly Bid[]): Bid | null {
  return leastOf(bids.filter(({ action }) => action === 'retire'));
}

function leastOf(bids: readonly Bid[]): Bid | null {
  let least: Bid | null = null;
  for (const bid of bids) if (least === null || bid.change < least.change) least = bid;
  return least;
}

function trim(situation: Situation, idle: Action | null): ReturnType<Policy['decide']> {
  const { aggregate, total, budget, margin, lessons } = situation;
  const { regret, doubt } = lessons;
  if (doubt === null)
    return { actions: [], reason: 'the requirement is met; the next reading shows how far readings can be trusted' };
  const uncertain = doubt * aggregate.clients;
  const fits = (bid: Bid): boolean => {
    const { change } = bid;
    const spare = margin === 'n-1' ? aggregate.worstLoss + Math.max(0, change) : 0;
    return total + change + unsureOf(aggregate, bid) + spare <= budget * (1 - reserve * regret) - uncertain;
  };
  const worthIt = Math.max(gate * budget, uncertain);
  const isNew = ({ server }: Bid): boolean => server === lessons.newcomer;
  const newcomer = cheapest(aggregate.bids.filter(isNew));
  const retire = cheapest(aggregate.bids.filter((bid) => !isNew(bid)));
  if (lessons.newcomer !== NOBODY && newcomer === null) {
    const reason = 'no report says yet what the newcomer is worth';
    const isRival = retire !== null && fits(retire);
    if (!isRival && !lessons.isOverdue) return { actions: [], reason: `the requirement is met; ${reason}` };
    if (!isRival)
      return { actions: [retirement({ server: lessons.newcomer, change: 0 })], reason: `${reason}: it retires again` };
  }
  if (newcomer !== null) {
    if (retire !== null && fits(retire) && retire.change < newcomer.change - worthIt)
      return { actions: [retirement(retire)], reason: 'with the newcomer the requirement holds without this server' };
    if (total + newcomer.change <= budget)
      return { actions: [retirement(newcomer)], reason: 'no other server can be spared: the newcomer retires again' };
    return { actions: [], reason: 'the requirement is met; the next reading shows what the newcomer is worth' };
  }
  if (retire !== null && fits(retire))
    return {
      actions: [retirement(retire)],
      reason: 'the requirement holds without the server that is cheapest to lose',
    };
  if (idle !== null) return { actions: [idle], reason: 'the loss of this server costs nothing' };
  const move = lessons.mayTry ? bestMove(situation, retire, worthIt) : null;
  if (move !== null)
    return { actions: [move], reason: 'the requirement is met; with this newcomer another server may not be needed' };
  return { actions: [], reason: 'the requirement is met, and no change is worth it' };
}

/**
 * The newcomer to try so that another server can retire, by what both changes together should gain. No bid knows what a newcomer gains for
 * clients of other groups; the next round does.
 */
function bestMove({ aggregate, lessons }: Situation, retire: Bid | null, worthIt: number): Action | null {
  let best: Action | null = null;
  for (const bid of aggregate.bids) {
    const [candidate] = bid.candidates;
    if (bid.action === 'retire' || candidate === undefined) continue;
    if (lessons.resting.has(bid.server) || lessons.resting.has(candidate)) continue;
    const leaves = bid.action === 'move' ? bid.server : (retire?.server ?? NOBODY);
    const change = bid.action === 'move' ? bid.change : bid.change + (retire?.change ?? Number.POSITIVE_INFINITY);
    if (change < Math.min(-worthIt, best?.change ?? 0)) best = { ...promote(bid), action: 'move', leaves, change };
  }
  return best;
}

/** By how much a retirement may cost more than its bid says. */
function unsureOf(aggregate: Aggregate, { change }: Bid): number {
  return isSampled(aggregate) ? sampleError * Math.max(0, change) : 0;
}

/** The groups are larger than the samples by which they are known. */
function isSampled({ clients, servers }: Aggregate): boolean {
  return clients > mostSamples * servers;
}

function retirement({ server, change }: Pick<Bid, 'server' | 'change'>): Action {
  return { action: 'retire', server, candidates: [], leaves: NOBODY, change };
}
