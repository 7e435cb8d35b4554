/** Two timers: one to send, one to notice silence. docs/protocol/tree.md, "Heartbeats" and "Repair"; P2P Volunteers, 3.3.3. */
import { describe, expect, it, vi } from 'vitest';
import { origin } from '../../src/core/reach/coordinates.ts';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import { candidatesForRepair, chooseBackup } from '../../src/core/attachment/repair.ts';
import {
  LonePeer,
  aClient,
  aRoot,
  card,
  down,
  join,
  member,
  peerNumber,
  pong,
  release,
  root,
  roster,
  up,
} from './lone-peer.ts';

const [one, two, three] = [peerNumber(1), peerNumber(2), peerNumber(3)];

/** Beats with a child that answers each at once. */
function beatsWith(lone: LonePeer, child: PeerHandle, beats: number): LonePeer {
  for (let beat = 0; beat < beats; beat++) lone.pass(1_000).hear(child, up());
  return lone;
}

describe('the heartbeat', () => {
  it('goes to every child and to the parent once an interval', () => {
    const lone = aClient().hear(root, down()).hear(two, join(1)).forget();
    lone.pass(3_000);
    expect(lone.sent('heartbeat-down').filter(({ to }) => to === two)).toHaveLength(3);
    expect(lone.sent('heartbeat-up').filter(({ to }) => to === root)).toHaveLength(3);
  });

  it('is one and the same object for all children that know the roster', () => {
    const lone = aRoot().hear(one, join(1)).hear(two, join(2));
    const { rosterVersion } = lone.peer.state.clients;
    lone.hear(one, up({ rosterVersion })).hear(two, up({ rosterVersion })).pass(1_000).forget();
    const now = lone.peer.state.clients.rosterVersion;
    lone
      .hear(one, up({ rosterVersion: now }))
      .hear(two, up({ rosterVersion: now }))
      .pass(1_000);
    const [first, second] = lone.sent('heartbeat-down').map(({ message }) => message);
    expect(first?.roster).toBeNull();
    expect(second).toBe(first);
  });

  it('carries the roster until the child has confirmed it', () => {
    const lone = aRoot().hear(one, join(1)).forget().pass(1_000);
    expect(lone.sent('heartbeat-down')[0]?.message.roster?.version).toBe(lone.peer.state.clients.rosterVersion);
  });

  it('brings no new roster for a child that others cannot dial, since no peer is told of it', () => {
    const lone = aRoot().hear(one, join(1));
    const before = lone.peer.state.clients.rosterVersion;
    lone.hear(two, join(2, { reachable: false }));
    expect(lone.peer.state.clients.rosterVersion).toBe(before);
    lone.hear(two, up({ reachable: true }));
    expect(lone.peer.state.clients.rosterVersion).toBeGreaterThan(before);
  });

  it('brings no new roster when the parent has one that changes nothing for those below', () => {
    const uncles = [5, 6, 7, 8].map((n) => ({ ...card(peerNumber(n), 10), coordinate: { ...origin, x: 100 * n } }));
    const far = { ...card(peerNumber(9), 10), coordinate: { ...origin, x: 9_000 } };
    const near = { ...card(peerNumber(10), 10), coordinate: { ...origin, x: 100 } };
    const lone = aClient().hear(root, down({ roster: roster([root], { version: 2, siblings: uncles }) }));
    lone.hear(two, join(1)).pass(1_000);
    const before = lone.peer.state.clients.rosterVersion;
    lone.hear(root, down({ beat: 7, roster: roster([root], { version: 3, siblings: [...uncles, far] }) }));
    expect(lone.peer.state.clients.rosterVersion).toBe(before);
    lone.hear(root, down({ beat: 8, roster: roster([root], { version: 4, siblings: [...uncles, near] }) }));
    expect(lone.peer.state.clients.rosterVersion).toBeGreaterThan(before);
  });

  it('gives the parent a round trip at no extra cost: the time to its echo, less the time it was held', () => {
    const lone = aRoot()
      .hear(one, join(1, { rttMs: Number.NaN }))
      .pass(1_000);
    const { beat } = lone.peer.state.clients;
    const sent = lone.nowMs;
    lone.pass(90).hear(one, up({ echo: beat, heldMs: 50 }));
    const offset = lone.nowMs - sent - 50;
    expect(lone.peer.state.clients.child(one)?.rtt.medianMs()).toBeGreaterThanOrEqual(offset);
    expect(lone.peer.state.clients.child(one)?.rtt.medianMs()).toBeLessThanOrEqual(offset + 1_000);
  });

  /** How often the parent samples a child's round trip of `rttMs` in this many beats. */
  const samplesOf = (lone: LonePeer, rttMs: number, beats: number): number => {
    const sampled = vi.spyOn(lone.peer.state.ctx, 'sampled');
    for (let n = 0; n < beats; n++) {
      const { beat } = lone.peer.state.clients;
      lone.pass(1_000);
      const heldMs = 1_000 - rttMs;
      lone.hear(one, up({ echo: lone.peer.state.clients.beat > beat ? beat : beat - 1, heldMs }));
    }
    const samples = sampled.mock.calls.length;
    sampled.mockRestore();
    return samples;
  };

  it('is a sample for the coordinate each time at first, and rarely once the round trip has not changed for a minute', () => {
    const lone = aRoot().hear(one, join(1)).hear(two, join(2)).pass(3_000);
    expect(samplesOf(lone, 80, 40)).toBe(40);
    samplesOf(lone, 80, 40);
    expect(samplesOf(lone, 80, 128)).toBe(4);
    expect(samplesOf(lone, 90, 1)).toBe(1);
  });

  it('out of turn is not echoed: it would be taken for a round trip of up to an interval', () => {
    const lone = aRoot().pass(900).hear(one, join(1));
    expect(lone.sent('heartbeat-down').map(({ to, message }) => [to, message.beat])).toEqual([[one, 0]]);
    lone.pass(20).hear(one, up({ echo: 0 }));
    expect(lone.peer.state.clients.child(one)?.rtt.medianMs()).toBe(20);
  });

  it('counts only from the parent: a stranger that sends one is told that it is no parent', () => {
    const lone = aClient().hear(two, down({ stamp: { root: two, life: 9, sequence: 9 } }));
    expect(lone.sent('part').map(({ to }) => to)).toEqual([two]);
    expect(lone.peer.state.clients.place?.stamp.root).toBe(root);
  });

  it('of a child that one does not know is answered with disown', () => {
    const lone = aRoot().hear(one, up());
    expect(lone.sent('disown').map(({ to }) => to)).toEqual([one]);
  });

  it('without a stamp only says that the parent lives', () => {
    const lone = aClient().hear(root, down({ stamp: null, depth: 4 }));
    expect(lone.peer.state.clients.place?.depth).toBe(1);
    expect(lone.peer.state.clients.parentHeardAtMs).toBe(lone.nowMs);
  });

  it('with an older stamp does not change the place', () => {
    const lone = aClient().hear(root, down());
    lone.hear(root, down({ stamp: { root, life: 1, sequence: 3 }, beat: 7 }));
    expect(lone.peer.state.clients.place).toEqual({ stamp: { root, life: 1, sequence: 6 }, depth: 1 });
    lone.hear(root, down({ stamp: { root, life: 2, sequence: 1 }, beat: 8 }));
    expect(lone.peer.state.clients.place).toEqual({ stamp: { root, life: 2, sequence: 1 }, depth: 1 });
  });
});

describe('a path up that is a loop', () => {
  it('is noticed by a depth that rises while the stamp stands still; the peer lets go', () => {
    const lone = aClient().hear(two, join(1)).forget();
    const stamp = { root: three, life: 1, sequence: 9 };
    const hear = (depth: number, sequence = 9): void =>
      void lone.hear(root, down({ stamp: { ...stamp, sequence }, depth })).hear(two, up());
    for (let depth = 1; depth <= 40; depth++) hear(depth, 9 + depth);
    for (let beat = 1; beat <= 40; beat++) hear(40, 49);
    expect(lone.told('orphaned')).toEqual([]);
    for (let depth = 41; depth <= 60; depth++) hear(depth, 49);
    expect(lone.told('orphaned').map(({ reason }) => reason)).toEqual(['loop']);
  });
});

describe('what a peer shows below after it has moved', () => {
  it('is nothing, until its new parent has stamped a heartbeat', () => {
    const lone = aClient({}, [three]).hear(two, join(1));
    lone.hear(root, { kind: 'disown', tree: 'clients' });
    lone.attachTo(three, { stamp: { root, life: 1, sequence: 20 }, depth: 1 }).forget();
    lone.pass(1_000);
    expect(lone.sent('heartbeat-down').map(({ message }) => message.stamp)).toEqual([null]);
    lone
      .forget()
      .hear(three, down({ stamp: { root, life: 1, sequence: 21 }, depth: 1, beat: 21 }))
      .pass(1_000);
    expect(lone.sent('heartbeat-down').map(({ message }) => message.stamp?.sequence)).toEqual([21]);
  });
});

describe('silence', () => {
  it('of the parent counts after three missed heartbeats and a quarter', () => {
    const lone = aClient().hear(root, down()).forget();
    lone.pass(3_249);
    expect(lone.told('orphaned')).toEqual([]);
    lone.pass(2);
    expect(lone.told('orphaned')).toEqual([{ type: 'orphaned', tree: 'clients', parent: root, reason: 'silent' }]);
  });

  it('is measured by the parent’s own interval', () => {
    const lone = aClient({ maxHeartbeatMs: 5_000 })
      .hear(root, down({ intervalMs: 4_000 }))
      .forget();
    lone.pass(12_900);
    expect(lone.told('orphaned')).toEqual([]);
    lone.pass(200);
    expect(lone.told('orphaned')).toHaveLength(1);
  });

  it('of a child counts after as many; it is dropped', () => {
    const lone = beatsWith(aRoot().hear(one, join(1)), one, 5).forget();
    lone.pass(3_000);
    expect(lone.told('child-lost')).toEqual([]);
    lone.pass(2_000);
    expect(lone.told('child-lost')).toEqual([{ type: 'child-lost', tree: 'clients', child: one, reason: 'silent' }]);
  });

  it('is not waited for when the connection closes', () => {
    const lone = aClient();
    lone.peer.disconnected(lone.nowMs, root);
    expect(lone.told('orphaned').map(({ reason }) => reason)).toEqual(['closed']);
  });
});

describe('the interval', () => {
  it('is short while the children are new, and long when they have stayed for hours', () => {
    const lone = beatsWith(aRoot({ maxHeartbeatMs: 5_000 }).hear(one, join(1)), one, 60);
    expect(lone.peer.state.ctx.intervalMs).toBe(1_000);
    beatsWith(lone, one, 70 * 60);
    expect(lone.peer.state.ctx.intervalMs).toBeGreaterThan(2_500);
    expect(lone.peer.state.ctx.intervalMs).toBeLessThan(4_000);
    beatsWith(lone, one, 60 * 60);
    expect(lone.peer.state.ctx.intervalMs).toBe(5_000);
  });
});

describe('an orphan', () => {
  /** A client below peer 2, which hangs below peer 3, a child of the root. */
  function deep(): LonePeer {
    const lone = new LonePeer(one).start({ neighbours: [two, peerNumber(9)] });
    lone.attachTo(two, {
      stamp: { root, life: 1, sequence: 5 },
      depth: 2,
      roster: roster([root, three, two], { uncles: [card(peerNumber(5), 10)], siblings: [card(peerNumber(6), 10)] }),
    });
    return lone;
  }

  it('goes to its backup, then its grandparent, its uncles, up the path, the servers it knows, and the peers that brought it in', () => {
    const { ctx, clients, backup, neighbours } = deep().peer.state;
    const known = { servers: [member(peerNumber(7), 'serving')], neighbours };
    const order = candidatesForRepair(ctx, clients, two, backup, known).map(({ peer }) => peer);
    expect(order).toEqual([5, 3, 0, 7, 6, 9].map(peerNumber));
  });

  /** Its parent dies; then the grandparent answers at once, and the backup after a while. */
  function orphaned(backupAnswersAfterMs: number): LonePeer {
    const lone = deep();
    lone.forget();
    lone.peer.disconnected(lone.nowMs, two);
    const pingOf = (peer: PeerHandle): number => lone.sent('ping').find(({ to }) => to === peer)?.message.nonce ?? -1;
    lone.pass(20).hear(three, pong(pingOf(three)));
    return lone.pass(backupAnswersAfterMs).hear(peerNumber(5), pong(pingOf(peerNumber(5))));
  }

  it('takes its backup, though its grandparent answers sooner', () => {
    const lone = orphaned(100);
    expect(lone.sent('join').map(({ to }) => to)).toEqual([peerNumber(5)]);
  });

  it('goes to its grandparent when its backup has lost its head start', () => {
    const lone = orphaned(400);
    expect(lone.sent('join').map(({ to }) => to)).toEqual([three]);
  });

  it('keeps a sibling of its parent as backup, else its grandparent, else another server', () => {
    const { ctx, clients } = deep().peer.state;
    expect(chooseBackup(ctx, clients, () => [])).toBe(peerNumber(5));
    clients.parentRoster = roster([root, three, two]);
    expect(chooseBackup(ctx, clients, () => [])).toBe(three);
    clients.parentRoster = roster([two]);
    expect(chooseBackup(ctx, clients, () => [member(two, 'serving'), member(peerNumber(7), 'serving')])).toBe(
      peerNumber(7),
    );
    expect(chooseBackup(ctx, clients, () => [member(two, 'serving')])).toBe(NOBODY);
  });

  it('keeps its subtree while it looks', () => {
    const lone = aClient().hear(two, join(1));
    lone.peer.disconnected(lone.nowMs, root);
    expect(lone.peer.state.clients.children.map(({ peer }) => peer)).toEqual([two]);
    expect(lone.sent('disown')).toEqual([]);
  });

  it('lets its children find places for themselves after three rounds in which no peer would take it with them', () => {
    const lone = aClient().hear(two, join(1)).forget();
    lone.peer.disconnected(lone.nowMs, root);
    for (let beat = 0; beat < 60; beat++) lone.hear(two, up()).pass(1_000);
    expect(lone.sent('disown').map(({ to }) => to)).toContain(two);
  });

  it('is not taken in by its own children while it is one', () => {
    const lone = aClient();
    lone.peer.disconnected(lone.nowMs, root);
    lone.forget().hear(three, join(1));
    expect(lone.sent('redirect').map(({ message }) => message.reason)).toEqual(['not-a-parent']);
  });

  it('writes down its new parent before the first heartbeat to it', () => {
    const lone = new LonePeer(one).start().attachTo(root);
    const written = lone.effects.findIndex(
      (e) => e.does === 'persist' && e.record.type === 'parent' && e.record.peer === root,
    );
    const beat = lone.effects.findIndex((e) => e.does === 'send' && e.message.kind === 'heartbeat-up');
    expect(written).toBeGreaterThan(-1);
    expect(beat).toBeGreaterThan(written);
  });
});

describe('a heartbeat that names a newer release', () => {
  it('makes the child ask for it', () => {
    const lone = aClient().hear(root, down({ release: 2 }));
    expect(lone.sent('release-ask').map(({ to }) => to)).toEqual([root]);
    lone
      .hear(root, { kind: 'release-now', notice: release(2) })
      .forget()
      .hear(root, down({ release: 2, beat: 7 }));
    expect(lone.sent('release-ask')).toEqual([]);
  });
});
