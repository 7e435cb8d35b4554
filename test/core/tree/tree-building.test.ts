/**
 * How a tree grows: tree-create, join, accept, redirect. A test for each sentence of docs/protocol/tree.md, "Joining";
 * P2P Volunteers, 3.3.2.
 */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import type { Join } from '../../../src/core/messages/index.ts';
import { LonePeer, aClient, aRoot, card, join, peerNumber, pong, root, up } from '../lone-peer.ts';

const [one, two, three, four] = [peerNumber(1), peerNumber(2), peerNumber(3), peerNumber(4)];

/** A root with these children, each at its round trip, reachable. */
function rootWith(children: readonly (readonly [PeerHandle, number])[], fanOut = 2): LonePeer {
  const lone = aRoot({ fanOut });
  for (const [peer, rttMs] of children) lone.hear(peer, join(peer, { rttMs }));
  return lone.pass(31_000).forget();
}

/** A root keeps only children that it hears: they answer its heartbeats while time passes. */
function keepAlive(lone: LonePeer, beats: number, children: readonly PeerHandle[]): void {
  for (let beat = 0; beat < beats; beat++) {
    lone.pass(1_000);
    for (const child of children) lone.hear(child, up());
  }
}

function full(rttMs: readonly [number, number], beats = 40): LonePeer {
  const lone = aRoot({ fanOut: 2, guestRoom: 0 });
  lone.hear(one, join(1, { rttMs: rttMs[0] })).hear(two, join(2, { rttMs: rttMs[1] }));
  keepAlive(lone, beats, [one, two]);
  return lone.forget();
}

describe('tree-create', () => {
  it('goes from the root to its neighbours with a time to live of 2', () => {
    const lone = new LonePeer(root).start({ as: 'root', neighbours: [one, two] });
    lone.peer.create(lone.nowMs);
    expect(lone.sent('tree-create').map(({ to, message }) => [to, message.ttl])).toEqual([
      [one, 2],
      [two, 2],
    ]);
  });

  it('is passed on once more, not back and not twice, and brings an interested peer to join', () => {
    const lone = new LonePeer(one).start({ as: 'idle', root: -1 as PeerHandle, neighbours: [root, two, three] });
    lone.hear(root, { kind: 'tree-create', root, ttl: 2 });
    expect(lone.sent('tree-create').map(({ to, message }) => [to, message.ttl])).toEqual([
      [two, 1],
      [three, 1],
    ]);
    expect(lone.sent('ping').map(({ to }) => to)).toContain(root);
    lone.forget().hear(two, { kind: 'tree-create', root, ttl: 2 });
    expect(lone.sent('tree-create')).toEqual([]);
  });

  it('goes no further when its time to live is used up', () => {
    const lone = new LonePeer(one).start({ as: 'idle', root: -1 as PeerHandle, neighbours: [two] });
    lone.hear(three, { kind: 'tree-create', root, ttl: 1 });
    expect(lone.sent('tree-create')).toEqual([]);
    expect(lone.sent('ping').map(({ to }) => to)).toEqual([three, two, root]);
  });
});

describe('a parent', () => {
  it('with room accepts', () => {
    const lone = aRoot().hear(one, join(7));
    expect(lone.sent('accept').map(({ to, message }) => [to, message.nonce, message.depth])).toEqual([[one, 7, 0]]);
  });

  it('that is full keeps the better of its worst child and the newcomer, and tells the other where to go', () => {
    const lone = full([10, 100]).hear(three, join(3, { rttMs: 60 }));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([three]);
    expect(lone.sent('evict').map(({ to, message }) => [to, message.reason])).toEqual([[two, 'worse']]);
    expect(lone.sent('evict')[0]?.message.candidates.map(({ peer }) => peer)).toEqual([one]);
  });

  it('lets the evicted child stay until it hangs elsewhere', () => {
    const lone = full([10, 100]).hear(three, join(3, { rttMs: 60 }));
    expect(lone.peer.state.clients.child(two)?.evicted).toBe(true);
    lone.hear(two, { kind: 'part', tree: 'clients' });
    expect(lone.peer.state.clients.child(two)).toBeNull();
  });

  it('that is full sends a newcomer that is no better on, with its children as candidates', () => {
    const lone = full([10, 100]).hear(three, join(3, { rttMs: 71 }));
    expect(lone.sent('redirect').map(({ to, message }) => [to, message.reason])).toEqual([[three, 'no-room']]);
    expect(
      lone
        .sent('redirect')[0]
        ?.message.candidates.map(({ peer }) => peer)
        .sort(),
    ).toEqual([one, two]);
  });

  it('evicts no child for a peer that has a parent', () => {
    const lone = full([10, 100]).hear(three, join(3, { rttMs: 10, orphan: false }));
    expect(lone.sent('redirect')).toHaveLength(1);
    expect(lone.sent('evict')).toEqual([]);
  });

  it('pushes out one child in 30 heartbeats', () => {
    const lone = full([80, 100])
      .hear(three, join(3, { rttMs: 10 }))
      .hear(two, { kind: 'part', tree: 'clients' });
    keepAlive(lone, 10, [one, three]);
    lone.forget().hear(four, join(4, { rttMs: 10 }));
    expect(lone.sent('redirect')).toHaveLength(1);
    keepAlive(lone, 20, [one, three]);
    lone.forget().hear(peerNumber(5), join(5, { rttMs: 10 }));
    expect(lone.sent('evict').map(({ to }) => to)).toEqual([one]);
  });

  it('takes an orphan that comes back, having found no room where it was sent', () => {
    const lone = aRoot({ fanOut: 2, guestRoom: 1 });
    lone.hear(one, join(1)).hear(two, join(2));
    keepAlive(lone, 2, [one, two]);
    lone.forget().hear(three, join(3));
    expect(lone.sent('redirect')).toHaveLength(1);
    lone.hear(three, join(4));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([three]);
    lone.hear(four, join(5)).hear(four, join(6));
    expect(lone.sent('accept')).toHaveLength(1);
  });

  it('of a client tree takes no more clients than it declared', () => {
    const lone = aRoot();
    lone.peer.volunteer(lone.nowMs, { uploadBytesPerSecond: 0, storageBytes: 0, clients: 2 });
    lone.hear(one, join(1)).hear(two, join(2)).hear(three, join(3));
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([one, two]);
    expect(lone.sent('redirect').map(({ to, message }) => [to, message.reason])).toEqual([[three, 'no-room']]);
  });

  it('forgets a child that is silent', () => {
    const lone = rootWith([[one, 10]]);
    expect(lone.peer.state.clients.children).toEqual([]);
  });

  it('admits no peer without a credential that the world accepts', () => {
    const lone = new LonePeer(root, {}, { admits: (_peer, credential) => credential.length > 0 }).start({ as: 'root' });
    lone.hear(one, join(1)).hear(two, join(2, { credential: new Uint8Array(1) }));
    expect(lone.sent('redirect').map(({ to, message }) => [to, message.reason])).toEqual([[one, 'no-credential']]);
    expect(lone.sent('accept').map(({ to }) => to)).toEqual([two]);
  });

  it('that cannot be dialled takes no children and names itself to no peer', () => {
    const lone = new LonePeer(one).start().attachTo(root);
    lone.forget().hear(two, join(1)).hear(two, { kind: 'ping', nonce: 5 });
    expect(lone.sent('redirect').map(({ message }) => message.reason)).toEqual(['not-a-parent']);
    expect(lone.sent('pong')[0]?.message.clientRoom).toBe(0);
  });

  it('is not taken by one of its own descendants: a place that is not newer is infeasible', () => {
    const lone = aClient();
    const stamp = { root, life: 1, sequence: 5 };
    const ask = (passed: Partial<Join>): string | undefined => {
      lone.forget().hear(two, join(1, { hasChildren: true, ...passed }));
      return lone.sent('redirect')[0]?.message.reason ?? lone.sent('accept')[0]?.message.kind;
    };
    expect(ask({ passed: { ...stamp, sequence: 6 }, passedDepth: 3 })).toBe('infeasible');
    expect(ask({ passed: stamp, passedDepth: 1 })).toBe('infeasible');
    expect(ask({ passed: stamp, passedDepth: 2 })).toBe('accept');
  });
});

describe('a joiner', () => {
  it('asks several how far they are, and joins the nearest with room', () => {
    const lone = new LonePeer(one).start({ neighbours: [two, three] });
    const asked = lone.sent('ping');
    expect(asked.map(({ to }) => to)).toEqual([two, three, root]);
    lone.pass(30).hear(three, pong(asked[1]?.message.nonce ?? 0, 0));
    expect(lone.sent('join')).toEqual([]);
    lone.pass(30).hear(root, pong(asked[2]?.message.nonce ?? 0, 1));
    expect(lone.sent('join').map(({ to }) => to)).toEqual([root]);
  });

  it('loses no time over one that is dead, as long as another answers', () => {
    const lone = new LonePeer(one).start({ neighbours: [two] });
    lone.pass(30);
    const asked = lone.sent('ping').find(({ to }) => to === root);
    lone.hear(root, pong(asked?.message.nonce ?? 0));
    expect(lone.sent('join').map(({ to }) => to)).toEqual([root]);
  });

  it('asks a full house last, which may push out a worse child for it', () => {
    const lone = new LonePeer(one).start();
    lone.pass(30).hear(root, pong(lone.sent('ping')[0]?.message.nonce ?? 0, 0));
    expect(lone.sent('join').map(({ to, message }) => [to, message.orphan, message.rttMs])).toEqual([[root, true, 30]]);
  });

  it('follows a redirect to the candidates it names', () => {
    const lone = new LonePeer(one).start();
    lone.pass(30).hear(root, pong(lone.sent('ping')[0]?.message.nonce ?? 0, 0));
    const nonce = lone.sent('join')[0]?.message.nonce ?? 0;
    lone.forget().hear(root, {
      kind: 'redirect',
      tree: 'clients',
      nonce,
      reason: 'no-room',
      candidates: [card(two), card(three)],
    });
    expect(lone.sent('ping').map(({ to }) => to)).toEqual([two, three]);
  });

  it('whose clock was set forward while it asked does not take that for a long way, and wait as long', () => {
    const lone = new LonePeer(one).start({ neighbours: [two, root] });
    const [first] = lone.sent('ping');
    lone.nowMs += 3_600_000;
    lone.hear(first?.to ?? root, pong(first?.message.nonce ?? 0)).pass(10_000);
    const asked = lone.sent('ping').at(-1);
    lone.hear(asked?.to ?? root, pong(asked?.message.nonce ?? 0));
    const [joined] = lone.sent('join');
    expect(joined?.message.rttMs).toBeLessThan(1_000);
  });

  it('parts from one whose acceptance comes too late', () => {
    const lone = new LonePeer(one).start().attachTo(root);
    lone.forget().hear(two, {
      kind: 'accept',
      tree: 'clients',
      nonce: 99,
      stamp: { root, life: 1, sequence: 1 },
      depth: 1,
      intervalMs: 1_000,
      roster: { version: 1, ancestors: [], siblings: [], uncles: [] },
      heads: [],
    });
    expect(lone.sent('part').map(({ to }) => to)).toEqual([two]);
    expect(lone.peer.state.clients.parent).toBe(root);
  });
});
