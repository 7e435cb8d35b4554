/** One plain example of each kind of message, statement and durable record: what the golden vectors are made of. */
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type {
  Aggregate,
  MemberRecord,
  Message,
  MessageKind,
  Order,
  PeerCard,
  ReleaseNotice,
  Statement,
} from '../../src/core/messages/index.ts';
import type { DurableRecord } from '../../src/core/world.ts';

const root = 0 as PeerHandle;
const parent = 1 as PeerHandle;
const sibling = 2 as PeerHandle;
const child = 3 as PeerHandle;

const standing = { charter: 1, epoch: 1, term: 4 };
const signature = new Uint8Array(64).fill(0xa5);
const coordinate = { x: 1_234, y: -5_678, z: 1, height: 450, error: 1_234 };
const stamp = { root, life: 3, sequence: 1_000 };
const card = (peer: PeerHandle, rttMs: number): PeerCard => ({ peer, coordinate, rttMs });
const roster = {
  version: 17,
  ancestors: [card(root, 40.25), card(parent, 0)],
  siblings: [card(sibling, 9.5), card(child, Number.NaN)],
  uncles: [],
};
const heads = [
  { origin: root, incarnation: 3, sequence: 12 },
  { origin: sibling, incarnation: 1, sequence: 0 },
];

const member: MemberRecord = {
  type: 'member',
  subject: sibling,
  incarnation: 5,
  state: 'serving',
  parent: root,
  coordinate,
  full: false,
  issuer: sibling,
  standing,
  signature,
};
const gone: MemberRecord = { ...member, subject: child, state: 'gone', parent: NOBODY, issuer: root };
const notice: ReleaseNotice = {
  type: 'release',
  number: 2,
  digest: new Uint8Array(32).fill(0x5a),
  sizeBytes: 50_000_000,
  issuer: root,
  standing,
  signature,
};
const order: Order = {
  type: 'order',
  action: 'serve',
  subject: child,
  releaseNumber: 2,
  issuer: root,
  standing,
  signature,
};

type Examples = { readonly [K in MessageKind]: readonly Extract<Message, { readonly kind: K }>[] };

const aggregate: Aggregate = {
  expected: 9,
  reported: 8,
  clients: 7,
  sumMs: 876.54,
  over: 1,
  requests: 30,
  failures: 1,
  strays: 1,
  sketch: [170, 3, 180, 4],
  worst: child,
  worstMs: 160.5,
  worstServer: NOBODY,
  loss: 120.25,
  worstLoss: 0,
  servers: 0,
  samples: [
    { peer: child, coordinate, delayMs: 160.5, server: sibling, rttMs: 60.5, secondMs: Number.NaN, willing: true },
  ],
  bids: [{ action: 'promote', server: parent, candidates: [child, sibling], coordinate, change: -432.1 }],
  visits: [{ server: parent, loss: 12.5 }],
  serveSketch: [],
};

export const goldenMessages: Examples = {
  'tree-create': [{ kind: 'tree-create', root, ttl: 2 }],
  join: [
    {
      kind: 'join',
      tree: 'clients',
      nonce: 300,
      orphan: true,
      hasChildren: false,
      passed: null,
      passedDepth: 0,
      coordinate,
      rttMs: Number.NaN,
      reachable: false,
      incarnation: 1,
      credential: new Uint8Array(0),
    },
    {
      kind: 'join',
      tree: 'servers',
      nonce: 301,
      orphan: false,
      hasChildren: true,
      passed: stamp,
      passedDepth: 2,
      coordinate,
      rttMs: 21.07,
      reachable: true,
      incarnation: 2,
      credential: Uint8Array.of(1, 2, 3),
    },
  ],
  accept: [{ kind: 'accept', tree: 'servers', nonce: 301, stamp, depth: 1, intervalMs: 1_000, roster, heads }],
  redirect: [{ kind: 'redirect', tree: 'clients', nonce: 300, reason: 'no-room', candidates: [card(sibling, 9.5)] }],
  evict: [{ kind: 'evict', tree: 'clients', reason: 'worse', candidates: [card(parent, 1)] }],
  part: [{ kind: 'part', tree: 'clients' }],
  disown: [{ kind: 'disown', tree: 'servers' }],
  'heartbeat-down': [
    {
      kind: 'heartbeat-down',
      tree: 'clients',
      stamp,
      depth: 2,
      beat: 4_321,
      intervalMs: 1_000,
      rosterVersion: 17,
      roster: null,
      standing,
      release: 3,
      deltas: [],
      membershipDigest: 0xdeadbeef,
      castDigest: 0xcafe,
    },
    {
      kind: 'heartbeat-down',
      tree: 'servers',
      stamp: null,
      depth: 2,
      beat: 4_322,
      intervalMs: 1_000,
      rosterVersion: 17,
      roster,
      standing,
      release: 3,
      deltas: [member, gone],
      membershipDigest: 0xdeadbeef,
      castDigest: 0xcafe,
    },
  ],
  'heartbeat-up': [
    {
      kind: 'heartbeat-up',
      tree: 'clients',
      echo: 4_321,
      heldMs: 512.5,
      coordinate,
      reachable: true,
      size: 9,
      height: 1,
      rosterVersion: 17,
      deltas: [],
      membershipDigest: 0xdeadbeef,
      castDigest: 0xcafe,
    },
    {
      kind: 'heartbeat-up',
      tree: 'servers',
      echo: 4_321,
      heldMs: 0,
      coordinate,
      reachable: true,
      size: 9,
      height: 1,
      rosterVersion: 17,
      deltas: [member],
      membershipDigest: 0xdeadbeef,
      castDigest: 0xcafe,
    },
  ],
  ping: [{ kind: 'ping', nonce: 123_456 }],
  pong: [{ kind: 'pong', nonce: 123_456, coordinate, serverRoom: 3, clientRoom: 0 }],
  'members-compare': [
    {
      kind: 'members-compare',
      buckets: Array.from({ length: 16 }, (_, i) => i * 0x01020304),
      snapshot: false,
      answer: true,
    },
  ],
  members: [{ kind: 'members', records: [member, gone], snapshot: true }],
  view: [
    { kind: 'view', version: 1_048_577, server: sibling, records: [member] },
    { kind: 'view', version: 1_048_578, server: sibling, records: [{ ...member, incarnation: 6, full: true }] },
  ],
  'view-change': [
    { kind: 'view-change', base: 1_048_577, version: 1_048_578, server: sibling, records: [member], gone: [sibling] },
  ],
  'view-pull': [{ kind: 'view-pull', version: 1_048_576 }],
  cast: [
    {
      kind: 'cast',
      origin: root,
      incarnation: 3,
      sequence: 13,
      payload: { type: 'release', notice },
      standing,
      signature,
    },
    {
      kind: 'cast',
      origin: root,
      incarnation: 3,
      sequence: 14,
      payload: { type: 'note', topic: 'größer', bytes: Uint8Array.of(1, 2, 3) },
      standing,
      signature,
    },
  ],
  'cast-pull': [{ kind: 'cast-pull', origin: root, incarnation: 3, sequence: 13 }],
  'cast-gone': [{ kind: 'cast-gone', origin: root, incarnation: 3, sequence: 200 }],
  'cast-heads': [{ kind: 'cast-heads', heads, reply: true }],
  volunteer: [
    {
      kind: 'volunteer',
      limits: { uploadBytesPerSecond: 1_000_000, storageBytes: 2 ** 40, clients: 0 },
      credential: null,
    },
    {
      kind: 'volunteer',
      limits: { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 },
      credential: new Uint8Array([1, 2, 3]),
    },
  ],
  offer: [{ kind: 'offer', order, notice }],
  answer: [
    { kind: 'answer', verdict: 'taken', reason: null },
    { kind: 'answer', verdict: 'declined', reason: 'storage' },
  ],
  'release-ask': [{ kind: 'release-ask' }],
  'release-now': [
    { kind: 'release-now', notice },
    { kind: 'release-now', notice: null },
  ],
  'dial-back': [{ kind: 'dial-back', nonce: 7 }],
  'dialed-back': [{ kind: 'dialed-back', nonce: 7, worked: true }],
  report: [
    { kind: 'report', subject: sibling, path: '/images/tree.png', releaseNumber: 2, credential: null },
    { kind: 'report', subject: sibling, path: '/', releaseNumber: 2, credential: new Uint8Array([1, 2, 3]) },
  ],
  aggregate: [
    { kind: 'aggregate', tree: 'clients', round: 1_790_000_000, aggregate },
    {
      kind: 'aggregate',
      tree: 'servers',
      round: 1_790_000_000,
      aggregate: { ...aggregate, samples: [], servers: 3, serveSketch: [160, 1, 181, 2] },
    },
  ],
  survey: [{ kind: 'survey', round: 1_790_000_000, cards: [card(sibling, Number.NaN)] }],
  surveyed: [{ kind: 'surveyed', round: 1_790_000_000, cards: [card(sibling, 12.34)] }],
  grant: [{ kind: 'grant', number: 1, orders: [order] }],
  granted: [
    { kind: 'granted', number: 1, peer: child },
    { kind: 'granted', number: 2, peer: NOBODY },
  ],
  retire: [{ kind: 'retire', order: { ...order, action: 'retire' } }],
  shed: [{ kind: 'shed' }],
};

export const goldenStatements: { readonly [K in Statement['type']]: readonly Statement[] } = {
  member: [member, gone],
  release: [notice],
  order: [order],
};

type DurableExamples = {
  readonly [K in DurableRecord['type']]: readonly Extract<DurableRecord, { readonly type: K }>[];
};

export const goldenRecords: DurableExamples = {
  incarnation: [{ type: 'incarnation', value: 6 }],
  standing: [{ type: 'standing', ...standing }],
  role: [{ type: 'role', role: 'server' }],
  parent: [
    { type: 'parent', tree: 'servers', peer: parent },
    { type: 'parent', tree: 'clients', peer: NOBODY },
  ],
  member: [{ type: 'member', peer: sibling, record: member, atMs: 1_790_000_000_000.5 }],
  release: [{ type: 'release', notice, installed: true }],
  attached: [{ type: 'attached', atMs: 1_790_000_000_000 }],
  'client-record': [{ type: 'client-record', peer: sibling, delayMs: Number.NaN, failures: 1.5, requests: 33 }],
  limits: [{ type: 'limits', uploadBytesPerSecond: 0, storageBytes: 1_000, clients: 8 }],
};
