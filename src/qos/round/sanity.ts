/**
 * Plausibility of a neighbour's report.
 *
 * A peer adds up what others report, so a liar's numbers would travel up to the root in an honest peer's name. Each parent therefore checks
 * a report against what is true of any farm: no delay exceeds the clamp, no more clients are over the limit than there are, each client is
 * sampled once, and only servers make bids, few of them, and never for more than their clients' total delay. A report that fails a check
 * counts as silence; a report that passes is believed. How often promises are kept is for `Trust`. A child may report only servers below
 * it, according to the membership, where each server's own signed record names its parent.
 */
import { isSound, NOBODY } from '../../core/index.ts';
import type { Aggregate, Bid, BidAction, MemberSample, Membership, PeerHandle, TreeKind } from '../../core/index.ts';
import type { Announcement } from './announcement.ts';
import { costOf } from '../requirement.ts';
import { mostBids, mostPeers, mostSamples } from './tally.ts';
import { samplesKept } from './window.ts';

/** Numbers are rounded on the wire, so a value may exceed a bound a little: by a factor, and by a constant. */
const slack = 1.001;
const slackMs = 0.1;
/** Samples represent their group only roughly: a bid may promise up to this many times the total of the subtree. */
const sampling = 2;
/**
 * A report travels faster than the heartbeats that tell a subtree's size. Meanwhile the subtree may have grown by this factor, and by a
 * constant.
 */
const growth = 2;
const newcomers = 8;
/** No tree of servers is deeper than this many levels. */
const mostServerDepth = 64;
/** The most bids of one server, by kind. */
const bidsOfOne: Readonly<Record<BidAction, number>> = { promote: 2, move: 1, retire: 1 };

/** Whether an honest child in this tree can report this aggregate in that round. */
export function isSane(aggregate: Aggregate, tree: TreeKind, announcement: Announcement): boolean {
  if (!isCounted(aggregate) || !isSummed(aggregate, announcement)) return false;
  return tree === 'clients'
    ? isOfClients(aggregate, announcement)
    : aggregate.samples.length === 0 && areBids(aggregate, announcement);
}

/** Whether a child that last told this size can have heard this many clients. */
export function isOfSize({ clients }: Aggregate, size: number): boolean {
  return clients <= growth * size + newcomers;
}

/** A child's report in the tree of servers, without what it says about servers that are not below it. */
export function ofThoseBelow(membership: Membership, child: PeerHandle, told: Aggregate): Aggregate {
  const bids = told.bids.filter(({ server }) => isBelow(membership, server, child));
  const isOwn = isBelow(membership, told.worstServer, child);
  const serveSketch = countedIn(told.serveSketch) <= countBelow(membership, child) ? told.serveSketch : [];
  return { ...told, bids, serveSketch, worst: isOwn ? told.worst : NOBODY };
}

/** Whether a server is that child or is below it. */
function isBelow(membership: Membership, server: PeerHandle, child: PeerHandle): boolean {
  let at = server;
  for (let steps = 0; steps < mostServerDepth && at !== child; steps++) {
    const above = membership.get(at)?.parent ?? NOBODY;
    if (above === NOBODY || above === at) return false;
    at = above;
  }
  return at === child;
}

function countBelow(membership: Membership, child: PeerHandle): number {
  let count = 0;
  for (const { subject, state } of membership.records())
    if (state !== 'gone' && isBelow(membership, subject, child)) count++;
  return count;
}

function isCounted(aggregate: Aggregate): boolean {
  const { expected, reported, clients, over, requests, failures, strays, servers, sketch, serveSketch } = aggregate;
  const counts = [expected, reported, clients, over, requests, failures, strays, servers, ...sketch, ...serveSketch];
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) return false;
  return (
    expected <= mostPeers &&
    reported <= expected &&
    clients <= reported &&
    over <= clients &&
    strays <= clients &&
    servers <= reported &&
    failures <= requests &&
    requests <= clients * samplesKept &&
    countedIn(sketch) <= clients &&
    countedIn(serveSketch) <= servers
  );
}

/** The number of delays in a sketch. */
function countedIn(pairs: readonly number[]): number {
  let count = 0;
  for (let at = 1; at < pairs.length; at += 2) count += pairs[at] as number;
  return count;
}

function isSummed(
  { clients, sumMs, loss, worstLoss, worstMs, visits }: Aggregate,
  { cost, clampMs, limitMs }: Announcement,
): boolean {
  const isUpTo = (value: number, most: number): boolean => value >= 0 && value <= most * slack + slackMs;
  const mostLoss = clients * costOf(cost, clampMs, limitMs);
  let visited = 0;
  for (const visit of visits) {
    if (!(visit.loss >= 0)) return false;
    visited += visit.loss;
  }
  return (
    isUpTo(sumMs, clients * clampMs) &&
    isUpTo(worstMs, clampMs) &&
    [loss, worstLoss, visited].every((lost) => isUpTo(lost, mostLoss))
  );
}

/** Whether this can be the report of a client's subtree: each peer counts itself only, and no servers are named. */
function isOfClients(aggregate: Aggregate, { clampMs }: Announcement): boolean {
  const { clients, samples, bids, visits, servers, loss, worstLoss, worstServer } = aggregate;
  if (bids.length > 0 || visits.length > 0 || servers > 0 || loss > 0 || worstLoss > 0 || worstServer !== NOBODY)
    return false;
  // One peer may have been a server when it counted itself.
  if (samples.length > Math.min(clients, mostSamples) || samples.length < Math.min(clients - 1, mostSamples))
    return false;
  if (new Set(samples.map(({ peer }) => peer)).size < samples.length) return false;
  return samples.every((sample) => isSample(sample, clampMs * slack));
}

function isSample({ coordinate, delayMs, rttMs, secondMs }: MemberSample, mostMs: number): boolean {
  const isSecond = Number.isNaN(secondMs) || (secondMs >= 0 && secondMs <= mostMs);
  return isSound(coordinate) && rttMs >= 0 && rttMs <= delayMs && delayMs <= mostMs && isSecond;
}

function areBids({ bids, clients, sumMs, over }: Aggregate, { cost, clampMs, limitMs }: Announcement): boolean {
  const felt =
    cost === 'delay' ? sumMs : over + costOf(cost, 0, limitMs) + costOf(cost, limitMs, limitMs) * (sumMs / limitMs);
  const mostGain = sampling * felt * slack + slackMs;
  const mostHarm = clients * costOf(cost, clampMs, limitMs) * sampling + costOf(cost, clampMs, limitMs) + mostMsOfAWay;
  const made = new Map<string, number>();
  const isBid = ({ action, server, candidates, coordinate, change }: Bid): boolean => {
    const key = `${action} ${server}`;
    const count = (made.get(key) ?? 0) + 1;
    made.set(key, count);
    const asks = action === 'retire' ? candidates.length === 0 && change >= 0 : candidates.length > 0;
    return asks && count <= bidsOfOne[action] && isSound(coordinate) && change >= -mostGain && change <= mostHarm;
  };
  return bids.length <= 3 * mostBids && bids.every(isBid);
}

/** A retiring server adds its own round trip to the next server; no round trip on this planet is longer than this, ms. */
const mostMsOfAWay = 60_000;
