/**
 * Volunteering, consent, limits, releases, draining, and the way back. docs/protocol/promotion.md, docs/protocol/departure.md;
 * P2P Volunteers, 3.4.1 to 3.4.3.
 */
import { describe, expect, it } from 'vitest';
import type { DurableRecord } from '../../../src/core/world.ts';
import {
  LonePeer,
  aClient,
  aRoot,
  aServer,
  down,
  join,
  member,
  noLimits,
  order,
  peerNumber,
  pong,
  release,
  root,
  up,
  castOf,
} from '../lone-peer.ts';

const [one, two, three, four] = [peerNumber(1), peerNumber(2), peerNumber(3), peerNumber(4)];

describe('a volunteer', () => {
  it('tells its server, with its limits, and again until it is asked', () => {
    const lone = aClient();
    const limits = { uploadBytesPerSecond: 1_000, storageBytes: 5e6, clients: 20 };
    lone.peer.volunteer(lone.nowMs, limits);
    expect(lone.sent('volunteer').map(({ to, message }) => [to, message.limits])).toEqual([[root, limits]]);
    for (let beat = 0; beat < 12; beat++) lone.pass(1_000).hear(root, down({ beat }));
    expect(lone.sent('volunteer').length).toBeGreaterThanOrEqual(3);
    expect(lone.sent('volunteer').length).toBeLessThanOrEqual(4);
  });

  it('that no peer can dial does not volunteer', () => {
    const lone = new LonePeer(one).start().attachTo(root);
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.pass(3_000);
    expect(lone.sent('volunteer')).toEqual([]);
  });

  it('consents, takes the release from the one that offered, and joins the tree of servers below it', () => {
    const lone = aClient();
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    expect(lone.sent('answer').map(({ message }) => message.verdict)).toEqual(['taken']);
    expect(lone.transfers.map(({ from, notice }) => [from, notice.number])).toEqual([[root, 1]]);
    lone.peer.installed(lone.nowMs, release(1));
    lone.attachTo(root);
    expect(lone.sent('join').map(({ to, message }) => [to, message.tree])).toEqual([[root, 'servers']]);
    expect(lone.peer.role).toBe('server');
  });

  it('leaves the client tree only when the tree of servers has taken it', () => {
    const lone = aClient();
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    lone.peer.installed(lone.nowMs, release(1));
    expect(lone.sent('part')).toEqual([]);
    expect(lone.peer.state.clients.parent).toBe(root);
    lone.attachTo(root);
    expect(lone.sent('part').map(({ message }) => message.tree)).toEqual(['clients']);
  });

  it('keeps its client children when it becomes a server', () => {
    const lone = aClient().hear(two, join(1));
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    lone.peer.installed(lone.nowMs, release(1));
    lone.attachTo(root);
    expect(lone.peer.state.clients.children.map(({ peer }) => peer)).toEqual([two]);
    expect(lone.peer.state.clients.isRoot).toBe(true);
  });

  it('declines a release that is larger than the storage it gives', () => {
    const lone = aClient();
    lone.peer.volunteer(lone.nowMs, { ...noLimits, storageBytes: 500 });
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    expect(lone.sent('answer').map(({ message }) => [message.verdict, message.reason])).toEqual([
      ['declined', 'storage'],
    ]);
    expect(lone.transfers).toEqual([]);
  });

  it('declines when it never offered to serve', () => {
    const lone = aClient().hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    expect(lone.sent('answer').map(({ message }) => message.reason)).toEqual(['not-willing']);
  });

  it('declines when the release cannot be installed, and may be asked again', () => {
    const lone = aClient();
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    lone.peer.installFailed(lone.nowMs, 'storage');
    expect(lone.sent('answer').map(({ message }) => message.reason)).toEqual([null, 'storage']);
    lone.forget().hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    expect(lone.sent('answer').map(({ message }) => message.verdict)).toEqual(['taken']);
  });

  it('offers to serve again after a restart', () => {
    const before = aClient();
    before.peer.volunteer(before.nowMs, { ...noLimits, clients: 7 });
    const after = new LonePeer(one).start({ records: before.records });
    expect(after.peer.state.ctx.limits).toEqual({ ...noLimits, clients: 7 });
  });
});

describe('a server with volunteers', () => {
  function withVolunteers(): LonePeer {
    const lone = aRoot();
    for (const peer of [one, two, three])
      lone.hear(peer, join(peer), { kind: 'volunteer', limits: noLimits, credential: null });
    return lone;
  }
  const offered = (lone: LonePeer): number[] => lone.sent('offer').map(({ to }) => to);

  it('asks two at a time', () => {
    expect(offered(withVolunteers())).toEqual([one, two]);
  });

  it('moves on to the next when one declines, and reports which one did', () => {
    const lone = withVolunteers().hear(one, { kind: 'answer', verdict: 'declined', reason: 'not-willing' });
    expect(offered(lone)).toEqual([one, two, three]);
    expect(lone.told('offer-declined').map(({ candidate, reason }) => [candidate, reason])).toEqual([
      [one, 'not-willing'],
    ]);
  });

  it('moves on when one does not answer within five heartbeats', () => {
    const lone = withVolunteers().hear(two, { kind: 'answer', verdict: 'taken', reason: null });
    lone.pass(4_000);
    expect(offered(lone)).toEqual([one, two]);
    lone.pass(3_000);
    expect(offered(lone)).toEqual([one, two, three]);
  });

  it('moves on at once when one dies that had taken the offer; so it does with the candidates of a grant', () => {
    const taken = { kind: 'answer', verdict: 'taken', reason: null } as const;
    const lone = withVolunteers().hear(two, taken);
    lone.peer.disconnected(lone.nowMs, two);
    lone.pass(1_100);
    expect(offered(lone)).toEqual([one, two, three]);

    const ordered = aRoot();
    const served: number[] = [];
    const { promotion } = ordered.peer.state;
    promotion.onGranted = (_, peer) => served.push(peer);
    promotion.granted(1, [order(one), order(two)]);
    ordered.hear(one, taken).peer.disconnected(ordered.nowMs, one);
    expect(offered(ordered)).toEqual([one, two]);
    ordered.hear(two, taken).peer.disconnected(ordered.nowMs, two);
    expect(served).toEqual([-1]);
  });

  it('asks one again that volunteers again although it had taken an offer: its last answer was lost', () => {
    const lone = withVolunteers().hear(one, { kind: 'answer', verdict: 'taken', reason: null });
    lone.hear(one, { kind: 'volunteer', limits: noLimits, credential: null });
    expect(offered(lone)).toEqual([one, two, one]);
  });

  it('asks no volunteer whose storage is too small for the release', () => {
    const lone = aRoot().hear(one, join(1), {
      kind: 'volunteer',
      limits: { ...noLimits, storageBytes: 999_999 },
      credential: null,
    });
    expect(offered(lone)).toEqual([]);
    expect(lone.told('offer-declined').map(({ reason }) => reason)).toEqual(['storage']);
  });
});

describe('a server', () => {
  it('says that it serves only when it is attached, has compared releases with its parent, and has the current one', () => {
    const serving = (lone: LonePeer): boolean => lone.peer.state.membership.get(one)?.state === 'serving';
    const lone = aClient();
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    lone.peer.installed(lone.nowMs, release(1));
    lone.attachTo(root).pass(1_000);
    expect(serving(lone)).toBe(false);
    lone.hear(root, { kind: 'release-now', notice: release(2) }).pass(1_000);
    expect(serving(lone)).toBe(false);
    lone.peer.installed(lone.nowMs, release(2));
    lone.pass(1_000);
    expect(serving(lone)).toBe(true);
  });

  it('writes down that a release is installed before it tells anybody that it serves', () => {
    const lone = aClient();
    lone.peer.volunteer(lone.nowMs, noLimits);
    lone.hear(root, { kind: 'offer', order: order(one), notice: release(1) });
    lone.peer.installed(lone.nowMs, release(1));
    lone
      .attachTo(root)
      .hear(root, { kind: 'release-now', notice: release(1) })
      .pass(2_000);
    const at = (which: (effect: LonePeer['effects'][number]) => boolean): number => lone.effects.findIndex(which);
    const installed = at((e) => e.does === 'persist' && e.record.type === 'release' && e.record.installed);
    const role = at((e) => e.does === 'persist' && e.record.type === 'role' && e.record.role === 'server');
    const own = at((e) => e.does === 'persist' && e.record.type === 'member' && e.record.record.state === 'serving');
    const told = at(
      (e) =>
        e.does === 'send' &&
        e.message.kind === 'heartbeat-up' &&
        e.message.deltas.some(({ state }) => state === 'serving'),
    );
    expect(installed).toBeGreaterThan(-1);
    expect(role).toBeGreaterThan(installed);
    expect(own).toBeGreaterThan(role);
    expect(told).toBeGreaterThan(own);
  });

  it('takes a new release from its parent, and from another after a failure, while it serves the old one', () => {
    const lone = aServer().hear(root, { kind: 'members', records: [member(two, 'serving')], snapshot: false });
    lone.hear(root, castOf(root, 9, 1, { type: 'release', notice: release(2) }));
    expect(lone.transfers.map(({ from }) => from)).toEqual([root]);
    lone.peer.installFailed(lone.nowMs, 'failed');
    for (let beat = 0; beat < 6; beat++) lone.hear(root, down({ tree: 'servers', beat })).pass(1_000);
    expect(lone.transfers.map(({ from }) => from)).toEqual([root, two]);
    expect(lone.peer.state.membership.get(one)?.state).toBe('serving');
    expect(lone.peer.state.releases.installedNumber).toBe(1);
  });

  it('that drains says so, sends its children on, takes no more, and is a client when they have gone', () => {
    const lone = aServer().hear(two, join(1)).forget();
    lone.peer.drain(lone.nowMs);
    expect(lone.peer.state.membership.get(one)?.state).toBe('draining');
    expect(lone.sent('evict').map(({ to, message }) => [to, message.reason, message.candidates[0]?.peer])).toEqual([
      [two, 'draining', root],
    ]);
    lone.hear(three, join(2));
    expect(lone.sent('redirect').map(({ message }) => message.reason)).toEqual(['draining']);
    expect(lone.peer.role).toBe('server');
    lone
      .hear(two, { kind: 'part', tree: 'clients' })
      .hear(root, down({ tree: 'servers' }))
      .forget();
    while (lone.sent('ping').length === 0) lone.pass(50);
    lone.attachTo(root);
    expect(lone.peer.role).toBe('client');
    expect(lone.told('drained')).toHaveLength(1);
    expect(lone.peer.state.membership.get(one)?.state).toBe('gone');
  });

  it('that drains does not wait for ever', () => {
    const lone = aServer({ drainBeats: 10 }).hear(two, join(1)).forget();
    lone.peer.leave(lone.nowMs);
    const second = (): unknown =>
      lone
        .hear(root, down({ tree: 'servers' }))
        .hear(two, up())
        .pass(1_000);
    for (let beat = 0; beat < 9; beat++) second();
    expect(lone.told('left')).toEqual([]);
    lone.forget();
    second();
    expect(lone.told('left')).toHaveLength(1);
    expect(lone.sent('disown').map(({ to }) => to)).toEqual([two]);
    expect(lone.sent('part').map(({ to, message }) => [to, message.tree])).toEqual([[root, 'servers']]);
  });

  it('that leaves sends its last record to the neighbour that spreads it', () => {
    const lone = aServer();
    lone.peer.leave(lone.nowMs);
    expect(lone.sent('members').map(({ to, message }) => [to, message.records[0]?.state])).toEqual([[root, 'gone']]);
    expect(lone.peer.role).toBe('outside');
  });
});

describe('a server that comes back', () => {
  const notice = release(1);
  const memory: DurableRecord[] = [
    { type: 'incarnation', value: 500 },
    { type: 'role', role: 'server' },
    { type: 'release', notice, installed: true },
    { type: 'parent', tree: 'servers', peer: three },
    { type: 'member', peer: four, record: member(four, 'serving'), atMs: 900 },
    { type: 'attached', atMs: 900 },
  ];

  it('asks its old parent first, then the servers it knew, then the root', () => {
    const lone = new LonePeer(one).start({ records: memory });
    expect(lone.sent('ping').map(({ to }) => to)).toEqual([three, four, root]);
    const nonce = lone.sent('ping')[0]?.message.nonce ?? 0;
    lone.pass(20).hear(three, pong(nonce));
    expect(lone.sent('join').map(({ to, message }) => [to, message.tree])).toEqual([[three, 'servers']]);
  });

  it('catches up on membership and release, and only then serves', () => {
    const lone = new LonePeer(one).start({ records: memory }).attachTo(three, { depth: 1 });
    expect(lone.sent('members-compare')).toHaveLength(1);
    expect(lone.sent('release-ask').map(({ to }) => to)).toEqual([three]);
    expect(lone.peer.state.membership.get(one)?.state).toBe('joining');
    lone.hear(three, { kind: 'release-now', notice: release(2) });
    expect(lone.transfers.map(({ from }) => from)).toEqual([three]);
    lone.pass(1_000);
    expect(lone.peer.state.membership.get(one)?.state).toBe('joining');
    lone.peer.installed(lone.nowMs, release(2));
    lone.pass(1_000);
    expect(lone.peer.state.membership.get(one)?.state).toBe('serving');
  });

  it('that lost its disk is a newcomer, whatever the others remember', () => {
    const lone = new LonePeer(one).start({ records: [] });
    expect(lone.peer.role).toBe('outside');
    lone.attachTo(root);
    expect(lone.peer.role).toBe('client');
  });
});

describe('a service', () => {
  it('is updated by one multicast, which every server and client learns', () => {
    const lone = aRoot()
      .hear(one, join(1))
      .hear(two, join(2, { tree: 'servers' }))
      .forget();
    lone.peer.publish(lone.nowMs, 2, new Uint8Array(32).fill(2), 10);
    expect(lone.sent('cast').map(({ to, message }) => [to, message.payload.type])).toEqual([
      [two, 'release'],
      [one, 'release'],
    ]);
  });

  it('keeps its release over a restart of the root', () => {
    const before = aRoot();
    const after = new LonePeer(root).start({ as: 'root', neighbours: [], records: before.records });
    expect(after.peer.state.releases.latest?.number).toBe(1);
    expect(after.peer.state.releases.installedNumber).toBe(1);
  });
});

describe('a report that a server lied', () => {
  it('goes to the root, which reports it and leaves the judgement to its owner', () => {
    const client = aClient();
    client.peer.lied(client.nowMs, two, '/a.html', 1);
    const [report] = client.sent('report');
    expect([report?.to, report?.message.subject, report?.message.path]).toEqual([root, two, '/a.html']);
    const top = aRoot();
    if (report !== undefined) top.hear(one, report.message);
    expect(top.told('reported').map(({ subject, by }) => [subject, by])).toEqual([[two, one]]);
    expect(top.peer.state.membership.get(two)).toBeNull();
  });

  it('about its own parent makes a client look for another place at once', () => {
    const lone = aClient();
    lone.peer.lied(lone.nowMs, root, '/a.html', 1);
    expect(lone.told('orphaned').map(({ reason }) => reason)).toEqual(['lied']);
  });
});

describe('a request to join the tree of servers', () => {
  it('of one that is excluded is refused', () => {
    const top = aRoot().hear(two, join(1, { tree: 'servers' }));
    top.hear(two, { kind: 'members', records: [member(two, 'serving')], snapshot: false });
    top.peer.exclude(top.nowMs, two);
    top.forget().hear(two, join(2, { tree: 'servers' }));
    expect(top.sent('redirect').map(({ message }) => message.reason)).toEqual(['excluded']);
  });
});

describe('a server that is told to leave while it drains', () => {
  it('takes no children between the two', () => {
    const lone = aServer().hear(two, join(1));
    lone.peer.drain(lone.nowMs);
    lone
      .hear(two, { kind: 'part', tree: 'clients' })
      .hear(root, down({ tree: 'servers' }))
      .forget();
    while (lone.sent('ping').length === 0) lone.pass(50);
    lone.peer.leave(lone.nowMs);
    lone.attachTo(root).forget().hear(three, join(2));
    expect(lone.sent('redirect').map(({ message }) => message.reason)).toEqual(['draining']);
    lone.hear(root, down()).pass(1_000);
    expect(lone.told('left')).toHaveLength(1);
  });
});
