/**
 * The speaker table: each row of `src/core/speakers.ts` is taken away (so that anybody may say it), and a stranger then achieves something
 * that the row prevents. Docs: `docs/ARCHITECTURE.md`, "The peer and its port".
 */
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../src/core/ids.ts';
import type { Message, MessageKind } from '../../src/core/messages/index.ts';
import { origin } from '../../src/core/reach/coordinates.ts';
import { theRules } from '../../src/core/rules.ts';
import { theSpeakers } from '../../src/core/speakers.ts';
import { idleLayer } from './idle-layer.ts';
import {
  aClient,
  aRoot,
  aServer,
  castOf,
  down,
  join,
  member,
  order,
  peerNumber,
  release,
  root,
  signed,
  up,
} from './lone-peer.ts';
import type { LonePeer, LoneWorld } from './lone-peer.ts';

const self = peerNumber(1);
const stranger = peerNumber(66);
const limits = { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 };
const credential = null;
const note = { type: 'note' as const, topic: 'a topic', bytes: new Uint8Array(1) };

interface Attempt {
  readonly by: (world: LoneWorld) => LonePeer;
  readonly says: (lone: LonePeer) => Message;
}

const client = (world: LoneWorld): LonePeer => aClient({}, [], world);
const server = (world: LoneWorld): LonePeer => aServer({}, world);
const theRoot = (world: LoneWorld): LonePeer => aRoot({}, world);
const says = (message: Message) => (): Message => message;
const head = { origin: root, incarnation: 1 };

/** A client that misses the root's second message, and has asked for it. */
function withGap(world: LoneWorld): LonePeer {
  const lone = client(world);
  return lone.hear(root, castOf(root, 1, 1, note), castOf(root, 1, 5, note)).forget();
}

/** For each row that is not open to anybody: a stranger's message, and the peer that receives it. */
const attempts: Partial<Record<MessageKind, Attempt>> = {
  evict: { by: client, says: says({ kind: 'evict', tree: 'clients', reason: 'worse', candidates: [] }) },
  disown: { by: client, says: says({ kind: 'disown', tree: 'clients' }) },
  'heartbeat-down': { by: client, says: says(down({ stamp: { root, life: 1, sequence: 99 }, beat: 99 })) },
  'heartbeat-up': { by: server, says: says(up()) },
  'members-compare': {
    by: server,
    says: says({ kind: 'members-compare', buckets: Array<number>(16).fill(0), snapshot: true, answer: false }),
  },
  members: { by: server, says: says({ kind: 'members', records: [member(stranger, 'serving')], snapshot: false }) },
  view: {
    by: client,
    says: says({ kind: 'view', version: 9_999_999, server: root, records: [member(stranger, 'serving')] }),
  },
  'view-change': {
    by: (world) => client(world).hear(root, { kind: 'view', version: 7, server: root, records: [] }).forget(),
    says: says({
      kind: 'view-change',
      base: 7,
      version: 8,
      server: root,
      records: [member(stranger, 'serving')],
      gone: [],
    }),
  },
  'view-pull': {
    by: (world) => server(world).hear(peerNumber(5), join(5)).pass(20_000).forget(),
    says: says({ kind: 'view-pull', version: 0 }),
  },
  cast: { by: client, says: says(castOf(root, 1, 1, note)) },
  'cast-pull': {
    by: (world) =>
      client(world)
        .hear(root, castOf(root, 1, 1, note))
        .forget(),
    says: says({ kind: 'cast-pull', ...head, sequence: 1 }),
  },
  'cast-gone': { by: withGap, says: says({ kind: 'cast-gone', ...head, sequence: 5 }) },
  'cast-heads': { by: client, says: says({ kind: 'cast-heads', heads: [], reply: true }) },
  'release-ask': { by: client, says: says({ kind: 'release-ask' }) },
  'release-now': { by: client, says: says({ kind: 'release-now', notice: release(2) }) },
  volunteer: { by: server, says: says({ kind: 'volunteer', limits, credential }) },
  offer: {
    by: (world) => {
      const lone = client(world);
      lone.peer.volunteer(lone.nowMs, limits);
      return lone.forget();
    },
    says: () => ({ kind: 'offer', order: signedOrder(), notice: release(1) }),
  },
  grant: { by: server, says: says({ kind: 'grant', number: 1, orders: [order(peerNumber(5))] }) },
  granted: { by: theRoot, says: says({ kind: 'granted', number: 1, peer: NOBODY }) },
  retire: { by: server, says: says({ kind: 'retire', order: order(self, { action: 'retire' }) }) },
  aggregate: {
    by: server,
    says: says({
      kind: 'aggregate',
      tree: 'clients',
      round: 1,
      aggregate: {
        expected: 1,
        reported: 1,
        clients: 0,
        sumMs: 0,
        over: 0,
        requests: 0,
        failures: 0,
        strays: 0,
        sketch: [],
        worst: NOBODY,
        worstMs: 0,
        worstServer: NOBODY,
        loss: 0,
        worstLoss: 0,
        visits: [],
        servers: 0,
        samples: [],
        bids: [],
        serveSketch: [],
      },
    }),
  },
  survey: {
    by: client,
    says: says({ kind: 'survey', round: 1, cards: [{ peer: root, coordinate: origin, rttMs: 1 }] }),
  },
  shed: { by: client, says: says({ kind: 'shed' }) },
  report: { by: theRoot, says: says({ kind: 'report', subject: self, path: '/', releaseNumber: 1, credential }) },
};

function signedOrder(): ReturnType<typeof order> {
  const { signature: _, ...unsigned } = order(self, { issuer: stranger });
  return signed(unsigned);
}

/** Rows that nothing depends on: a peer that is no child has no place to give back. */
const idleRows: readonly MessageKind[] = ['part'];

/** All results of a stranger's message: effects, and calls to the layer above. */
function consequences(kind: MessageKind, { by, says: said }: Attempt, isRowAway: boolean): unknown[] {
  const reached: Message[] = [];
  const speakers = isRowAway ? { ...theSpeakers, [kind]: { by: ['anybody'] } } : theSpeakers;
  const lone = by({
    rules: { ...theRules, speakers },
    admits: (peer) => peer !== stranger,
    layers: [() => ({ ...idleLayer(false), receive: (_from, message) => void reached.push(message) })],
  });
  lone.forget().hear(stranger, said(lone));
  return [...lone.effects, ...reached];
}

/** What a peer says to one that takes it for its parent, child or volunteer by mistake. */
function isCorrection(effect: unknown): boolean {
  const { message, event } = effect as { message?: Message; event?: { type: string } };
  if (event !== undefined) return event.type === 'refused';
  return message?.kind === 'part' || message?.kind === 'disown' || message?.kind === 'answer';
}

describe('a stranger that says what it may not', () => {
  it.each(Object.entries(attempts))('%s: brings nothing about', (kind, attempt) => {
    const found = consequences(kind as MessageKind, attempt, false);
    expect(found.filter((effect) => !isCorrection(effect))).toEqual([]);
  });

  it.each(Object.entries(attempts))('%s: would, if anybody might say it', (kind, attempt) => {
    expect(consequences(kind as MessageKind, attempt, true)).not.toEqual(
      consequences(kind as MessageKind, attempt, false),
    );
  });

  it('is tried for each row that does not let anybody speak', () => {
    const guarded = Object.entries(theSpeakers).filter(([, { by }]) => !by.includes('anybody'));
    expect(guarded.map(([kind]) => kind).sort()).toEqual([...Object.keys(attempts), ...idleRows].sort());
  });
});

describe('how much of a message is read', () => {
  it('depends on who may say it: all, nothing, or all but the names of a peer that is to be corrected', () => {
    const { peer } = aServer();
    expect(peer.hearing(stranger, 'join')).toBe('whole');
    expect(peer.hearing(stranger, 'members')).toBe('unread');
    expect(peer.hearing(root, 'members')).toBe('whole');
    expect(peer.hearing(stranger, 'heartbeat-up')).toBe('nameless');
    expect(peer.hearing(root, 'grant')).toBe('whole');
    expect(peer.hearing(stranger, 'grant')).toBe('unread');
  });
});

describe('a crowd of volunteers that hang nowhere', () => {
  it('delays one that hangs here by no more than the offer under way', () => {
    const lone = aRoot();
    for (let n = 100; n < 200; n++) lone.hear(peerNumber(n), { kind: 'volunteer', limits, credential });
    lone.hear(self, join(1), { kind: 'volunteer', limits, credential });
    expect(lone.sent('offer')).toHaveLength(2);
    lone.hear(peerNumber(100), { kind: 'answer', verdict: 'declined', reason: 'busy' });
    expect(lone.sent('offer').at(-1)?.to).toBe(self);
  });
});

describe('an admitted peer', () => {
  it('volunteers and reports with its credential, wherever it hangs', () => {
    const pass = new Uint8Array([7]);
    const admits: LoneWorld['admits'] = (_peer, shown) => shown[0] === 7;
    const offered = (shown: Uint8Array | null): number =>
      aServer({}, { admits: (peer, c) => peer === root || admits(peer, c) })
        .forget()
        .hear(stranger, { kind: 'volunteer', limits, credential: shown })
        .sent('offer').length;
    expect(offered(pass)).toBe(1);
    expect(offered(null)).toBe(0);
    const reported = (shown: Uint8Array | null): number =>
      aRoot({}, { admits })
        .hear(stranger, { kind: 'report', subject: self, path: '/', releaseNumber: 1, credential: shown })
        .told('reported').length;
    expect(reported(pass)).toBe(1);
    expect(reported(null)).toBe(0);
  });
});
