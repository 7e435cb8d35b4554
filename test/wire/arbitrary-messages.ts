/**
 * Any message, statement or durable record that the core could make, for fast-check.
 *
 * Numbers in ms come at the precision of the wire, so that what is read can be compared with what was written. Peers have
 * handles from 0 to `peerCount - 1`.
 */
import fc from 'fast-check';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle, Standing, TreeKind } from '../../src/core/ids.ts';
import type {
  Aggregate,
  Bid,
  BidAction,
  CastHead,
  CastPayload,
  Coordinate,
  DeclineReason,
  MemberRecord,
  MemberSample,
  MemberState,
  Message,
  MessageKind,
  Order,
  OrderAction,
  PeerCard,
  RedirectReason,
  ReleaseNotice,
  Roster,
  Stamp,
  Statement,
} from '../../src/core/messages/index.ts';
import type { DurableRecord, Role } from '../../src/core/world.ts';

export const peerCount = 40;

const peer = fc.nat({ max: peerCount - 1 }).map((n) => n as PeerHandle);
const peerOrNobody = fc.oneof({ weight: 4, arbitrary: peer }, { weight: 1, arbitrary: fc.constant(NOBODY) });
const uint = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 31 - 1 }), fc.maxSafeNat());
const digest = fc.nat({ max: 2 ** 32 - 1 });
const tree = fc.constantFrom<TreeKind>('servers', 'clients');
const measuredMs = fc.nat({ max: 6_000_000 }).map((n) => n / 100);
const rttMs = fc.oneof(measuredMs, fc.constant(Number.NaN));
const axis = fc.integer({ min: -6_000_000, max: 6_000_000 });
const bytes = (max: number, min = 0): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((from) => Uint8Array.from(from));
const signature = bytes(64, 64);
const text = (max: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength: max }).filter(isWhole);
const few = <T>(of: fc.Arbitrary<T>, maxLength = 6): fc.Arbitrary<T[]> => fc.array(of, { maxLength });

/** Text without half a surrogate pair. */
function isWhole(candidate: string): boolean {
  return !/\p{Surrogate}/u.test(candidate);
}

const coordinate: fc.Arbitrary<Coordinate> = fc.record({
  x: axis,
  y: axis,
  z: axis,
  height: axis,
  error: fc.nat({ max: 10_000 }),
});
const card: fc.Arbitrary<PeerCard> = fc.record({ peer, coordinate, rttMs });
const stamp: fc.Arbitrary<Stamp> = fc.record({ root: peer, life: uint, sequence: uint });
const standing: fc.Arbitrary<Standing> = fc.record({ charter: uint, epoch: uint, term: uint });
const roster: fc.Arbitrary<Roster> = fc.record({
  version: uint,
  ancestors: few(card),
  siblings: few(card),
  uncles: few(card),
});
const head: fc.Arbitrary<CastHead> = fc.record({ origin: peer, incarnation: uint, sequence: uint });

export const arbitraryMember: fc.Arbitrary<MemberRecord> = fc.record({
  type: fc.constant('member' as const),
  subject: peer,
  incarnation: uint,
  state: fc.constantFrom<MemberState>('joining', 'serving', 'draining', 'gone', 'excluded'),
  parent: peerOrNobody,
  coordinate,
  full: fc.boolean(),
  issuer: peer,
  standing,
  signature,
});

export const arbitraryRelease: fc.Arbitrary<ReleaseNotice> = fc.record({
  type: fc.constant('release' as const),
  number: uint,
  digest: bytes(32, 32),
  sizeBytes: uint,
  issuer: peer,
  standing,
  signature,
});

export const arbitraryOrder: fc.Arbitrary<Order> = fc.record({
  type: fc.constant('order' as const),
  action: fc.constantFrom<OrderAction>('serve', 'retire'),
  subject: peer,
  releaseNumber: uint,
  issuer: peer,
  standing,
  signature,
});

export const arbitraryStatement: fc.Arbitrary<Statement> = fc.oneof(arbitraryMember, arbitraryRelease, arbitraryOrder);

const payload: fc.Arbitrary<CastPayload> = fc.oneof(
  fc.record({ type: fc.constant('release' as const), notice: arbitraryRelease }),
  fc.record({ type: fc.constant('note' as const), topic: text(40), bytes: bytes(300) }),
);
const sequenced = { origin: peer, incarnation: uint, sequence: uint };
const sum = fc.nat({ max: 2 ** 31 - 1 }).map((n) => n / 100);
const memberSample: fc.Arbitrary<MemberSample> = fc.record({
  peer,
  coordinate,
  delayMs: measuredMs,
  server: peerOrNobody,
  rttMs: measuredMs,
  secondMs: rttMs,
  willing: fc.boolean(),
});
const bid: fc.Arbitrary<Bid> = fc.record({
  action: fc.constantFrom<BidAction>('promote', 'move', 'retire'),
  server: peer,
  candidates: few(peer, 4),
  coordinate,
  change: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((n) => n / 100),
});
const aggregate: fc.Arbitrary<Aggregate> = fc.record({
  expected: uint,
  reported: uint,
  clients: uint,
  sumMs: sum,
  over: uint,
  requests: uint,
  failures: uint,
  strays: uint,
  sketch: few(fc.nat({ max: 600 }), 40),
  worst: peerOrNobody,
  worstMs: measuredMs,
  worstServer: peerOrNobody,
  loss: sum,
  worstLoss: sum,
  servers: uint,
  samples: few(memberSample),
  bids: few(bid),
  visits: few(fc.record({ server: peer, loss: sum })),
  serveSketch: few(fc.nat({ max: 600 }), 40),
});
const limits = { uploadBytesPerSecond: uint, storageBytes: uint, clients: uint };

/** An arbitrary for each kind of message. */
export const arbitraryOf: { readonly [K in MessageKind]: fc.Arbitrary<Extract<Message, { readonly kind: K }>> } = {
  'tree-create': fc.record({ kind: fc.constant('tree-create' as const), root: peer, ttl: uint }),
  join: fc.record({
    kind: fc.constant('join' as const),
    tree,
    nonce: uint,
    orphan: fc.boolean(),
    hasChildren: fc.boolean(),
    passed: fc.option(stamp),
    passedDepth: uint,
    coordinate,
    rttMs,
    reachable: fc.boolean(),
    incarnation: uint,
    credential: bytes(200),
  }),
  accept: fc.record({
    kind: fc.constant('accept' as const),
    tree,
    nonce: uint,
    stamp,
    depth: uint,
    intervalMs: fc.nat({ max: 60_000 }),
    roster,
    heads: few(head),
  }),
  redirect: fc.record({
    kind: fc.constant('redirect' as const),
    tree,
    nonce: uint,
    reason: fc.constantFrom<RedirectReason>(
      'no-room',
      'infeasible',
      'not-a-parent',
      'draining',
      'no-credential',
      'excluded',
    ),
    candidates: few(card, 12),
  }),
  evict: fc.record({
    kind: fc.constant('evict' as const),
    tree,
    reason: fc.constantFrom('worse' as const, 'draining' as const, 'handover' as const, 'no-room' as const),
    candidates: few(card),
  }),
  part: fc.record({ kind: fc.constant('part' as const), tree }),
  disown: fc.record({ kind: fc.constant('disown' as const), tree }),
  'heartbeat-down': fc.record({
    kind: fc.constant('heartbeat-down' as const),
    tree,
    stamp: fc.option(stamp),
    depth: uint,
    beat: uint,
    intervalMs: fc.nat({ max: 60_000 }),
    rosterVersion: uint,
    roster: fc.option(roster),
    standing,
    release: uint,
    deltas: few(arbitraryMember),
    membershipDigest: digest,
    castDigest: digest,
  }),
  'heartbeat-up': fc.record({
    kind: fc.constant('heartbeat-up' as const),
    tree,
    echo: uint,
    heldMs: measuredMs,
    coordinate,
    reachable: fc.boolean(),
    size: uint,
    height: uint,
    rosterVersion: uint,
    deltas: few(arbitraryMember),
    membershipDigest: digest,
    castDigest: digest,
  }),
  ping: fc.record({ kind: fc.constant('ping' as const), nonce: uint }),
  pong: fc.record({
    kind: fc.constant('pong' as const),
    nonce: uint,
    coordinate,
    serverRoom: uint,
    clientRoom: uint,
  }),
  'members-compare': fc.record({
    kind: fc.constant('members-compare' as const),
    buckets: fc.array(digest, { minLength: 16, maxLength: 16 }),
    snapshot: fc.boolean(),
    answer: fc.boolean(),
  }),
  members: fc.record({
    kind: fc.constant('members' as const),
    records: few(arbitraryMember, 20),
    snapshot: fc.boolean(),
  }),
  view: fc.record({ kind: fc.constant('view' as const), version: uint, server: peer, records: few(arbitraryMember) }),
  'view-change': fc.record({
    kind: fc.constant('view-change' as const),
    base: uint,
    version: uint,
    server: peer,
    records: few(arbitraryMember),
    gone: few(peer),
  }),
  'view-pull': fc.record({ kind: fc.constant('view-pull' as const), version: uint }),
  cast: fc.record({ kind: fc.constant('cast' as const), ...sequenced, payload, standing, signature }),
  'cast-pull': fc.record({ kind: fc.constant('cast-pull' as const), ...sequenced }),
  'cast-gone': fc.record({ kind: fc.constant('cast-gone' as const), ...sequenced }),
  'cast-heads': fc.record({ kind: fc.constant('cast-heads' as const), heads: few(head), reply: fc.boolean() }),
  volunteer: fc.record({
    kind: fc.constant('volunteer' as const),
    limits: fc.record(limits),
    credential: fc.option(bytes(200)),
  }),
  offer: fc.record({ kind: fc.constant('offer' as const), order: arbitraryOrder, notice: arbitraryRelease }),
  answer: fc.record({
    kind: fc.constant('answer' as const),
    verdict: fc.constantFrom('taken' as const, 'serving' as const, 'declined' as const),
    reason: fc.option(
      fc.constantFrom<DeclineReason>(
        'storage',
        'not-willing',
        'not-reachable',
        'busy',
        'install-failed',
        'no-release',
        'draining',
        'excluded',
      ),
    ),
  }),
  'release-ask': fc.record({ kind: fc.constant('release-ask' as const) }),
  'release-now': fc.record({ kind: fc.constant('release-now' as const), notice: fc.option(arbitraryRelease) }),
  'dial-back': fc.record({ kind: fc.constant('dial-back' as const), nonce: uint }),
  'dialed-back': fc.record({ kind: fc.constant('dialed-back' as const), nonce: uint, worked: fc.boolean() }),
  report: fc.record({
    kind: fc.constant('report' as const),
    subject: peer,
    path: text(60),
    releaseNumber: uint,
    credential: fc.option(bytes(200)),
  }),
  aggregate: fc.record({ kind: fc.constant('aggregate' as const), tree, round: uint, aggregate }),
  survey: fc.record({ kind: fc.constant('survey' as const), round: uint, cards: few(card, 12) }),
  surveyed: fc.record({ kind: fc.constant('surveyed' as const), round: uint, cards: few(card, 12) }),
  grant: fc.record({ kind: fc.constant('grant' as const), number: uint, orders: few(arbitraryOrder, 4) }),
  granted: fc.record({ kind: fc.constant('granted' as const), number: uint, peer: peerOrNobody }),
  retire: fc.record({ kind: fc.constant('retire' as const), order: arbitraryOrder }),
  shed: fc.record({ kind: fc.constant('shed' as const) }),
};

/** Every kind of message there is. */
export const messageKinds = Object.keys(arbitraryOf) as MessageKind[];

/** Any message of any kind. */
export const arbitraryMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values<fc.Arbitrary<Message>>(arbitraryOf));

type DurableType = DurableRecord['type'];
const anyTimeMs = fc.double({ min: 0, max: 1e13, noNaN: true });

/** An arbitrary for each type of durable record. */
export const arbitraryDurableOf: {
  readonly [K in DurableType]: fc.Arbitrary<Extract<DurableRecord, { readonly type: K }>>;
} = {
  incarnation: fc.record({ type: fc.constant('incarnation' as const), value: uint }),
  standing: fc.record({ type: fc.constant('standing' as const), charter: uint, epoch: uint, term: uint }),
  role: fc.record({
    type: fc.constant('role' as const),
    role: fc.constantFrom<Role>('root', 'server', 'client', 'outside'),
  }),
  parent: fc.record({ type: fc.constant('parent' as const), tree, peer: peerOrNobody }),
  member: fc.record({ type: fc.constant('member' as const), peer, record: arbitraryMember, atMs: anyTimeMs }),
  release: fc.record({ type: fc.constant('release' as const), notice: arbitraryRelease, installed: fc.boolean() }),
  attached: fc.record({ type: fc.constant('attached' as const), atMs: anyTimeMs }),
  'client-record': fc.record({
    type: fc.constant('client-record' as const),
    peer,
    delayMs: fc.oneof(anyTimeMs, fc.constant(Number.NaN)),
    failures: fc.double({ min: 0, max: 1_000, noNaN: true }),
    requests: uint,
  }),
  limits: fc.record({ type: fc.constant('limits' as const), ...limits }),
};

/** Any durable record of any type. */
export const arbitraryDurable: fc.Arbitrary<DurableRecord> = fc.oneof(
  ...Object.values<fc.Arbitrary<DurableRecord>>(arbitraryDurableOf),
);
