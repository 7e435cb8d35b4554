/**
 * The wire form of every message: for each kind its field number, for each field its number and type.
 *
 * The compiler checks this file against `core/messages/index.ts`: a kind or field without an entry, an entry without a field, or a wrong
 * type is an error. To add a field, add one line; a peer that does not know it skips it.
 *
 * **Numbers are permanent**: never reuse one, never change the type of one. A new field in an existing record must be `optional`, or peers
 * of the older version are refused for not sending it. All fields of a statement are signed: see `statement-bytes.ts` before adding one.
 */
import type {
  Aggregate,
  Answer,
  Bid,
  BidAction,
  CastHead,
  CastPayload,
  Coordinate,
  DeclineReason,
  Evict,
  Limits,
  MemberRecord,
  MemberSample,
  MemberState,
  Message,
  Order,
  OrderAction,
  PeerCard,
  RedirectReason,
  ReleaseNotice,
  Roster,
  Signed,
  Stamp,
  Standing,
  TreeKind,
  Visit,
} from '../core/index.ts';
import { choice, chosen } from './choices.ts';
import { itemLimits } from './limits.ts';
import { record } from './records.ts';
import type { Fields } from './records.ts';
import {
  bool,
  bytes,
  constant,
  enumeration,
  ifSet,
  introducedPeer,
  list,
  optional,
  peer,
  peerOrNobody,
  scaled,
  signature,
  text,
  uint,
  unlessNaN,
} from './values.ts';

// --- Parts of messages ----------------------------------------------------------------------------------------------

/** Times that are measured, to 0.01 ms. */
const measuredMs = scaled(100);
/** Times that are agreed upon, to 1 ms. */
const wholeMs = scaled(1);
/** A position on an axis of the latency space, or its error: whole numbers, sent as they are. */
const axis = { ...scaled(1, { signed: true }), unit: 'in 1/100 ms' };
const placeError = { ...scaled(1, { most: 10_000 }), unit: 'in 1/10000' };

export const treeKind = enumeration<TreeKind>('TreeKind', { servers: 1, clients: 2 });

const coordinate = record<Coordinate>('Coordinate', {
  x: [1, axis],
  y: [2, axis],
  z: [3, axis],
  height: [4, axis],
  error: [5, placeError],
});

const peerCard = record<PeerCard>('PeerCard', {
  peer: [1, introducedPeer],
  coordinate: [2, coordinate],
  rttMs: [3, unlessNaN(measuredMs)],
});

const stamp = record<Stamp>('Stamp', { root: [1, peer], life: [2, uint], sequence: [3, uint] });

const roster = record<Roster>('Roster', {
  version: [1, uint],
  ancestors: [2, list(peerCard, itemLimits.ancestors)],
  siblings: [3, list(peerCard, itemLimits.siblings)],
  uncles: [4, list(peerCard, itemLimits.siblings)],
});

const standing = record<Standing>('Standing', { charter: [1, uint], epoch: [2, uint], term: [3, uint] });

const castHead = record<CastHead>('CastHead', { origin: [1, peer], incarnation: [2, uint], sequence: [3, uint] });

const limits = record<Limits>('Limits', {
  uploadBytesPerSecond: [1, uint],
  storageBytes: [2, uint],
  clients: [3, uint],
});

// --- Statements -----------------------------------------------------------------------------------------------------

const memberState = enumeration<MemberState>('MemberState', {
  joining: 1,
  serving: 2,
  draining: 3,
  gone: 4,
  excluded: 5,
});

const memberFields: Fields<Omit<MemberRecord, 'type'>> = {
  subject: [1, introducedPeer],
  incarnation: [2, uint],
  state: [3, memberState],
  parent: [4, peerOrNobody],
  coordinate: [5, coordinate],
  issuer: [6, peer],
  standing: [7, standing],
  signature: [8, signature],
  full: [9, ifSet()],
};

const releaseFields: Fields<Omit<ReleaseNotice, 'type'>> = {
  number: [1, uint],
  digest: [2, bytes(32, 32)],
  sizeBytes: [3, uint],
  issuer: [4, peer],
  standing: [5, standing],
  signature: [6, signature],
};

const orderFields: Fields<Omit<Order, 'type'>> = {
  action: [1, enumeration<OrderAction>('OrderAction', { serve: 1, retire: 2 })],
  subject: [2, peer],
  releaseNumber: [3, uint],
  issuer: [4, peer],
  standing: [5, standing],
  signature: [6, signature],
};

export const memberRecord = record<MemberRecord>('MemberRecord', { type: constant('member'), ...memberFields });
export const releaseNotice = record<ReleaseNotice>('ReleaseNotice', { type: constant('release'), ...releaseFields });
const order = record<Order>('Order', { type: constant('order'), ...orderFields });

/** Statements, and the seals of multicasts, in their signed form. */
export const statements = choice<Signed, 'type'>('type', {
  member: [1, memberFields],
  release: [2, releaseFields],
  order: [3, orderFields],
  cast: [
    4,
    {
      issuer: [1, peer],
      incarnation: [2, uint],
      sequence: [3, uint],
      topic: [4, text(itemLimits.topicBytes + 'note:'.length)],
      content: [5, bytes(itemLimits.noteBytes)],
      standing: [6, standing],
      signature: [7, signature],
    },
  ],
});

// --- Messages -------------------------------------------------------------------------------------------------------

const castPayload = chosen<CastPayload>(
  'CastPayload',
  choice<CastPayload, 'type'>('type', {
    release: [1, { notice: [1, releaseNotice] }],
    note: [2, { topic: [1, text(itemLimits.topicBytes)], bytes: [2, bytes(itemLimits.noteBytes)] }],
  }),
);

/** Sums over many peers, to 0.01. */
const sum = scaled(100, { most: 2 ** 43 });
const change = scaled(100, { signed: true, most: 2 ** 43 });

const memberSample = record<MemberSample>('MemberSample', {
  peer: [1, introducedPeer],
  coordinate: [2, coordinate],
  delayMs: [3, measuredMs],
  rttMs: [4, measuredMs],
  secondMs: [5, unlessNaN(measuredMs)],
  willing: [6, bool],
  server: [7, peerOrNobody],
});

const bid = record<Bid>('Bid', {
  action: [1, enumeration<BidAction>('BidAction', { promote: 1, move: 2, retire: 3 })],
  server: [2, introducedPeer],
  candidates: [3, list(introducedPeer, itemLimits.alternatives)],
  coordinate: [4, coordinate],
  change: [5, change],
});

const aggregate = record<Aggregate>('SubtreeAggregate', {
  expected: [1, uint],
  reported: [2, uint],
  clients: [3, uint],
  sumMs: [4, sum],
  over: [5, uint],
  requests: [6, uint],
  failures: [7, uint],
  strays: [8, uint],
  sketch: [9, list(uint, itemLimits.sketch)],
  worst: [10, peerOrNobody],
  worstMs: [11, measuredMs],
  worstServer: [12, peerOrNobody],
  loss: [13, sum],
  worstLoss: [14, sum],
  servers: [15, uint],
  samples: [16, list(memberSample, itemLimits.samples)],
  bids: [17, list(bid, itemLimits.bids)],
  visits: [18, list(record<Visit>('Visit', { server: [1, peer], loss: [2, sum] }), itemLimits.visits)],
  serveSketch: [19, list(uint, itemLimits.sketch)],
});

const redirectReason = enumeration<RedirectReason>('RedirectReason', {
  'no-room': 1,
  infeasible: 2,
  'not-a-parent': 3,
  draining: 4,
  'no-credential': 5,
  excluded: 6,
});

const evictReason = enumeration<Evict['reason']>('EvictReason', { worse: 1, draining: 2, handover: 3, 'no-room': 4 });

const verdict = enumeration<Answer['verdict']>('Verdict', { taken: 1, serving: 2, declined: 3 });

const declineReason = enumeration<DeclineReason>('DeclineReason', {
  storage: 1,
  'not-willing': 2,
  'not-reachable': 3,
  busy: 4,
  'install-failed': 5,
  'no-release': 6,
  draining: 7,
  excluded: 8,
});

/** All kinds of message. Numbers 1 to 7 belong to the envelope; 8 to 15 need one byte instead of two. */
export const messages = choice<Message, 'kind'>('kind', {
  'heartbeat-down': [
    8,
    {
      tree: [1, treeKind],
      stamp: [2, optional(stamp)],
      depth: [3, uint],
      beat: [4, uint],
      intervalMs: [5, wholeMs],
      rosterVersion: [6, uint],
      roster: [7, optional(roster)],
      standing: [8, standing],
      deltas: [9, list(memberRecord, itemLimits.deltas)],
      membershipDigest: [10, uint],
      castDigest: [11, uint],
      release: [12, uint],
    },
  ],
  'heartbeat-up': [
    9,
    {
      tree: [1, treeKind],
      echo: [2, uint],
      heldMs: [3, measuredMs],
      coordinate: [4, coordinate],
      reachable: [5, bool],
      size: [6, uint],
      height: [7, uint],
      rosterVersion: [8, uint],
      deltas: [9, list(memberRecord, itemLimits.deltas)],
      membershipDigest: [10, uint],
      castDigest: [11, uint],
    },
  ],
  ping: [10, { nonce: [1, uint] }],
  pong: [11, { nonce: [1, uint], coordinate: [2, coordinate], serverRoom: [3, uint], clientRoom: [4, uint] }],
  join: [
    12,
    {
      tree: [1, treeKind],
      nonce: [2, uint],
      orphan: [3, bool],
      hasChildren: [4, bool],
      passed: [5, optional(stamp)],
      passedDepth: [6, uint],
      coordinate: [7, coordinate],
      rttMs: [8, unlessNaN(measuredMs)],
      reachable: [9, bool],
      incarnation: [10, uint],
      credential: [11, bytes(itemLimits.credentialBytes)],
    },
  ],
  accept: [
    13,
    {
      tree: [1, treeKind],
      nonce: [2, uint],
      stamp: [3, stamp],
      depth: [4, uint],
      intervalMs: [5, wholeMs],
      roster: [6, roster],
      heads: [7, list(castHead, itemLimits.heads)],
    },
  ],
  redirect: [
    14,
    {
      tree: [1, treeKind],
      nonce: [2, uint],
      reason: [3, redirectReason],
      candidates: [4, list(peerCard, itemLimits.candidates)],
    },
  ],
  cast: [
    15,
    {
      origin: [1, peer],
      incarnation: [2, uint],
      sequence: [3, uint],
      payload: [4, castPayload],
      standing: [5, standing],
      signature: [6, signature],
    },
  ],
  'tree-create': [16, { root: [1, introducedPeer], ttl: [2, uint] }],
  evict: [
    17,
    { tree: [1, treeKind], reason: [2, evictReason], candidates: [3, list(peerCard, itemLimits.candidates)] },
  ],
  part: [18, { tree: [1, treeKind] }],
  disown: [19, { tree: [1, treeKind] }],
  'members-compare': [
    20,
    { buckets: [1, list(uint, itemLimits.buckets, itemLimits.buckets)], snapshot: [2, bool], answer: [3, bool] },
  ],
  members: [21, { records: [1, list(memberRecord, itemLimits.records)], snapshot: [2, bool] }],
  view: [22, { version: [1, uint], server: [2, introducedPeer], records: [3, list(memberRecord, itemLimits.records)] }],
  'view-pull': [23, { version: [1, uint] }],
  'cast-pull': [24, { origin: [1, peer], incarnation: [2, uint], sequence: [3, uint] }],
  'cast-gone': [25, { origin: [1, peer], incarnation: [2, uint], sequence: [3, uint] }],
  'cast-heads': [26, { heads: [1, list(castHead, itemLimits.heads)], reply: [2, bool] }],
  volunteer: [27, { limits: [1, limits], credential: [2, optional(bytes(itemLimits.credentialBytes))] }],
  offer: [28, { order: [1, order], notice: [2, releaseNotice] }],
  answer: [29, { verdict: [1, verdict], reason: [2, optional(declineReason)] }],
  'release-ask': [30, {}],
  'release-now': [31, { notice: [1, optional(releaseNotice)] }],
  'dial-back': [32, { nonce: [1, uint] }],
  'dialed-back': [33, { nonce: [1, uint], worked: [2, bool] }],
  report: [
    34,
    {
      subject: [1, peer],
      path: [2, text(itemLimits.pathBytes)],
      releaseNumber: [3, uint],
      credential: [4, optional(bytes(itemLimits.credentialBytes))],
    },
  ],
  aggregate: [35, { tree: [1, treeKind], round: [2, uint], aggregate: [3, aggregate] }],
  survey: [36, { round: [1, uint], cards: [2, list(peerCard, itemLimits.surveyed)] }],
  surveyed: [37, { round: [1, uint], cards: [2, list(peerCard, itemLimits.surveyed)] }],
  grant: [38, { number: [1, uint], orders: [2, list(order, itemLimits.alternatives)] }],
  granted: [39, { number: [1, uint], peer: [2, peerOrNobody] }],
  retire: [40, { order: [1, order] }],
  shed: [41, {}],
  'view-change': [
    42,
    {
      base: [1, uint],
      version: [2, uint],
      server: [3, introducedPeer],
      records: [4, list(memberRecord, itemLimits.records)],
      gone: [5, list(peer, itemLimits.records)],
    },
  ],
});
