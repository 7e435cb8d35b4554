/** Parts that most peers never need are not made for them: there may be a million peers in one process. */
import { queryObjects } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { Admission } from '../../../src/core/tree/admission.ts';
import { Departure } from '../../../src/core/attachment/departure.ts';
import { Joining } from '../../../src/core/attachment/joining.ts';
import { Membership } from '../../../src/core/servers/membership.ts';
import { Promotion } from '../../../src/core/servers/promotion.ts';
import { Selection } from '../../../src/core/servers/selection.ts';
import { SentBeats } from '../../../src/core/tree/sent-beats.ts';
import { SimulatedFarm, generous, handle } from '../../../simulator/farm.ts';

const root = handle(0);
const kinds = { Admission, Departure, Joining, Membership, Promotion, Selection, SentBeats };

function counts(): Record<string, number> {
  const count = (kind: new (...args: never[]) => object): number =>
    queryObjects(kind as never, { format: 'count' }) as unknown as number;
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, count(kind)]));
}

describe('a peer that has settled', () => {
  it('has no parts that it does not use', () => {
    const before = counts();
    const farm = new SimulatedFarm({ seed: 1, rttMs: (a, b) => 10 + ((a * 31 + b * 17) % 90) });
    farm.start(root, { as: 'root', root, neighbours: [] });
    for (let n = 1; n < 100; n++) {
      farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
      farm.run(100);
    }
    for (const server of [10, 20]) farm.act(handle(server), (peer, nowMs) => peer.volunteer(nowMs, generous));
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1_000));
    farm.run(300_000);
    const served = farm.living().filter((peer) => peer.role !== 'client').length;
    for (const asker of [30, 40, 50]) farm.act(handle(asker), (peer, nowMs) => peer.rank(nowMs));
    farm.act(handle(60), (peer, nowMs) => peer.disconnected(nowMs, handle(61)));
    farm.run(60_000);
    const parents = farm.living().filter((peer) => peer.state.clients.children.length > 0).length;
    const after = counts();
    const made = (kind: keyof typeof kinds): number => after[kind]! - before[kind]!;
    expect(served).toBe(3);
    expect(made('Membership')).toBe(served);
    expect(made('Selection')).toBe(3);
    expect(made('Joining')).toBe(0);
    expect(made('Departure')).toBe(0);
    expect(made('Promotion')).toBeLessThanOrEqual(served);
    expect(made('SentBeats')).toBeLessThanOrEqual(parents + served);
    expect(made('Admission')).toBeLessThan(20);
    expect(farm.living()).toHaveLength(100);
  });
});
