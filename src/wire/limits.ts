/**
 * How large anything on the wire may be.
 *
 * There are two kinds of bounds. The size of a message, by kind, is checked before anything in it is read, and again when a message is
 * written: a stranger can make a peer hold at most this much. The length of a list or text bounds the work that a message of legal size can
 * cause. Code that builds messages must stay within the bounds; what does not fit is sent in several messages.
 */
import type { MessageKind } from '../core/index.ts';

const kib = 1024;
const mib = 1024 * kib;

/** The most bytes that a message of each kind may have, with its envelope. */
export const sizeLimits: Readonly<Record<MessageKind, number>> = {
  'tree-create': 4 * kib,
  join: 8 * kib,
  accept: 512 * kib,
  redirect: 64 * kib,
  evict: 64 * kib,
  part: 256,
  disown: 256,
  'heartbeat-down': 64 * kib,
  'heartbeat-up': 64 * kib,
  ping: 256,
  pong: 256,
  'members-compare': 1 * kib,
  members: 1 * mib,
  view: 64 * kib,
  'view-change': 64 * kib,
  'view-pull': 256,
  cast: 64 * kib,
  'cast-pull': 256,
  'cast-gone': 256,
  'cast-heads': 256 * kib,
  volunteer: 8 * kib,
  offer: 4 * kib,
  answer: 256,
  'release-ask': 256,
  'release-now': 4 * kib,
  'dial-back': 256,
  'dialed-back': 256,
  report: 16 * kib,
  aggregate: 128 * kib,
  survey: 16 * kib,
  surveyed: 16 * kib,
  grant: 4 * kib,
  granted: 256,
  retire: 1 * kib,
  shed: 256,
};

/** The largest of these limits: what a reader of length-prefixed messages must be able to hold. */
export const largestMessageBytes = Math.max(...Object.values(sizeLimits));

/** A peer's durable record is small; this only bounds what a damaged database can ask for. */
export const durableLimitBytes = 64 * kib;

/** The most items that a list may have, and the most bytes that a text or blob may have. */
export const itemLimits = {
  /** Peers of one message. */
  peers: 8192,
  /** Addresses of one peer; the sender names its first eight. */
  addresses: 8,
  addressBytes: 256,
  /** The most bytes of addresses that a peer keeps of another: lists of peers have to stay inside their messages. */
  addressesBytes: 512,
  ancestors: 256,
  /** Also the most children of one parent that a message can name. */
  siblings: 1024,
  candidates: 256,
  deltas: 512,
  records: 4096,
  heads: 4096,
  buckets: 16,
  credentialBytes: 4 * kib,
  sketch: 1024,
  samples: 256,
  bids: 64,
  visits: 128,
  alternatives: 8,
  surveyed: 16,
  topicBytes: 256,
  noteBytes: 64 * kib,
  pathBytes: 4 * kib,
} as const;
