/** Overloaded servers in a whole farm: others take over, no client oscillates, and no liar gains by it. */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../src/core/ids.ts';
import { isFree } from '../../src/core/servers/membership.ts';
import type { MemberSample, Message } from '../../src/core/messages/index.ts';
import type { Peer } from '../../src/core/peer.ts';
import { Quality, defaultQosOptions } from '../../src/qos/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import { generatePlane, scaleToMeanRtt } from '../../src/topology/index.ts';
import { capacities } from '../../simulator/capacities.ts';
import { isWhole } from '../../simulator/checkers/structure.ts';
import { SimulatedFarm, generous, handle } from '../../simulator/farm.ts';
import { WaitTimes, ServiceFarm, rootPeer } from '../../simulator/service-farm.ts';
import type { ServiceFarmOptions } from '../../simulator/service-farm.ts';

const requestEveryMs = 2_000;
const everySoOften = { shape: 'poisson', everyMs: requestEveryMs, zipf: 0 } as const;

interface Watched {
  readonly farm: ServiceFarm;
  readonly events: { readonly peer: PeerHandle; readonly event: QosEvent }[];
}

/** A farm on a plane, settled: mean round trip 100 ms, service time 20 ms, a request every two seconds. */
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
  const watched: Watched = { farm, events: [] };
  farm.onEvent = (event, peer) => watched.events.push({ peer, event });
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

/** The clients that were sent on, by which server, and how many at a time. */
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

/** A farm at rest in which the server with the most clients drops to a tenth of its capacity. */
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

describe('a farm in which half of the volunteers manage a tenth of what others do, and say so', () => {
  /** The first rounds of a farm: while it grows, and a little after. */
  function grown(seed: number, shedding: boolean): { felt: WaitTimes; failed: number } {
    const strength = { seed, perSecond: 20, weak: 0.5, declared: true, requestEveryMs };
    const { farm } = standing({ seed, nodes: 80, shedding, ...capacities(strength) });
    require(farm, 70);
    farm.felt = new WaitTimes();
    farm.runRounds(12);
    return { felt: farm.felt, failed: farm.requests.failedWithout };
  }

  it('keeps delays much lower than when limits and loads are ignored', () => {
    const sum = { with: { mean: 0, p95: 0, failed: 0 }, without: { mean: 0, p95: 0, failed: 0 } };
    for (const seed of [1, 2, 3, 4])
      for (const how of ['with', 'without'] as const) {
        const { felt, failed } = grown(seed, how === 'with');
        sum[how].mean += felt.meanMs;
        sum[how].p95 += felt.p95Ms;
        sum[how].failed += failed;
      }
    expect(sum.with.mean).toBeLessThan(0.75 * sum.without.mean);
    expect(sum.with.p95).toBeLessThan(0.9 * sum.without.p95);
    expect(sum.with.failed).toBeLessThan(0.7 * sum.without.failed);
  });

  it('gives no volunteer more clients than it offered to take, once it has come to rest', () => {
    const offered = 5;
    const { farm } = standing({ limits: () => ({ ...generous, clients: offered }), policy: 'worst-qos' });
    require(farm, 65);
    farm.runRounds(25);
    const servers = farm.servers().filter(({ role }) => role === 'server');
    expect(servers.length).toBeGreaterThan(3);
    const clients = servers.map(({ state }) => state.clients.extent().size - 1);
    expect(Math.max(...clients)).toBeLessThanOrEqual(offered);
    expect(clients.filter((count) => count >= offered - 1).length).toBeGreaterThan(0);
  });
});

describe('an overloaded server', () => {
  it('takes no newcomers, sends on at most a quarter of its clients at a time, and keeps those it can serve', () => {
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
    farm.farm.run(3_600_000);
    const changes = watched.events.filter(
      ({ peer, event }) => peer === tired.self && event.type === 'fullness-changed',
    ).length;
    const sent = sheds(watched).reduce((sum, { count }) => sum + count, 0);
    expect(changes).toBeGreaterThan(1);
    expect(changes).toBeLessThanOrEqual(14);
    expect(sent).toBeLessThanOrEqual(30);
  });

  it('sends on almost no clients while all are full, and the controller makes more servers', () => {
    const sentNowhere: number[] = [];
    let sent = 0;
    // How many are under way when the last one fills up differs from farm to farm: together they tell.
    for (const seed of [1, 2, 3, 4]) {
      let isCrowded = false;
      const watched = standing({ policy: 'worst-qos', seed, capacityPerSecond: () => (isCrowded ? 5 : 1_000) });
      const { farm } = watched;
      require(farm, 80);
      settle(farm);
      const before = farm.servers().length;
      isCrowded = true;
      farm.farm.onSend = (from, _to, { kind }): void => {
        if (kind !== 'shed') return;
        sent++;
        const known = farm.farm.peer(from)?.state.membership.serving() ?? [];
        if (!known.some((record) => record.subject !== from && isFree(record))) sentNowhere.push(from);
      };
      farm.runRounds(8);
      const filled = watched.events.filter(({ event }) => event.type === 'fullness-changed' && event.full !== null);
      expect(new Set(filled.map(({ peer }) => peer)).size).toBeGreaterThan(1);
      expect(farm.servers().length).toBeGreaterThan(before);
      expect(farm.farm.runUntil(() => isWhole(farm.farm), 60_000, 1_000)).toBe(true);
    }
    expect(sent).toBeGreaterThan(20);
    expect(sentNowhere.length).toBeLessThanOrEqual(sent / 5);
  });
});

describe('a server that offered few places, in a farm without rounds, when a crowd has come at once', () => {
  /** Server 1 takes six clients, and twice as many as fit into the two trees near the top come in a second. */
  function crowded(
    seed: number,
    fanOut: number,
  ): { clients: () => number; mostTold: () => number; farm: SimulatedFarm } {
    const root = handle(0);
    const farm = new SimulatedFarm({
      seed,
      rttMs: (a, b) => (a === b ? 0 : a === 0 || b === 0 ? 60 : 10),
      tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000, fanOut, guestRoom: 2 },
      layers: () => [(parts) => new Quality(parts, defaultQosOptions)],
    });
    farm.start(root, { as: 'root', root, neighbours: [] });
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1e6));
    farm.start(handle(1), { as: 'peer', root, neighbours: [root] });
    farm.run(30_000);
    farm.act(handle(1), (peer, nowMs) => peer.volunteer(nowMs, { ...generous, clients: 6 }));
    farm.run(60_000);
    for (let n = 2; n < 26; n++)
      farm.after(n * 50, () => farm.start(handle(n), { as: 'peer', root, neighbours: [handle(1)] }));
    const told = new Map<PeerHandle, number>();
    farm.onSend = (_from, to, { kind }): void => {
      if (kind === 'shed') told.set(to, (told.get(to) ?? 0) + 1);
    };
    const isHere = (peer: Peer): boolean => peer.role === 'client' && peer.state.ownServer() === handle(1);
    return {
      farm,
      clients: () => farm.living().filter(isHere).length,
      mostTold: () => Math.max(0, ...told.values()),
    };
  }

  it.each([2, 4, 8])(
    'has no more than it offered after a while, and tells nobody again and again (fan-out %i)',
    (fanOut) => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const { farm, clients, mostTold } = crowded(seed, fanOut);
        farm.run(10_000);
        expect(farm.runUntil(() => clients() <= 6, 15 * 60_000, 1_000)).toBe(true);
        expect(mostTold()).toBeLessThanOrEqual(15);
      }
    },
  );
});

describe('a liar', () => {
  const inventions: Readonly<Record<string, Partial<MemberSample>>> = {
    'who wait for ever and know no other server': { secondMs: Number.NaN },
    'who wait for ever and would lose nothing by going': { secondMs: 0.5 },
  };
  it.each(Object.keys(inventions))('among the clients empties no server by inventing others %s', (name) => {
    const watched = standing({ policy: 'worst-qos' });
    const { farm } = watched;
    require(farm, 80);
    settle(farm);
    const victim = heaviest(farm);
    const clients = farm.farm
      .living()
      .filter(({ self, state }) => self !== victim.self && state.ownServer() === victim.self);
    expect(clients.length).toBeGreaterThan(5);
    const [smallest] = [...victim.state.clients.children].sort((a, b) => a.size - b.size);
    const liar = smallest?.peer;
    expect(liar).toBeDefined();
    watched.events.length = 0;
    const crowd = 128;
    for (const saysSize of [false, true]) {
      farm.farm.tamper = (from, _to, message): Message => {
        if (from !== liar) return message;
        if (message.kind === 'heartbeat-up' && saysSize) return { ...message, size: crowd };
        const [own] = message.kind === 'aggregate' ? message.aggregate.samples : [];
        if (message.kind !== 'aggregate' || own === undefined) return message;
        const invented = { ...own, delayMs: 800, server: victim.self, rttMs: 1, willing: false, ...inventions[name] };
        const samples = Array.from({ length: crowd }, (_, n) => ({ ...invented, peer: handle(10_000 + n) }));
        const counts = { expected: crowd, reported: crowd, clients: crowd, requests: crowd, sumMs: crowd * 800 };
        return { ...message, aggregate: { ...message.aggregate, ...counts, samples } };
      };
      farm.runRounds(5);
      expect(sheds(watched)).toEqual([]);
      expect(watched.events.filter(({ event }) => event.type === 'fullness-changed')).toEqual([]);
      // One that says so in its heartbeats too is believed by the controller, which makes more servers.
      if (saysSize) continue;
      expect(farm.decisions.at(-1)?.met).toBe(true);
      // A client that leaves of its own accord goes to a server that is nearer to it.
      const { rttMs } = farm.farm.options;
      for (const { self, state } of clients.filter((client) => client.state.ownServer() !== victim.self))
        expect(rttMs(self, state.ownServer())).toBeLessThan(rttMs(self, victim.self));
    }
  });

  it('that sends clients of others on moves none of them', () => {
    const { watched } = withTiredServer();
    const { farm } = watched;
    farm.farm.run(5_000);
    const clients = farm.farm.living().filter(({ role }) => role === 'client');
    const trees = clients.map((peer) => peer.state.ownServer());
    for (const { self } of clients)
      farm.farm.act(self, (peer, nowMs) => peer.receive(nowMs, handle(59), { kind: 'shed' }));
    expect(clients.map((peer) => peer.state.selection.leaving).filter((server) => server === handle(59))).toEqual([]);
    expect(clients.map((peer) => peer.state.ownServer())).toEqual(trees);
  });

  it('that says it is full, and sends its clients on, loses them and does no other harm', () => {
    const watched = standing({ policy: 'worst-qos' });
    const { farm } = watched;
    require(farm, 80);
    settle(farm);
    const liar = heaviest(farm);
    // It is idle and announces overload: all the time, to every peer.
    for (let n = 0; n < 120; n++) {
      farm.farm.act(liar.self, ({ state }) => state.membership.declareFull(true));
      for (const { peer } of liar.state.clients.children) farm.farm.sayFalsely(liar.self, peer, { kind: 'shed' });
      farm.farm.run(1_000);
    }
    expect(isWhole(farm.farm)).toBe(true);
    expect(farm.requests.failedWithFailover).toBe(0);
    farm.runRounds(4);
    expect(farm.decisions.at(-1)?.met).toBe(true);
  });

  it('among the servers cannot make others look slow', () => {
    const watched = standing({ policy: 'worst-qos' });
    const { farm } = watched;
    require(farm, 65);
    settle(farm);
    const liar = heaviest(farm).self;
    // A thousand servers with a service time of zero.
    farm.farm.tamper = (from, _to, message): Message =>
      from === liar && message.kind === 'aggregate'
        ? { ...message, aggregate: { ...message.aggregate, servers: 1_000, serveSketch: [0, 1_000] } }
        : message;
    farm.runRounds(6);
    expect(watched.events.filter(({ event }) => event.type === 'fullness-changed')).toEqual([]);
  });
});
