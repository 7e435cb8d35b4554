/**
 * What each rule of `src/core/rules.ts` prevents: a property holds with the rule, and fails when the rule is replaced by one that always
 * allows. A rule whose absence breaks nothing would be no rule.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../src/core/ids.ts';
import { theRules } from '../../src/core/rules.ts';
import type { Rules } from '../../src/core/rules.ts';
import { watchEvictions } from '../../simulator/checkers/evictions.ts';
import type { EvictionSeen } from '../../simulator/checkers/evictions.ts';
import { SimulatedFarm, generous, handle } from '../../simulator/farm.ts';
import type { Schedule } from '../../simulator/schedule.ts';
import { beatMs, patienceBeats, play } from '../../simulator/stage.ts';
import { schedules, settings } from './schedules.ts';

/** Holds with the rules as they are; fails without the one that `without` takes away. */
function needs(
  rule: string,
  without: Partial<Rules>,
  runs: number,
  arbitrary: fc.Arbitrary<Schedule>,
  fault: Fault,
): void {
  describe(`without ${rule}`, () => {
    const property = (rules: Rules): fc.IProperty<[Schedule]> =>
      fc.property(arbitrary, (schedule) => {
        expect(fault(schedule, rules)).toEqual([]);
      });

    it('there would be', () => {
      const found = fc.check(property({ ...theRules, ...without }), { ...settings(runs), endOnFailure: true });
      expect(found.failed).toBe(true);
    });

    it('with it there are not', () => {
      fc.assert(property(theRules), { ...settings(runs), endOnFailure: true });
    });
  });
}

/** Sentences about what went wrong in a run under these rules. */
type Fault = (schedule: Schedule, rules: Rules) => string[];

const root = handle(0);

/** The complaints of `play` in one respect. */
function complaints(about: RegExp): Fault {
  return (schedule, rules) =>
    play(schedule, { rules, patience: patienceBeats }).complaints.filter((complaint) => about.test(complaint));
}

/** The evictions of a farm in which every peer arrives and then nothing happens for two minutes. */
function evictions(schedule: Schedule, rules: Rules): { seen: EvictionSeen[]; restFromMs: number } {
  let seen: EvictionSeen[] = [];
  const { farm } = play(schedule, {
    rules,
    patience: patienceBeats,
    prepare: (prepared) => (seen = watchEvictions(prepared)),
  });
  const restFromMs = farm.nowMs + 60 * beatMs;
  farm.run(120 * beatMs);
  return { seen, restFromMs };
}

/** Crowded: two children a parent, a third of the peers unable to take any. No peer dies. */
const crowds = schedules({ peers: [24, 40], deeds: [0, 0], unreachableShare: 0.35 }).map((schedule) => ({
  ...schedule,
  fanOut: 2,
  lossShare: 0,
  duplicationShare: 0,
  jitterShare: 1,
}));

describe('loops', () => {
  needs('the feasibility condition', { feasible: () => true }, 150, schedules(), complaints(/no loop/));
  needs('holding back after a move', { mayShow: () => true }, 300, schedules(), complaints(/no loop/));
});

describe('evictions without end', () => {
  const stillPushing: Fault = (schedule, rules) => {
    const { seen, restFromMs } = evictions(schedule, rules);
    return seen
      .filter(({ atMs }) => atMs > restFromMs)
      .map(({ atMs, parent }) => `peer ${parent} pushed one out at ${atMs} ms`);
  };
  needs('any condition on pushing out', { mayEvict: () => true }, 40, crowds, stillPushing);
});

describe('an evicted peer that evicts the next', () => {
  const chains: Fault = (schedule, rules) =>
    evictions(schedule, rules)
      .seen.filter(({ chain }) => chain > 1)
      .map(({ evicted, joiner }) => `${joiner} had been pushed out and pushed out ${evicted}`);
  needs(
    'the condition that only who has no parent may push',
    { mayEvict: (request, options) => theRules.mayEvict({ ...request, orphan: true }, options) },
    40,
    crowds,
    chains,
  );
});

describe('a parent that evicts one child after the other', () => {
  const hasty: Fault = (schedule, rules) => {
    const lastAtMs = new Map<string, number>();
    return evictions(schedule, rules).seen.flatMap(({ atMs, parent, tree }) => {
      const sinceMs = atMs - (lastAtMs.get(`${parent} ${tree}`) ?? Number.NEGATIVE_INFINITY);
      lastAtMs.set(`${parent} ${tree}`, atMs);
      return sinceMs < 29 * beatMs ? [`peer ${parent} pushed out two within ${sinceMs} ms`] : [];
    });
  };
  needs(
    'the pause of 30 heartbeats between two',
    {
      mayEvict: (request, options) =>
        theRules.mayEvict({ ...request, beatsSinceLast: Number.POSITIVE_INFINITY }, options),
    },
    40,
    crowds,
    hasty,
  );
});

describe('a child evicted for one that is no nearer', () => {
  /** Every peer is 40 ms from every other, give or take a fifth. */
  const amongEquals: Fault = (schedule, rules) => {
    const farm = new SimulatedFarm({
      seed: schedule.seed,
      rttMs: (a, b) => (a === b ? 0 : 40),
      jitter: 0.2,
      rules,
      tree: { minHeartbeatMs: beatMs, maxHeartbeatMs: beatMs, fanOut: 2, guestRoom: 0 },
    });
    const seen = watchEvictions(farm);
    farm.start(root, { as: 'root', root, neighbours: [] });
    for (let n = 1; n < schedule.peers; n++) {
      farm.after(n * 400, () => farm.start(handle(n), { as: 'peer', root, neighbours: [root] }));
    }
    farm.run(schedule.peers * 400 + 60 * beatMs);
    return seen.map(({ evicted, joiner }) => `${evicted} was pushed out for ${joiner}, which is as far`);
  };
  needs(
    'the condition that it be nearer by 30%',
    { mayEvict: ({ orphan, beatsSinceLast }, options) => orphan && beatsSinceLast >= options.evictEveryBeats },
    30,
    crowds,
    amongEquals,
  );
});

describe('an evicted child that is dropped before it has another parent', () => {
  const orphans: Fault = (schedule, rules) => {
    const orphaned: string[] = [];
    const checker = {
      name: 'orphans',
      verdict: () => [],
      observed: (_farm: SimulatedFarm, peer: number, event: { readonly type: string }): void => {
        if (event.type === 'orphaned') orphaned.push(`peer ${peer} lost its parent although nobody died`);
      },
    };
    play(schedule, { rules, patience: patienceBeats, checkers: [checker] });
    return orphaned;
  };
  needs('letting the evicted stay until they hang elsewhere', { mayStay: () => false }, 40, crowds, orphans);
});

describe('a peer below a parent that no peer can dial', () => {
  const unreachable = schedules({ deeds: [20, 50], unreachableShare: 0.35 });
  needs('the rule who may be a parent', { mayBeParent: () => true }, 100, unreachable, complaints(/nobody can dial/));
});

describe('servers that disagree for ever about which servers are dead', () => {
  needs('the order among records', { supersedes: () => true }, 60, schedules(), complaints(/do not agree/));
});

describe('a dead server that returns from the memory of a server that was away too long', () => {
  /**
   * Server `dead` dies while `sleeper` is off, the others forget it in due time, and the sleeper returns with what it knew. Twice:
   * its second start must not fall back on an old memory either.
   */
  const resurrections: Fault = ({ seed }, rules) => {
    const [sleeper, dead] = [handle(1 + (seed % 5)), handle(1 + ((seed + 1 + (seed % 4)) % 5))];
    const farm = new SimulatedFarm({
      seed,
      rttMs: (a, b) => (a === b ? 0 : 20 + 5 * Math.abs(a - b)),
      rules,
      tree: { minHeartbeatMs: beatMs, maxHeartbeatMs: beatMs, tombstoneMs: 60_000 },
    });
    farm.start(root, { as: 'root', root, neighbours: [] });
    farm.act(root, (peer) => peer.publish(farm.nowMs, 1, new Uint8Array(32), 1e5));
    for (let n = 1; n < 9; n++)
      farm.after(n * 300, () => farm.start(handle(n), { as: 'peer', root, neighbours: [root] }));
    farm.run(15 * beatMs);
    for (let n = 1; n <= 5; n++) farm.act(handle(n), (peer) => peer.volunteer(farm.nowMs, generous));
    const knows = (peer: number, of: number): string =>
      farm.peer(handle(peer))?.state.membership.get(handle(of))?.state ?? 'unknown';
    expect(farm.runUntil(() => [0, 1, 2, 3, 4, 5].every((n) => knows(n, dead) === 'serving'), 120 * beatMs)).toBe(true);
    farm.crash(sleeper);
    farm.run(20 * beatMs);
    farm.crash(dead);
    const awake = [0, 1, 2, 3, 4, 5].filter((n) => n !== sleeper && n !== dead);
    expect(farm.runUntil(() => awake.every((n) => knows(n, dead) === 'unknown'), 1_400 * beatMs)).toBe(true);
    farm.recording = true;
    for (const pauseMs of [40 * beatMs, 5 * beatMs]) {
      farm.restart(sleeper);
      farm.run(40 * beatMs);
      farm.crash(sleeper);
      farm.run(pauseMs);
    }
    return farm.events.flatMap(({ peer, event }) =>
      event.type === 'member-changed' && event.record.subject === dead && event.record.parent !== NOBODY
        ? [`peer ${peer} heard that ${dead} is ${event.record.state}`]
        : [],
    );
  };
  needs(
    'the rule that forgets after a long sleep',
    { isStale: () => false },
    6,
    schedules({ deeds: [0, 0] }),
    resurrections,
  );
});
