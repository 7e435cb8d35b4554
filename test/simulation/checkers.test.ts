/** Each checker can fail: it detects its violation. test/property/rules.test.ts shows what each rule of the core prevents. */
import { describe, expect, it } from 'vitest';
import { noForgery } from '../../simulator/checkers/genuine.ts';
import { risingIncarnations } from '../../simulator/checkers/incarnations.ts';
import { noLoop } from '../../simulator/checkers/loops.ts';
import { membershipAgrees } from '../../simulator/checkers/membership.ts';
import { madeBeforeBroken } from '../../simulator/checkers/moves.ts';
import { onceInOrder } from '../../simulator/checkers/multicast.ts';
import { belowReachable } from '../../simulator/checkers/reachable.ts';
import { roundsOnce } from '../../simulator/checkers/rounds.ts';
import { shedByTheFull } from '../../simulator/checkers/sheds.ts';
import { misplaced } from '../../simulator/checkers/structure.ts';
import { strayViews } from '../../simulator/checkers/views.ts';
import { idleVolunteers } from '../../simulator/checkers/volunteers.ts';
import { SimulatedFarm, generous, handle } from '../../simulator/farm.ts';
import type { FarmOptions } from '../../simulator/farm-options.ts';
import { Random } from '../../simulator/random.ts';
import { faultSchedule } from '../../simulator/schedule.ts';
import { play } from '../../simulator/stage.ts';
import { overTheWire } from '../../simulator/wire-way.ts';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Message } from '../../src/core/messages/index.ts';
import { Quality, defaultQosOptions } from '../../src/qos/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';

const [root, ann, bob] = [handle(0), handle(1), handle(2)];
const nobodyLies = (): boolean => false;
const join: Message = {
  kind: 'join',
  tree: 'clients',
  nonce: 1,
  orphan: true,
  hasChildren: true,
  passed: null,
  passedDepth: 0,
  coordinate: { x: 0, y: 0, z: 0, height: 100, error: 10_000 },
  rttMs: 20,
  reachable: true,
  incarnation: 7,
  credential: new Uint8Array(0),
};

/** A root and some peers below it, all 20 ms apart, whole. */
function farmOf(peers: number, options: Partial<FarmOptions> = {}): SimulatedFarm {
  const rttMs = (a: PeerHandle, b: PeerHandle): number => (a === b ? 0 : 20);
  const tree = { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000 };
  const farm = new SimulatedFarm({ seed: 1, rttMs, tree, ...options });
  farm.start(root, { as: 'root', root, neighbours: [] });
  for (let n = 1; n < peers; n++) farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
  farm.run(5_000);
  return farm;
}

/** A decision of the controller to put `candidates` in the place of `leaves`. */
function decided(round: number, coverage: number, leaves = NOBODY, candidates: readonly PeerHandle[] = []): QosEvent {
  const figures = { clients: 1, meanMs: 1, overShare: 0, answeredShare: 1 };
  const action = {
    action: leaves === NOBODY ? 'promote' : 'move',
    server: root,
    candidates,
    leaves,
    change: -1,
  } as const;
  const decision = {
    round,
    figures,
    cost: 'delay',
    servers: 1,
    coverage,
    met: false,
    reason: '',
    actions: [action],
  } as const;
  return { type: 'decided', decision, p95Ms: 1, p50Ms: 1 };
}

describe('a checker', () => {
  it('sees a loop', () => {
    const farm = farmOf(3);
    const checker = noLoop();
    const [one, two] = [farm.peer(handle(1)), farm.peer(handle(2))];
    if (one === null || two === null) throw new Error('both should live');
    for (const [below, above] of [
      [one, two],
      [two, one],
    ] as const) {
      const roster = { version: 1, ancestors: [], siblings: [], uncles: [] };
      below.state.clients.adopt(above.self, 1_000, roster);
      above.state.clients.place = { stamp: { root, life: 1, sequence: 1 }, depth: 1 };
      above.state.clients.take(below.self, join);
    }
    checker.observed?.(farm, handle(1), {
      type: 'attached',
      tree: 'clients',
      parent: handle(2),
      depth: 2,
      moved: true,
    });
    expect(checker.verdict(farm)).toEqual([expect.stringMatching(/1 -> 2 -> 1/)]);
  });

  it('sees a peer that is nowhere, and a child that hangs elsewhere', () => {
    const farm = farmOf(3);
    expect(misplaced(farm)).toEqual([]);
    farm.peer(handle(1))?.state.clients.leave();
    expect(misplaced(farm)).toEqual([
      'peer 1 (client) has 0 parents',
      'peer 0 lists 1 as a child in the tree of clients, which hangs elsewhere',
    ]);
  });

  it('sees a client with another view of the servers than its server has, and that it gets the right one', () => {
    const farm = farmOf(3);
    farm.run(5_000);
    expect(strayViews(farm)).toEqual([]);
    const views = farm.peer(ann)?.state.views;
    const truth = views?.current;
    if (views === undefined || truth == null) throw new Error('ann should have a view');
    views.take({ ...truth, version: 2 ** 53 - 1, records: [] }, root);
    expect(strayViews(farm)).toEqual([
      expect.stringMatching(/peer 1 has version 9007199254740991 of the view of peer 0/),
    ]);
    expect(farm.runUntil(() => strayViews(farm).length === 0, 5_000)).toBe(true);
    views.take(
      { kind: 'view-change', base: truth.version, version: truth.version + 1, server: root, records: [], gone: [root] },
      root,
    );
    expect(strayViews(farm)).toHaveLength(1);
    expect(farm.runUntil(() => strayViews(farm).length === 0, 5_000)).toBe(true);
  });

  it('sees a message delivered twice, or not at all', () => {
    const farm = farmOf(2);
    const checker = onceInOrder();
    const payload = { type: 'note', topic: 'x', bytes: new Uint8Array(0) } as const;
    const delivered = (peer: PeerHandle, sequence: number): void =>
      checker.observed?.(farm, peer, { type: 'delivered', origin: root, incarnation: 1, sequence, payload });
    checker.observed?.(farm, handle(1), { type: 'attached', tree: 'clients', parent: root, depth: 1, moved: false });
    farm.run(1);
    for (const sequence of [1, 2, 3]) delivered(root, sequence);
    for (const sequence of [1, 2, 2]) delivered(handle(1), sequence);
    farm.run(20_000);
    expect(checker.verdict(farm)).toHaveLength(1);
    expect(checker.missing(farm)).toEqual([expect.stringMatching(/peer 1 never got 0\/1:3/)]);
  });

  it('sees a multicast that its origin did not publish so', () => {
    const farm = farmOf(3);
    const checker = noForgery((peer) => peer === bob);
    const told = (peer: PeerHandle, origin: PeerHandle, byte: number): void => {
      const payload = { type: 'note', topic: 'x', bytes: Uint8Array.of(byte) } as const;
      checker.observed?.(farm, peer, { type: 'delivered', origin, incarnation: 1, sequence: 1, payload });
    };
    told(root, root, 1);
    told(ann, root, 1);
    told(ann, bob, 1);
    expect(checker.verdict(farm)).toEqual([]);
    told(bob, root, 2);
    expect(checker.verdict(farm)).toEqual([expect.stringMatching(/peer 2 was told 0\/1:1/)]);
  });

  it('sees a peer that speaks again under an incarnation of an earlier life', () => {
    const farm = farmOf(2);
    const checker = risingIncarnations(nobodyLies);
    checker.sent?.(farm, ann, root, join);
    checker.sent?.(farm, ann, root, join);
    expect(checker.verdict(farm)).toEqual([]);
    farm.crash(ann);
    farm.restart(ann);
    checker.sent?.(farm, ann, root, join);
    expect(checker.verdict(farm)).toEqual([expect.stringMatching(/peer 1 spoke as 7 again/)]);
  });

  it('sees a peer below one that no peer can dial', () => {
    const farm = farmOf(3, { reachable: (peer) => peer !== bob });
    const checker = belowReachable();
    checker.observed?.(farm, ann, { type: 'attached', tree: 'clients', parent: bob, depth: 2, moved: true });
    expect(checker.verdict(farm)).toHaveLength(1);
  });

  it('sees a volunteer that no server asks, and servers that do not agree', () => {
    const farm = farmOf(4);
    farm.act(ann, (peer, nowMs) => peer.volunteer(nowMs, generous));
    farm.run(20_000);
    // There is no release that it could serve.
    expect(idleVolunteers(farm)).toEqual(['peer 1 offers to serve, and is a client']);
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1e5));
    expect(farm.runUntil(() => idleVolunteers(farm).length === 0 && membershipAgrees(farm), 60_000)).toBe(true);
    farm.cut(ann, root, true);
    farm.run(6_000);
    expect(membershipAgrees(farm)).toBe(false);
  });

  it('sees a round that is decided twice, was never opened, or was answered by too few', () => {
    const farm = farmOf(2);
    const checker = roundsOnce(nobodyLies);
    checker.heard({ type: 'round-opened', round: 1 });
    checker.heard(decided(1, 0.8));
    expect(checker.verdict(farm)).toEqual([]);
    checker.heard(decided(1, 1));
    checker.heard(decided(2, 0.79));
    expect(checker.verdict(farm)).toEqual([
      'round 1 was decided twice',
      'round 2 was decided and never opened',
      'round 2 was acted on with a coverage of 0.79',
    ]);
  });

  it('sees decisions on too few answers when the rule against them is taken away', () => {
    const found = [77, 85, 119, 123, 134, 142].flatMap(
      (seed) => play(faultSchedule(seed), { qos: { leastCoverage: 0 } }).complaints,
    );
    expect(found.filter((sentence) => /acted on with a coverage/.test(sentence)).length).toBeGreaterThan(0);
  });

  it('sees a server that is ordered to stop before its replacement serves', () => {
    const farm = farmOf(3);
    const retire = { kind: 'retire', order: {} } as unknown as Message;
    for (const made of [true, false]) {
      const checker = madeBeforeBroken();
      const decision = decided(1, 1, ann, [bob]);
      checker.heard(decision);
      const [action] = decision.type === 'decided' ? decision.decision.actions : [];
      if (action !== undefined) checker.heard({ type: 'concluded', round: 1, action, peer: bob, worked: true });
      if (made) checker.observed?.(farm, bob, { type: 'role-changed', role: 'server' });
      checker.sent?.(farm, root, ann, retire);
      expect(checker.moves).toBe(1);
      expect(checker.verdict(farm)).toHaveLength(made ? 0 : 1);
    }
  });

  it('sees a server that sends clients on and does not say that it is full, or is open again too soon', () => {
    const farm = farmOf(3);
    for (const isFull of [true, false]) {
      const checker = shedByTheFull();
      farm.act(root, ({ state }) => state.membership.declareFull(isFull));
      checker.sent?.(farm, root, ann, { kind: 'shed' });
      expect(checker.told).toBe(1);
      expect(checker.verdict(farm)).toHaveLength(isFull ? 0 : 1);
    }
    for (const forMs of [60_000, 10_000]) {
      const checker = shedByTheFull();
      const load = { clients: 9, served: 9, places: 0, serveMs: 300, usualMs: 50, trifleMs: 30 };
      checker.heard(root, 1_000, { type: 'fullness-changed', full: 'slow', load });
      checker.heard(root, 1_000 + forMs, { type: 'fullness-changed', full: null, load });
      expect(checker.filled).toBe(1);
      expect(checker.verdict(farm)).toHaveLength(forMs === 60_000 ? 0 : 1);
    }
  });

  it('sees an honest peer whose message cannot be encoded, and drops that message', () => {
    const farm = farmOf(3);
    const checker = overTheWire(farm, new Random(1), 1, (peer) => peer === bob);
    const heard: Message[] = [];
    farm.onSend = (_from, _to, message) => void heard.push(message);
    for (const peer of [ann, bob]) farm.sayFalsely(peer, root, { kind: 'ping', nonce: -1 });
    farm.sayFalsely(ann, root, { kind: 'ping', nonce: 5 });
    expect(heard).toEqual([{ kind: 'ping', nonce: 5 }]);
    expect(checker.verdict(farm)).toEqual([expect.stringMatching(/peer 1 could not say ping to 0: .*-1/)]);
  });

  it('sees that a peer throws, whatever the reason', () => {
    const broken = (farm: SimulatedFarm): void =>
      farm.after(2_000, () => farm.act(root, (peer) => peer.state.ctx.world.send(root, join)));
    const { complaints } = play({ ...faultSchedule(1), deeds: [] }, { prepare: broken });
    expect(complaints).toEqual([expect.stringMatching(/a peer threw Error: peer 0 sent join to itself/)]);
  });
});

describe('the controller of a root whose clock was set back', () => {
  it('opens no round again that an earlier life of it has opened', () => {
    const opened: number[] = [];
    const requirement = { meanMs: 100, percentile: null, availability: null };
    const note = (event: QosEvent): void => void (event.type === 'round-opened' && opened.push(event.round));
    const farm = farmOf(3, {
      layers: () => [(parts) => new Quality(parts, { ...defaultQosOptions, controlled: true, requirement }, note)],
    });
    for (let life = 0; life < 3; life++) {
      farm.run(60_000);
      farm.jumpClock(root, -3_600_000);
      farm.crash(root);
      farm.restart(root);
    }
    expect(opened.length).toBeGreaterThan(5);
    expect(opened).toEqual([...new Set(opened)].sort((a, b) => a - b));
  });
});

describe('a machine that dies while it writes', () => {
  it('has on its disk what it wrote, and has sent nothing after that', () => {
    const farm = farmOf(2);
    farm.act(ann, (peer) => peer.state.ctx.raiseIncarnation(500));
    const said: Message[] = [];
    farm.onSend = (from, _to, message) => void (from === ann && said.push(message));
    farm.tearNextWrite(ann);
    farm.act(ann, (peer, nowMs) => peer.volunteer(nowMs, generous));
    expect(said).toEqual([]);
    expect(farm.peer(ann)).toBeNull();
    expect(farm.faults['torn-write']).toBe(1);
    expect(farm.restart(ann)?.state.ctx.limits).toEqual(generous);
  });
});
