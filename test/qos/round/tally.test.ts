/** Adding up a round: the order does not matter, the sample is uniform, and the descent is the paper's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../../src/core/ids.ts';
import type { Aggregate } from '../../../src/core/messages/index.ts';
import { DelaySketch } from '../../../src/qos/round/sketch.ts';
import { Tally, mostBids, mostPeers, mostSamples } from '../../../src/qos/round/tally.ts';
import { aggregate, bid, fingerprint, lone, peerNumber, sample } from '../findings.ts';

function merged(parts: readonly Aggregate[], round = 7): Aggregate {
  const tally = new Tally(round, fingerprint);
  for (const part of parts) tally.add(part, 0);
  return tally.freeze();
}

/** A tree of clients, each with a delay; some are not willing. */
interface Branch {
  readonly peer: number;
  readonly delayMs: number;
  readonly willing: boolean;
  readonly children: readonly Branch[];
}

function report({ peer, delayMs, willing, children }: Branch): Aggregate {
  const tally = new Tally(7, fingerprint);
  tally.addSelf({ delayMs, server: peerNumber(0), requests: 1, failures: 0 }, 0);
  tally.addSample(sample(peer, { delayMs, rttMs: 0, willing }));
  if (willing) tally.descend(peerNumber(peer), delayMs, NOBODY, delayMs);
  for (const child of children) tally.add(report(child), 0);
  return tally.freeze();
}

const all = ({ delayMs, children }: Branch): number[] => [delayMs, ...children.flatMap(all)];
const isWilling = ({ willing, children }: Branch): boolean => willing || children.some(isWilling);

/** The paper's descent: always into the child with the worst average, until the peer itself is worst. */
function descend(branch: Branch): number {
  const average = (of: Branch): number => all(of).reduce((sum, ms) => sum + ms, 0) / all(of).length;
  let worst = branch.willing ? { ms: branch.delayMs, end: (): number => branch.peer } : null;
  for (const child of branch.children)
    if (isWilling(child) && average(child) > (worst?.ms ?? -1))
      worst = { ms: average(child), end: () => descend(child) };
  return worst?.end() ?? NOBODY;
}

const trees: fc.Arbitrary<Branch> = fc
  .array(fc.record({ above: fc.nat(), delayMs: fc.integer({ min: 1, max: 900 }), willing: fc.boolean() }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((peers) => {
    const branches = peers.map(({ delayMs, willing }, at) => ({
      peer: at + 1,
      delayMs,
      willing,
      children: [] as Branch[],
    }));
    for (const [at, { above }] of peers.entries())
      if (at > 0) branches[above % at]?.children.push(branches[at] as Branch);
    return branches[0] as Branch;
  });

describe('a tally', () => {
  it('has the same result in whatever order reports arrive', () => {
    const reports = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(reports, fc.integer(), (delaysMs, seed) => {
        const parts = delaysMs.map((delayMs, at) => lone(at + 1, delayMs));
        const shuffled = parts
          .map((part, at) => ({ part, by: fingerprint(peerNumber((at + 1) ^ seed)) }))
          .sort((a, b) => a.by - b.by)
          .map(({ part }) => part);
        const [one, other] = [merged(parts), merged(shuffled)];
        const sorted = ({ samples }: Aggregate): number[] =>
          samples.map(({ peer }) => peer as number).sort((a, b) => a - b);
        expect(sorted(other)).toEqual(sorted(one));
        expect({ ...other, samples: [], worst: 0 }).toEqual({ ...one, samples: [], worst: 0 });
        expect(one.clients).toBe(delaysMs.length);
        expect(one.sumMs).toBe(delaysMs.reduce((sum, ms) => sum + ms, 0));
        expect(DelaySketch.of(one.sketch).quantileMs(1)).toBeGreaterThan(0.97 * Math.max(...delaysMs));
      }),
      { numRuns: 30 },
    );
  });

  it('samples the same clients, at most 128, whatever the shape of the tree', () => {
    const parts = Array.from({ length: 1_000 }, (_, at) => lone(at + 1, 100));
    const flat = merged(parts);
    expect(flat.samples).toHaveLength(mostSamples);
    const middle = Array.from({ length: 10 }, (_, at) => merged(parts.slice(100 * at, 100 * at + 100)));
    const chain = parts.reduce((below, part) => merged([below, part]));
    const drawn = ({ samples }: Aggregate): Set<number> => new Set(samples.map(({ peer }) => peer));
    expect(drawn(merged(middle))).toEqual(drawn(flat));
    expect(drawn(chain)).toEqual(drawn(flat));
  });

  it('samples each client equally often over many rounds', () => {
    const times = new Map<number, number>();
    const rounds = 400;
    for (let round = 1; round <= rounds; round++) {
      const parts = Array.from({ length: 256 }, (_, at) => lone(at + 1, 100, {}, round));
      for (const { peer } of merged(parts, round).samples) times.set(peer, (times.get(peer) ?? 0) + 1);
    }
    const counts = [...times.values()];
    expect(times.size).toBe(256);
    // Half of the rounds each, give or take five standard deviations.
    const sd = Math.sqrt(rounds * 0.25);
    expect(Math.min(...counts)).toBeGreaterThan(rounds / 2 - 5 * sd);
    expect(Math.max(...counts)).toBeLessThan(rounds / 2 + 5 * sd);
  });

  it('finds on the way up the client where the descent of the paper ends', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const found = report(tree);
        // Two branches with the very same average are both the worst.
        const averages = [tree, ...tree.children].map((branch) => all(branch).reduce((sum, ms) => sum + ms, 0));
        fc.pre(new Set(averages).size === averages.length);
        expect(found.worst).toBe(descend(tree));
      }),
      { numRuns: 300 },
    );
  });

  it('passes up the best bids of each kind, and no more', () => {
    const promotions = Array.from({ length: 40 }, (_, at) => bid(at, -at));
    const retirements = Array.from({ length: 40 }, (_, at) => bid(at, at, { action: 'retire' }));
    const { bids } = merged([
      aggregate({ bids: [...promotions.slice(0, 20), ...retirements.slice(20)] }),
      aggregate({ bids: [...retirements.slice(0, 20), ...promotions.slice(20)] }),
    ]);
    const changes = (action: string): number[] => bids.filter((of) => of.action === action).map(({ change }) => change);
    expect(changes('promote')).toEqual(Array.from({ length: mostBids }, (_, at) => at - 39));
    expect(changes('retire')).toEqual(Array.from({ length: mostBids }, (_, at) => at));
  });

  it('counts a child with its expected size until it reports', () => {
    const tally = new Tally(7, fingerprint);
    tally.addSelf(null, 0);
    tally.expect(5);
    tally.expect(3);
    expect(tally.freeze()).toMatchObject({ expected: 9, reported: 1 });
    tally.add(aggregate({ expected: 6, reported: 6 }), 5);
    expect(tally.freeze()).toMatchObject({ expected: 10, reported: 7 });
  });

  it('never grows beyond what fits a message, whatever children report', () => {
    const tally = new Tally(7, fingerprint);
    for (let n = 0; n < 20; n++) {
      tally.expect(1e9);
      tally.add(aggregate({ expected: mostPeers, reported: mostPeers, clients: mostPeers, loss: 2 ** 42 }), 0);
      tally.addVisit(peerNumber(3), 2 ** 42);
    }
    for (let server = 0; server < 1_000; server++) tally.addVisit(peerNumber(server), 1);
    const { expected, reported, clients, loss, visits } = tally.freeze();
    expect([expected, reported, clients]).toEqual([mostPeers, mostPeers, mostPeers]);
    expect(loss).toBeLessThanOrEqual(2 ** 42);
    expect(visits).toHaveLength(128);
    expect(visits[0]?.loss).toBeLessThanOrEqual(2 ** 42);
  });
});
