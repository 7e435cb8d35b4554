/** The recent delays of one client, as they count in a round. */
import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../../src/core/ids.ts';
import { Window } from '../../../src/qos/round/window.ts';
import { peerNumber } from '../findings.ts';

const [one, two] = [peerNumber(1), peerNumber(2)];
const ok = (server: typeof one, delayMs: number) => ({ server, delayMs, ok: true }) as const;
const failed = (server: typeof one) => ({ server, delayMs: Number.NaN, ok: false }) as const;

describe('the window of a client', () => {
  it('says nothing when no request is fresh', () => {
    const window = new Window();
    expect(window.felt(0, 1_000)).toBeNull();
    window.add(500, ok(one, 80));
    expect(window.felt(501, 1_000)).toBeNull();
    expect(window.felt(500, 1_000)).toEqual({ delayMs: 80, server: one, requests: 1, failures: 0 });
  });

  it('counts a request as at most the clamp, and a failed one as the clamp', () => {
    const window = new Window();
    window.add(1, ok(one, 50_000));
    window.add(2, failed(two));
    window.add(3, ok(one, 100));
    expect(window.felt(0, 1_000)).toEqual({ delayMs: 700, server: one, requests: 3, failures: 1 });
  });

  it('names the server that answered most requests, and nobody when none did', () => {
    const window = new Window();
    window.add(1, failed(one));
    expect(window.felt(0, 1_000)?.server).toBe(NOBODY);
    for (const server of [one, two, two]) window.add(2, ok(server, 10));
    expect(window.felt(0, 1_000)?.server).toBe(two);
  });

  it('keeps the last 16: a client with a thousand requests counts as much as any other', () => {
    const window = new Window();
    for (let n = 0; n < 1_000; n++) window.add(n, ok(one, n));
    expect(window.felt(0, 1e6)).toMatchObject({ requests: 16, delayMs: 991.5 });
  });

  it('starts again when the servers changed', () => {
    const window = new Window();
    window.add(1, ok(one, 10));
    window.clear();
    expect(window.felt(0, 1_000)).toBeNull();
  });
});
