/** Which reports are believed: every report that an honest peer can make, and none that cannot be true. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Aggregate } from '../../../src/core/messages/index.ts';
import { isOfSize, isSane } from '../../../src/qos/round/sanity.ts';
import { Tally, mostPeers } from '../../../src/qos/round/tally.ts';
import { announcement, at, bid, fingerprint, lone, peerNumber, sample } from '../findings.ts';

const clients = (of: Aggregate): boolean => isSane(of, 'clients', announcement);
const servers = (of: Aggregate): boolean => isSane(of, 'servers', announcement);

/** The report of a client with two clients below it. */
function branch(): Aggregate {
  const tally = new Tally(7, fingerprint);
  for (const [peer, delayMs] of [[1, 100], [2, 300], [3, 1_000]] as const) tally.add(lone(peer, delayMs), 0); // prettier-ignore
  return tally.freeze();
}

/** The report of a server with such a branch. */
function group(rest: Partial<Aggregate> = {}): Aggregate {
  const bids = [bid(4, -500), bid(4, -300), bid(4, 200, { action: 'retire' }), bid(4, 50, { action: 'move' })];
  return { ...branch(), samples: [], servers: 1, bids, worstLoss: 200, worstServer: peerNumber(4), ...rest };
}

describe('a report', () => {
  it('of honest clients is believed, however many they are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 300 }), (delaysMs) => {
        const tally = new Tally(7, fingerprint);
        tally.addSelf(null, 0);
        for (const [n, delayMs] of delaysMs.entries()) tally.add(lone(n + 1, delayMs), 0);
        expect(clients(tally.freeze())).toBe(true);
      }),
    );
  });

  it('of an honest server is believed', () => {
    expect(servers(group())).toBe(true);
  });

  const lies: Readonly<Record<string, Partial<Aggregate>>> = {
    'more clients than peers': { clients: 4 },
    'more heard than there are': { reported: 5 },
    'a voice for many': { expected: 1_000, reported: 1_000, clients: 1_000, sumMs: 9e5 },
    'more peers than any farm has': { expected: mostPeers + 1 },
    'half a client': { clients: 2.5 },
    'delays beyond the clamp': { sumMs: 3_500 },
    'delays below nothing': { sumMs: -1 },
    'no number': { sumMs: Number.NaN },
    'more over the limit than clients': { over: 4 },
    'more failures than requests': { failures: 7 },
    'more requests than are kept': { requests: 49 },
    'more strays than clients': { strays: 4 },
    'a sketch of others': { sketch: [3, 50] },
    'a bid, from a client': { bids: [bid(9, -100)] },
    'servers, from a client': { servers: 1 },
    'a loss, from a client': { worstLoss: 10 },
    'a visit, from a client': { visits: [{ server: peerNumber(3), loss: 5 }] },
    'a way down into another group': { worstServer: peerNumber(8) },
    'one client twice': { samples: [sample(1), sample(1), sample(2)] },
    'a client at no place': { samples: [sample(1, { coordinate: at(Number.NaN) }), sample(2), sample(3)] },
    'a client beyond the clamp': { samples: [sample(1, { delayMs: 2_000 }), sample(2), sample(3)] },
    'a way longer than the answer took': { samples: [sample(1, { rttMs: 101 }), sample(2), sample(3)] },
    'a second choice beyond the clamp': { samples: [sample(1, { secondMs: 1e9 }), sample(2), sample(3)] },
    'clients that nobody sees': { samples: [sample(1)] },
  };
  it.each(Object.keys(lies))('with %s is not believed', (name) => {
    expect(clients(branch())).toBe(true);
    expect(clients({ ...branch(), ...lies[name] })).toBe(false);
  });

  it('of more clients than the child ever told is not believed, but a subtree may grow while the report travels', () => {
    const of = (clients: number): Aggregate => ({ ...branch(), clients });
    expect(isOfSize(of(128), 1)).toBe(false);
    expect(isOfSize(of(128), 50)).toBe(false);
    expect(isOfSize(of(9), 1)).toBe(true);
    expect(isOfSize(of(200), 100)).toBe(true);
  });

  const boasts: Readonly<Record<string, Partial<Aggregate>>> = {
    'a gain larger than all that is felt': { bids: [bid(4, -3_000)] },
    'a third promotion of one server': { bids: [bid(4, -3), bid(4, -2), bid(4, -1)] },
    'two retirements of one server': { bids: [bid(4, 3, { action: 'retire' }), bid(4, 2, { action: 'retire' })] },
    'a retirement that gains': { bids: [bid(4, -1, { action: 'retire' })] },
    'a promotion of nobody': { bids: [bid(4, -1, { candidates: [] })] },
    'a bid from no place': { bids: [bid(4, -1, { coordinate: at(1e9) })] },
    'a change that is no number': { bids: [bid(4, Number.NaN)] },
    'a loss larger than the clamp for all': { worstLoss: 3_100 },
    'visitors that lose more than there is': { visits: [{ server: peerNumber(3), loss: 1e6 }] },
    'samples of its clients': { samples: [sample(1)] },
    'more servers than peers': { servers: 4 },
  };
  it.each(Object.keys(boasts))('of a server with %s is not believed', (name) => {
    expect(servers(group(boasts[name]))).toBe(false);
  });
});
