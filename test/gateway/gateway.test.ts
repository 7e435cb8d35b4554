import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type EndedRequest,
  type FarmProxy,
  type Gateway,
  type GatewayLimits,
  startGateway,
} from '../../src/gateway/index.ts';
import { neverMs, until } from '../patience.ts';

const open: Gateway[] = [];
const ended: EndedRequest[] = [];
const logged: { readonly level: string; readonly details: object }[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close(0);
  logged.length = 0;
  ended.length = 0;
});

async function start(proxy: FarmProxy, limits: Partial<GatewayLimits> = {}): Promise<Gateway> {
  const logger = {
    debug: (details: object) => void logged.push({ level: 'debug', details }),
    error: (details: object) => void logged.push({ level: 'error', details }),
  };
  const gateway = await startGateway({
    proxy,
    host: '127.0.0.1',
    port: 0,
    limits,
    logger,
    onEnded: (request) => void ended.push(request),
  });
  open.push(gateway);
  return gateway;
}

const hello: FarmProxy = (_, response) => void response.end('hello');
const nobody: FarmProxy = (_request, _response, tell) => tell('None of 3 servers answered <within> 2 s.');

/** Sends raw bytes; resolves with everything received until the connection ends. */
async function say(gateway: Gateway, text: string): Promise<string> {
  return await new Promise((resolve) => {
    let answer = '';
    const socket = connect(gateway.port, '127.0.0.1', () => socket.write(text));
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (answer += chunk))
      .on('error', () => undefined)
      .on('close', () => resolve(answer));
  });
}

describe('a gateway', () => {
  it('answers from the farm, and reports its address', async () => {
    const gateway = await start(hello);
    expect(gateway.url).toBe(`http://127.0.0.1:${gateway.port}/`);
    expect(await (await fetch(gateway.url)).text()).toBe('hello');
  });

  it('does not tell volunteers who the visitor is', async () => {
    let seen: IncomingMessage | undefined;
    const gateway = await start((request, response) => {
      seen = request;
      response.end();
    });
    const telling = {
      'x-forwarded-for': '203.0.113.9',
      'X-Real-IP': '203.0.113.9',
      forwarded: 'for=203.0.113.9',
      via: '1.1 x',
      'x-forwarded-proto': 'https',
      'cf-connecting-ip': '203.0.113.9',
    };
    await fetch(gateway.url, { headers: { ...telling, 'accept-language': 'de', range: 'bytes=0-1' } });
    expect(seen?.headers).toMatchObject({ 'accept-language': 'de', range: 'bytes=0-1' });
    expect(JSON.stringify([seen?.headers, seen?.headersDistinct, seen?.rawHeaders])).not.toMatch(
      /203\.0\.113|forwarded|via|real-ip/i,
    );
  });

  it('reports how each request ended, and not which page it was for', async () => {
    const gateway = await start(hello);
    await fetch(`${gateway.url}page?x=1`);
    await until('the request is told of', () => ended.length === 1);
    expect(ended).toEqual([
      {
        method: 'GET',
        status: 200,
        durationMs: expect.any(Number) as number,
        firstByteMs: expect.any(Number) as number,
        complete: true,
      },
    ]);
  });

  it('writes an access line at debug, without the visitor’s address', async () => {
    const gateway = await start(hello);
    await fetch(`${gateway.url}page?x=1`);
    await until('it is logged', () => logged.length === 1);
    expect(logged[0]).toMatchObject({
      level: 'debug',
      details: { method: 'GET', url: '/page?x=1', status: 200, complete: true },
    });
    expect(JSON.stringify(logged)).not.toContain('127.0.0.1');
  });
});

describe('when nobody can serve', () => {
  it('a browser gets a page that says so in plain words, reloads itself, and is never cached', async () => {
    const gateway = await start(nobody);
    const response = await fetch(gateway.url, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).toContain('<h1>Nobody can serve this page right now</h1>');
    expect(page).toContain('None of 3 servers answered &lt;within&gt; 2 s.');
    expect(page).toContain('<meta http-equiv="refresh" content="3">');
    expect(page).not.toMatch(/<(script|img|link)|https?:/);
  });

  it('a program gets JSON or text', async () => {
    const gateway = await start(nobody);
    const json = await fetch(gateway.url, { headers: { accept: 'application/json' } });
    expect(await json.json()).toMatchObject({ error: { status: 503, reason: 'nobody', retryAfterSeconds: 3 } });
    const text = await fetch(gateway.url, { headers: { accept: '*/*' } });
    expect(await text.text()).toContain('Please try again in 3 seconds.');
  });

  it('a HEAD request gets the same headers and no body', async () => {
    const gateway = await start(nobody);
    const answer = await say(gateway, 'HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/content-length: [1-9]/);
    expect(answer.split('\r\n\r\n')[1]).toBe('');
  });

  it('headers that the proxy had already set are removed', async () => {
    const gateway = await start((_, response, tell) => {
      response.setHeader('etag', '"x"');
      response.setHeader('content-encoding', 'br');
      tell('gone');
    });
    const { headers } = await fetch(gateway.url);
    expect([headers.get('etag'), headers.get('content-encoding')]).toEqual([null, null]);
  });

  it('in the middle of an answer the connection is cut, so that half an answer does not look complete', async () => {
    const gateway = await start((_, response, tell) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => tell('gone'));
    });
    await expect(fetch(gateway.url).then((response) => response.text())).rejects.toThrow('terminated');
  });
});

describe('trouble', () => {
  it('in the proxy gives a 500 without internal details, and the next request is answered', async () => {
    let isFirst = true;
    const gateway = await start((_, response) => {
      if (isFirst) {
        isFirst = false;
        throw new Error('secret');
      }
      response.end('fine');
    });
    const broken = await fetch(gateway.url);
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain('secret');
    expect(logged.map(({ level }) => level)).toContain('error');
    expect(await (await fetch(gateway.url)).text()).toBe('fine');
  });

  it('an answer that does not begin in time gives a 504, and one that begins later does no harm', async () => {
    let answerLate = (): void => undefined;
    const gateway = await start(
      (_, response) => {
        answerLate = () => {
          response.setHeader('x', 'y');
          response.writeHead(200);
          response.write('late');
          response.end('late');
        };
      },
      { answerTimeoutMs: 50 },
    );
    const response = await fetch(gateway.url);
    expect(response.status).toBe(504);
    expect(await response.text()).toContain('The answer took too long');
    expect(answerLate).not.toThrow();
  });

  it('a request beyond the limit gets the 503 page; those before it are served', async () => {
    const waiting: (() => void)[] = [];
    const gateway = await start((_, response) => void waiting.push(() => response.end('served')), { maxRequests: 2 });
    const first = [fetch(gateway.url), fetch(gateway.url)];
    await until('both have been asked for', () => waiting.length === 2);
    expect((await fetch(gateway.url)).status).toBe(503);
    for (const serve of waiting) serve();
    expect(await Promise.all(first.map(async (answer) => (await answer).text()))).toEqual(['served', 'served']);
  });

  it.each([
    ['no HTTP', 'hello there\r\n\r\n', '400'],
    ['headers of more than 8 KiB', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(8_200)}\r\n\r\n`, '431'],
    ['an address of more than 8 KiB', `GET /${'y'.repeat(8_200)} HTTP/1.1\r\nhost: x\r\n\r\n`, '414'],
    ['an address without an end', `GET /${'y'.repeat(20_000)}`, '414'],
  ])('%s gets a status and a closed connection', async (_, bytes, status) => {
    const gateway = await start(hello);
    expect(await say(gateway, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(await (await fetch(gateway.url)).text()).toBe('hello');
  });

  it('headers that never end get an error status and a closed connection', async () => {
    const gateway = await start(hello, { headersTimeoutMs: 200, requestTimeoutMs: 300 });
    expect(await say(gateway, 'GET / HTTP/1.1\r\nhost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /);
    // A busy machine may send the next request too slowly: it is repeated until it is in time.
    await until('another request is answered', async () => (await (await fetch(gateway.url)).text()) === 'hello');
  });

  it('a connection beyond the limit is closed at once', async () => {
    const gateway = await start(hello, { maxConnections: 1 });
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve) =>
      httpRequest(gateway.url, { agent }, (response) => response.resume().on('end', resolve)).end(),
    );
    expect(await say(gateway, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
    agent.destroy();
  });
});

describe('closing', () => {
  it('lets requests under way finish, and accepts no new ones', async () => {
    const waiting: (() => void)[] = [];
    const gateway = await start((_, response) => void waiting.push(() => response.end('to the end')));
    const { url } = gateway;
    const underWay = fetch(url);
    await until('it has been asked for', () => waiting.length === 1);
    const closed = gateway.close(neverMs);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    waiting[0]?.();
    expect(await (await underWay).text()).toBe('to the end');
    await closed;
  });

  it('does not wait for a connection whose answer had begun before', async () => {
    let finish = (): void => undefined;
    const gateway = await start((_, response) => {
      response.write('begun, ');
      finish = () => void response.end('ended');
    });
    const answer = await fetch(gateway.url);
    const closed = gateway.close(neverMs);
    finish();
    expect(await answer.text()).toBe('begun, ended');
    await closed;
  });

  it('cuts requests that do not finish within the grace period', async () => {
    const gateway = await start((_, response) => void response.write('for ever'));
    const answer = await fetch(gateway.url);
    await gateway.close(50);
    await expect(answer.text()).rejects.toThrow('terminated');
  });
});
