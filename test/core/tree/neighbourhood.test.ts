/**
 * What a peer knows of its neighbourhood after a while is true: the distances to its ancestors, the peers that would take it, the servers.
 */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import type { Peer } from '../../../src/core/peer.ts';
import { SimulatedFarm, generous, handle } from '../../../simulator/farm.ts';
import { Random } from '../../../simulator/random.ts';

const root = handle(0);

/** A farm on a plane of 100 ms, in which these peers volunteer. */
function farmOf(peers: number, seed: number, volunteers: readonly number[] = []): SimulatedFarm {
  const random = new Random(seed);
  const places = Array.from({ length: peers }, () => [100 * random.next(), 100 * random.next()] as const);
  const rttMs = (a: PeerHandle, b: PeerHandle): number => {
    const [[ax, ay], [bx, by]] = [places[a] ?? [0, 0], places[b] ?? [0, 0]];
    return 5 + Math.hypot(ax - bx, ay - by);
  };
  const farm = new SimulatedFarm({ seed, rttMs });
  farm.start(root, { as: 'root', root, neighbours: [] });
  farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1_000));
  for (let n = 1; n < peers; n++)
    farm.after(n * 150, () => void farm.start(handle(n), { as: 'peer', root, neighbours: [root] }));
  farm.run(60_000);
  for (const n of volunteers) {
    farm.act(handle(n), (peer, nowMs) => peer.volunteer(nowMs, generous));
    farm.run(4_000);
  }
  return farm;
}

function servers(farm: SimulatedFarm): Peer[] {
  return farm.living().filter(({ role }) => role === 'server');
}

describe('a peer', () => {
  it('is told how far its ancestors are, also when its parent measured the way only after it had told of them', () => {
    const farm = farmOf(200, 2);
    farm.run(20 * 60_000);
    // A peer that has just moved has not measured its new parent yet.
    const hasMeasured = (peer: PeerHandle): boolean => {
      const tree = farm.peer(peer)?.state.clients;
      return tree !== undefined && (tree.isRoot || !Number.isNaN(tree.parentRtt.medianMs()));
    };
    const ancestors = farm
      .living()
      .map(({ state }) => state.clients.parentRoster?.ancestors ?? [])
      .filter((cards) => cards.length > 1 && cards.every(({ peer }) => hasMeasured(peer)));
    expect(ancestors.length).toBeGreaterThan(100);
    expect(ancestors.flat().filter(({ rttMs }) => Number.isNaN(rttMs))).toEqual([]);
  });
});

describe('a server', () => {
  it('looks for another backup when its own has died, of whatever kind that was', () => {
    for (const seed of [1, 2, 3, 4]) {
      const volunteers = Array.from({ length: 40 }, (_, at) => 3 * (at + 1));
      const farm = farmOf(150, seed, volunteers);
      farm.run(5 * 60_000);
      for (const n of [7, 16, 25, 34, 40, 11, 2, 30]) {
        farm.crash(handle(3 * n), n % 2 === 0);
        farm.run(5 * 60_000);
        expect(servers(farm).filter(({ state }) => state.backup >= 0 && farm.peer(state.backup) === null)).toEqual([]);
      }
    }
  });

  it('tells its clients which servers have left, also below a parent that does not tell it of releases', () => {
    const farm = farmOf(60, 3, [3, 9, 15, 21, 27, 33, 39, 45]);
    farm.run(3 * 60_000);
    const [server] = servers(farm).filter(({ state }) => state.clients.children.length > 0);
    if (server === undefined) throw new Error('nobody serves clients');
    farm.tamper = (_from, to, message) => (to === server.self && message.kind === 'release-now' ? null : message);
    const parent = server.state.servers.parent;
    farm.act(server.self, (peer, nowMs) => peer.disconnected(nowMs, parent));
    farm.run(20_000);
    const leaver = servers(farm).find(({ self, state }) => self !== server.self && state.servers.children.length === 0);
    farm.act(leaver?.self ?? root, (peer, nowMs) => peer.leave(nowMs));
    farm.run(60_000);
    expect(server.state.membership.get(leaver?.self ?? root)?.state).toBe('gone');
    const clients = server.state.clients.children.map(({ peer }) => farm.peer(peer));
    expect(clients.length).toBeGreaterThan(0);
    for (const client of clients)
      expect(client?.state.views.servers().map(({ subject }) => subject)).not.toContain(leaver?.self);
  });
});
