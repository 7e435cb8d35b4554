import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpClient, serveHttp } from '../../../src/network/http/http-stream.ts';
import { IdleProbe, isProbe } from '../../../src/host/reading/idle-probe.ts';
import { afterwards, found, openStore, publish } from '../../service/workshop.ts';
import { Site, siteHandler } from '../../../src/service/index.ts';
import { startNetwork } from '../../network/test-network.ts';
import { until } from '../../patience.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };

interface Probed {
  readonly probe: IdleProbe;
  readonly servers: readonly string[];
  readonly measured: { readonly server: string; readonly delayMs: number; readonly ok: boolean }[];
  readonly compared: Probed['measured'];
}

interface Plan {
  /** What its own service takes; null for a peer that does not serve. */
  readonly ownMs?: number;
  /** Stops after this many probes, so that none is under way when they are counted. */
  readonly probes?: number;
  /** Its user makes a request before each look. */
  readonly isBusy?: boolean;
}

/** A probe with a quick pulse, and servers that listen as given, the first the best. */
async function probing(
  listeners: readonly ((req: IncomingMessage, res: ServerResponse) => void)[],
  { ownMs, probes = Number.POSITIVE_INFINITY, isBusy = false }: Plan = {},
): Promise<Probed> {
  const client = await startNetwork();
  const servers: string[] = [];
  for (const listener of listeners) {
    const server = await startNetwork();
    const http = await serveHttp(server, listener);
    afterwards(() => http.close());
    client.learn(server.peerId, server.addresses());
    servers.push(server.peerId);
  }
  const http = new HttpClient(client);
  const measured: { server: string; delayMs: number; ok: boolean }[] = [];
  const compared: typeof measured = [];
  const port = {
    rank: () => {
      if (isBusy) probe.busy();
      return servers;
    },
    serveOwn: () => Promise.resolve(ownMs ?? null),
    self: 'itself',
    intervalMs: () => 10,
    measured: (server: string, delayMs: number, ok: boolean) => {
      if (measured.push({ server, delayMs, ok }) >= probes) probe.stop();
    },
    compared: (server: string, delayMs: number, ok: boolean) => compared.push({ server, delayMs, ok }),
  };
  const probe = new IdleProbe(http, port, quiet);
  afterwards(() => {
    probe.stop();
    http.close();
  });
  return { probe, servers, measured, compared };
}

const answering =
  (status: number, seen: string[] = []) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(status, { 'content-length': '0' }).end();
  };

describe('an idle peer', () => {
  it('measures the best server with small real requests, and now and then looks at the second best', async () => {
    const seen: string[] = [];
    const { probe, servers, measured, compared } = await probing([answering(200, seen), answering(200)]);
    probe.start();
    await until('the second best was looked at twice', () => compared.length >= 2);
    expect(measured.length).toBeGreaterThanOrEqual(7);
    for (const { server, delayMs, ok } of measured) expect([server, ok, delayMs > 0]).toEqual([servers[0], true, true]);
    for (const { server, ok } of compared) expect([server, ok]).toEqual([servers[1], true]);
    expect(new Set(seen)).toEqual(new Set(['HEAD /?banyan-probe']));
  });

  it('asks once more over a connection that had to be made, so that only the request is measured', async () => {
    const seen: string[] = [];
    const { probe, measured } = await probing([answering(200, seen)], { probes: 3 });
    probe.start();
    await until('3 probes have ended', () => measured.length >= 3);
    expect(seen.length).toBe(measured.length + 1);
  });

  it('counts it as failed when the server cannot answer, or is gone', async () => {
    const { probe, measured } = await probing([answering(503)]);
    probe.start();
    await until('1 probes have ended', () => measured.length >= 1);
    expect(measured[0]).toMatchObject({ ok: false, delayMs: Number.NaN });
    // What is not there is still answered by a server that is.
    const missing = await probing([answering(404)]);
    missing.probe.start();
    await until('a probe has ended', () => missing.measured.length >= 1);
    expect(missing.measured[0]?.ok).toBe(true);
  });

  it('does not probe the best server while its user makes requests', async () => {
    const { probe, measured, compared } = await probing([answering(200), answering(200)], { isBusy: true });
    probe.start();
    await until('the second best was looked at', () => compared.length >= 1);
    expect(measured).toEqual([]);
  });

  it('that serves times its own service', async () => {
    const { probe, measured } = await probing([], { ownMs: 3 });
    probe.start();
    await until('2 probes have ended', () => measured.length >= 2);
    expect(measured.slice(0, 2)).toMatchObject([
      { server: 'itself', delayMs: 3, ok: true },
      { server: 'itself', delayMs: 3, ok: true },
    ]);
  });

  it('is recognised by servers, whose site answers it without a body', async () => {
    const service = found();
    const store = await openStore(service.charter);
    await publish(service, store, { 'index.html': 'hello' });
    const served: boolean[] = [];
    const site = siteHandler(new Site(store), { onServed: (request) => served.push(isProbe(request)) });
    const { probe, measured } = await probing([site], { probes: 2 });
    probe.start();
    await until('2 probes have ended', () => measured.length >= 2);
    expect(measured.every(({ ok }) => ok)).toBe(true);
    expect(served.every(Boolean)).toBe(true);
    expect(served.length).toBe(measured.length + 1);
    expect(
      [
        { method: 'GET', target: '/?banyan-probe' },
        { method: 'HEAD', target: '/' },
      ].map(isProbe),
    ).toEqual([false, false]);
  });
});
