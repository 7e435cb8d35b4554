/** What a server proposes for its group. Clients stand on a line; the round trip is their distance on it. */
import { describe, expect, it } from 'vitest';
import { unitsPerMs } from '../../../src/core/reach/coordinates.ts';
import type { Bid, MemberSample } from '../../../src/core/messages/index.ts';
import { Group } from '../../../src/qos/group/group.ts';
import { mostCards } from '../../../src/qos/round/errand.ts';
import type { CostKind } from '../../../src/qos/requirement.ts';
import { at, peerNumber, sample } from '../findings.ts';

const server = peerNumber(0);
const serveMs = 100;

/** Clients at these positions on a line, the server at 0. */
function line(places: readonly number[], rest: (n: number) => Partial<MemberSample> = () => ({})): MemberSample[] {
  return places.map((x, n) =>
    sample(n + 1, { coordinate: at(x), rttMs: Math.abs(x), delayMs: serveMs + Math.abs(x), server, ...rest(n) }),
  );
}

function seen(
  samples: readonly MemberSample[],
  cost: CostKind = 'delay',
  limitMs = 0,
  clients = samples.length,
): Group {
  const group = new Group(server);
  group.see([samples], clients, cost, limitMs);
  return group;
}

/** Lets clients measure until the group knows enough. `trueMs`: the true round trips. */
function surveyed(group: Group, samples: readonly MemberSample[], trueMs = apart): Group {
  for (let n = 0; n < 4; n++) {
    for (const { client, cards } of group.surveys()) {
      for (const { peer } of cards) {
        const [from, to] = [client, peer].map((who) => samples.find((of) => of.peer === who));
        if (from !== undefined && to !== undefined) group.measured(client, peer, trueMs(from, to));
      }
    }
    group.takeStock();
  }
  return group;
}

function apart(a: MemberSample, b: MemberSample): number {
  return Math.abs(a.coordinate.x - b.coordinate.x) / unitsPerMs;
}

function bidOf(bids: readonly Bid[], action: Bid['action']): Bid | undefined {
  return bids.find((bid) => bid.action === action);
}

const far = [100, 110, 120, 130, 140];

describe('a group on a line', () => {
  it('bids for the middle of its clients, with the gain for all of them', () => {
    const samples = line(far);
    const bids = surveyed(seen(samples), samples).bids(Number.NaN, 0, false, at(0));
    const first = bidOf(bids, 'promote');
    expect(first?.candidates[0]).toBe(3);
    // The alternatives, should it decline: its neighbours.
    expect(first?.candidates).toHaveLength(4);
    expect(first?.candidates).toEqual(expect.arrayContaining([2, 4]));
    // 600 ms of round trips become 20 + 10 + 0 + 10 + 20.
    expect(first?.change).toBeCloseTo(-540, 6);
  });

  it('makes a second bid for clients that the first does not help', () => {
    const samples = line([100, 110, 120, -100, -110, -120]);
    const changes = surveyed(seen(samples), samples)
      .bids(Number.NaN, 0, false, at(0))
      .filter(({ action }) => action === 'promote');
    expect(new Set(changes.map(({ candidates }) => candidates[0]))).toEqual(new Set([2, 5]));
  });

  it('never bids for a client that is not willing, nor for one that declined lately', () => {
    const samples = line(far, (n) => ({ willing: n !== 2 }));
    const group = new Group(server);
    group.isRefuser = (peer) => peer === 2;
    group.see([samples], 5, 'delay', 0);
    const bids = surveyed(group, samples).bids(Number.NaN, 0, false, at(0));
    expect(bidOf(bids, 'promote')?.candidates[0]).toBe(4);
    for (const { candidates } of bids) for (const peer of [2, 3]) expect(candidates).not.toContain(peer);
  });

  it('makes no bid when no client is willing, and asks none to measure', () => {
    const group = seen(line(far, () => ({ willing: false })));
    expect(group.surveys()).toEqual([]);
    expect(group.bids(Number.NaN, 0, false, at(0))).toEqual([]);
  });

  it('does not believe a candidate alone: without measurements by others there is no bid', () => {
    const samples = line(far);
    expect(seen(samples).bids(Number.NaN, 0, false, at(0))).toEqual([]);
    // Its coordinate claims the middle of the group, but it is far from all.
    const truth = (a: MemberSample, b: MemberSample): number =>
      [a.peer, b.peer].includes(peerNumber(3)) ? 900 : apart(a, b);
    const bids = surveyed(seen(samples), samples, truth).bids(Number.NaN, 0, false, at(0));
    expect(bidOf(bids, 'promote')?.candidates[0]).not.toBe(3);
  });

  it('needs measurements from three subnets, unless there are fewer', () => {
    const samples = line([...far, 150]);
    const confirmed = (subnetOf: (peer: number) => number, by: readonly number[]): boolean => {
      const group = seen(samples);
      group.subnetOf = subnetOf;
      for (const client of by) group.measured(peerNumber(client), peerNumber(3), Math.abs(client - 3) * 10);
      group.takeStock();
      return group.bids(Number.NaN, 0, false, at(0)).length > 0;
    };
    expect(confirmed((peer) => peer, [1, 2])).toBe(false);
    expect(confirmed((peer) => peer, [1, 2, 4])).toBe(true);
    // Three peers of one subnet count once.
    const crowded = (peer: number): number => (peer === 1 || peer === 2 || peer === 4 ? 1 : peer);
    expect(confirmed(crowded, [1, 2, 4])).toBe(false);
    expect(confirmed(crowded, [1, 5, 6])).toBe(true);
    expect(confirmed(() => 1, [1, 2, 4])).toBe(true);
  });

  it('asks a bounded number of clients for a bounded number of round trips, some at random', () => {
    const plans = seen(line(Array.from({ length: 100 }, (_, n) => 50 + n))).surveys();
    const asked = new Map<number, number>();
    for (const { client, cards } of plans) {
      expect(cards.length).toBeLessThanOrEqual(mostCards);
      for (const { peer } of cards) {
        expect(peer).not.toBe(client);
        asked.set(peer, (asked.get(peer) ?? 0) + 1);
      }
    }
    expect(asked.size).toBeGreaterThan(1);
    expect(asked.size).toBeLessThanOrEqual(35);
    for (const count of asked.values()) expect(count).toBeLessThanOrEqual(16);
  });

  it('asks few clients about many candidates at first, then more clients about the best candidates', () => {
    const group = seen(line(Array.from({ length: 100 }, (_, n) => 50 + n)));
    const [first, second, third] = [1, 2, 3].map(() => {
      const counts = new Map<number, number>();
      for (const { cards } of group.surveys())
        for (const { peer } of cards) counts.set(peer, (counts.get(peer) ?? 0) + 1);
      return { candidates: counts.size, clients: Math.max(...counts.values()) };
    });
    expect(first?.candidates).toBeGreaterThan(second?.candidates ?? Number.NaN);
    expect(second?.candidates).toBeGreaterThan(third?.candidates ?? Number.NaN);
    expect([first?.clients, second?.clients, third?.clients]).toEqual([8, 16, 32]);
  });

  it('stops asking when everything that matters is known', () => {
    const samples = line(far);
    expect(surveyed(seen(samples), samples).surveys()).toEqual([]);
  });

  it('knows what the loss of each server would cost its clients: the difference to their second choice', () => {
    const samples = line([10, 20, 30], (n) => ({
      secondMs: n === 2 ? Number.NaN : 150,
      server: peerNumber(n === 1 ? 9 : 0),
    }));
    const losses = seen(samples).losses(1_000);
    expect(losses.get(server)).toBeCloseTo(40 + 870, 6);
    expect(losses.get(peerNumber(9))).toBeCloseTo(30, 6);
  });

  it('counts a sample for all clients that it stands for', () => {
    const samples = line([10, 20], () => ({ secondMs: 200 }));
    expect(seen(samples, 'delay', 0, 20).losses(1_000).get(server)).toBeCloseTo(10 * (90 + 80), 6);
  });

  it('bids to retire at the loss of its clients and its own; the root never does', () => {
    const samples = line([10, 20], () => ({ secondMs: 200 }));
    const group = surveyed(seen(samples), samples);
    const retire = bidOf(group.bids(40, 170, true, at(0)), 'retire');
    expect(retire).toMatchObject({ server, candidates: [], change: 210 });
    // Without a known next server the server's own loss is unknown.
    expect(bidOf(group.bids(Number.NaN, 170, true, at(0)), 'retire')).toBeUndefined();
    expect(group.bids(40, 170, false, at(0)).every(({ action }) => action === 'promote')).toBe(true);
  });

  it('bids to move to where its clients are, and counts its own round trip to there', () => {
    const samples = line(far);
    const move = bidOf(surveyed(seen(samples), samples).bids(500, 0, true, at(0)), 'move');
    expect(move?.candidates[0]).toBe(3);
    expect(move?.change).toBeCloseTo(-540 + 120, 6);
  });

  it('counts clients over the limit when that is the cost', () => {
    const samples = line([100, 110, 300, 310, 320]);
    const bids = surveyed(seen(samples, 'over', 250), samples).bids(Number.NaN, 0, false, at(0));
    const first = bidOf(bids, 'promote');
    expect([3, 4, 5]).toContain(first?.candidates[0]);
    expect(first?.change).toBeLessThan(-3);
    expect(first?.change).toBeGreaterThan(-3.01);
  });
});
