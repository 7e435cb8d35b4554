/** Which servers a client knows and which it uses. docs/protocol/selection.md; P2P Volunteers, 3.4.2 (server selection). */
import { describe, expect, it } from 'vitest';
import type { Coordinate, MemberRecord } from '../../../src/core/messages/index.ts';
import { LonePeer, aClient, aServer, down, join, member, peerNumber, pong, root } from '../lone-peer.ts';

const [one, two, three, four] = [peerNumber(1), peerNumber(2), peerNumber(3), peerNumber(4)];

function at(x: number): Coordinate {
  return { x: 100 * x, y: 0, z: 0, height: 0, error: 1_000 };
}

function view(...records: MemberRecord[]) {
  return { kind: 'view', version: 99, server: root, records } as const;
}

/** This many seconds in which a server hears its parent. */
function beats(lone: LonePeer, count: number): LonePeer {
  for (let beat = 0; beat < count; beat++) lone.hear(root, down({ tree: 'servers' })).pass(1_000);
  return lone;
}

describe('the view that a server hands down', () => {
  it('names itself, the root, the nearest servers, and one far away', () => {
    const lone = aServer({ viewSize: 3 });
    const others = Array.from({ length: 10 }, (_, i) =>
      member(peerNumber(10 + i), 'serving', { coordinate: at(10 * (i + 1)) }),
    );
    lone.hear(root, { kind: 'members', records: others, snapshot: false }).hear(two, join(1)).pass(5_000);
    const named = new Set(lone.peer.state.views.current?.records.map(({ subject }) => subject));
    expect(named).toEqual(new Set([root, one, 10, 11, 19].map(peerNumber)));
  });

  it('is sent when it changes, and not otherwise', () => {
    const lone = beats(aServer(), 6).hear(two, join(1)).forget();
    beats(lone, 1);
    expect(lone.sent('view')).toEqual([]);
    lone.hear(root, { kind: 'members', records: [member(four, 'serving')], snapshot: false }).pass(1_000);
    expect(lone.sent('view-change').map(({ to }) => to)).toEqual([two]);
  });

  it('is sent as a change to clients that have it: new servers once in four beats at most, departures at once', () => {
    const lone = beats(aServer(), 6).hear(two, join(1));
    const tell = (...records: MemberRecord[]): LonePeer =>
      beats(lone.forget().hear(root, { kind: 'members', records, snapshot: false }), 1);
    const told = (): unknown[] =>
      lone.sent('view-change').map(({ to, message: { records, gone } }) => ({ to, records, gone }));
    const [newcomer, another] = [member(four, 'serving'), member(three, 'serving')];
    tell(newcomer);
    expect(told()).toEqual([{ to: two, records: [newcomer], gone: [] }]);
    tell(another);
    expect(told()).toEqual([]);
    tell(member(four, 'gone', { incarnation: 2 }));
    expect(told()).toEqual([{ to: two, records: [another], gone: [four] }]);
    expect(lone.sent('view')).toEqual([]);
  });

  it('is changed by what its server says of it, and only if it is the one that is meant', () => {
    const lone = aClient();
    lone.hear(root, view(member(root, 'serving'), member(three, 'serving')));
    const change = {
      kind: 'view-change',
      server: root,
      version: 101,
      gone: [three],
      records: [member(four, 'serving')],
    } as const;
    const named = (): number[] | undefined => lone.peer.state.views.current?.records.map(({ subject }) => subject);
    lone.hear(root, { ...change, base: 98 });
    expect(named()).toEqual([root, three]);
    lone.hear(root, { ...change, base: 99 });
    expect(named()).toEqual([root, four]);
    expect(lone.peer.state.views.version).toBe(101);
    lone.hear(root, {
      ...change,
      base: 101,
      version: 102,
      gone: [],
      records: [{ ...member(two, 'serving'), signature: new Uint8Array(4) }],
    });
    expect(named()).toEqual([root, four]);
    expect(lone.told('refused')).toHaveLength(1);
  });

  it('is passed on by clients to their children, and pulled by a client that missed it', () => {
    const lone = aClient().hear(two, join(1)).forget();
    const news = view(member(root, 'serving'));
    lone.hear(root, news);
    expect(lone.sent('view').map(({ to, message }) => [to, message])).toEqual([[two, news]]);
    lone.hear(root, down({ membershipDigest: 100 }));
    expect(lone.sent('view-pull').map(({ to }) => to)).toEqual([root]);
  });

  it('counts only from the parent', () => {
    const lone = aClient().hear(three, view(member(three, 'serving')));
    expect(lone.peer.state.views.current).toBeNull();
  });

  it('makes a client measure the servers that are new in it, and go to one that is much nearer', () => {
    const lone = aClient().hear(root, view(member(root, 'serving'), member(two, 'serving')));
    const pings = lone.sent('ping');
    expect(new Set(pings.map(({ to }) => to))).toEqual(new Set([root, two]));
    const nonce = (peer: number): number => pings.find(({ to }) => to === peer)?.message.nonce ?? 0;
    lone.pass(20).hear(two, pong(nonce(two)));
    lone.pass(60).hear(root, pong(nonce(root)));
    lone.attachTo(two);
    expect(lone.peer.state.clients.parent).toBe(two);
    expect(lone.sent('part').map(({ to }) => to)).toEqual([root]);
  });

  it('moves no client for a gain of less than a fifth', () => {
    const lone = aClient().hear(root, view(member(root, 'serving'), member(two, 'serving')));
    const nonce = (peer: number): number => lone.sent('ping').find(({ to }) => to === peer)?.message.nonce ?? 0;
    lone.pass(65).hear(two, pong(nonce(two)));
    lone.pass(10).hear(root, pong(nonce(root)));
    expect(lone.sent('ping')).toHaveLength(2);
    expect(lone.sent('join')).toEqual([]);
  });
});

describe('before each request the servers are sorted', () => {
  /** A client that knows three servers at 10, 50 and 100 ms by their coordinates. */
  function choosing(): LonePeer {
    const records = [member(two, 'serving', { coordinate: at(100) }), member(three, 'serving', { coordinate: at(10) })];
    const lone = aClient();
    return lone.hear(root, view(...records, member(root, 'serving', { coordinate: at(50) })));
  }
  const rank = (lone: LonePeer): number[] => lone.peer.rank(lone.nowMs);

  it('by distance, while nothing else is known', () => {
    expect(rank(choosing())).toEqual([three, root, two]);
  });

  it('by the delay of earlier requests, once there were some', () => {
    const lone = choosing();
    for (let i = 0; i < 5; i++) {
      lone.peer.measured(lone.nowMs, { server: two, delayMs: 20, ok: true });
      lone.peer.measured(lone.nowMs, { server: three, delayMs: 300, ok: true });
    }
    expect(rank(lone)).toEqual([two, root, three]);
  });

  it('so that a server that failed comes last for a while, and is forgiven', () => {
    const lone = choosing();
    lone.peer.measured(lone.nowMs, { server: three, delayMs: Number.NaN, ok: false });
    expect(rank(lone)).toEqual([root, two, three]);
    lone.nowMs += 120_000;
    expect(rank(lone)[0]).toBe(three);
  });

  it('so that one that drains is tried only after all that serve', () => {
    const lone = aClient().hear(
      root,
      view(member(two, 'draining', { coordinate: at(1) }), member(root, 'serving', { coordinate: at(90) })),
    );
    expect(rank(lone)).toEqual([root, two]);
  });

  it('so that one that lied is out for good', () => {
    const lone = choosing();
    lone.peer.lied(lone.nowMs, three, '/', 1);
    lone.nowMs += 10 * 86_400_000;
    expect(rank(lone)).toEqual([root, two]);
  });

  it('and what was seen is remembered over a restart', () => {
    const lone = choosing();
    for (let i = 0; i < 33; i++) lone.peer.measured(lone.nowMs, { server: two, delayMs: 7, ok: true });
    const after = new LonePeer(one).start({ records: lone.records });
    expect(after.peer.state.selection.get(two)).toMatchObject({ delayMs: 7, requests: 33 });
  });
});
