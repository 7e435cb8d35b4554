/**
 * What an owner may set about the shape of the trees and the pulse.
 *
 * The same options go to every peer of a service (they are part of the charter). `validateOptions` checks how the fields
 * relate, because most bad settings are fine one by one.
 */
export interface TreeOptions {
  /** Children of each kind that a peer takes. More: flatter trees, quicker multicast, more load on each parent. */
  readonly fanOut: number;
  /** Places beyond `fanOut` for orphans that bring a subtree along, and for joiners that found no room elsewhere. */
  readonly guestRoom: number;
  /** The quickest pulse, ms: for farms whose peers stay for minutes. */
  readonly minHeartbeatMs: number;
  /** The slowest pulse, ms: for farms whose peers stay for hours. Equal to the minimum = a fixed pulse. */
  readonly maxHeartbeatMs: number;
  /** Heartbeats that may be missed before a neighbour counts as lost. Detection takes this many intervals. */
  readonly missedBeats: number;
  /** An orphan may evict a child when its round trip is at most this share of the worst child's. */
  readonly evictRatio: number;
  /** A parent evicts at most once in this many heartbeats; both limits are against livelock. */
  readonly evictEveryBeats: number;
  /** How often a peer looks for a better parent, in heartbeats. */
  readonly optimiseEveryBeats: number;
  /** "No penalty": a detour through a sibling may be this share longer than the direct path. */
  readonly detourSlack: number;
  /** A move up, or to another server, must save at least this share of the present delay. */
  readonly moveGain: number;
  /** How long a peer waits for the answer to a ping or a join, in heartbeats. */
  readonly answerBeats: number;
  /** How long tombstones last, ms. A peer that was away longer takes a snapshot and sends no deltas. */
  readonly tombstoneMs: number;
  /** How often a peer has its reachability confirmed, ms. */
  readonly reachableForMs: number;
  /** Servers that a client is told of, besides the root and one far away. */
  readonly viewSize: number;
  /** A draining peer leaves at the latest after this many heartbeats, whether or not children remain. */
  readonly drainBeats: number;
  /** Messages per origin kept for neighbours that missed some. */
  readonly castHistory: number;
}

export const defaultOptions: TreeOptions = {
  fanOut: 8,
  guestRoom: 8,
  minHeartbeatMs: 1_000,
  maxHeartbeatMs: 5_000,
  missedBeats: 3,
  evictRatio: 0.7,
  evictEveryBeats: 30,
  optimiseEveryBeats: 10,
  detourSlack: 0.1,
  moveGain: 0.2,
  answerBeats: 2,
  tombstoneMs: 7 * 24 * 3_600_000,
  reachableForMs: 10 * 60_000,
  viewSize: 8,
  drainBeats: 30,
  castHistory: 256,
};

/**
 * The most children of a kind that a heartbeat can name: the roster of more would be too long for the wire, even when each child has only
 * one short address (`src/wire/limits.ts`; a test there counts them).
 */
export const mostChildren = 691;
/** The most servers of a view that fit one message, whatever the length of their addresses. */
const mostViewed = 64;

/** Sentences about options that contradict each other, or exceed the wire's limits; empty when all is well. */
export function validateOptions(options: TreeOptions): string[] {
  const problems: string[] = [];
  const need = (holds: boolean, sentence: string): void => {
    if (!holds) problems.push(sentence);
  };
  need(
    Number.isInteger(options.fanOut) && options.fanOut >= 2,
    `fanOut is ${options.fanOut}; a tree needs at least 2 children a parent`,
  );
  need(options.guestRoom >= 0, `guestRoom is ${options.guestRoom}; it cannot be negative`);
  need(
    options.fanOut + options.guestRoom <= mostChildren,
    `fanOut (${options.fanOut}) and guestRoom (${options.guestRoom}) are more than ${mostChildren} children; ` +
      'no heartbeat could name them all',
  );
  need(
    options.viewSize <= mostViewed,
    `viewSize is ${options.viewSize}; a view of more than ${mostViewed} servers may not fit a message`,
  );
  need(
    options.minHeartbeatMs >= 50,
    `minHeartbeatMs is ${options.minHeartbeatMs}; under 50 ms the pulse is all the farm would do`,
  );
  need(
    options.maxHeartbeatMs >= options.minHeartbeatMs,
    `maxHeartbeatMs (${options.maxHeartbeatMs}) is below minHeartbeatMs (${options.minHeartbeatMs})`,
  );
  need(
    options.missedBeats >= 2,
    `missedBeats is ${options.missedBeats}; under 2 one lost message is taken for a death`,
  );
  need(
    options.evictRatio > 0 && options.evictRatio < 1,
    `evictRatio is ${options.evictRatio}; it must lie between 0 and 1`,
  );
  need(
    options.detourSlack < options.moveGain,
    `detourSlack (${options.detourSlack}) must be below moveGain (${options.moveGain}), or peers move down and up for ever`,
  );
  need(options.answerBeats >= 1, `answerBeats is ${options.answerBeats}; an answer needs at least one heartbeat`);
  need(options.castHistory >= 16, `castHistory is ${options.castHistory}; under 16 a repair loses messages`);
  return problems;
}
