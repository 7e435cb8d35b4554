/** A client ends with the view of its server, whatever lies it was told and whatever messages were lost. */
import { describe, expect, it } from 'vitest';
import type { MemberRecord, View, ViewChange } from '../../../src/core/messages/index.ts';
import { SimulatedFarm, generous, handle } from '../../../simulator/farm.ts';
import type { LonePeer } from '../lone-peer.ts';
import { aClient, card, down, join, member, peerNumber, root, roster, signed } from '../lone-peer.ts';

const [two, three, four] = [peerNumber(2), peerNumber(3), peerNumber(4)];
const servers = [root, two, three, four].map((peer) => member(peer, 'serving'));

function view(version: number, records: readonly MemberRecord[] = servers, server = root): View {
  return { kind: 'view', version, server, records };
}

function change(base: number, rest: Partial<ViewChange>): ViewChange {
  return { kind: 'view-change', base, version: base + 1, server: root, records: [], gone: [], ...rest };
}

/** What the heartbeats of a peer with that view say of it. */
function digestOf(honest: View): number {
  const beats = aClient().hear(root, honest).pass(1_000).sent('heartbeat-up');
  return beats.at(-1)?.message.membershipDigest ?? Number.NaN;
}

/** A parent with this view that answers requests for it. Returns how often it was asked in this many beats. */
function honestly(lone: LonePeer, honest: View, beats: number): number {
  const membershipDigest = digestOf(honest);
  let asked = 0;
  for (let beat = 0; beat < beats; beat++) {
    const sequence = (lone.peer.state.clients.place?.stamp.sequence ?? 0) + 1;
    lone.forget().hear(root, down({ stamp: { root, life: 1, sequence }, beat: sequence, membershipDigest }));
    const pulls = lone.sent('view-pull').length;
    asked += pulls;
    if (pulls > 0) lone.hear(root, honest);
    lone.pass(1_000);
  }
  return asked;
}

function held(lone: LonePeer): unknown {
  return lone.peer.state.views.current?.records.map(({ subject }) => subject).sort((a, b) => a - b);
}

describe('a change of the list', () => {
  it('makes of each list another one, and of the same list the same one for all in the process', () => {
    const [whole, short] = [view(10), view(10, servers.slice(0, 2))];
    const gone = change(10, { gone: [two] });
    const [one, another, lied] = [whole, whole, short].map((before) => aClient().hear(root, before));
    for (const lone of [one, lied, another, one]) lone!.hear(root, gone);
    expect([held(one!), held(another!), held(lied!)]).toEqual([[root, three, four], [root, three, four], [root]]);
    const last = change(11, { gone: [three] });
    for (const lone of [one, another]) lone!.hear(root, last);
    expect(held(another!)).toEqual([root, four]);
    const [first, second] = [whole, whole].map((before) => aClient().hear(root, before, gone).peer.state.views.said);
    expect(first).toBe(second);
  });
});

describe('a client that was lied to about the servers', () => {
  it('finds by the heartbeats that its list is another one, although its version is right', () => {
    const lone = aClient().hear(root, view(10), change(10, { gone: [two, three] }));
    expect(held(lone)).toEqual([root, four]);
    expect(honestly(lone, view(11), 4)).toBe(1);
    expect(held(lone)).toEqual([root, two, three, four]);
  });

  it('gets rid of a view with a version that no other will ever reach', () => {
    const lone = aClient().hear(root, view(10), view(2 ** 53 - 1, servers.slice(0, 1)));
    expect(honestly(lone, view(11), 4)).toBe(1);
    expect(held(lone)).toEqual([root, two, three, four]);
    expect(lone.peer.state.views.version).toBe(11);
  });

  it('finds a server that was named twice', () => {
    const stranger = member(peerNumber(9), 'serving');
    const lone = aClient().hear(root, view(10, [...servers, stranger, stranger]));
    expect(honestly(lone, view(10), 4)).toBe(1);
    expect(held(lone)).toEqual([root, two, three, four]);
  });

  it('takes an older view only if it asked for one', () => {
    const lone = aClient().hear(root, view(10));
    lone.hear(root, view(9, servers.slice(0, 2)));
    expect(held(lone)).toEqual([root, two, three, four]);
  });

  it('takes no part of a change in which something is forged, and asks for the whole', () => {
    const forged = { ...member(two, 'serving', { full: true, incarnation: 2 }), full: false };
    const lone = aClient().hear(root, view(10), change(10, { records: [forged], gone: [three] }));
    expect(held(lone)).toEqual([root, two, three, four]);
    expect(lone.peer.state.views.version).toBe(10);
    expect(lone.told('refused')).toHaveLength(1);
    const honest = view(
      11,
      [root, two, four].map((peer) => member(peer, 'serving', { incarnation: 2 })),
    );
    expect(honestly(lone, honest, 4)).toBe(1);
    expect(held(lone)).toEqual([root, two, four]);
  });

  it('passes on only the genuine records of a view', () => {
    const forged = { ...member(two, 'serving'), full: true };
    const lone = aClient()
      .hear(peerNumber(8), join(1))
      .forget()
      .hear(root, view(10, [...servers.slice(2), forged]));
    expect(lone.sent('view').map(({ message }) => message.records)).toEqual([servers.slice(2)]);
  });

  it('believes no record of a server that another peer has signed', () => {
    const slander = signed<MemberRecord>({ ...member(two, 'serving', { full: true, incarnation: 7 }), issuer: four });
    const lone = aClient().hear(root, view(10), change(10, { records: [slander] }));
    expect(lone.peer.state.views.current?.records).toEqual(servers);
    expect(lone.told('refused')).toHaveLength(1);
  });

  it('keeps the newer record of a server when an older one is replayed, and holds the same list as its parent', () => {
    const [old, young] = [3, 7].map((incarnation) => member(two, 'serving', { incarnation, full: incarnation === 3 }));
    if (old === undefined || young === undefined) throw new Error('two words');
    const lone = aClient().hear(root, view(10, [young, ...servers.slice(2)]));
    const word = (): unknown => lone.peer.state.views.current?.records.filter(({ subject }) => subject === two);
    lone.hear(root, change(10, { records: [old] }));
    expect(word()).toEqual([young]);
    const replayed = view(12, [old, ...servers.slice(2)]);
    expect(honestly(lone, replayed, 10)).toBe(1);
    expect(word()).toEqual([young]);
    const younger = member(two, 'serving', { incarnation: 8 });
    lone.hear(root, change(12, { records: [younger] }));
    expect(word()).toEqual([younger]);
    expect(honestly(lone, view(13, [younger, ...servers.slice(2)]), 2)).toBe(0);
  });
});

describe('a client that comes to another server', () => {
  it('asks for its view although the last server had one of the same version', () => {
    expect(honestly(aClient().hear(root, view(10, servers, four)), view(10), 4)).toBe(1);
  });

  it('gives a view of its own a version that it never had before, when it serves a second time', () => {
    const farm = new SimulatedFarm({
      seed: 5,
      rttMs: (a, b) => (a === b ? 0 : 20),
      tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000 },
    });
    const ann = handle(1);
    farm.start(root, { as: 'root', root, neighbours: [] });
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1e6));
    for (let n = 1; n < 8; n++) farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
    farm.run(20_000);
    const serve = (peer = ann): void => farm.act(peer, (volunteer, nowMs) => volunteer.volunteer(nowMs, generous));
    const own = (): number => {
      const current = farm.peer(ann)?.state.views.current;
      return current?.server === ann ? current.version : 0;
    };
    serve();
    expect(farm.runUntil(() => own() > 0, 60_000, 100)).toBe(true);
    for (const n of [2, 3, 4]) {
      serve(handle(n));
      farm.run(20_000);
    }
    const last = own();
    farm.act(ann, (peer, nowMs) => peer.drain(nowMs));
    expect(farm.runUntil(() => farm.peer(ann)?.role === 'client' && own() === 0, 60_000, 100)).toBe(true);
    serve();
    expect(farm.runUntil(() => own() > 0, 60_000, 50)).toBe(true);
    expect(own()).toBeGreaterThan(last);
  });
});

describe('a peer that had a child once', () => {
  it('names the ancestors of today to the next, not those that it had then', () => {
    const lone = aClient().hear(three, join(1)).pass(1_000).hear(three, { kind: 'part', tree: 'clients' });
    for (let beat = 0; beat < 5; beat++)
      lone.hear(root, down({ stamp: { root, life: 1, sequence: 10 + beat }, beat: 10 + beat })).pass(1_000);
    lone.peer.disconnected(lone.nowMs, root);
    lone.attachTo(two, { stamp: { root: four, life: 1, sequence: 50 }, depth: 1, roster: roster([four, two]) });
    lone.hear(two, down({ stamp: { root: four, life: 1, sequence: 51 }, depth: 1, beat: 51 }));
    lone.forget().hear(three, join(2));
    const [accepted] = lone.sent('accept');
    expect(accepted?.message.roster.ancestors.map(({ peer }) => peer)).toEqual([four, two, peerNumber(1)]);
  });

  it('tells its children of a new parent at once, however lately it told them of something else', () => {
    const lone = aClient().hear(three, join(1)).pass(1_000);
    lone.hear(root, { kind: 'evict', tree: 'clients', reason: 'no-room', candidates: [card(two)] });
    lone.attachTo(two, { stamp: { root, life: 1, sequence: 50 }, depth: 1, roster: roster([four, two]) });
    lone.forget().pass(1_000);
    const [beat] = lone.sent('heartbeat-down');
    expect(beat?.message.roster?.ancestors.map(({ peer }) => peer)).toEqual([four, two, peerNumber(1)]);
  });
});

describe('a client that was just made a server', () => {
  it('sends its clients a view once it knows the servers: no client is ever left without a server', () => {
    const farm = new SimulatedFarm({ seed: 5, rttMs: () => 900 });
    farm.start(root, { as: 'root', root, neighbours: [] });
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1_000));
    for (let n = 1; n < 60; n++) farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
    farm.run(60_000);
    const parents = farm.living().filter(({ role, state }) => role === 'client' && state.clients.children.length > 2);
    expect(parents.length).toBeGreaterThan(2);
    const told: number[] = [];
    farm.onSend = (from, _to, message): void => {
      if (message.kind === 'view' && parents.some(({ self }) => self === from)) told.push(message.records.length);
    };
    for (const { self } of parents.slice(0, 3)) farm.act(self, (peer, nowMs) => peer.volunteer(nowMs, generous));
    farm.run(60_000);
    expect(parents.filter(({ role }) => role === 'server').length).toBe(3);
    expect(told.length).toBeGreaterThan(0);
    expect(Math.min(...told)).toBeGreaterThan(0);
  });
});
