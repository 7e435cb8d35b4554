import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/core/context.ts';
import { PeerNumbers } from '../../../src/core/reach/peer-numbers.ts';
import type { PeerHandle } from '../../../src/core/ids.ts';
import { Pulses } from '../../../src/core/quiet/pulses.ts';
import { defaultOptions } from '../../../src/core/options.ts';
import { theRules } from '../../../src/core/rules.ts';
import { Selection } from '../../../src/core/servers/selection.ts';
import type { World } from '../../../src/core/world.ts';

const server = 2 as PeerHandle;
const forgotten: unknown[] = [];
/** The only effects of selection are to persist and to forget. */
const world = { persist: () => {}, forget: (key: unknown) => forgotten.push(key) } as unknown as World;

describe('what a client knows of a server', () => {
  it('is not spoilt by a request for which the connection had to be made first', () => {
    const distances = new PeerNumbers();
    distances.set(server, 80);
    const context = new Context(1 as PeerHandle, world, defaultOptions, theRules, new Pulses());
    const selection = new Selection(context, distances);
    selection.measured({ server, delayMs: 400, ok: true, isFirst: true });
    expect(selection.expectedMs(server)).toBe(80);
    selection.measured({ server, delayMs: 90, ok: true });
    expect(selection.expectedMs(server)).toBe(90);
    selection.measured({ server, delayMs: 400, ok: true, isFirst: true });
    expect(selection.expectedMs(server)).toBe(90);
    expect(selection.get(server)?.requests).toBe(3);
  });

  it('is forgotten, on the disk too, when no request has gone there for as long as the dead are remembered', () => {
    forgotten.length = 0;
    const context = new Context(1 as PeerHandle, world, defaultOptions, theRules, new Pulses());
    const selection = new Selection(context, new PeerNumbers());
    const other = 3 as PeerHandle;
    const asks = (peer: PeerHandle): void => selection.measured({ server: peer, delayMs: 90, ok: true });
    asks(server);
    context.nowMs = defaultOptions.tombstoneMs;
    asks(other);
    selection.expire();
    expect(forgotten).toEqual([]);
    context.nowMs += 1;
    selection.expire();
    expect(forgotten).toEqual([{ type: 'client-record', which: server }]);
    expect([selection.get(server), selection.get(other)?.requests]).toEqual([null, 1]);
  });

  it('of too many servers, what was written down the longest ago is forgotten first, but never that one lied', () => {
    forgotten.length = 0;
    const context = new Context(1 as PeerHandle, world, defaultOptions, theRules, new Pulses());
    const selection = new Selection(context, new PeerNumbers());
    for (let peer = 10; peer < 270; peer++) selection.restore(peer as PeerHandle, 50, 0, 33);
    selection.lied(10 as PeerHandle);
    selection.expire();
    expect(forgotten).toEqual([11, 12, 13].map((which) => ({ type: 'client-record', which })));
    expect(selection.isLiar(10 as PeerHandle)).toBe(true);
  });
});
