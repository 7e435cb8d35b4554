/** What a server knows of its own load, and how it says so. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import { loadSentence } from '../../../src/host/decisions/load-sentence.ts';
import { ServeTimes } from '../../../src/host/hosting/serve-times.ts';
import type { Load } from '../../../src/qos/index.ts';

const load: Load = { clients: 12, served: 12, places: 0, serveMs: 431.6, usualMs: 98.2, trifleMs: 10 };

describe('a server', () => {
  it('that is full says why, and that nothing needs to be done', () => {
    expect(loadSentence({ type: 'fullness-changed', full: 'slow', load })).toBe(
      'This server is full: a request takes 432 ms here, and 98 ms at the usual server. ' +
        'No new clients come for now; nothing needs to be done.',
    );
    // Two may come at once, and one be gone again by the time that somebody reads it.
    for (const clients of [12, 13])
      expect(
        loadSentence({ type: 'fullness-changed', full: 'places', load: { ...load, clients, places: 12 } }),
      ).toContain('it has as many clients as it offered to take (12)');
    expect(loadSentence({ type: 'fullness-changed', full: null, load })).toBe('This server takes new clients again.');
  });

  it('that sends clients on says how many, and why', () => {
    const clients = [7, 8, 9] as PeerHandle[];
    expect(loadSentence({ type: 'shed', clients, load })).toBe(
      '3 clients of 12 sent on to the next server: a request takes 432 ms here, and 98 ms at the usual server.',
    );
  });

  it('says nothing of what the controller does', () => {
    expect(loadSentence({ type: 'round-opened', round: 3 })).toBeNull();
  });
});

describe('the time to serve', () => {
  const closing: (() => void)[] = [];
  afterEach(() => closing.splice(0).forEach((close) => close()));

  it('is from the request to the head of the answer, whoever writes it and however long the rest takes', async () => {
    const times: number[] = [];
    let notedAtHalf = 0;
    const watch = new ServeTimes((serveMs) => times.push(serveMs));
    const server = createServer((_request, response) => {
      watch.follow(response);
      setTimeout(() => {
        // Nobody calls `writeHead` here: Node does.
        response.write('begun');
        notedAtHalf = times.length;
        setTimeout(() => response.end(), 20);
      }, 60);
    });
    closing.push(() => void server.close());
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect(await answer.text()).toBe('begun');
    expect(times).toHaveLength(1);
    expect(times[0]).toBeGreaterThanOrEqual(55);
    expect(notedAtHalf).toBe(1);
  });
});
