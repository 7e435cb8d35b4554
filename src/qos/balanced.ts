/**
 * The default policy: promote where it helps the farm most, then take away what is not needed.
 *
 * Not met: of all bids the best gains are granted, one for each neighbourhood, until the expected figure meets the
 * requirement; a bid under 0.35 of the best is left for the next round, when better ones may have come up. Met: one change a round.
 * The server that is cheapest to lose goes if the requirement still holds without it; else a server moves to where its group's
 * clients are, if that gains enough to be worth the trouble; or one server goes and another comes elsewhere. Gains that are made so
 * pay for the next retirement. What promises less than the gate, or than readings of an unchanged farm differ by, is left alone, so a
 * steady farm is still.
 *
 * Of the schools of facility location this is greedy with local search: add, drop, swap.
 */
import { predictRttMs } from '../core/coordinates.ts';
import { NOBODY } from '../core/ids.ts';
import type { Bid } from '../core/messages.ts';
import type { Action, Policy, Situation } from './policy.ts';

/** A bid below this share of the best gain waits for the next round. */
const leastShareOfBest = 0.35;
/** Two grants to different groups must be this far apart, as a share of the mean round trip of the farm's clients. */
const neighbourhoodShare = 0.5;
/** A move is only tried while this share of the budget is left: it may bring less than it promised. */
const risk = 0.002;
/** After a loss, so much of the budget is to be spare: one server too many is trimmed later, one too few takes another round. */
const spareInRecovery = 0.03;
/** A move or swap must gain this share of the budget. */
const gate = 0.001;
/** After a retirement this share of the budget must be left. */
const reserve = 0.001;
/** Farms with more clients than this share of all in foreign trees are not trimmed: the sums by group are not true yet. */
const mostStrays = 0.25;

export const balanced: Policy = {
  name: 'balanced',
  decide(situation) {
    const { goal, figures, aggregate, margin, total, budget } = situation;
    const idle = idleServer(situation);
    if (!goal.isMet(figures)) {
      const actions = promotions(situation);
      if (actions.length > 0) return { actions, reason: 'the requirement is missed; these gain most' };
      if (idle !== null) return { actions: [idle], reason: 'nobody gains by a server more; this one is of no use' };
      return { actions: [], reason: 'the requirement is missed, and no bid gains anything' };
    }
    if (margin === 'n-1' && total + aggregate.worstLoss > budget) {
      const actions = promotions(situation);
      if (actions.length > 0)
        return { actions, reason: 'the requirement would be missed without the server that carries most' };
      return { actions: [], reason: 'the requirement is met, but not without any one server, and no bid helps' };
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
  const best = bids[0]?.change ?? 0;
  const granted: Bid[] = [];
  let expected = total;
  const target = recovering ? budget * (1 - spareInRecovery) : budget;
  for (const bid of bids) {
    if (granted.length > 0 && expected <= target) break;
    if (bid.change > leastShareOfBest * best) break;
    if (granted.some((other) => isNear(other, bid, aggregate.clients, total))) continue;
    granted.push(bid);
    expected += credit * bid.change;
  }
  return granted.map((bid) => promote(bid));
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

/** A server that nobody would miss. */
function idleServer({ aggregate, budget }: Situation): Action | null {
  const bid = cheapest(aggregate.bids);
  if (bid === null || bid.change > (reserve * budget) / 10) return null;
  return { action: 'retire', server: bid.server, candidates: [], leaves: NOBODY, change: bid.change };
}

function cheapest(bids: readonly Bid[]): Bid | null {
  let best: Bid | null = null;
  for (const bid of bids) if (bid.action === 'retire' && (best === null || bid.change < best.change)) best = bid;
  return best;
}

function trim(
  { aggregate, total, budget, margin, lessons }: Situation,
  idle: Action | null,
): ReturnType<Policy['decide']> {
  const { pause, regret, doubt } = lessons;
  if (doubt === null)
    return { actions: [], reason: 'the requirement is met; the next reading shows how far they can be trusted' };
  const uncertain = doubt * aggregate.clients;
  const retire = cheapest(aggregate.bids);
  const spare = margin === 'n-1' ? aggregate.worstLoss + Math.max(0, retire?.change ?? 0) : 0;
  if (retire !== null && total + retire.change + spare <= budget * (1 - reserve * regret) - uncertain) {
    const { server, change } = retire;
    return {
      actions: [{ action: 'retire', server, candidates: [], leaves: NOBODY, change }],
      reason: 'the requirement holds without the server that is cheapest to lose',
    };
  }
  if (idle !== null) return { actions: [idle], reason: 'nobody would miss this server' };
  if (total > budget * (1 - risk) - uncertain)
    return { actions: [], reason: 'the requirement is only just met: a move that went wrong would miss it' };
  if (pause > 0) return { actions: [], reason: 'the requirement is met; the last move did not bring what it promised' };
  const worthIt = -Math.max(gate * budget, uncertain);
  let best: Action | null = null;
  for (const bid of aggregate.bids) {
    if (bid.action === 'move' && bid.change < Math.min(worthIt, best?.change ?? 0))
      best = { ...promote(bid), action: 'move', leaves: bid.server };
    if (bid.action !== 'promote' || retire === null || retire.server === bid.server) continue;
    const change = bid.change + retire.change;
    if (change < Math.min(worthIt, best?.change ?? 0))
      best = { ...promote(bid), action: 'move', leaves: retire.server, change };
  }
  if (best !== null)
    return { actions: [best], reason: 'the requirement is met; this makes room for a later retirement' };
  return { actions: [], reason: 'the requirement is met, and no change is worth it' };
}
