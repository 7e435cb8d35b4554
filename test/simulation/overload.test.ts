/** Servers that have more than they can do, in a whole farm: others take over, nobody swings back and forth, and no liar gains by it. */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Peer } from '../../src/core/peer.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import { generatePlane, scaleToMeanRtt } from '../../src/topology/index.ts';
import { capacities } from '../../simulator/capacities.ts';
import { isWhole } from '../../simulator/checkers/structure.ts';
import { generous } from '../../simulator/farm.ts';
import { Felt, ServiceFarm, rootPeer } from '../../simulator/service-farm.ts';
import type { ServiceFarmOptions } from '../../simulator/service-farm.ts';

const requestEveryMs = 2_000;
const everySoOften = { shape: 'poisson', everyMs: requestEveryMs, zipf: 0 } as const;

interface Watched {
  readonly farm: ServiceFarm;
  readonly events: { readonly peer: PeerHandle; readonly event: QosEvent }[];
  /** Clients that went to another server's tree. */
  moves: number;
}

/** A farm on a plane that stands: 100 ms there and back on the mean, 20 ms to serve, a request every two seconds. */
function standing(options: Partial<ServiceFarmOptions> & { readonly nodes?: number } = {}): Watched {
  const { nodes = 60, ...rest } = options;
  const seed = options.seed ?? 1;
  const farm = new ServiceFarm({
    topology: scaleToMeanRtt(generatePlane({ nodes, seed: seed + 10 }), 100),
    rootNode: 0,
    seed,
    serverTimeMs: 20,
    policy: 'balanced',
    margin: 'lean',
    workload: everySoOften,
    ...rest,
  });
  const watched: Watched = { farm, events: [], moves: 0 };
  farm.onEvent = (event, peer) => watched.events.push({ peer, event });
  farm.farm.checkers.push({
    name: 'moves',
    verdict: () => [],
    observed: (_farm, _peer, event): void => {
      if (event.type === 'attached' && event.moved && event.tree === 'clients') watched.moves++;
    },
  });
  farm.grow();
  return watched;
}

function require(farm: ServiceFarm, meanMs: number): void {
  farm.require({ meanMs, percentile: null, availability: null });
}

/** Runs until the requirement is met and three rounds in a row brought no change. */
function settle(farm: ServiceFarm): void {
  for (let quiet = 0, round = 0; quiet < 3; round++) {
    expect(round).toBeLessThan(80);
    farm.runRounds(1);
    const last = farm.decisions.at(-1);
    quiet = last?.met === true && last.actions.length === 0 ? quiet + 1 : 0;
  }
}

/** Those who were sent on, by whom, and how many at a time. */
function sheds({ events }: Watched): { readonly peer: PeerHandle; readonly count: number; readonly served: number }[] {
  return events.flatMap(({ peer, event }) =>
    event.type === 'shed' ? [{ peer, count: event.clients.length, served: event.load.served }] : [],
  );
}

function heaviest(farm: ServiceFarm): Peer {
  const weight = (peer: Peer): number => peer.state.clients.extent().size;
  const [first] = farm
    .servers()
    .filter(({ role }) => role === 'server')
    .sort((a, b) => weight(b) - weight(a));
  if (first === undefined) throw new Error('there is no server but the root');
  return first;
}

/** A farm at rest in which one server, the one with the most clients, is at a tenth of its strength from now on. */
function withTiredServer(options: Partial<ServiceFarmOptions> & { readonly nodes?: number } = {}): {
  readonly watched: Watched;
  readonly tired: Peer;
} {
  const tired = new Set<PeerHandle>();
  // `worst-qos` takes no server away: what happens to this one is its own doing.
  const watched = standing({
    policy: 'worst-qos',
    capacityPerSecond: (peer) => (tired.has(peer) ? 3 : 100),
    ...options,
  });
  require(watched.farm, 80);
  settle(watched.farm);
  const peer = heaviest(watched.farm);
  tired.add(peer.self);
  watched.events.length = 0;
  return { watched, tired: peer };
}

describe('a farm in which three volunteers of ten manage a tenth of what others do, and say so', () => {
  /** The first 14 rounds of a farm: while it grows, and a little after. */
  function grown(seed: number, shedding: boolean): { felt: Felt; failed: number } {
    const strength = { seed, perSecond: 30, weak: 0.3, declared: true, requestEveryMs };
    const { farm } = standing({ seed, nodes: 100, shedding, ...capacities(strength) });
    require(farm, 70);
    farm.felt = new Felt();
    farm.runRounds(14);
    return { felt: farm.felt, failed: farm.requests.failedWithout };
  }

  it('keeps its users from waiting: half as long on the mean as if nobody cared who can do how much', () => {
    const sum = { with: { mean: 0, p95: 0, failed: 0 }, without: { mean: 0, p95: 0, failed: 0 } };
    for (const seed of [1, 2, 3, 4, 5, 6])
      for (const how of ['with', 'without'] as const) {
        const { felt, failed } = grown(seed, how === 'with');
        sum[how].mean += felt.meanMs;
        sum[how].p95 += felt.p95Ms;
        sum[how].failed += failed;
      }
    console.log(JSON.stringify(sum));
    expect(sum.with.mean).toBeLessThan(0.6 * sum.without.mean);
    expect(sum.with.p95).toBeLessThan(0.8 * sum.without.p95);
    expect(sum.with.failed).toBeLessThan(0.5 * sum.without.failed);
  });
});

describe('a server that has more than it can do', () => {
  it('is full for all who could come, sends on at most a quarter of its clients at a time, and keeps those it can serve', () => {
    const { watched, tired } = withTiredServer();
    const { farm } = watched;
    const before = tired.state.clients.extent().size;
    farm.runRounds(3);
    expect(farm.farm.peer(rootPeer)?.state.membership.get(tired.self)?.full).toBe(true);
    const sent = sheds(watched).filter(({ peer }) => peer === tired.self);
    expect(sent.length).toBeGreaterThan(0);
    for (const { count, served } of sent) expect(count).toBeLessThanOrEqual(Math.ceil(served / 4));
    farm.runRounds(3);
    expect(tired.state.clients.extent().size).toBeLessThan(before / 2);
    expect(isWhole(farm.farm)).toBe(true);
    // It is left alone by all who do not hang in its tree.
    const guests = farm.farm
      .living()
      .filter((peer) => peer.role === 'client' && peer.state.ownServer() !== tired.self)
      .filter((peer) => peer.rank(farm.farm.nowMs)[0] === tired.self);
    expect(guests.map(({ self }) => self)).toEqual([]);
  });

  it('is open again when it has rested, and its clients do not swing back and forth', () => {
    const { watched, tired } = withTiredServer();
    const { farm } = watched;
    farm.runRounds(10);
    const early = watched.moves;
    farm.farm.run(3_600_000);
    const changes = watched.events.filter(
      ({ peer, event }) => peer === tired.self && event.type === 'fullness-changed',
    ).length;
    const sent = sheds(watched).reduce((sum, { count }) => sum + count, 0);
    console.log('changes', changes, 'sent', sent, 'moves', early, watched.moves, tired.state.clients.extent().size);
    expect(changes).toBeGreaterThan(1);
    expect(changes).toBeLessThanOrEqual(14);
    expect(sent).toBeLessThanOrEqual(30);
  });

  it('sends nobody anywhere when all are full', () => {
    const watched = standing({ capacityPerSecond: () => 100, limits: () => ({ ...generous, clients: 1 }) });
    const { farm } = watched;
    require(farm, 75);
    farm.runRounds(12);
    for (const { state, role } of farm.servers()) if (role === 'root') state.membership.declareFull(true);
    farm.runRounds(3);
    expect(isWhole(farm.farm)).toBe(true);
    expect(farm.requests.failedWithFailover).toBe(0);
  });
});
