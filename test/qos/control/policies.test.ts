/** The decisions of both policies on handmade aggregates: 100 clients with at most 120 ms each, so 12,000 in all. */
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../../src/core/ids.ts';
import type { Lessons } from '../../../src/qos/control/experience.ts';
import type { Aggregate, Bid } from '../../../src/core/messages/index.ts';
import { balanced } from '../../../src/qos/control/balanced.ts';
import type { Action, Situation } from '../../../src/qos/control/policy.ts';
import { Goal } from '../../../src/qos/requirement.ts';
import { worstQos } from '../../../src/qos/control/worst-qos.ts';
import { aggregate, at, bid, peerNumber } from '../findings.ts';

const clients = 100;
const goal = new Goal({ meanMs: 120, percentile: null, availability: null });

const lessons: Lessons = {
  credit: 1,
  newcomer: NOBODY,
  isOverdue: false,
  mayTry: true,
  resting: new Set(),
  regret: 1,
  recovering: false,
  hasExchanged: false,
  doubt: 0,
};

function situation(
  meanMs: number,
  bids: readonly Bid[],
  rest: Partial<Situation> = {},
  found: Partial<Aggregate> = {},
): Situation {
  const total = meanMs * clients;
  return {
    aggregate: aggregate({ clients, sumMs: total, servers: 3, bids, ...found }),
    figures: { clients, meanMs, overShare: 0, answeredShare: 1 },
    goal,
    cost: 'delay',
    total,
    budget: goal.budget('delay', clients),
    margin: 'lean',
    lessons,
    ...rest,
  };
}

/** Each action as its kind and the group it concerns. */
function decided(of: Situation): [Action['action'], number][] {
  return balanced.decide(of).actions.map(({ action, server }) => [action, server]);
}

describe('the balanced policy, when the requirement is missed', () => {
  it('grants the best bids until the expected figure meets it, and no more', () => {
    const bids = [bid(1, -900), bid(2, -800), bid(3, -700), bid(4, -600)];
    expect(decided(situation(135, bids))).toEqual([['promote', 1], ['promote', 2]]); // prettier-ignore
    expect(decided(situation(121, bids))).toEqual([['promote', 1]]);
    expect(decided(situation(150, bids, {}, { servers: 4 }))).toHaveLength(4);
  });

  it('at most doubles the servers in one round, except when something was lost', () => {
    const bids = [bid(1, -900), bid(2, -800), bid(3, -700), bid(4, -600)];
    const granted = (servers: number, recovering = false): number =>
      decided(situation(150, bids, { lessons: { ...lessons, recovering } }, { servers })).length;
    expect([granted(1), granted(2), granted(4)]).toEqual([1, 2, 4]);
    expect(granted(1, true)).toBe(4);
  });

  it('takes the best bids first, in whatever order they came', () => {
    expect(decided(situation(121, [bid(1, -100), bid(2, -900), bid(3, -500)]))).toEqual([['promote', 2]]);
  });

  it('expects as much of a bid as recent bids kept of their promises', () => {
    const bids = [bid(1, -900), bid(2, -800), bid(3, -700)];
    expect(decided(situation(136, bids, { lessons: { ...lessons, credit: 1.2 } }))).toHaveLength(2);
    expect(decided(situation(136, bids, { lessons: { ...lessons, credit: 0.7 } }))).toHaveLength(3);
  });

  it('grants some more than is needed when the requirement was met before: users should not wait for it twice', () => {
    const bids = [bid(1, -500), bid(2, -400), bid(3, -300)];
    expect(decided(situation(124, bids))).toHaveLength(1);
    expect(decided(situation(124, bids, { lessons: { ...lessons, recovering: true } }))).toHaveLength(2);
  });

  it('takes bids of any size at once when the requirement was met before', () => {
    const bids = [bid(1, -3_600), bid(2, -300)];
    expect(decided(situation(158, bids))).toHaveLength(1);
    expect(decided(situation(158, bids, { lessons: { ...lessons, recovering: true } }))).toHaveLength(2);
  });

  it('leaves a bid under 0.35 of the best for the next round', () => {
    const bids = [bid(1, -1_000), bid(2, -351), bid(3, -349)];
    expect(decided(situation(200, bids))).toEqual([['promote', 1], ['promote', 2]]); // prettier-ignore
  });

  it('grants one bid a neighbourhood', () => {
    const near = bid(2, -800, { coordinate: at(101) });
    expect(decided(situation(200, [bid(1, -900), near, bid(3, -700)]))).toEqual([['promote', 1], ['promote', 3]]); // prettier-ignore
  });

  it('grants two bids of one server for different candidates', () => {
    const bids = [bid(1, -900), bid(1, -800, { candidates: [peerNumber(77)] })];
    expect(decided(situation(200, bids))).toHaveLength(2);
    expect(decided(situation(200, [bid(1, -900), bid(1, -800)]))).toHaveLength(1);
  });

  it('retires a server of no use when no bid gains, and otherwise does nothing', () => {
    const idle = bid(4, 0, { action: 'retire' });
    expect(decided(situation(150, [idle, bid(1, 5)]))).toEqual([['retire', 4]]);
    expect(decided(situation(150, [bid(4, 500, { action: 'retire' })]))).toEqual([]);
    expect(balanced.decide(situation(150, [])).reason).toContain('no bid gains');
  });

  it('adds at most a third in one round where groups are known by a sample', () => {
    const bids = [bid(1, -900), bid(2, -800), bid(3, -700), bid(4, -600)];
    const granted = (servers: number): number => decided(situation(150, bids, {}, { servers, clients: 2_000 })).length;
    expect([1, 5, 6, 9, 15].map(granted)).toEqual([1, 1, 2, 3, 4]);
  });

  describe('lets one server take the place of another', () => {
    const [comes, goes, moves] = [bid(1, -900), bid(3, 100, { action: 'retire' }), bid(2, -800, { action: 'move' })];

    it('when that is expected to be enough', () => {
      const exchanged = [['promote', 1], ['retire', 3]]; // prettier-ignore
      expect(decided(situation(128, [comes, goes]))).toEqual(exchanged);
      expect(decided(situation(128.1, [comes, goes]))).toEqual([['promote', 1]]);
      expect(decided(situation(129.7, [comes, goes], { lessons: { ...lessons, credit: 1.2 } }))).toEqual(exchanged);
    });

    it('by a move or by an exchange, whichever gains more', () => {
      expect(decided(situation(127, [comes, goes, moves]))).toEqual([['promote', 2], ['retire', 2]]); // prettier-ignore
      expect(decided(situation(127, [comes, { ...goes, change: 50 }, moves]))).toEqual([['promote', 1], ['retire', 3]]); // prettier-ignore
      expect(decided(situation(127, [comes, moves]))).toEqual([['promote', 2], ['retire', 2]]); // prettier-ignore
    });

    it('and expects the change of both together', () => {
      const { actions } = balanced.decide(situation(127, [comes, moves]));
      expect(actions.reduce((sum, { change }) => sum + change, 0)).toBe(-800);
      expect(actions[0]?.candidates).toEqual(moves.candidates);
    });

    it('and discounts moves by what recent bids kept, and skips candidates that were tried in vain', () => {
      const ofMoves = (rest: Partial<Lessons>): unknown =>
        decided(situation(127.9, [bid(1, -1), moves], { lessons: { ...lessons, ...rest } }));
      expect(ofMoves({})).toEqual([['promote', 2], ['retire', 2]]); // prettier-ignore
      expect(ofMoves({ credit: 2 })).toEqual([['promote', 2], ['retire', 2]]); // prettier-ignore
      expect(ofMoves({ credit: 0.9 })).toEqual([['promote', 1]]);
      expect(ofMoves({ resting: new Set([moves.server]) })).toEqual([['promote', 1]]);
      expect(ofMoves({ resting: new Set(moves.candidates) })).toEqual([['promote', 1]]);
    });

    it('with a reserve when groups are known by a sample', () => {
      const sampled = { clients: 2_000 };
      expect(decided(situation(128, [comes, goes], {}, sampled))).toEqual([['promote', 1]]);
      expect(decided(situation(127.95, [comes, goes], {}, sampled))).toEqual([['promote', 1], ['retire', 3]]); // prettier-ignore
    });

    it('but not twice in a row, nor with the margin n-1', () => {
      const bids = [comes, goes, moves];
      expect(decided(situation(121, bids, { lessons: { ...lessons, hasExchanged: true } }))).toEqual([['promote', 1]]);
      expect(decided(situation(121, bids, { margin: 'n-1' }))).toEqual([['promote', 1]]);
    });

    it('but not with fewer than three servers, nor after a loss, nor when another limit is missed', () => {
      const bids = [comes, goes, moves];
      const promoted = [['promote', 1]];
      expect(decided(situation(121, bids, {}, { servers: 2 }))).toEqual(promoted);
      expect(decided(situation(121, bids, { lessons: { ...lessons, recovering: true } }))).toEqual(promoted);
      const wish = new Goal({ meanMs: 120, percentile: null, availability: 0.999 });
      const figures = { clients, meanMs: 100, overShare: 0, answeredShare: 0.9 };
      expect(decided(situation(100, bids, { goal: wish, figures }))).toEqual(promoted);
    });
  });

  it('promotes when it is availability that is missed', () => {
    const wish = new Goal({ meanMs: 120, percentile: null, availability: 0.999 });
    const figures = { clients, meanMs: 100, overShare: 0, answeredShare: 0.9 };
    expect(decided(situation(100, [bid(1, -100)], { goal: wish, figures }))).toEqual([['promote', 1]]);
  });
});

describe('the balanced policy, when the requirement is met', () => {
  it('keeps a larger reserve when groups are known by a sample: the cost of a retirement may be wrong by a twentieth', () => {
    const bids = [bid(2, 970, { action: 'retire' })];
    expect(decided(situation(110, bids))).toEqual([['retire', 2]]);
    expect(decided(situation(110, bids, {}, { clients: 500 }))).toEqual([]);
    expect(decided(situation(109, bids, {}, { clients: 500 }))).toEqual([['retire', 2]]);
  });

  const retirement = (server: number, change: number): Bid => bid(server, change, { action: 'retire' });

  it('retires the server that is cheapest to lose, one a round', () => {
    expect(decided(situation(110, [retirement(1, 900), retirement(2, 300), retirement(3, 400)]))).toEqual([
      ['retire', 2],
    ]);
  });

  it('keeps it when the requirement would not hold without it', () => {
    expect(decided(situation(110, [retirement(1, 1_001)]))).toEqual([]);
    expect(decided(situation(110, [retirement(1, 980)]))).toEqual([['retire', 1]]);
  });

  it('keeps a larger reserve after retirements that had to be undone', () => {
    expect(decided(situation(110, [retirement(1, 900)], { lessons: { ...lessons, regret: 4 } }))).toEqual([
      ['retire', 1],
    ]);
    expect(decided(situation(110, [retirement(1, 900)], { lessons: { ...lessons, regret: 16 } }))).toEqual([]);
  });

  it('adds a newcomer on trial when the gain is above the gate, and changes nothing otherwise', () => {
    const move = (change: number): Bid => bid(2, change, { action: 'move' });
    const [action] = balanced.decide(situation(119.99, [move(-50)])).actions;
    expect(action).toMatchObject({ action: 'move', server: 2, leaves: 2, change: -50 });
    expect(decided(situation(119.7, [move(-11)]))).toEqual([]);
  });

  it('does not try resting peers again', () => {
    const move = bid(2, -50, { action: 'move' });
    const resting = (peer: number): Partial<Situation> => ({
      lessons: { ...lessons, resting: new Set([peerNumber(peer)]) },
    });
    expect(decided(situation(119.7, [move], resting(3)))).toEqual([['move', 2]]);
    expect(decided(situation(119.7, [move], resting(2)))).toEqual([]);
    expect(decided(situation(119.7, [move], resting(1_002)))).toEqual([]);
  });

  it('retires for a newcomer the server that is then cheapest to lose, and the newcomer itself when no other can be spared', () => {
    const newcomer: Partial<Situation> = { lessons: { ...lessons, newcomer: peerNumber(9) } };
    const own = retirement(9, 70);
    expect(decided(situation(119, [own, retirement(1, 40), retirement(2, 50)], newcomer))).toEqual([['retire', 1]]);
    expect(decided(situation(119, [own, retirement(1, 60)], newcomer))).toEqual([['retire', 9]]);
    expect(decided(situation(119.6, [retirement(9, 30), retirement(1, 10)], newcomer))).toEqual([['retire', 1]]);
    // The edge: going back to the old servers is always possible, anything else is not.
    expect(decided(situation(119.8, [retirement(9, 20), retirement(1, 8)], newcomer))).toEqual([['retire', 9]]);
    // The newcomer has not been heard of yet, or cannot be spared any more.
    expect(decided(situation(119.6, [retirement(9, 50)], newcomer))).toEqual([]);
    expect(decided(situation(119, [retirement(1, 40)], newcomer))).toEqual([['retire', 1]]);
  });

  it('tries no other newcomer while one is unreported, and retires it in the end', () => {
    const move = bid(2, -50, { action: 'move' });
    const silent: Lessons = { ...lessons, newcomer: peerNumber(9) };
    expect(decided(situation(119, [move], { lessons: silent }))).toEqual([]);
    expect(decided(situation(119, [move], { lessons: { ...silent, isOverdue: true } }))).toEqual([['retire', 9]]);
  });

  it('tries no newcomer for a while after many failures', () => {
    const move = bid(2, -50, { action: 'move' });
    expect(decided(situation(119.7, [move]))).toEqual([['move', 2]]);
    expect(decided(situation(119.7, [move], { lessons: { ...lessons, mayTry: false } }))).toEqual([]);
  });

  it('makes no change before it knows the noise of readings, and none that is smaller than the noise', () => {
    const bids = [retirement(1, 900), bid(2, -50, { action: 'move' })];
    expect(decided(situation(110, bids))).toEqual([['retire', 1]]);
    expect(decided(situation(110, bids, { lessons: { ...lessons, doubt: null } }))).toEqual([]);
    expect(decided(situation(110, bids, { lessons: { ...lessons, doubt: 2 } }))).toEqual([]);
  });

  it('retires one server and adds one elsewhere when both together gain', () => {
    const bids = [retirement(3, 100), bid(1, -200)];
    const [action] = balanced.decide(situation(119.7, bids)).actions;
    expect(action).toMatchObject({ action: 'move', server: 1, leaves: 3, change: -100 });
  });

  it('retires an idle server even without any reserve', () => {
    expect(decided(situation(119.99, [retirement(5, 1)]))).toEqual([['retire', 5]]);
    expect(decided(situation(119.99, [retirement(5, 2)]))).toEqual([]);
  });

  it('waits while clients are still moving', () => {
    const found = { strays: 26 };
    expect(decided(situation(100, [retirement(1, 10)], {}, found))).toEqual([]);
    expect(decided(situation(100, [retirement(1, 10)], {}, { strays: 25 }))).toEqual([['retire', 1]]);
  });

  it('makes no change when there is nothing to gain', () => {
    expect(decided(situation(119, [bid(1, -3), retirement(2, 400), bid(3, -5, { action: 'move' })]))).toEqual([]);
  });

  it('with the margin n-1 promotes the best bid a round until the loss of any one server is borne', () => {
    const bids = [bid(1, -500), bid(2, -450), bid(3, -400), retirement(4, 50)];
    expect(decided(situation(115, bids, { margin: 'n-1' }, { worstLoss: 600 }))).toEqual([['promote', 1]]);
    expect(decided(situation(100, bids, { margin: 'n-1' }, { worstLoss: 600 }))).toEqual([['retire', 4]]);
    // A retirement must leave room for the next loss.
    expect(decided(situation(114, [retirement(4, 50)], { margin: 'n-1' }, { worstLoss: 600 }))).toEqual([]);
  });
});

describe("the paper's policy", () => {
  const worst = { worst: peerNumber(9), worstMs: 400, worstServer: peerNumber(2) };

  it('makes a server of the client at the end of the descent, whatever bids say', () => {
    const { actions } = worstQos.decide(situation(150, [bid(1, -900)], {}, worst));
    expect(actions).toEqual([{ action: 'promote', server: 2, candidates: [9], leaves: NOBODY, change: 0 }]);
  });

  it('never retires a server, and adds none when the requirement is met or no client is willing', () => {
    expect(worstQos.decide(situation(100, [bid(1, 0, { action: 'retire' })], {}, worst)).actions).toEqual([]);
    expect(worstQos.decide(situation(150, [])).actions).toEqual([]);
  });
});
