/** The controller with a whole farm below it: it reaches its target, and no liar can mislead it. */
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { Aggregate, Bid, Message } from '../../src/core/messages/index.ts';
import { Quality, defaultQosOptions } from '../../src/qos/index.ts';
import type { QosEvent, Requirement } from '../../src/qos/index.ts';
import { generatePlane, scaleToMeanRtt } from '../../src/topology/index.ts';
import { SimulatedFarm, handle } from '../../simulator/farm.ts';
import { ServiceFarm, rootPeer } from '../../simulator/service-farm.ts';
import type { ServiceFarmOptions } from '../../simulator/service-farm.ts';

const nothing: Requirement = { meanMs: null, percentile: null, availability: null };
const mean: Requirement = { ...nothing, meanMs: 60 };

interface Watched {
  readonly farm: ServiceFarm;
  readonly events: { readonly atMs: number; readonly event: QosEvent }[];
}

/** A farm on a plane, settled, without a requirement yet: mean round trip 100 ms, service time 20 ms. */
function standing(options: Partial<ServiceFarmOptions> & { readonly nodes?: number } = {}): Watched {
  const topology = scaleToMeanRtt(generatePlane({ nodes: options.nodes ?? 40, seed: 5 }), 100);
  const farm = new ServiceFarm({
    topology,
    rootNode: 0,
    seed: 3,
    serverTimeMs: 20,
    policy: 'balanced',
    margin: 'lean',
    ...options,
  });
  const events: Watched['events'] = [];
  farm.onEvent = (event) => events.push({ atMs: farm.farm.nowMs, event });
  farm.grow();
  return { farm, events };
}

/** Runs until the requirement is met and four rounds in a row brought no change. */
function settle(farm: ServiceFarm): void {
  for (let quiet = 0, round = 0; quiet < 4; round++) {
    expect(round).toBeLessThan(80);
    expect(farm.runRounds(1)).toBe(true);
    const last = farm.decisions.at(-1);
    quiet = last?.met === true && last.actions.length === 0 ? quiet + 1 : 0;
  }
}

function concluded({ events }: Watched): Extract<QosEvent, { type: 'concluded' }>[] {
  return events.flatMap(({ event }) => (event.type === 'concluded' ? [event] : []));
}

function serverNumbers(farm: ServiceFarm): number[] {
  return farm.servers().map(({ self }) => self);
}

/** The last decision was to replace this server by a newcomer. */
function isExchange(farm: ServiceFarm, server: PeerHandle): boolean {
  const actions = farm.decisions.at(-1)?.actions ?? [];
  return (
    actions.some(({ action }) => action === 'promote') &&
    actions.some((action) => action.action === 'retire' && action.server === server)
  );
}

/** Runs until a replacement has been decided and carried out. Returns how many servers there were. */
function untilExchange(farm: ServiceFarm): number {
  farm.require({ ...nothing, meanMs: 45 });
  for (let round = 0; round < 9; round++) {
    farm.runRounds(1);
    const last = farm.decisions.at(-1);
    const leaver = last?.actions.find(({ action }) => action === 'retire')?.server ?? NOBODY;
    if (last === undefined || !isExchange(farm, leaver)) continue;
    for (let more = 0; farm.decisions.at(-1) === last && more < 9; more++) farm.runRounds(1);
    return last.servers;
  }
  throw new Error('no server was replaced');
}

/** Makes a peer lie: this message goes out instead of its report. */
function lie(
  farm: ServiceFarm,
  who: (from: PeerHandle) => boolean,
  tell: (aggregate: Aggregate) => Partial<Aggregate>,
): void {
  farm.farm.tamper = (from, _to, message): Message =>
    message.kind === 'aggregate' && who(from)
      ? { ...message, aggregate: { ...message.aggregate, ...tell(message.aggregate) } }
      : message;
}

describe('a farm with a requirement', () => {
  it('reaches a mean delay, and keeps it while it trims', () => {
    const watched = standing();
    const { farm } = watched;
    expect(farm.meanDelayMs()).toBeGreaterThan(120);
    farm.require(mean);
    settle(farm);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(60);
    const first = farm.decisions.findIndex(({ met }) => met);
    expect(first).toBeLessThan(6);
    expect(farm.decisions.slice(first).every(({ met }) => met)).toBe(true);
    // A farm that meets its requirement makes no more changes.
    const before = serverNumbers(farm);
    farm.runRounds(3);
    expect(serverNumbers(farm)).toEqual(before);
  });

  it('reaches a percentile', () => {
    const { farm } = standing();
    farm.require({ ...nothing, percentile: { share: 0.9, ms: 90 } });
    settle(farm);
    const { figures, cost } = farm.decisions.at(-1) ?? { figures: null, cost: null };
    expect(cost).toBe('over');
    expect(figures?.overShare).toBeLessThanOrEqual(0.1);
    expect(farm.decisions[0]?.figures.overShare).toBeGreaterThan(0.3);
  });

  it.each([
    ['a mean', mean, 'lean'],
    ['a percentile', { ...nothing, percentile: { share: 0.9, ms: 90 } }, 'lean'],
    ['a margin', { ...nothing, meanMs: 75 }, 'n-1'],
  ] as const)('with %s refuses nothing that honest peers say, also while servers die', (_name, requirement, margin) => {
    const { farm } = standing({ nodes: 60, margin });
    const refused: string[] = [];
    farm.farm.checkers.push({
      name: 'refusals',
      verdict: () => [],
      observed: (_farm, _peer, event): void => {
        if (event.type === 'refused') refused.push(event.what);
      },
    });
    farm.require(requirement);
    farm.runRounds(8);
    const [victim] = farm.servers().filter(({ role }) => role === 'server');
    farm.farm.crash(victim?.self ?? NOBODY, true);
    farm.runRounds(8);
    expect(refused).toEqual([]);
    expect(farm.decisions.some(({ met }) => met)).toBe(true);
  });

  it('decides the same for the same seed', () => {
    const run = (seed: number): unknown => {
      const { farm } = standing({ seed });
      farm.require(mean);
      farm.runRounds(6);
      return { decisions: farm.decisions, hash: farm.farm.traceHash };
    };
    expect(run(3)).toEqual(run(3));
    expect(run(4)).not.toEqual(run(3));
  });

  it('acts once on a round, on rising numbers, and on no round while an earlier decision is being carried out', () => {
    const watched = standing();
    const { farm, events } = watched;
    farm.require(mean);
    settle(farm);
    const rounds = farm.decisions.map(({ round }) => round);
    expect(rounds).toEqual([...new Set(rounds)].sort((a, b) => a - b));
    let open = 0;
    for (const { event } of events) {
      if (event.type === 'round-opened') expect(open).toBe(0);
      if (event.type === 'decided') open += event.decision.actions.length;
      if (event.type === 'concluded') open--;
    }
    expect(concluded(watched).length).toBeGreaterThan(2);
  });

  it('asks the next candidate when one declines', () => {
    const watched = standing();
    const { farm } = watched;
    farm.require(mean);
    const declined: PeerHandle[] = [];
    // Whoever is asked first in a grant has changed its mind by then.
    farm.farm.tamper = (_from, to, message): Message => {
      if (message.kind === 'offer' && declined.length < 2 && !declined.includes(to)) {
        declined.push(to);
        farm.farm.after(0, () => farm.farm.act(to, (peer, nowMs) => peer.drain(nowMs)));
      }
      return message;
    };
    settle(farm);
    expect(declined).toHaveLength(2);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(60);
    for (const peer of declined) expect(serverNumbers(farm)).not.toContain(peer);
    const refused = concluded(watched).find(({ action }) => declined.includes(action.candidates[0] ?? NOBODY));
    expect(refused?.worked).toBe(true);
    expect(refused?.action.candidates.slice(1)).toContain(refused?.peer);
  });

  it('decides nothing while fewer than 0.8 of the peers are heard, and goes on when they are', () => {
    const { farm } = standing();
    farm.farm.tamper = (from, _to, message): Message | null =>
      message.kind === 'aggregate' && from % 3 === 0 ? null : message;
    farm.require(mean);
    farm.runRounds(7);
    expect(farm.decisions).toHaveLength(7);
    for (const { coverage, actions, met, reason } of farm.decisions) {
      expect(coverage).toBeLessThan(0.8);
      expect({ actions, met }).toEqual({ actions: [], met: false });
      expect(reason).toContain('% of the peers were heard');
    }
    farm.farm.tamper = null;
    settle(farm);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(60);
  });

  it('replaces a server by make before break', () => {
    const watched = standing({ nodes: 60 });
    const { farm } = watched;
    farm.require({ ...nothing, meanMs: 70 });
    const breaks: { newcomer: string | undefined }[] = [];
    farm.farm.onSend = (from, to, message): void => {
      if (from !== rootPeer || message.kind !== 'retire') return;
      const move = concluded(watched).findLast(({ action, worked }) => action.action === 'move' && worked);
      if (move === undefined || move.action.leaves !== to) return;
      breaks.push({ newcomer: farm.farm.peer(rootPeer)?.state.membership.get(move.peer)?.state });
    };
    for (let round = 0; round < 60 && breaks.length < 2; round++) farm.runRounds(1);
    expect(breaks.length).toBeGreaterThan(0);
    expect(breaks.every(({ newcomer }) => newcomer === 'serving')).toBe(true);
  });

  it('grows by a newcomer in the place of another where that is enough, and the other goes when the newcomer serves', () => {
    const watched = standing();
    const { farm } = watched;
    const newcomers: (string | undefined)[] = [];
    farm.farm.onSend = (from, to, message): void => {
      if (from !== rootPeer || message.kind !== 'retire' || !isExchange(farm, to)) return;
      const come = concluded(watched).findLast(({ action }) => action.action === 'promote');
      const newcomer = farm.farm.peer(come?.peer ?? NOBODY)?.state;
      newcomers.push(newcomer?.membership.get(newcomer.ctx.self)?.state);
    };
    const before = untilExchange(farm);
    const last = farm.decisions.at(-1);
    expect(newcomers).toEqual(['serving']);
    expect(last?.met).toBe(true);
    expect(last?.servers).toBe(before);
  });

  it('goes on when no newcomer can serve at once, as under a root that has lost its disk', () => {
    const watched = standing();
    const { farm } = watched;
    farm.require({ ...nothing, meanMs: 55 });
    farm.runRounds(8);
    farm.farm.crash(rootPeer);
    farm.farm.run(5_000);
    farm.farm.restart(rootPeer, false);
    farm.farm.run(60_000);
    farm.require({ ...nothing, meanMs: 52 });
    const before = farm.decisions.length;
    farm.farm.run(600_000);
    const later = farm.decisions.slice(before);
    expect(later.some(({ actions }) => new Set(actions.map(({ action }) => action)).size > 1)).toBe(true);
    expect(later.length).toBeGreaterThan(10);
  });

  it('retires no server on the mere claim of one server that a replacement serves', () => {
    for (const liar of [12, 34]) {
      const { farm } = standing();
      const retired: number[] = [];
      let promises = 0;
      farm.farm.tamper = (from, to, message): Message | null => {
        if (message.kind === 'retire') retired.push(to);
        if (from === liar && message.kind === 'offer') return null;
        if (from === liar && message.kind === 'aggregate') {
          const { aggregate } = message;
          const boast = (bid: Bid): Bid =>
            bid.server === liar && bid.action === 'promote' ? { ...bid, change: -aggregate.sumMs } : bid;
          return { ...message, aggregate: { ...aggregate, bids: aggregate.bids.map(boast) } };
        }
        if (to !== liar || message.kind !== 'grant') return message;
        promises++;
        const peer = message.orders[0]?.subject ?? NOBODY;
        const granted = { kind: 'granted', number: message.number, peer } as const;
        farm.farm.after(1, () => farm.farm.sayFalsely(handle(liar), rootPeer, granted));
        return null;
      };
      farm.require({ ...nothing, meanMs: 45 });
      for (let round = 0; round < 25 && farm.decisions.at(-1)?.met !== true; round++) farm.runRounds(1);
      expect(promises).toBeGreaterThan(0);
      expect(retired).toEqual([]);
    }
  });

  it('keeps a server for which no replacement came', () => {
    const watched = standing();
    const { farm } = watched;
    let orders = 0;
    let lost = 0;
    farm.farm.tamper = (_from, to, message): Message | null => {
      if (message.kind === 'retire') orders++;
      if (message.kind !== 'grant' || !isExchange(farm, to) || lost > 0) return message;
      lost++;
      return null;
    };
    const before = untilExchange(farm);
    expect(orders).toBe(0);
    const outcomes = concluded(watched).map(({ action, worked }) => [action.action, worked]);
    expect(outcomes.slice(-2)).toEqual([['promote', false], ['retire', false]]); // prettier-ignore
    expect(farm.decisions.at(-1)?.servers).toBe(before);
    farm.farm.tamper = null;
    settle(farm);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(45);
  });

  it('retires a server that is not needed any more', () => {
    const watched = standing();
    const { farm } = watched;
    farm.require(mean);
    settle(farm);
    const before = farm.servers().length;
    farm.require({ ...nothing, meanMs: 90 });
    settle(farm);
    expect(farm.servers().length).toBeLessThan(before);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(90);
    expect(concluded(watched).some(({ action, worked }) => action.action === 'retire' && worked)).toBe(true);
    expect(farm.requests.failedWithFailover).toBe(0);
  });

  it('predicts the cost of a retirement in a farm where every client is measured', () => {
    const { farm } = standing({ nodes: 60 });
    farm.require({ ...nothing, meanMs: 55 });
    settle(farm);
    farm.require({ ...nothing, meanMs: 80 });
    settle(farm);
    const surprisesMs = farm.decisions.flatMap(({ actions, figures }, at) => {
      const next = farm.decisions[at + 1];
      const [action] = actions;
      if (action?.action !== 'retire' || next === undefined) return [];
      return [next.figures.meanMs - figures.meanMs - action.change / figures.clients];
    });
    expect(surprisesMs.length).toBeGreaterThan(3);
    for (const surpriseMs of surprisesMs) expect(Math.abs(surpriseMs)).toBeLessThan(0.1);
  });

  it('has its clients in the trees of the servers that they use', () => {
    const { farm } = standing();
    farm.require(mean);
    settle(farm);
    farm.runRounds(3);
    const clients = farm.farm.living().filter(({ role }) => role === 'client');
    const own = clients.filter((peer) => peer.rank(farm.farm.nowMs)[0] === peer.state.ownServer());
    expect(own.length / clients.length).toBeGreaterThan(0.85);
  });

  it('goes on with higher round numbers when its root has come back', () => {
    const { farm } = standing();
    farm.require(mean);
    farm.runRounds(3);
    const before = farm.decisions.at(-1)?.round ?? 0;
    farm.farm.crash(rootPeer, true);
    farm.farm.run(20_000);
    farm.restart(rootPeer);
    settle(farm);
    const after = farm.decisions.filter(({ round }) => round > before);
    expect(after.length).toBeGreaterThan(0);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(60);
  });

  it('goes on with higher round numbers when something else is required or its root comes back, even with rounds under a second', () => {
    const rounds: number[] = [];
    const qos = { ...defaultQosOptions, controlled: true };
    const farm = new SimulatedFarm({
      seed: 1,
      rttMs: () => 2,
      tree: { minHeartbeatMs: 50, maxHeartbeatMs: 50 },
      layers: () => [
        (parts) =>
          new Quality(parts, qos, (event) => {
            if (event.type === 'decided') rounds.push(event.decision.round);
          }),
      ],
    });
    farm.start(rootPeer, { as: 'root', root: rootPeer, neighbours: [] });
    for (const n of [1, 2]) farm.start(handle(n), { as: 'peer', root: rootPeer, neighbours: [rootPeer] });
    for (const meanMs of [50, 60, 70]) {
      if (meanMs === 70) {
        farm.crash(rootPeer, true);
        farm.restart(rootPeer);
      }
      farm.act(rootPeer, ({ state }) => (state.layerNamed('quality') as Quality).require({ ...nothing, meanMs }));
      farm.run(20_000);
    }
    // 9 beats a round: 2.2 a second, all of them read.
    expect(rounds.length).toBeGreaterThan(120);
    expect(rounds).toEqual([...new Set(rounds)].sort((a, b) => a - b));
  });
});

describe('an order', () => {
  /** Has a server below the root, and what it refuses from now on. */
  function withServer(): { farm: ServiceFarm; server: PeerHandle; refused: string[] } {
    const { farm } = standing();
    farm.require(mean);
    settle(farm);
    const server = farm.servers().find(({ role }) => role === 'server')?.self ?? NOBODY;
    const refused: string[] = [];
    farm.farm.checkers.push({
      name: 'refusals',
      verdict: () => [],
      observed: (_farm, peer, event): void => {
        if (event.type === 'refused' && peer === server) refused.push(event.what);
      },
    });
    return { farm, server, refused };
  }

  it('to retire that another than the root signed is refused', () => {
    const { farm, server, refused } = withServer();
    const liar = farm.farm.living().find(({ role }) => role === 'client');
    const order = liar?.state.ctx.signed({
      type: 'order',
      action: 'retire',
      subject: server,
      releaseNumber: 1,
      issuer: liar.self,
      standing: liar.state.ctx.authority.standing,
    } as const);
    // Whoever brings it: the liar, from whom no order is heard, or the root, whom somebody has fooled.
    for (const from of [liar?.self ?? NOBODY, rootPeer])
      farm.farm.act(server, (peer, nowMs) => peer.receive(nowMs, from, { kind: 'retire', order: order as never }));
    farm.farm.run(5_000);
    expect(refused).toEqual(['an order to retire that is not genuine']);
    expect(farm.farm.peer(server)?.role).toBe('server');
    expect(farm.farm.peer(server)?.state.ctx.draining).toBe(false);
  });

  it('to promote that comes from another than the root is not followed', () => {
    const { farm, server } = withServer();
    const offers: PeerHandle[] = [];
    farm.farm.onSend = (from, to, { kind }): void => {
      if (from === server && kind === 'offer') offers.push(to);
    };
    const [liar, victim] = farm.farm.living().filter(({ role }) => role === 'client');
    const order = liar?.state.ctx.signed({
      type: 'order',
      action: 'serve',
      subject: victim?.self ?? NOBODY,
      releaseNumber: 1,
      issuer: liar.self,
      standing: liar.state.ctx.authority.standing,
    } as const);
    for (const from of [liar?.self ?? NOBODY, rootPeer])
      farm.farm.act(server, (peer, nowMs) =>
        peer.receive(nowMs, from, { kind: 'grant', number: 1, orders: [order as never] }),
      );
    farm.farm.run(3_000);
    expect(offers).toEqual([]);
  });
});

describe('a liar', () => {
  it('cannot crash the controller or keep it from its goal with impossible figures', () => {
    const { farm } = standing();
    const liar = handle(7);
    lie(farm, (from) => from === liar, ({ samples }) => ({
      clients: 1e6,
      reported: 1e6,
      expected: 1e6,
      sumMs: 1e12,
      sketch: [3, 2 ** 53 - 1],
      samples: samples.map((sample) => ({ ...sample, delayMs: 1e9, rttMs: 1e9 })),
      bids: [{ action: 'retire', server: rootPeer, candidates: [], coordinate: samples[0]?.coordinate as never, change: 0 }],
    })); // prettier-ignore
    farm.require(mean);
    settle(farm);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(60);
    expect(farm.decisions.at(-1)?.figures.clients).toBeLessThanOrEqual(40);
  });

  it('that claims a thousand peers that were not heard stops the controller for three rounds, and no longer', () => {
    const { farm } = standing();
    const liar = handle(7);
    lie(
      farm,
      (from) => from === liar,
      ({ reported }) => ({ expected: reported + 1_000 }),
    );
    farm.require(mean);
    farm.runRounds(3);
    expect(farm.decisions.every(({ coverage }) => coverage < 0.8)).toBe(true);
    settle(farm);
    expect(farm.meanDelayMs()).toBeLessThanOrEqual(60);
  });

  it('among the servers cannot have others retired', () => {
    const watched = standing();
    const { farm } = watched;
    farm.require(mean);
    settle(farm);
    const [liar, ...others] = farm.servers().filter(({ role }) => role === 'server').map(({ self }) => self); // prettier-ignore
    const coordinate = farm.farm.peer(rootPeer)?.state.ctx.coordinate;
    if (liar === undefined || coordinate === undefined) throw new Error('there is no server to lie');
    const above = (peer: PeerHandle): PeerHandle => farm.farm.peer(peer)?.state.servers.parent ?? NOBODY;
    const victims = others.filter((peer) => above(peer) !== liar);
    expect(victims.length).toBeGreaterThan(0);
    lie(farm, (from) => from === liar, () => ({
      bids: victims.map((server) => ({ action: 'retire', server, candidates: [], coordinate, change: 0 }) as const),
    })); // prettier-ignore
    const decided = farm.decisions.length;
    farm.runRounds(5);
    const retired = farm.decisions.slice(decided).flatMap(({ actions }) => actions.map(({ server }) => server));
    expect(retired.filter((server) => victims.includes(server))).toEqual([]);
  });

  it('among the clients that counts its own server among those who wait makes it ask itself nothing', () => {
    const { farm } = standing();
    const liar = farm.farm
      .living()
      .find((peer) => peer.state.ctx.role === 'client' && peer.state.clients.parent === rootPeer);
    lie(farm, (from) => from === liar?.self, ({ samples }) => ({
      samples: samples.map((sample) => ({ ...sample, peer: rootPeer })),
    })); // prettier-ignore
    const asked: PeerHandle[] = [];
    farm.farm.onSend = (_from, to, message): void => {
      if (message.kind === 'survey') asked.push(to);
    };
    farm.require(mean);
    settle(farm);
    // A request to itself would have stopped it.
    expect(asked.length).toBeGreaterThan(0);
  });

  it('among the servers that promises the most and never delivers counts less and less', () => {
    const watched = standing({ nodes: 60 });
    const { farm } = watched;
    farm.require({ ...nothing, meanMs: 75 });
    settle(farm);
    const liar = farm.servers().find(({ role }) => role === 'server')?.self ?? NOBODY;
    const coordinate = farm.farm.peer(liar)?.state.ctx.coordinate;
    if (coordinate === undefined) throw new Error('there is no server to lie');
    farm.farm.tamper = (from, _to, message): Message | null => {
      if (from !== liar) return message;
      if (message.kind === 'offer') return null;
      if (message.kind !== 'aggregate' || message.tree !== 'servers') return message;
      const { aggregate } = message;
      const promise = {
        action: 'promote',
        server: liar,
        candidates: [handle(9)],
        coordinate,
        change: -aggregate.sumMs,
      } as const;
      return { ...message, aggregate: { ...aggregate, bids: [promise] } };
    };
    farm.require({ ...nothing, meanMs: 62 });
    const from = farm.decisions.length;
    do farm.runRounds(1);
    while (farm.decisions.length < from + 40 && farm.decisions.at(-1)?.met !== true);
    const since = farm.decisions.slice(from);
    expect(since[0]?.actions.map(({ server }) => server)).toEqual([liar]);
    const broken = concluded(watched).filter(({ action, worked }) => action.server === liar && !worked);
    expect(broken.length).toBeGreaterThan(0);
    // The next decision is taken without it.
    expect(since[1]?.actions.map(({ server }) => server)).not.toContain(liar);
    expect(since.at(-1)?.met).toBe(true);
  });
});
