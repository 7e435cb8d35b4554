import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  httpProtocol,
  HttpClient,
  HttpStreamError,
  serveHttp,
  type HttpRequest,
} from '../../../src/network/http/http-stream.ts';
import type { Network } from '../../../src/network/network.ts';
import { StreamDuplex } from '../../../src/network/streams/stream-duplex.ts';
import { startNetwork, startPair } from '../test-network.ts';
import { until } from '../../patience.ts';

async function readAll(body: Readable, onChunk?: () => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    onChunk?.();
  }
  return Buffer.concat(chunks);
}

interface Service {
  readonly client: HttpClient;
  readonly user: Network;
  readonly host: Network;
  /** The number of streams that the server has seen opened. */
  readonly streams: () => number;
  readonly get: (path: string, more?: Partial<HttpRequest>) => ReturnType<HttpClient['request']>;
}

async function startService(listener: RequestListener): Promise<Service> {
  const [user, host] = await startPair();
  const sockets = new Set<unknown>();
  await serveHttp(host, (request, response) => {
    sockets.add(request.socket);
    listener(request, response);
  });
  const client = new HttpClient(user);
  const get = (path: string, more: Partial<HttpRequest> = {}): ReturnType<HttpClient['request']> =>
    client.request(host.peerId, { path, ...more });
  return { client, user, host, streams: () => sockets.size, get };
}

async function failure(work: Promise<unknown>): Promise<HttpStreamError> {
  const error: unknown = await work.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (!(error instanceof HttpStreamError)) throw new Error(`expected an HttpStreamError, got ${String(error)}`);
  return error;
}

describe('HTTP over a stream', () => {
  it('answers 1,000 successive requests over one stream that is held open', async () => {
    const { get, streams } = await startService((request, response) => response.end(`you asked for ${request.url}`));
    for (let index = 0; index < 1_000; index += 1) {
      const { status, body, firstByteMs } = await get(`/page/${index}`);
      expect(status).toBe(200);
      expect(firstByteMs).toBeGreaterThan(0);
      expect((await readAll(body)).toString()).toBe(`you asked for /page/${index}`);
    }
    expect(streams()).toBe(1);
  });

  it('answers 100 requests at the same time, each with its own answer', async () => {
    const { get, streams } = await startService((request, response) => {
      setImmediate(() => response.end(`answer to ${request.url}`.repeat(100)));
    });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => (await readAll((await get(`/${index}`)).body)).toString()),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, index) => `answer to /${index}`.repeat(100)));
    expect(streams()).toBeLessThanOrEqual(64);
  });

  it('carries a body of 20 MB whole, in both directions', async () => {
    const content = randomBytes(20_000_000);
    const { get } = await startService((request, response) => {
      const hash = createHash('sha256');
      request.on('data', (chunk: Buffer) => hash.update(chunk));
      request.on('end', () => {
        response.setHeader('x-received', hash.digest('hex'));
        response.end(content);
      });
    });
    const wanted = createHash('sha256').update(content).digest('hex');
    const { headers, body } = await get('/', { method: 'POST', body: content });
    expect(headers['x-received']).toBe(wanted);
    const received = await readAll(body);
    expect(received.byteLength).toBe(content.byteLength);
    expect(createHash('sha256').update(received).digest('hex')).toBe(wanted);
  });

  it('does not buffer an answer that is not read, and does not treat the pause as silence', async () => {
    let written = 0;
    const block = randomBytes(64 * 1024);
    const { get } = await startService((_, response) => {
      const write = (): void => {
        while (written < 100_000_000) {
          written += block.byteLength;
          if (!response.write(block)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    // Long enough for the next bytes on a busy machine.
    const silenceMs = 4_000;
    const { body } = await get('/', { silenceMs });
    const startedMs = performance.now();
    let before = -1;
    await until('the server has stood still for longer than it may be silent', async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const isStill = written === before;
      before = written;
      return isStill && performance.now() - startedMs > 2 * silenceMs;
    });
    expect(written).toBeLessThan(24 * 1024 * 1024);
    let bytes = 0;
    for await (const chunk of body) bytes += (chunk as Buffer).byteLength;
    expect(bytes).toBe(written);
    expect(bytes).toBeGreaterThanOrEqual(100_000_000);
  });

  it('tells the server which peer asks', async () => {
    const { get, user } = await startService((request, response) => {
      response.end((request.socket as unknown as StreamDuplex).remotePeer);
    });
    expect((await readAll((await get('/')).body)).toString()).toBe(user.peerId);
  });

  it('handles HEAD, an empty answer and one without a length', async () => {
    const { get, streams } = await startService((request, response) => {
      if (request.url === '/empty') response.writeHead(204).end();
      else if (request.url === '/closing') response.writeHead(200, { connection: 'close' }).end('last words');
      else response.writeHead(200, { 'content-length': 5 }).end(request.method === 'HEAD' ? undefined : 'hello');
    });
    const head = await get('/', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], (await readAll(head.body)).byteLength]).toEqual([200, '5', 0]);
    const empty = await get('/empty');
    expect([empty.status, (await readAll(empty.body)).byteLength]).toEqual([204, 0]);
    expect((await readAll((await get('/closing')).body)).toString()).toBe('last words');
    expect((await readAll((await get('/')).body)).toString()).toBe('hello');
    expect(streams()).toBe(2);
  });
});

describe('an HTTP service that closes', () => {
  it('finishes the answers under way, releases held streams, and accepts no more requests', async () => {
    const [user, host] = await startPair();
    const finish: (() => void)[] = [];
    const sockets = new Set<IncomingMessage['socket']>();
    const server = await serveHttp(host, (request, response) => {
      sockets.add(request.socket);
      response.write('begun, ');
      if (request.url === '/long') finish.push(() => response.end('and finished'));
      else response.end('done');
    });
    const client = new HttpClient(user);
    const [long, short] = [client.request(host.peerId, { path: '/long' }), client.request(host.peerId, { path: '/' })];
    expect((await readAll((await short).body)).toString()).toBe('begun, done');
    const { body } = await long;
    await server.close();
    await until('the held stream is gone', () => [...sockets].filter(({ destroyed }) => destroyed).length === 1);
    expect((await failure(client.request(host.peerId, { path: '/' }))).code).toBe('unreachable');
    finish[0]?.();
    expect((await readAll(body)).toString()).toBe('begun, and finished');
    await until('the other is gone too', () => [...sockets].every(({ destroyed }) => destroyed));
  });
});

describe('an HTTP request that fails', () => {
  it('says unreachable when no stream can be opened', async () => {
    const { client, host } = await startService((_, response) => response.end());
    await host.stop();
    const error = await failure(client.request(host.peerId, { path: '/' }));
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain(host.peerId);
  });

  it('says unreachable when the peer speaks no HTTP', async () => {
    const [user, other] = await startPair();
    expect((await failure(new HttpClient(user).request(other.peerId, { path: '/' }))).code).toBe('unreachable');
  });

  it('says timeout when the server is silent before its answer', async () => {
    const { get } = await startService(() => undefined);
    const error = await failure(get('/slow', { silenceMs: 60 }));
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('no byte came for 60 ms');
  });

  it('says timeout when the server falls silent in the middle', async () => {
    const { get } = await startService((_, response) => response.write('half'));
    const { body } = await get('/slow', { silenceMs: 3_000 });
    expect((await failure(readAll(body))).code).toBe('timeout');
  });

  it('says cut when the server shuts down in the middle of its answer', async () => {
    const { get, host } = await startService((_, response) =>
      response.writeHead(200, { 'content-length': 1_000 }).write('half'),
    );
    const { body } = await get('/');
    expect((await failure(readAll(body, () => void host.stop()))).code).toBe('cut');
  });

  it('says cut when the connection breaks in the middle of the answer', async () => {
    const { get, host, user } = await startService((_, response) => response.write('half'));
    const { body } = await get('/');
    const reading = readAll(body, () => host.refuse(user.peerId, 'as if the process had been killed'));
    expect((await failure(reading)).code).toBe('cut');
  });

  it('says cut when the server drops the stream in the middle of a chunked answer', async () => {
    const { get } = await startService((request, response) => {
      response.write('half');
      setImmediate(() => request.socket.destroy());
    });
    expect((await failure(get('/').then(({ body }) => readAll(body)))).code).toBe('cut');
  });

  it('says malformed when what comes back is not HTTP', async () => {
    const [user, host] = await startPair();
    await host.handle(httpProtocol, (stream, peerId) => {
      const duplex = new StreamDuplex(stream, peerId);
      duplex.on('error', () => undefined);
      duplex.end('this is not HTTP\r\n\r\n');
    });
    expect((await failure(new HttpClient(user).request(host.peerId, { path: '/' }))).code).toBe('malformed');
  });

  it('says aborted, frees its stream on both sides, and leaves the next request unharmed', async () => {
    const requests: IncomingMessage[] = [];
    const { get } = await startService((request, response) => {
      requests.push(request);
      if (request.url === '/endless') response.write(randomBytes(100_000));
      else response.end('fine');
    });
    const caller = new AbortController();
    const { body } = await get('/endless', { signal: caller.signal });
    expect((await failure(readAll(body, () => caller.abort()))).code).toBe('aborted');
    await until('the server has let go of the stream', () => (requests[0] as IncomingMessage).socket.destroyed);
    expect((await readAll((await get('/next')).body)).toString()).toBe('fine');
    expect((await failure(get('/', { signal: AbortSignal.abort() }))).code).toBe('aborted');
  });

  it('frees the stream when the reader stops early', async () => {
    let socket: IncomingMessage['socket'] | undefined;
    const { get } = await startService((request, response) => {
      socket = request.socket;
      response.write(randomBytes(100_000));
    });
    const { body } = await get('/');
    body.destroy();
    await until('the server has let go of the stream', () => socket?.destroyed === true);
  });

  it('is repeated once when a kept stream turned out to be closed', async () => {
    const [user, host] = await startPair();
    let served = 0;
    await serveHttp(host, (request, response) => {
      served += 1;
      // The second request comes on a stream that the server drops without an answer.
      if (served === 2) request.socket.destroy();
      else response.end(`answer ${served}`);
    });
    const client = new HttpClient(user);
    expect((await readAll((await client.request(host.peerId, { path: '/' })).body)).toString()).toBe('answer 1');
    expect((await readAll((await client.request(host.peerId, { path: '/' })).body)).toString()).toBe('answer 3');
    served = 1;
    const error = await failure(client.request(host.peerId, { path: '/', method: 'POST', body: Buffer.from('once') }));
    expect(error.code).toBe('cut');
    expect(served).toBe(2);
  });

  it('does not crash the server when a client sends garbage', async () => {
    const { get, user, host } = await startService((_, response) => response.end('fine'));
    const stream = await user.openStream(host.peerId, httpProtocol);
    const garbage = new StreamDuplex(stream, host.peerId);
    garbage.on('error', () => undefined);
    garbage.resume();
    garbage.write(randomBytes(10_000));
    await until('the server has hung up', () => garbage.destroyed);
    expect((await readAll((await get('/')).body)).toString()).toBe('fine');
  });

  it('leaves other servers alone', async () => {
    const { client, user, host } = await startService((_, response) => response.end('one'));
    const second = await startNetwork();
    await serveHttp(second, (_, response) => response.end('two'));
    user.learn(second.peerId, second.addresses());
    await host.stop();
    expect((await failure(client.request(host.peerId, { path: '/' }))).code).toBe('unreachable');
    expect((await readAll((await client.request(second.peerId, { path: '/' })).body)).toString()).toBe('two');
  });
});
