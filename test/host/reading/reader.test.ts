import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { HttpClient, serveHttp } from '../../../src/network/http/http-stream.ts';
import type { Network } from '../../../src/network/network.ts';
import { Reader, readerPatience, restOf, type ReaderPatience } from '../../../src/host/reading/reader.ts';
import { Site, siteHandler } from '../../../src/service/index.ts';
import type { Manifest, ReleaseStore } from '../../../src/service/index.ts';
import { afterwards, found, openStore, publish } from '../../service/workshop.ts';
import { startNetwork } from '../../network/test-network.ts';
import { neverMs, until } from '../../patience.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };
const large = randomBytes(6 * 1024 * 1024);

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

interface Farm {
  readonly servers: readonly Network[];
  readonly reader: Reader;
  readonly url: string;
  readonly asked: readonly string[];
  readonly abandoned: readonly string[];
  readonly measured: { readonly server: string; readonly ok: boolean }[];
  readonly liars: string[];
  readonly unanswered: string[];
}

/** Short with one server, endless with the request: however slow the machine, each server gets its turn again until one is through. */
const endless: ReaderPatience = { ...readerPatience, roundsMs: neverMs, lastMs: neverMs };

/** A reader behind a real HTTP address, and servers that listen as given; the first is the first to be tried. */
async function farmOf(
  manifest: Manifest,
  listeners: readonly Listener[],
  patience: ReaderPatience = endless,
): Promise<Farm> {
  const client = await startNetwork();
  const servers: Network[] = [];
  for (const listener of listeners) {
    const server = await startNetwork();
    const http = await serveHttp(server, listener);
    afterwards(() => http.close());
    client.learn(server.peerId, server.addresses());
    servers.push(server);
  }
  const measured: { server: string; ok: boolean }[] = [];
  const asked: string[] = [];
  const abandoned: string[] = [];
  const liars: string[] = [];
  const unanswered: string[] = [];
  const http = new HttpClient(client);
  afterwards(() => http.close());
  const reader = new Reader(
    http,
    {
      rank: () => servers.map((server) => server.peerId).filter((server) => !liars.includes(server)),
      asked: (server) => asked.push(server),
      abandoned: (server) => abandoned.push(server),
      measured: (server) => measured.push({ server, ok: true }),
      failed: (server) => measured.push({ server, ok: false }),
      unanswered: (server) => unanswered.push(server),
      lied: (server) => liars.push(server),
      accepted: () => {},
      manifestFrom: () => Promise.resolve(manifest),
    },
    quiet,
    patience,
  );
  const front = createServer((request, response) => {
    reader.answer(request, response).then(
      (answered) => {
        if (!answered) response.writeHead(503).end();
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    front.closeAllConnections();
    front.close();
  });
  return {
    servers,
    reader,
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    measured,
    asked,
    abandoned,
    liars,
    unanswered,
  };
}

async function release(): Promise<{
  readonly store: ReleaseStore;
  readonly manifest: Manifest;
  readonly honest: Listener;
}> {
  const service = found();
  const store = await openStore(service.charter);
  const manifest = await publish(service, store, { 'index.html': '<h1>True</h1>', 'large.bin': large });
  return { store, manifest, honest: siteHandler(new Site(store)) };
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Sets the machine's wall clock by an hour, until the test is over. */
function setWallClock(byMs: number): void {
  const real = Date.now.bind(Date);
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => real() + byMs);
  afterwards(() => spy.mockRestore());
}

describe('a wall clock that is set while a request is under way', () => {
  const hourMs = 3_600_000;
  const silent: Listener = () => {};
  const patience = { ...readerPatience, headMs: 200, roundsMs: 2_000, lastMs: 3_000 };

  test.each([hourMs, -hourMs])('by %i ms changes no answer: the next server is still asked', async (byMs) => {
    const { manifest, honest } = await release();
    const { url, asked } = await farmOf(manifest, [silent, honest], { ...patience, roundsMs: 60_000, lastMs: 60_000 });
    const answer = fetch(url);
    await until('the first is asked', () => asked.length === 1);
    setWallClock(byMs);
    expect(await (await answer).text()).toBe('<h1>True</h1>');
  });

  test.each([hourMs, -hourMs])('by %i ms does not keep the user waiting where nobody answers', async (byMs) => {
    const { manifest } = await release();
    const { url, asked } = await farmOf(manifest, [silent], patience);
    const answer = fetch(url);
    await until('it is asked', () => asked.length === 1);
    setWallClock(byMs);
    expect((await answer).status).toBe(503);
    expect(asked.length).toBeGreaterThan(1);
  });
});

describe('a reader', () => {
  test('answers with what the first server says, when it is true', async () => {
    const { manifest, honest } = await release();
    const { url, measured, servers } = await farmOf(manifest, [honest]);
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<h1>True</h1>');
    expect(measured).toEqual([{ server: servers[0]?.peerId, ok: true }]);
  });

  test('goes to the next server when the first refuses, and remembers it', async () => {
    const { manifest, honest } = await release();
    const { url, measured } = await farmOf(manifest, [(_request, response) => response.writeHead(503).end(), honest]);
    expect(await (await fetch(url)).text()).toBe('<h1>True</h1>');
    expect(measured.map(({ ok }) => ok)).toEqual([false, true]);
  });

  test('goes to the next server when the first says nothing at all', async () => {
    const { manifest, honest } = await release();
    const { url, measured } = await farmOf(manifest, [() => {}, honest]);
    expect(await (await fetch(url)).text()).toBe('<h1>True</h1>');
    expect(measured.map(({ ok }) => ok)).toEqual([false, true]);
  });

  test('goes to the next server when the first sends its answer drop by drop', async () => {
    const { manifest, honest } = await release();
    const dripping: Listener = (request, response) => {
      const write = response.write.bind(response);
      let timer: NodeJS.Timeout | undefined;
      response.write = ((chunk: Uint8Array) => {
        let sent = 0;
        timer ??= setInterval(() => write(chunk.subarray(sent, ++sent)), 200);
        return false;
      }) as never;
      response.once('close', () => clearInterval(timer));
      honest(request, response);
    };
    const patience = { ...endless, blockMs: 1_000 };
    const { url, measured, servers } = await farmOf(manifest, [dripping, honest], patience);
    const body = new Uint8Array(await (await fetch(`${url}/large.bin`)).arrayBuffer());
    expect(digestOf(body)).toBe(digestOf(large));
    expect(measured[0]).toEqual({ server: servers[0]?.peerId, ok: false });
  });

  test('never passes on a lie, reports the liar, and does not ask it again', async () => {
    const { manifest, honest } = await release();
    const lying: Listener = (request, response) => {
      const end = response.end.bind(response);
      response.end = ((chunk?: unknown) =>
        end(Buffer.isBuffer(chunk) ? Buffer.from('<h1>Lies</h1>') : undefined)) as never;
      honest(request, response);
    };
    const { url, liars, servers, measured } = await farmOf(manifest, [lying, honest]);
    expect(await (await fetch(url)).text()).toBe('<h1>True</h1>');
    expect(await (await fetch(url)).text()).toBe('<h1>True</h1>');
    expect(liars).toEqual([servers[0]?.peerId]);
    expect(measured.filter(({ server }) => server === servers[0]?.peerId)).toHaveLength(1);
  });

  test('continues a large file at another server when the first dies in the middle of it', async () => {
    const { manifest, honest } = await release();
    let died = 0;
    const dying: Listener = (request, response) => {
      honest(request, response);
      const write = response.write.bind(response);
      let sent = 0;
      response.write = ((chunk: Uint8Array) => {
        sent += chunk.length;
        if (sent <= 3 * 1024 * 1024) return write(chunk);
        died++;
        response.socket?.destroy();
        return false;
      }) as never;
    };
    const { url, measured } = await farmOf(manifest, [dying, honest]);
    const body = new Uint8Array(await (await fetch(`${url}/large.bin`)).arrayBuffer());
    expect(died).toBe(1);
    expect(body.length).toBe(large.length);
    expect(digestOf(body)).toBe(digestOf(large));
    expect(measured.at(-1)?.ok).toBe(true);
  });

  test('continues a range as well', async () => {
    const { manifest, honest } = await release();
    const dying: Listener = (request, response) => {
      honest(request, response);
      const write = response.write.bind(response);
      let sent = 0;
      response.write = ((chunk: Uint8Array) => {
        sent += chunk.length;
        if (sent <= 2 * 1024 * 1024) return write(chunk);
        response.socket?.destroy();
        return false;
      }) as never;
    };
    const { url } = await farmOf(manifest, [dying, honest]);
    const [first, last] = [1_000_000, 5_500_000];
    const response = await fetch(`${url}/large.bin`, { headers: { range: `bytes=${first}-${last}` } });
    expect(response.status).toBe(206);
    expect(digestOf(new Uint8Array(await response.arrayBuffer()))).toBe(digestOf(large.subarray(first, last + 1)));
  });

  test('says that nobody answers when nobody does, and keeps looking until then', async () => {
    const { manifest } = await release();
    let asked = 0;
    const refusing: Listener = (_request, response) => {
      asked++;
      response.writeHead(503).end();
    };
    const { url, servers, unanswered } = await farmOf(manifest, [refusing], readerPatience);
    expect((await fetch(url)).status).toBe(503);
    expect(asked).toBeGreaterThan(1);
    expect(unanswered).toEqual([servers[0]?.peerId]);
  });

  test('lets go of a server when its user has left', async () => {
    const { manifest } = await release();
    let asked = false;
    let gone = false;
    const { url } = await farmOf(manifest, [
      (_request, response) => {
        asked = true;
        response.once('close', () => {
          gone = true;
        });
      },
    ]);
    const leaving = new AbortController();
    const request = expect(fetch(url, { signal: leaving.signal })).rejects.toThrow('aborted');
    await until('the server was asked', () => asked);
    leaving.abort();
    await request;
    await until('the server saw the request end', () => gone);
  });
});

describe('the request for the rest', () => {
  const request = { method: 'GET', target: '/a', headers: {} };

  test('of a whole file begins where it stopped', () => {
    expect(restOf(request, 200, {}, 10)?.headers).toEqual({ range: 'bytes=10-' });
  });

  test('of a range keeps its end', () => {
    expect(restOf(request, 206, { 'content-range': 'bytes 5-99/200' }, 10)?.headers).toEqual({ range: 'bytes=15-99' });
  });

  test('does not exist for what is no file', () => {
    expect(restOf(request, 404, {}, 10)).toBeNull();
    expect(restOf({ ...request, method: 'HEAD' }, 200, {}, 0)).toBeNull();
    expect(restOf(request, 206, {}, 10)).toBeNull();
  });
});
