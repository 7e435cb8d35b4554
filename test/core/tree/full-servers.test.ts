/** Full servers: what they announce, which clients still ask them, and which peers stay in their trees. */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import type { Coordinate, MemberRecord, PeerCard, View } from '../../../src/core/messages/index.ts';
import { SentOn } from '../../../src/qos/load/sent-on.ts';
import { Attachment } from '../../../src/core/attachment/attachment.ts';
import { maySay } from '../../../src/core/speakers.ts';
import type { Parts } from '../../../src/core/parts.ts';
import { Quality, defaultQosOptions } from '../../../src/qos/index.ts';
import type { LonePeer } from '../lone-peer.ts';
import { aClient, aRoot, aServer, down, join, member, peerNumber, pong, root, up } from '../lone-peer.ts';

const [one, two, three, four] = [peerNumber(1), peerNumber(2), peerNumber(3), peerNumber(4)];

function at(x: number): Coordinate {
  return { x: 100 * x, y: 0, z: 0, height: 0, error: 1_000 };
}

function view(...records: MemberRecord[]): View {
  return { kind: 'view', version: 99, server: root, records };
}

function full(subject: number, rest: Partial<MemberRecord> = {}): MemberRecord {
  return member(peerNumber(subject), 'serving', { full: true, ...rest });
}

describe('a server that is full', () => {
  it('announces it under a higher incarnation, tells its clients, and revokes it likewise', () => {
    const lone = aServer().hear(two, join(1)).pass(1_000).forget();
    const { membership } = lone.peer.state;
    const before = membership.get(one);
    membership.declareFull(true);
    lone.pass(1_000);
    const now = membership.get(one);
    expect(now).toMatchObject({ state: 'serving', full: true });
    expect(now?.incarnation).toBeGreaterThan(before?.incarnation ?? 0);
    expect([...lone.sent('view'), ...lone.sent('view-change')].map(({ to }) => to)).toEqual([two]);
    membership.declareFull(false);
    expect(membership.get(one)).toMatchObject({ state: 'serving', full: false });
  });

  it('says nothing twice', () => {
    const lone = aServer();
    const { membership } = lone.peer.state;
    membership.declareFull(true);
    const { incarnation } = membership.get(one) ?? {};
    membership.declareFull(true);
    expect(membership.get(one)?.incarnation).toBe(incarnation);
  });

  it('is not full any more when it drains', () => {
    const lone = aServer();
    lone.peer.state.membership.declareFull(true);
    lone.peer.drain(lone.nowMs);
    expect(lone.peer.state.membership.get(one)).toMatchObject({ state: 'draining', full: false });
  });

  it('can be called full by no peer but itself', () => {
    const lone = aRoot().hear(two, join(1, { tree: 'servers' }));
    lone.hear(two, { kind: 'members', records: [member(two, 'serving'), member(three, 'serving')], snapshot: false });
    const lie = full(3, { issuer: two, incarnation: 9 });
    lone.hear(two, { kind: 'members', records: [lie], snapshot: false });
    expect(lone.peer.state.membership.get(three)?.full).toBe(false);
  });

  it('sends a newcomer on to others, and takes it when it comes back', () => {
    const lone = aServer();
    lone.hear(root, { kind: 'members', records: [member(four, 'serving'), full(5)], snapshot: false });
    lone.peer.state.membership.declareFull(true);
    lone.pass(1_000).forget().hear(two, join(1));
    const [redirect] = lone.sent('redirect');
    expect(redirect?.message.reason).toBe('no-room');
    expect(new Set(redirect?.message.candidates.map(({ peer }: PeerCard) => peer))).toEqual(new Set([root, four]));
    lone.forget().hear(two, join(2));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([two]);
  });

  it('shows no room to those who ask, as all in its tree do', () => {
    const lone = aClient().hear(root, view(full(0), member(two, 'serving')));
    lone.forget().hear(three, { kind: 'ping', nonce: 7 });
    expect(lone.sent('pong')[0]?.message.clientRoom).toBe(0);
    lone.forget().hear(three, join(1));
    expect(lone.sent('redirect')[0]?.message.candidates.map(({ peer }: PeerCard) => peer)).toEqual([two]);
  });

  it('forgets after two minutes which newcomers its clients sent on', () => {
    const lone = aClient().hear(root, view(full(0), member(two, 'serving')));
    const { ctx } = lone.peer.state;
    lone.hear(three, join(1));
    for (let beat = 1; beat <= 130; beat++) {
      const digests = { castDigest: ctx.castDigest, membershipDigest: ctx.viewDigest };
      lone.hear(root, down({ stamp: { root, life: 1, sequence: 10 + beat }, beat, ...digests })).pass(1_000);
    }
    lone.forget().hear(three, join(2));
    expect(lone.sent('accept')).toEqual([]);
    lone.hear(three, join(3));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([three]);
  });

  it('keeps a child that moves within its tree', () => {
    const lone = aClient().hear(root, view(full(0), member(two, 'serving')));
    lone.forget().hear(three, join(1, { orphan: false }));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([three]);
  });

  it('takes everybody as before when all are full', () => {
    const lone = aServer();
    lone.hear(root, { kind: 'members', records: [full(0, { incarnation: 9 })], snapshot: false });
    lone.peer.state.membership.declareFull(true);
    lone.pass(1_000).forget().hear(two, join(1));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([two]);
  });
});

describe('the view of a server whose neighbours are full', () => {
  it('names two more that are not', () => {
    const lone = aServer({ viewSize: 3 });
    const near = [10, 11, 12, 13].map((peer) => full(peer, { coordinate: at(peer) }));
    const far = [20, 21, 22].map((peer) => member(peerNumber(peer), 'serving', { coordinate: at(10 * peer) }));
    const itself = full(0, { incarnation: 9 });
    lone.hear(root, { kind: 'members', records: [itself, ...near, ...far], snapshot: false });
    lone.hear(two, join(1)).pass(1_000);
    const named = lone.peer.state.views.current?.records.filter((record) => !record.full).map(({ subject }) => subject);
    expect(named).toEqual(expect.arrayContaining([20, 21].map(peerNumber)));
  });
});

describe('a client', () => {
  /** A client of the root that has asked it, and two others that are slower. */
  function used(...records: MemberRecord[]): LonePeer {
    const lone = aClient().hear(root, view(...records));
    for (const [server, delayMs] of [[root, 50], [two, 70], [three, 90]] as const)
      lone.peer.measured(lone.nowMs, { server, delayMs, ok: true }); // prettier-ignore
    return lone.forget();
  }

  /** Whether it goes when this server sends it on. */
  const sentOn = (lone: LonePeer, from: PeerHandle): boolean => new SentOn(lone.peer.state).told(from);

  const ranking = (lone: LonePeer): number[] => lone.peer.rank(lone.nowMs);

  it('goes on asking its own server when that is full, and leaves full ones to those who have them', () => {
    const lone = used(full(0), full(2), member(three, 'serving'));
    expect(ranking(lone)).toEqual([root, three, two]);
  });

  it('asks one that drains only after the full ones', () => {
    const lone = used(member(three, 'draining'), full(2), member(root, 'serving'));
    expect(ranking(lone)).toEqual([root, two, three]);
  });

  it('does not go to the tree of a nearer server that is full', () => {
    const lone = aClient().hear(root, view(member(root, 'serving'), full(2)));
    const pings = lone.sent('ping');
    const nonce = (peer: number): number => pings.find(({ to }) => to === peer)?.message.nonce ?? 0;
    lone.pass(20).hear(two, pong(nonce(two)));
    lone.pass(60).hear(root, pong(nonce(root)));
    expect(lone.sent('join')).toEqual([]);
  });

  it('that its full server sends on asks the next at once, goes to its tree, and stays away while the other is full', () => {
    const lone = used(full(0), full(2), member(three, 'serving'));
    const went: number[] = [];
    Object.assign(lone.peer.state, { changeServer: ({ peer }: PeerCard) => went.push(peer) });
    expect(sentOn(lone, root)).toBe(true);
    expect(went).toEqual([three]);
    expect(ranking(lone)).toEqual([three, root, two]);
  });

  /** The servers to which a client tries to go, one entry a try. */
  function tries(lone: LonePeer): number[] {
    const went: number[] = [];
    Object.assign(lone.peer.state, { changeServer: ({ peer }: PeerCard) => went.push(peer) });
    return went;
  }

  it('that cannot go at once tries again, and stays when it still has not gone after a while', () => {
    const lone = used(full(0), full(2), member(three, 'serving'));
    const went = tries(lone);
    const client = new SentOn(lone.peer.state);
    expect(client.told(root)).toBe(true);
    expect(client.told(root)).toBe(false);
    expect(went).toEqual([three, three]);
    for (let n = 0; n < 9; n++) client.beat();
    expect(went.length).toBe(5);
    expect(client.isWaiting).toBe(true);
    for (let n = 0; n < 9; n++) client.beat();
    expect(went.length).toBe(5);
    expect(client.isWaiting).toBe(false);
    expect(ranking(lone)[0]).toBe(root);
    expect(client.told(root)).toBe(true);
  });

  it('that waits to go looks at every heartbeat whether it can, and no longer when the other is not full any more', () => {
    const lone = used(full(0), member(three, 'serving'));
    tries(lone);
    const quality = new Quality(lone.peer.state as Parts, defaultQosOptions);
    expect(quality.isIdle).toBe(true);
    quality.receive(root, { kind: 'shed' });
    expect(quality.isIdle).toBe(false);
    const relieved = view(member(root, 'serving', { incarnation: 2 }), member(three, 'serving'));
    lone.hear(root, { ...relieved, version: 100 });
    quality.viewChanged();
    expect(quality.isIdle).toBe(true);
    expect(ranking(lone)[0]).toBe(root);
  });

  it('that no server takes asks its own server again', () => {
    const lone = used(full(0), member(three, 'serving'));
    lone.peer.state.selection.leaving = root;
    expect(ranking(lone)[0]).toBe(three);
    const parts = lone.peer.state as Parts;
    new Attachment(parts).exhausted('change-server', parts.clients);
    expect(ranking(lone)[0]).toBe(root);
  });

  it('whose children find no other place sends the one on that brings the fewest with it', () => {
    const lone = aClient()
      .hear(two, join(1), up({ size: 5 }))
      .hear(three, join(2));
    lone.hear(root, view(full(0), member(four, 'serving')));
    tries(lone);
    const client = new SentOn(lone.peer.state);
    client.told(root);
    for (let n = 0; n < 20; n++) client.beat();
    expect(lone.sent('shed').map(({ to }) => to)).toEqual([three]);
  });

  it('is sent on by its parent in the place of its server, while that is full', () => {
    const lone = used(full(5), member(three, 'serving'));
    const went = tries(lone);
    Object.assign(lone.peer.state, { ownServer: () => peerNumber(5) });
    expect(maySay(lone.peer.state as Parts, two, { kind: 'shed' })).toBe(false);
    expect(maySay(lone.peer.state as Parts, root, { kind: 'shed' })).toBe(true);
    expect(sentOn(lone, root)).toBe(true);
    expect(went).toEqual([three]);
    expect(lone.peer.state.selection.leaving).toBe(5);
  });

  it('stays where it is when all others are full', () => {
    const lone = used(full(0), full(2), full(3));
    expect(sentOn(lone, root)).toBe(false);
    expect(ranking(lone)[0]).toBe(root);
  });

  it('is not sent on by a stranger, or by its own server while that does not announce that it is full', () => {
    const lone = used(full(0), full(2), member(three, 'serving'));
    expect(maySay(lone.peer.state as Parts, two, { kind: 'shed' })).toBe(false);
    const other = used(member(root, 'serving'), member(three, 'serving'));
    expect(sentOn(other, root)).toBe(false);
    expect(other.told('refused')).toMatchObject([{ peer: root }]);
    expect(ranking(other)[0]).toBe(root);
  });
});

describe('a request that is not answered yet', () => {
  function waiting(forMs: number): LonePeer {
    const lone = aClient().hear(root, view(member(root, 'serving'), member(two, 'serving')));
    lone.peer.measured(lone.nowMs, { server: root, delayMs: 50, ok: true });
    lone.peer.measured(lone.nowMs, { server: two, delayMs: 700, ok: true });
    lone.peer.asked(lone.nowMs, root);
    lone.nowMs += forMs;
    return lone;
  }

  it('counts with its age, so that the next one goes elsewhere', () => {
    const lone = waiting(900);
    expect(lone.peer.rank(lone.nowMs)[0]).toBe(two);
  });

  it('says nothing while a connection may have to be made, when the user gave it up, or when it is long forgotten', () => {
    const soon = waiting(400);
    expect(soon.peer.rank(soon.nowMs)[0]).toBe(root);
    const given = waiting(900);
    given.peer.abandoned(given.nowMs, root);
    expect(given.peer.rank(given.nowMs)[0]).toBe(root);
    const old = waiting(60_000);
    expect(old.peer.rank(old.nowMs)[0]).toBe(root);
  });

  it('is over with the answer', () => {
    const lone = waiting(900);
    lone.peer.measured(lone.nowMs, { server: root, delayMs: 60, ok: true });
    expect(lone.peer.rank(lone.nowMs)[0]).toBe(root);
  });
});
