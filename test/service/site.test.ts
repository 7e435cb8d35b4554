import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  blockBytes,
  type ReleaseStore,
  Site,
  type SiteHooks,
  type SiteOptions,
  entityTag,
  readReleaseHeader,
  siteHandler,
} from '../../src/service/index.ts';
import { ByteCache } from '../../src/service/byte-cache.ts';
import {
  type Files,
  testNowMs,
  ask,
  found,
  noise,
  openStore,
  publish,
  serveHttp,
  spoil,
  temporaryFolder,
} from './workshop.ts';

const service = found();
const page = `<h1>Home</h1>${'<p>a garden of pages</p>'.repeat(100)}`;
const film = noise(3 * blockBytes + 500, 3);
const files: Files = {
  'index.html': page,
  'style.css': 'p{}',
  'docs/index.html': '<h1>Docs</h1>',
  'docs/über uns.html': 'about',
  'film.mp4': film,
  'notes/plain': 'no suffix',
  'empty.txt': '',
};

async function serve(
  content: Files = files,
  options: SiteOptions & SiteHooks = {},
): Promise<{ port: number; store: ReleaseStore }> {
  const store = await openStore(service.charter);
  await publish(service, store, content);
  return { port: await serveHttp(siteHandler(new Site(store, options), options)), store };
}

describe('a site', () => {
  it('answers GET and HEAD with the file, its type, its length and its release', async () => {
    const { port, store } = await serve();
    const got = await ask(port, '/style.css');
    expect(got).toMatchObject({ status: 200, body: Buffer.from('p{}') });
    expect(got.headers).toMatchObject({
      'content-type': 'text/css; charset=utf-8',
      'content-length': '3',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'last-modified': new Date(testNowMs).toUTCString(),
      'banyan-content': store.current?.byPath.get('style.css')?.sha256,
    });
    expect(readReleaseHeader(got.headers['banyan-release'] as string)).toEqual({ release: 1, id: store.current?.id });
    const head = await ask(port, '/style.css', {}, 'HEAD');
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(head.headers['content-length']).toBe('3');
    expect((await ask(port, '/empty.txt')).body).toHaveLength(0);
    expect((await ask(port, '/notes/plain')).headers['content-type']).toBe('application/octet-stream');
  });

  it('shows index.html for a folder, and sends a folder without its slash there', async () => {
    const { port } = await serve();
    expect((await ask(port, '/')).body.toString()).toBe(page);
    expect((await ask(port, '/docs/')).body.toString()).toBe('<h1>Docs</h1>');
    const moved = await ask(port, '/docs?page=2');
    expect([moved.status, moved.headers.location]).toEqual([308, '/docs/?page=2']);
    expect((await ask(port, '/notes')).status).toBe(404);
  });

  it('decodes paths, in either Unicode form', async () => {
    const { port } = await serve();
    for (const name of ['über uns.html'.normalize('NFC'), 'über uns.html'.normalize('NFD')]) {
      expect((await ask(port, `/docs/${encodeURIComponent(name)}?x`)).body.toString()).toBe('about');
    }
    expect((await ask(port, '/%zz')).status).toBe(400);
  });

  it.each([
    '/../index.html',
    '/docs/../index.html',
    '/docs%2findex.html',
    '/docs%5c..%5cindex.html',
    '//docs',
    '/docs//',
    '/%00',
  ])('finds nothing under the odd path %s', async (path) => {
    const { port } = await serve();
    expect((await ask(port, path)).status).toBe(404);
  });

  it("answers what is not there with the site's own page, or a plain one", async () => {
    const plain = await serve();
    expect(await ask(plain.port, '/nowhere')).toMatchObject({
      status: 404,
      body: Buffer.from('There is no such page here.\n'),
    });
    const own = await serve({ ...files, '404.html': '<h1>Lost?</h1>' });
    const lost = await ask(own.port, '/nowhere', { range: 'bytes=0-1', 'if-none-match': '*' });
    expect(lost).toMatchObject({ status: 404, body: Buffer.from('<h1>Lost?</h1>') });
    expect(lost.headers['content-type']).toBe('text/html; charset=utf-8');
  });

  it('answers other methods with what is allowed', async () => {
    const { port } = await serve();
    for (const method of ['POST', 'DELETE', 'OPTIONS']) {
      const refused = await ask(port, '/', {}, method);
      expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD']);
    }
  });

  it('without a release asks to come back', async () => {
    const port = await serveHttp(siteHandler(new Site(await openStore(service.charter))));
    const early = await ask(port, '/');
    expect([early.status, early.headers['retry-after']]).toEqual([503, '1']);
  });
});

describe('conditions', () => {
  it('are met by the tag of the file, in any encoding, or by its date', async () => {
    const { port, store } = await serve();
    const file = store.current?.byPath.get('index.html');
    if (file === undefined) throw new Error('no page');
    const tag = entityTag(file, 'identity');
    for (const value of [tag, `W/${tag}`, `"other", ${tag}`, entityTag(file, 'br'), '*']) {
      const same = await ask(port, '/', { 'if-none-match': value });
      expect([same.status, same.body.length], value).toEqual([304, 0]);
      expect(same.headers.etag).toContain(file.sha256);
    }
    expect((await ask(port, '/', { 'if-none-match': '"other"' })).status).toBe(200);
    const date = new Date(testNowMs).toUTCString();
    expect((await ask(port, '/', { 'if-modified-since': date })).status).toBe(304);
    expect((await ask(port, '/', { 'if-modified-since': date, 'if-none-match': '"other"' })).status).toBe(200);
    expect((await ask(port, '/', { 'if-modified-since': new Date(testNowMs - 5000).toUTCString() })).status).toBe(200);
    expect((await ask(port, '/', { 'if-match': '"other"' })).status).toBe(412);
    // Without a zone, a date would mean another time on another machine: one reader would call another's server a liar.
    for (const vague of ['Dec 1 2030 12:00:00', '2030-12-01T12:00:00', '2030-12-01T12:00:00Z', '2030'])
      expect((await ask(port, '/', { 'if-modified-since': vague })).status, vague).toBe(200);
    expect((await ask(port, '/', { 'if-match': tag })).status).toBe(200);
  });
});

describe('ranges', () => {
  it('give just the bytes asked for, across blocks and at the end', async () => {
    const { port } = await serve();
    const last = film.length - 1;
    for (const [range, first, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      [`bytes=${blockBytes - 5}-${2 * blockBytes + 5}`, blockBytes - 5, 2 * blockBytes + 6],
      [`bytes=${last}-`, last, film.length],
      ['bytes=-700', film.length - 700, film.length],
      [`bytes=5-${film.length * 2}`, 5, film.length],
    ] as const) {
      const part = await ask(port, '/film.mp4', { range });
      expect([part.status, part.headers['content-range']], range).toEqual([
        206,
        `bytes ${first}-${end - 1}/${film.length}`,
      ]);
      expect(part.body.equals(film.subarray(first, end)), range).toBe(true);
      expect(part.headers['content-length']).toBe(String(end - first));
    }
  });

  it('beyond the end are refused with the size, several or senseless ones give the whole', async () => {
    const { port } = await serve();
    for (const range of [`bytes=${film.length}-`, 'bytes=-0']) {
      const beyond = await ask(port, '/film.mp4', { range });
      expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${film.length}`]);
    }
    for (const range of ['bytes=0-1,5-6', 'bytes=9-3', 'lines=1-2', 'bytes=-', 'bytes=x']) {
      expect((await ask(port, '/style.css', { range })).status, range).toBe(200);
    }
    expect((await ask(port, '/style.css', { range: 'bytes=0-1' }, 'HEAD')).status).toBe(200);
  });

  it('with If-Range are given only for the version that it names', async () => {
    const { port } = await serve();
    const { etag = '' } = (await ask(port, '/film.mp4', {}, 'HEAD')).headers;
    expect((await ask(port, '/film.mp4', { range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
    expect((await ask(port, '/film.mp4', { range: 'bytes=0-1', 'if-range': '"old"' })).status).toBe(200);
    expect(
      (await ask(port, '/film.mp4', { range: 'bytes=0-1', 'if-range': new Date(testNowMs).toUTCString() })).status,
    ).toBe(200);
  });
});

describe('compression', () => {
  it('is negotiated, told apart by tag, and never used on parts or on what is compressed already', async () => {
    const { port } = await serve();
    const plain = await ask(port, '/');
    const br = await ask(port, '/', { 'accept-encoding': 'gzip, deflate, br' });
    const gzip = await ask(port, '/', { 'accept-encoding': 'gzip' });
    expect([plain, br, gzip].map(({ headers }) => headers['content-encoding'])).toEqual([undefined, 'br', 'gzip']);
    expect(new Set([plain, br, gzip].map(({ headers }) => headers.etag)).size).toBe(3);
    expect([plain, br, gzip].map(({ headers }) => headers.vary)).toEqual(Array(3).fill('Accept-Encoding'));
    expect(brotliDecompressSync(br.body).toString()).toBe(page);
    expect(gunzipSync(gzip.body).toString()).toBe(page);
    expect(br.body.length).toBeLessThan(page.length / 4);
    expect(br.headers['content-length']).toBe(String(br.body.length));

    const part = await ask(port, '/', { 'accept-encoding': 'br', range: 'bytes=0-3' });
    expect([part.status, part.headers['content-encoding'], part.body.toString()]).toEqual([206, undefined, '<h1>']);
    expect((await ask(port, '/film.mp4', { 'accept-encoding': 'br' })).headers['content-encoding']).toBeUndefined();
    expect((await ask(port, '/style.css', { 'accept-encoding': 'br' })).headers['content-encoding']).toBeUndefined();
  });

  it.each([
    ['br;q=0, gzip', 'gzip'],
    ['gzip;q=0.5, br;q=0.4', 'gzip'],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['identity, br;q=0.5', undefined],
    ['', undefined],
    ['zstd', undefined],
  ])('takes "%s" as %s', async (accept, encoding) => {
    const { port } = await serve();
    expect((await ask(port, '/', { 'accept-encoding': accept })).headers['content-encoding']).toBe(encoding);
  });

  it('keeps its variants within the memory it is given, and makes one once for a crowd', async () => {
    const cache = new ByteCache(4000);
    let made = 0;
    const make = (bytes: number) => async (): Promise<Buffer> => {
      made += 1;
      await Promise.resolve();
      return Buffer.alloc(bytes);
    };
    await Promise.all(Array.from({ length: 20 }, () => cache.get('a', make(900))));
    expect(made).toBe(1);
    for (let i = 0; i < 50; i += 1) {
      await cache.get(`${i}`, make(900));
      await cache.get('a', make(900));
      expect(cache.bytes).toBeLessThanOrEqual(4000);
    }
    expect(made).toBe(51); // "a" was in use all the time, so it was never thrown out
    await cache.get('huge', make(3999));
    await cache.get('a', make(900));
    expect(made).toBe(52);
  });
});

describe('a switch of releases', () => {
  it('lets readers have the release before for 60 s, when they name it', async () => {
    let nowMs = testNowMs;
    const now = (): number => nowMs;
    const store = await openStore(service.charter, { now });
    const port = await serveHttp(siteHandler(new Site(store, { now })));
    await publish(service, store, { 'index.html': 'one' });
    await publish(service, store, { 'index.html': 'two' });
    const bodyFor = async (release: string): Promise<string> =>
      (await ask(port, '/', { 'banyan-release': release })).body.toString();
    expect((await ask(port, '/')).body.toString()).toBe('two');
    expect([await bodyFor('1'), await bodyFor('2'), await bodyFor('7')]).toEqual(['one', 'two', 'two']);
    nowMs += 60_001;
    expect(await bodyFor('1')).toBe('two');
  });
});

describe('a reader who leaves', () => {
  it('in the middle of a large file lets go of it', async () => {
    const served: boolean[] = [];
    const store = await openStore(service.charter);
    await publish(service, store, { film: noise(40 * blockBytes, 1) });
    const folder = store.folder;
    const site = new Site(store);
    const port = await serveHttp(siteHandler(site, { onServed: ({ complete }) => served.push(complete) }));
    const request = httpRequest({ port, host: '127.0.0.1', path: '/film', agent: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response, 'data');
    response.pause();
    request.on('error', () => undefined); // we hang up ourselves
    response.on('error', () => undefined);
    request.destroy();
    await expect.poll(() => served).toEqual([false]);
    // Nothing holds the old film any more: two releases later its space is free.
    await publish(service, store, { film: 'a' });
    await publish(service, store, { film: 'b' });
    await expect.poll(() => bytesIn(folder)).toBeLessThan(blockBytes);
  });
});

describe('a damaged disk', () => {
  it('makes a server say that it cannot, not say something false', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(service.charter, { folder });
    await publish(service, store, files);
    await spoil(folder, film.subarray(0, 64));
    const port = await serveHttp(siteHandler(new Site(store)));
    expect((await ask(port, '/film.mp4')).status).toBe(503);
    expect((await ask(port, '/style.css')).status).toBe(200);
    const rest = await ask(port, '/film.mp4', { range: `bytes=${blockBytes}-` });
    expect([rest.status, rest.headers['retry-after']]).toEqual([503, '1']); // it is known by now that the file is not whole
  });
});

async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(join(folder, 'packs'))) sum += (await readFile(join(folder, 'packs', name))).length;
  return sum;
}
