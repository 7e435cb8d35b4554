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
/** Selection asks its world for nothing but to write down. */
const world = { persist: () => {} } as unknown as World;

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
});
