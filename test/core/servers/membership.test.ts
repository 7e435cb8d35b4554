/** Membership: its records, and which peer may write them. docs/protocol/membership.md; P2P Volunteers, 3.4.1. */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import type { MemberRecord, MemberState } from '../../../src/core/messages/index.ts';
import { theRules } from '../../../src/core/rules.ts';
import { membershipAgrees } from '../../../simulator/checkers/membership.ts';
import { SimulatedFarm, generous, handle } from '../../../simulator/farm.ts';
import {
  LonePeer,
  aRoot,
  aServer,
  down,
  isGenuine,
  join,
  member,
  peerNumber,
  release,
  root,
  sign,
} from '../lone-peer.ts';

const [one, two, three] = [peerNumber(1), peerNumber(2), peerNumber(3)];

function hears(lone: LonePeer, ...records: MemberRecord[]): LonePeer {
  return lone.hear(root, { kind: 'members', records, snapshot: false });
}

function stateOf(lone: LonePeer, peer: PeerHandle): MemberState | null {
  return lone.peer.state.membership.get(peer)?.state ?? null;
}

describe('between two records of a server', () => {
  const states: MemberState[] = ['joining', 'serving', 'draining', 'gone'];

  it('the higher incarnation counts, whatever the states', () => {
    for (const old of states) {
      for (const now of states) {
        const [before, after] = [member(two, old, { incarnation: 4 }), member(two, now, { incarnation: 5 })];
        expect(theRules.supersedes(after, before)).toBe(true);
        expect(theRules.supersedes(before, after)).toBe(false);
      }
    }
  });

  it('of one incarnation, gone beats draining beats serving beats joining', () => {
    for (const [weak, old] of states.entries()) {
      for (const [strong, now] of states.entries()) {
        expect(theRules.supersedes(member(two, now), member(two, old))).toBe(strong > weak);
      }
    }
  });

  it('an exclusion beats any incarnation, and nothing beats an exclusion', () => {
    const excluded = member(two, 'excluded', { incarnation: 1, issuer: root });
    expect(theRules.supersedes(excluded, member(two, 'serving', { incarnation: 99 }))).toBe(true);
    for (const state of states)
      expect(theRules.supersedes(member(two, state, { incarnation: 100 }), excluded)).toBe(false);
  });

  it('any order of arrival ends in the same list', () => {
    const records = [
      member(two, 'serving', { incarnation: 4 }),
      member(two, 'gone', { incarnation: 4 }),
      member(two, 'joining', { incarnation: 5 }),
      member(two, 'serving', { incarnation: 5 }),
    ];
    for (let turn = 0; turn < records.length; turn++) {
      const lone = hears(aServer(), ...records.slice(turn), ...records.slice(0, turn));
      expect(lone.peer.state.membership.get(two)).toBe(records[3]);
    }
  });
});

describe('a record', () => {
  it('that a server is gone may be written by its parent and by the root, by no other peer', () => {
    const known = member(two, 'serving', { parent: three });
    for (const [issuer, believed] of [
      [three, true],
      [root, true],
      [two, true],
      [peerNumber(7), false],
    ] as const) {
      const lone = hears(aServer(), known, member(two, 'gone', { parent: three, issuer }));
      expect(stateOf(lone, two), `issued by ${issuer}`).toBe(believed ? 'gone' : 'serving');
    }
  });

  it('does not make its issuer a parent by saying so', () => {
    const lone = hears(
      aServer(),
      member(two, 'serving', { parent: three }),
      member(two, 'gone', { parent: peerNumber(7), issuer: peerNumber(7) }),
    );
    expect(stateOf(lone, two)).toBe('serving');
  });

  it('that a server serves, or drains, may be written only by the server itself', () => {
    for (const state of ['joining', 'serving', 'draining'] as const) {
      expect(stateOf(hears(aServer(), member(two, state, { issuer: root })), two)).toBeNull();
    }
  });

  it('of an exclusion may be written by the root only', () => {
    expect(stateOf(hears(aServer(), member(two, 'excluded', { issuer: two })), two)).toBeNull();
    expect(stateOf(hears(aServer(), member(two, 'excluded', { issuer: three })), two)).toBeNull();
    expect(stateOf(hears(aServer(), member(two, 'excluded', { issuer: root })), two)).toBe('excluded');
  });

  it('counts only from neighbours in the tree of servers', () => {
    const lone = aServer().hear(three, { kind: 'members', records: [member(two, 'serving')], snapshot: false });
    expect(stateOf(lone, two)).toBeNull();
  });

  it('travels on as a delta, with the next heartbeat', () => {
    const record = member(two, 'serving');
    const lone = hears(aServer(), record);
    lone.pass(1_000);
    expect(lone.sent('heartbeat-up').flatMap(({ message }) => message.deltas)).toEqual([record]);
  });

  it('of a gone peer that was never known here is not kept: each server drops tombstones in its own time', () => {
    expect(stateOf(hears(aServer(), member(two, 'gone')), two)).toBeNull();
  });
});

describe('a server', () => {
  it('refutes a report of its death with a higher incarnation, written down before it is sent', () => {
    const lone = aServer();
    const own = lone.peer.state.membership.get(one);
    const incarnation = own?.incarnation ?? 0;
    hears(lone, member(one, 'gone', { incarnation, issuer: root })).pass(1_000);
    const now = lone.peer.state.membership.get(one);
    expect(now?.incarnation).toBeGreaterThan(incarnation);
    expect(now?.state).toBe('serving');
    const written = lone.effects.findIndex(
      (e) => e.does === 'persist' && e.record.type === 'incarnation' && e.record.value === now?.incarnation,
    );
    const said = lone.effects.findIndex(
      (e) =>
        e.does === 'send' &&
        e.message.kind === 'heartbeat-up' &&
        e.message.deltas.some((record) => record.incarnation === now?.incarnation),
    );
    expect(written).toBeGreaterThan(-1);
    expect(said).toBeGreaterThan(written);
  });

  it('raises its incarnation at every start, above the highest it wrote down', () => {
    const before = aServer();
    const { incarnation } = before.peer.state.ctx;
    const records = [{ type: 'incarnation', value: incarnation + 40 }] as const;
    const after = new LonePeer(one).start({ records });
    expect(after.peer.state.ctx.incarnation).toBe(incarnation + 41);
  });

  it('that lost its disk still begins above its earlier lives, because the clock advanced', () => {
    const early = new LonePeer(one).start();
    const late = new LonePeer(one);
    late.nowMs = early.nowMs + 60_000;
    late.start();
    expect(late.peer.state.ctx.incarnation).toBeGreaterThan(early.peer.state.ctx.incarnation);
  });

  it('that is excluded reports it, sends its clients on and becomes a client', () => {
    const lone = aServer();
    const excluded = member(one, 'excluded', { issuer: root, incarnation: 1 });
    hears(lone, excluded);
    expect(lone.told('excluded-self')).toHaveLength(1);
    lone.hear(root, { kind: 'disown', tree: 'servers' });
    expect(lone.peer.state.membership.get(one)).toBe(excluded);
    lone.attachTo(root);
    expect(lone.peer.role).toBe('client');
    expect(lone.sent('members')).toEqual([]);
  });

  it('compares lists when the digests of two heartbeats in a row differ, and not before', () => {
    const lone = aServer();
    const beat = down({ tree: 'servers', membershipDigest: lone.peer.state.membership.digest() ^ 1 });
    lone.hear(root, beat);
    expect(lone.sent('members-compare')).toEqual([]);
    lone.hear(root, { ...beat, beat: 7 });
    expect(lone.sent('members-compare').map(({ to }) => to)).toEqual([root]);
  });

  it('answers a comparison with the records of the buckets that differ, and asks in return', () => {
    const lone = hears(aServer(), member(two, 'serving'), member(three, 'serving')).forget();
    const buckets = lone.peer.state.membership.buckets();
    const same = { kind: 'members-compare', buckets, snapshot: false, answer: true } as const;
    lone.hear(root, same);
    expect(lone.sent('members')).toEqual([]);
    lone.hear(root, { ...same, buckets: buckets.map(() => 0), answer: false });
    expect(
      new Set(lone.sent('members').flatMap(({ message }) => message.records.map(({ subject }) => subject))),
    ).toEqual(new Set([root, one, two, three]));
    expect(lone.sent('members-compare').map(({ message }) => message.answer)).toEqual([true]);
  });
});

describe('the dead', () => {
  /** Six servers, one of which dies for good; tombstones last a minute. */
  function mourning(): SimulatedFarm {
    const farm = new SimulatedFarm({
      seed: 3,
      rttMs: (a, b) => (a === b ? 0 : 20 + 5 * Math.abs(a - b)),
      tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000, tombstoneMs: 60_000 },
    });
    const top = handle(0);
    farm.start(top, { as: 'root', root: top, neighbours: [] });
    farm.act(top, (peer) => peer.publish(farm.nowMs, 1, new Uint8Array(32), 1e5));
    for (let n = 1; n < 8; n++)
      farm.after(n * 300, () => farm.start(handle(n), { as: 'peer', root: top, neighbours: [top] }));
    farm.run(15_000);
    for (let n = 1; n <= 5; n++) farm.act(handle(n), (peer) => peer.volunteer(farm.nowMs, generous));
    expect(
      farm.runUntil(
        () => membershipAgrees(farm) && farm.living().filter((peer) => peer.role === 'server').length === 5,
        120_000,
      ),
    ).toBe(true);
    farm.crash(handle(1));
    return farm;
  }

  it('are buried by their parent, and all servers know', () => {
    const farm = mourning();
    const known = (): unknown[] =>
      farm
        .living()
        .filter((peer) => peer.role === 'server')
        .map((peer) => peer.state.membership.get(handle(1))?.state);
    expect(farm.runUntil(() => known().every((state) => state === 'gone'), 15_000)).toBe(true);
    expect(membershipAgrees(farm)).toBe(true);
  });

  it('are buried by the root too when they never lived: servers that name themselves, or each other, as their parents', () => {
    const lone = aRoot();
    const { membership } = lone.peer.state;
    membership.merge(member(one, 'serving', { parent: one }));
    membership.merge(member(two, 'serving', { parent: three }));
    membership.merge(member(three, 'serving', { parent: two }));
    lone.pass(20_000);
    expect([one, two, three].map((peer) => membership.get(peer)?.state)).toEqual(['gone', 'gone', 'gone']);
  });

  it('are forgotten in the end by all, although each server forgets in its own time', () => {
    const farm = mourning();
    farm.run(60_000);
    const servers = farm.living().filter((peer) => peer.state.ctx.isServer());
    expect(
      farm.runUntil(() => servers.every((peer) => peer.state.membership.get(handle(1)) === null), 1_300_000, 1_000),
    ).toBe(true);
    farm.run(700_000);
    expect(servers.filter((peer) => peer.state.membership.get(handle(1)) !== null)).toEqual([]);
    expect(membershipAgrees(farm)).toBe(true);
  });
});

describe('sixty servers that come and leave', () => {
  const wave = 6;

  it('leave no record behind, in the memory or on the disk of those who stay, when they are forgotten', () => {
    const farm = new SimulatedFarm({
      seed: 5,
      rttMs: (a, b) => (a === b ? 0 : 20 + Math.abs(a - b)),
      tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000, tombstoneMs: 60_000 },
    });
    const top = handle(0);
    const [stays, ...rest] = Array.from({ length: 61 }, (_, i) => handle(i + 1));
    if (stays === undefined) throw new Error('somebody stays');
    const serves = (peer: PeerHandle): boolean => farm.peer(top)?.state.membership.get(peer)?.state === 'serving';
    const enter = (peer: PeerHandle): void => {
      farm.start(peer, { as: 'peer', root: top, neighbours: [top] });
      farm.act(peer, (self, nowMs) => self.volunteer(nowMs, generous));
    };
    farm.start(top, { as: 'root', root: top, neighbours: [] });
    farm.act(top, (peer) => peer.publish(farm.nowMs, 1, new Uint8Array(32), 1e5));
    enter(stays);
    for (let i = 0; i < rest.length; i += wave) {
      const guests = rest.slice(i, i + wave);
      for (const guest of guests) enter(guest);
      expect(farm.runUntil(() => [stays, ...guests].every(serves), 300_000)).toBe(true);
      for (const guest of guests) farm.act(guest, (peer, nowMs) => peer.leave(nowMs));
      expect(farm.runUntil(() => !guests.some(serves), 60_000)).toBe(true);
      for (const guest of guests) farm.crash(guest);
    }
    const rows = (peer: PeerHandle): PeerHandle[] =>
      farm.diskOf(peer).flatMap((record) => (record.type === 'member' ? [record.peer] : []));
    expect(rows(top).length).toBeGreaterThan(50);
    farm.run(60_000 + 1_300_000);
    for (const peer of [top, stays]) {
      expect(new Set(rows(peer))).toEqual(new Set([top, stays]));
      expect([...(farm.peer(peer)?.state.membership.records() ?? [])]).toHaveLength(2);
    }
  });

  it('are not read from a disk again on which their records have expired meanwhile', () => {
    const before = hears(aServer(), member(two, 'serving'), member(two, 'gone', { issuer: root }));
    const after = new LonePeer(one);
    after.nowMs = before.nowMs + 8 * 24 * 3_600_000;
    after.start({ records: before.records });
    expect(after.effects).toContainEqual({ does: 'forget', key: { type: 'member', which: two } });
  });
});

describe('a long list of records', () => {
  /** How often a server looks at who a record is about while it takes in this many and passes them on. */
  function looks(count: number): number {
    let looked = 0;
    const counting = (record: MemberRecord): MemberRecord =>
      new Proxy(record, {
        get: (target, property, self) => {
          if (property === 'subject') looked++;
          return Reflect.get(target, property, self);
        },
      });
    const lone = aServer();
    const records = Array.from({ length: count }, (_, i) => member(peerNumber(100 + i), 'serving'));
    for (let i = 0; i < count; i += 800) hears(lone, ...records.slice(i, i + 800).map(counting));
    while (lone.peer.state.intake.isBusy) lone.pass(50);
    const { membership } = lone.peer.state;
    expect([...membership.records()].length).toBeGreaterThan(count);
    while (membership.hasDeltas()) membership.takeDeltas();
    return looked;
  }

  it('costs work in proportion to its length', () => {
    expect(looks(8_000)).toBeLessThanOrEqual(12 * looks(800));
  });
});

describe('a server that was away longer than tombstones last', () => {
  const day = 24 * 3_600_000;

  function returning(awayMs: number): LonePeer {
    const before = hears(aServer(), member(two, 'serving', { parent: root }));
    const lone = new LonePeer(one);
    lone.nowMs = before.nowMs + awayMs;
    const records = [...before.records, { type: 'attached', atMs: before.nowMs } as const];
    const release1 = { type: 'release', notice: release(1), installed: true } as const;
    lone.start({ records: [{ type: 'role', role: 'server' }, release1, ...records] });
    return lone.attachTo(root);
  }

  it('asks for the whole list and spreads none of its own; records missing from the answer are forgotten', () => {
    const lone = returning(8 * day);
    expect(lone.sent('members-compare').map(({ message }) => message.snapshot)).toEqual([true]);
    lone.forget().pass(1_000);
    expect(lone.sent('heartbeat-up').flatMap(({ message }) => message.deltas)).toEqual([]);
    lone.hear(root, { kind: 'members', records: [member(root, 'serving'), member(three, 'serving')], snapshot: true });
    expect(stateOf(lone, two)).toBeNull();
    expect(stateOf(lone, three)).toBe('serving');
  });

  it('does not fall back on its old memory at the next start either', () => {
    const lone = returning(8 * day).hear(root, { kind: 'members', records: [member(root, 'serving')], snapshot: true });
    const latest = new Map(
      lone.records.map((record) => [record.type === 'member' ? `member ${record.peer}` : record.type, record]),
    );
    const again = new LonePeer(one);
    again.nowMs = lone.nowMs + 5_000;
    again.start({ records: [...latest.values()] });
    expect(stateOf(again, two)).toBeNull();
  });

  it('compares as usual when it was away for less', () => {
    expect(
      returning(6 * day)
        .sent('members-compare')
        .map(({ message }) => message.snapshot),
    ).toEqual([false]);
  });
});

describe('an exclusion', () => {
  const day = 24 * 3_600_000;
  const unknown = peerNumber(77);

  it('is written only of a server that has a record', () => {
    const lone = aRoot();
    lone.peer.exclude(lone.nowMs, unknown);
    expect(stateOf(lone, unknown)).toBeNull();
    lone.peer.state.membership.merge(member(two, 'serving'));
    lone.peer.exclude(lone.nowMs, two);
    expect(stateOf(lone, two)).toBe('excluded');
  });

  it('is forgotten after as long as a death, on disk too, and nobody brings it back', () => {
    const lone = aRoot();
    lone.nowMs = 30 * day;
    lone.peer.state.ctx.nowMs = lone.nowMs;
    lone.peer.state.membership.merge(member(two, 'serving'));
    lone.peer.exclude(lone.nowMs, two);
    const written = lone.peer.state.membership.get(two);
    const { ctx, membership } = lone.peer.state;
    for (const [days, state] of [
      [6, 'excluded'],
      [8, null],
    ] as const) {
      ctx.nowMs = (30 + days) * day;
      membership.expire();
      if (written !== null) membership.merge(written);
      expect(stateOf(lone, two), `after ${days} days`).toBe(state);
    }
    if (written !== null) membership.restore(written, ctx.nowMs);
    expect(stateOf(lone, two)).toBeNull();
  });
});

describe('a signature', () => {
  it('is asked for by every record that would change something', () => {
    const forged = { ...member(two, 'serving'), signature: sign(member(three, 'serving')) };
    const lone = hears(aServer(), forged);
    expect(stateOf(lone, two)).toBeNull();
    expect(lone.told('refused')).toHaveLength(1);
  });

  it('that is false costs its sender the connection, and nothing more of it is verified', () => {
    let verified = 0;
    const lone = aServer({}, { verify: (statement) => (verified++, isGenuine(statement)) });
    const before = verified;
    const forged = strangers(3_000).map((record) => ({ ...record, signature: new Uint8Array(4) }));
    hears(lone, ...forged.slice(0, 1_000)).pass(1_000);
    expect(verified - before).toBe(1);
    expect(lone.effects).toContainEqual({ does: 'refuse', peer: root });
    expect(lone.peer.state.intake.isBusy).toBe(false);
  });
});

describe('a list of records that comes all at once', () => {
  it('is verified in small steps, so that other work goes on between them, and is known in the end', () => {
    let verified = 0;
    const lone = aServer({}, { verify: (statement) => (verified++, isGenuine(statement)) });
    const records = strangers(3_000);
    const most = { inOneCall: 0 };
    const counted = (act: () => unknown): void => {
      const before = verified;
      act();
      most.inOneCall = Math.max(most.inOneCall, verified - before);
    };
    counted(() => hears(lone, ...records));
    for (let step = 0; step < 500; step++) counted(() => lone.pass(10));
    expect(most.inOneCall).toBeLessThanOrEqual(64);
    expect(records.every(({ subject }) => stateOf(lone, subject) === 'serving')).toBe(true);
  });

  it('of one neighbour does not hold up the news of another', () => {
    const lone = aServer();
    lone.hear(two, join(1, { tree: 'servers' }));
    expect(lone.peer.state.servers.child(two)).not.toBeNull();
    lone.hear(two, { kind: 'members', records: strangers(3_000), snapshot: false });
    hears(lone, member(three, 'serving')).pass(100);
    expect(stateOf(lone, three)).toBe('serving');
  });

  it('is kept to what a farm can have: the rest is dropped, and found by comparing', () => {
    let verified = 0;
    const lone = aServer({}, { verify: (statement) => (verified++, isGenuine(statement)) });
    const records = Array.from({ length: 9_000 }, (_, i) =>
      member(peerNumber(1_000 + (i % 10)), 'serving', { incarnation: 1 + i }),
    );
    const before = verified;
    for (let i = 0; i < records.length; i += 3_000) hears(lone, ...records.slice(i, i + 3_000));
    lone.pass(20_000);
    expect(verified - before).toBeGreaterThan(8_000);
    expect(verified - before).toBeLessThanOrEqual(8_192 + 64);
  });
});

/** Servers that nobody has heard of. */
function strangers(count: number): MemberRecord[] {
  return Array.from({ length: count }, (_, i) => member(peerNumber(1_000 + i), 'serving'));
}
