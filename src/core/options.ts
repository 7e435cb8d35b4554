/**
 * What an owner may set about the shape and the pulse of a farm.
 *
 * The same options go to every peer of a service (they are part of the charter). `validateOptions` checks how the fields
 * relate, because most bad settings are fine one by one.
 */
export interface TreeOptions {
  /** Children of each kind that a peer takes. More: flatter trees, quicker multicast, more load on each parent. */
  readonly fanOut: number;
  /** Places beyond `fanOut` for orphans that bring a subtree along, and for joiners that have nowhere else to go. */
  readonly guestRoom: number;
  /** The quickest pulse, ms: for farms whose peers stay for minutes. */
  readonly minHeartbeatMs: number;
  /** The slowest pulse, ms: for farms whose peers stay for hours. Equal to the minimum = a fixed pulse. */
  readonly maxHeartbeatMs: number;
  /** Heartbeats that may be missed before a neighbour counts as lost. Detection takes this many intervals. */
  readonly missedBeats: number;
  /** An orphan may push a child out when its round trip is at most this share of the worst child's. */
  readonly evictRatio: number;
  /** And that at most once per parent in this many heartbeats; both against livelock. */
  readonly evictEveryBeats: number;
  /** How often a peer looks for a better parent, in heartbeats. */
  readonly optimiseEveryBeats: number;
  /** "No penalty": a detour through a sibling may be this much longer than the direct way. */
  readonly detourSlack: number;
  /** A move up, or to another server, must save at least this share of the present delay. */
  readonly moveGain: number;
  /** How long a peer waits for the answer to a ping or a join, in heartbeats. */
  readonly answerBeats: number;
  /** How long the dead are remembered, ms. Who was away longer takes a snapshot and sends no deltas. */
  readonly tombstoneMs: number;
  /** How often a peer has its reachability confirmed, ms. */
  readonly reachableForMs: number;
  /** Servers that a client is told of, besides the root and one far away. */
  readonly viewSize: number;
  /** A draining peer leaves at the latest after this many heartbeats, children or not. */
  readonly drainBeats: number;
  /** Messages per origin kept for those who missed some. */
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
 * The most children of a kind that a heartbeat can name to each other: a roster of more is too long for the wire, even when each of them
 * has but one short address (`src/wire/limits.ts`; a test there counts them).
 */
export const mostChildren = 691;
/** The most servers of a view that fit one message, however long their addresses are. */
const mostViewed = 64;

/** Sentences about what does not fit together, or through the wire; empty when all is well. */
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
