/** Which relatives a peer measures when it looks for a better place, and which it moves to. P2P Volunteers, 3.3.4. */
import { describe, expect, it } from 'vitest';
import { origin } from '../../../src/core/reach/coordinates.ts';
import type { PeerHandle } from '../../../src/core/ids.ts';
import type { PeerCard, Roster } from '../../../src/core/messages/index.ts';
import { LonePeer, card, down, peerNumber, pong, root, roster } from '../lone-peer.ts';

const [parent, uncle, sibling] = [peerNumber(2), peerNumber(3), peerNumber(4)];

/** Round trips from this peer, ms. */
type Ways = ReadonlyMap<PeerHandle, number>;

/**
 * Peer 1 below a parent, told of these relatives; others answer its pings after their round trips. Returns where it asked for a place by
 * then.
 */
function askedAfterLooking(relatives: Partial<Roster>, ways: Ways, rooms: Ways = new Map()): PeerHandle[] {
  const lone = new LonePeer(peerNumber(1)).start({ neighbours: [parent] });
  lone.attachTo(parent, { depth: 1, stamp: { root, life: 1, sequence: 5 }, roster: roster([root, parent], relatives) });
  const dueMs = new Map<number, number>();
  lone.forget();
  for (let ms = 0; ms < 60_000; ms += 5) {
    lone.pass(5);
    if (ms % 1_000 === 0)
      lone.hear(parent, down({ depth: 1, beat: 6 + ms / 1_000, stamp: { root, life: 1, sequence: 6 + ms / 1_000 } }));
    for (const { to, message } of lone.sent('ping')) {
      const { nonce } = message;
      if (!dueMs.has(nonce)) dueMs.set(nonce, ms + (ways.get(to) ?? Number.POSITIVE_INFINITY));
      if (dueMs.get(nonce) === ms) lone.hear(to, pong(nonce, rooms.get(to) ?? 8));
    }
  }
  return [...new Set(lone.sent('join').map(({ to }) => to))];
}

function ancestors(rootMs: number): PeerCard[] {
  return [card(root, rootMs), card(parent, 0)];
}

describe('a look for a better place', () => {
  const full: Ways = new Map([[root, 0]]);

  it('leads to a sibling of the parent through which the way is shorter by a fifth', () => {
    const ways = new Map([
      [root, 30],
      [parent, 60],
      [uncle, 20],
    ]);
    expect(askedAfterLooking({ ancestors: ancestors(50), uncles: [card(uncle, 30)] }, ways, full)).toEqual([uncle]);
  });

  it('does not lead to one through which it is not, however near that one is itself', () => {
    const ways = new Map([
      [root, 100],
      [parent, 60],
      [uncle, 5],
    ]);
    expect(askedAfterLooking({ ancestors: ancestors(50), uncles: [card(uncle, 90)] }, ways, full)).toEqual([]);
  });

  it('does not lead to one without room', () => {
    const ways = new Map([
      [root, 30],
      [parent, 60],
      [uncle, 20],
    ]);
    const rooms = new Map([...full, [uncle, 0]]);
    expect(askedAfterLooking({ ancestors: ancestors(50), uncles: [card(uncle, 30)] }, ways, rooms)).toEqual([]);
  });

  describe('below a sibling, with a detour of a seventh', () => {
    const detour = new Map([
      [root, 200],
      [parent, 70],
      [sibling, 40],
    ]);
    const others = [5, 6, 7, 8, 9, 10].map((n) => ({
      ...card(peerNumber(n), 200),
      coordinate: { ...origin, x: 50_000 },
    }));

    it('keeps a place at a parent that has room for others', () => {
      expect(askedAfterLooking({ ancestors: ancestors(1), siblings: [card(sibling, 40)] }, detour)).toEqual([]);
    });

    it('gives up a place at a parent that has none', () => {
      const siblings = [card(sibling, 40), card(peerNumber(1), 70), ...others];
      expect(siblings).toHaveLength(8);
      expect(askedAfterLooking({ ancestors: ancestors(1), siblings }, detour)).toEqual([sibling]);
    });
  });
});
