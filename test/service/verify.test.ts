import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AcceptedReleases,
  blockBytes,
  type FileEntry,
  LieError,
  type Manifest,
  type RawResponse,
  ReleaseStore,
  ResponseVerifier,
  Site,
  type SiteRequest,
  type SiteResponse,
  planResponse,
  siteHandler,
  verifyResponse,
} from '../../src/service/index.ts';
import { type Files, testNowMs, found, noise, openStore, publish, serveHttp } from './workshop.ts';

const service = found();
const page = `<h1>Home</h1>${'<p>a garden of pages</p>'.repeat(40)}`;
const film = noise(2 * blockBytes + 500, 3);
const files: Files = {
  'index.html': page,
  'a.txt': 'small',
  'docs/index.html': 'docs',
  'film.mp4': film,
  'empty.txt': '',
};

let manifests: readonly Manifest[] = [];
let sites: readonly Site[] = [];

beforeAll(async () => {
  // Three releases that differ in their front page; each one's own server.
  const made: { manifest: Manifest; site: Site }[] = [];
  for (const count of [1, 2, 3]) {
    const store = await openKept();
    let manifest: Manifest | null = null;
    for (let i = 1; i <= count; i += 1) {
      const film2 = i === 1 ? noise(100, 1) : film;
      manifest = await publish(
        service,
        store,
        { ...files, 'film.mp4': film2, 'index.html': `${page}${i}` },
        testNowMs + i * 1000,
      );
    }
    if (manifest === null) throw new Error('no release');
    made.push({ manifest, site: new Site(store, { now: () => testNowMs + 1e9 }) });
  }
  manifests = made.map((one) => one.manifest);
  sites = made.map((one) => one.site);
});

const kept: { readonly folder: string; readonly store: ReleaseStore }[] = [];

afterAll(async () => {
  for (const { folder, store } of kept) {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});

/** A store that lives as long as this file's tests. */
async function openKept(): Promise<ReleaseStore> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-test-'));
  const store = await ReleaseStore.open(folder, service.charter);
  kept.push({ folder, store });
  return store;
}

const manifest = (release: number): Manifest => {
  const found = manifests[release - 1];
  if (found === undefined) throw new Error(`no release ${release}`);
  return found;
};
const site = (server: number): Site => {
  const found = sites[server - 1];
  if (found === undefined) throw new Error('no such server');
  return found;
};
const accepting = (...releases: readonly number[]): AcceptedReleases => {
  const [first = 1, ...later] = releases;
  const accepted = new AcceptedReleases(manifest(first), testNowMs);
  for (const release of later) accepted.accept(manifest(release), testNowMs);
  return accepted;
};
const get = (target: string, headers: SiteRequest['headers'] = {}): SiteRequest => ({ method: 'GET', target, headers });

async function bytesOf(body: SiteResponse['body']): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Outcome {
  readonly verdict: string;
  readonly reason?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** What had been handed on when a lie came to light. */
  readonly partial?: Buffer;
}

/** Asks a real site through a tampering hand, and reads through the verifier. */
async function read(
  request: SiteRequest,
  options: {
    readonly accepted?: AcceptedReleases;
    readonly server?: number;
    readonly nowMs?: number;
    readonly tamper?: (response: { status: number; headers: Record<string, string>; body: Buffer }) => void;
    readonly pieceBytes?: number;
  } = {},
): Promise<Outcome> {
  const verifier = new ResponseVerifier(options.accepted ?? accepting(1, 2), request);
  const answer = await site(options.server ?? 2).respond(verifier.upstream);
  const raw = { status: answer.status, headers: { ...answer.headers }, body: await bytesOf(answer.body) };
  options.tamper?.(raw);
  const response: RawResponse = { ...raw, body: inPieces(raw.body, options.pieceBytes ?? 10_000) };
  const judged = await verifyResponse(verifier, response, options.nowMs ?? testNowMs);
  if (judged.verdict !== 'ok') return judged;
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of judged.body) pieces.push(piece);
  } catch (error) {
    if (!(error instanceof LieError)) throw error;
    return { verdict: 'lie', reason: error.message, partial: Buffer.concat(pieces) };
  }
  return { verdict: 'ok', status: judged.status, headers: judged.headers, body: Buffer.concat(pieces) };
}

/** What the release says about a request, bytes included. */
function truth(request: SiteRequest, release = 2): { status: number; body: Buffer } {
  const plan = planResponse(manifest(release), request);
  const contents: Record<string, Buffer> = Object.fromEntries(
    Object.entries({ ...files, 'index.html': `${page}${release}` }).map(([path, content]) => [
      path,
      Buffer.from(content),
    ]),
  );
  if (plan.body.type === 'none') return { status: plan.status, body: Buffer.alloc(0) };
  if (plan.body.type === 'literal') return { status: plan.status, body: Buffer.from(plan.body.text) };
  return {
    status: plan.status,
    body: (contents[plan.body.file.path] ?? film).subarray(plan.body.first, plan.body.end),
  };
}

const etag = (path: string): string => `"${(manifest(2).byPath.get(path) as FileEntry).sha256}"`;

const requests = (): readonly SiteRequest[] => [
  get('/'),
  get('/', { 'accept-encoding': 'br' }),
  get('/a.txt'),
  get('/empty.txt'),
  get('/film.mp4'),
  get('/docs'),
  get('/docs/'),
  get('/nowhere'),
  get('/%zz'),
  get('/', { 'if-none-match': etag('index.html') }),
  get('/', { 'if-none-match': '"other"' }),
  get('/', { 'if-match': '"other"' }),
  get('/', { 'if-modified-since': new Date(testNowMs + 60_000).toUTCString() }),
  get('/a.txt', { range: 'bytes=1-3' }),
  get('/a.txt', { range: 'bytes=100-' }),
  get('/film.mp4', { range: 'bytes=5-9' }),
  get('/film.mp4', { range: `bytes=${blockBytes - 3}-${blockBytes + 3}` }),
  get('/film.mp4', { range: 'bytes=-600' }),
  get('/film.mp4', { range: 'bytes=5-9', 'if-range': '"old"' }),
  { method: 'HEAD', target: '/', headers: {} },
  { method: 'HEAD', target: '/nowhere', headers: {} },
  { method: 'POST', target: '/', headers: {} },
];

describe('an honest server', () => {
  it('is believed, whatever is asked, and the reader gets exactly what the release says', async () => {
    for (const request of requests()) {
      const expected = truth({ ...request, headers: { ...request.headers, 'accept-encoding': undefined } });
      for (const pieceBytes of [1_000, 100_000_000]) {
        const outcome = await read(request, { pieceBytes });
        expect(outcome, JSON.stringify(request)).toMatchObject({ verdict: 'ok', status: expected.status });
        expect(outcome.body?.equals(expected.body), JSON.stringify(request)).toBe(true);
      }
    }
  });

  it('is asked for whole blocks when a part of a large file is wanted', () => {
    const upstream = (range: string): string | undefined =>
      new ResponseVerifier(accepting(2), get('/film.mp4', { range })).upstream.headers['range'];
    expect(upstream('bytes=5-9')).toBe(`bytes=0-${blockBytes - 1}`);
    expect(upstream('bytes=-600')).toBe(`bytes=${blockBytes}-${film.length - 1}`);
    expect(
      new ResponseVerifier(accepting(2), get('/a.txt', { range: 'bytes=1-2' })).upstream.headers['range'],
    ).toBeUndefined();
  });

  it('that sends the whole where a part was asked for is believed too', async () => {
    const whole = await sites[1]?.respond(get('/film.mp4'));
    if (whole === undefined) throw new Error('no server');
    const body = await bytesOf(whole.body);
    const outcome = await read(get('/film.mp4', { range: 'bytes=5-9' }), {
      tamper: (raw) => Object.assign(raw, { status: 200, headers: { ...whole.headers }, body }),
    });
    expect(outcome).toMatchObject({ verdict: 'ok', status: 206, body: film.subarray(5, 10) });
  });

  it('that has trouble is no liar', async () => {
    for (const status of [500, 502, 503, 429, 408]) {
      const outcome = await read(get('/'), { tamper: (raw) => Object.assign(raw, { status, headers: {} }) });
      expect(outcome).toEqual({ verdict: 'failed', status });
    }
  });
});

describe('releases', () => {
  it('n and, for 60 s after n was seen, n-1 are taken; older ones send the reader elsewhere without blame', async () => {
    const accepted = accepting(1, 2);
    expect(await read(get('/'), { accepted, server: 2 })).toMatchObject({
      verdict: 'ok',
      body: truth(get('/'), 2).body,
    });
    expect(await read(get('/'), { accepted, server: 1 })).toMatchObject({
      verdict: 'ok',
      body: truth(get('/'), 1).body,
    });
    const late = { accepted, nowMs: testNowMs + 60_001 };
    expect(await read(get('/'), { ...late, server: 1 })).toEqual({ verdict: 'stale', release: 1 });
    expect(await read(get('/'), { ...late, server: 2 })).toMatchObject({ verdict: 'ok' });
    expect(await read(get('/'), { accepted: accepting(1, 2, 3), server: 1 })).toEqual({ verdict: 'stale', release: 1 });
  });

  it('that the reader has not heard of make it ask for the manifest', async () => {
    expect(await read(get('/'), { accepted: accepting(1), server: 3 })).toEqual({ verdict: 'ahead', release: 3 });
  });

  it('are never gone back to', () => {
    const accepted = accepting(1, 3);
    expect(accepted.accept(manifest(2), testNowMs)).toBe(false);
    expect(accepted.newest.release).toBe(3);
  });

  it('of the same number but another id are a lie', async () => {
    const tamper = (raw: { headers: Record<string, string> }): void => {
      raw.headers['banyan-release'] = `2;id="${'0'.repeat(64)}"`;
    };
    expect(await read(get('/'), { tamper })).toMatchObject({ verdict: 'lie' });
  });

  it('whose file has another size there cannot give the part that was asked for: elsewhere, without blame', async () => {
    const outcome = await read(get('/film.mp4', { range: 'bytes=-600' }), { accepted: accepting(1, 2), server: 1 });
    expect(outcome).toEqual({ verdict: 'stale', release: 1 });
  });
});

describe('a lying server', () => {
  const lies: readonly [
    string,
    SiteRequest,
    (raw: { status: number; headers: Record<string, string>; body: Buffer }) => void,
  ][] = [
    ['says that a page is not there', get('/a.txt'), (raw) => (raw.status = 404)],
    ['says that nothing has changed', get('/a.txt'), (raw) => (raw.status = 304)],
    [
      'sends readers away',
      get('/a.txt'),
      (raw) => Object.assign(raw, { status: 308, headers: { ...raw.headers, location: 'https://evil.example/' } }),
    ],
    ['sends them to the wrong place', get('/docs'), (raw) => (raw.headers['location'] = '//evil.example/')],
    ['invents a page', get('/nowhere'), (raw) => (raw.status = 200)],
    ['changes the type', get('/a.txt'), (raw) => (raw.headers['content-type'] = 'text/html')],
    ['names no release', get('/a.txt'), (raw) => delete raw.headers['banyan-release']],
    ['cuts the file short', get('/a.txt'), (raw) => Object.assign(raw, { body: raw.body.subarray(1) })],
    [
      'adds to the file',
      get('/a.txt'),
      (raw) => Object.assign(raw, { body: Buffer.concat([raw.body, Buffer.from('!')]) }),
    ],
    ['adds to an empty file', get('/empty.txt'), (raw) => Object.assign(raw, { body: Buffer.from('!') })],
    ['swaps the file', get('/'), (raw) => Object.assign(raw, { body: Buffer.from('small') })],
    ['breaks the compression', get('/'), (raw) => Object.assign(raw, { body: raw.body.subarray(0, -5) })],
    ['claims a compression it does not use', get('/a.txt'), (raw) => (raw.headers['content-encoding'] = 'gzip')],
    ['claims an unknown one', get('/a.txt'), (raw) => (raw.headers['content-encoding'] = 'rot13')],
    ['tags it wrongly', get('/a.txt'), (raw) => (raw.headers['etag'] = '"x"')],
    [
      'shifts the part',
      get('/film.mp4', { range: 'bytes=5-9' }),
      (raw) => (raw.headers['content-range'] = 'bytes 1-2/3'),
    ],
    ['says it would not let you', get('/a.txt'), (raw) => (raw.status = 403)],
  ];

  it.each(lies)('that %s is found out before a byte is handed on', async (_, request, tamper) => {
    for (const pieceBytes of [1, 100_000_000]) {
      const outcome = await read(request, { tamper, pieceBytes });
      expect(outcome.verdict).toBe('lie');
      expect(outcome.partial).toBeUndefined();
    }
  });

  it.each([400, 403, 404, 414, 431, 500, 503])(
    'is not what a bare %d is: no release stands behind it',
    async (status) => {
      const bare = (raw: { status: number; headers: Record<string, string>; body: Buffer }): unknown =>
        Object.assign(raw, { status, headers: { connection: 'close' }, body: Buffer.alloc(0) });
      expect(await read(get('/a.txt'), { tamper: bare })).toEqual({ verdict: 'failed', status });
    },
  );

  it('in the middle of a large file is found out before a byte of that block is handed on', async () => {
    const at = blockBytes + 77;
    const outcome = await read(get('/film.mp4'), { tamper: (raw) => (raw.body[at] = (raw.body[at] ?? 0) ^ 4) });
    expect(outcome.verdict).toBe('lie');
    expect(outcome.partial?.equals(film.subarray(0, blockBytes))).toBe(true);
  });

  it('gets no header of its own through', async () => {
    const outcome = await read(get('/a.txt'), {
      tamper: (raw) =>
        Object.assign(raw.headers, {
          'set-cookie': 'id=1',
          refresh: '0;url=https://evil.example',
          'service-worker-allowed': '/',
        }),
    });
    expect(outcome.verdict).toBe('ok');
    expect(Object.keys(outcome.headers ?? {}).sort()).toEqual([
      'accept-ranges',
      'banyan-content',
      'banyan-release',
      'cache-control',
      'content-length',
      'content-type',
      'etag',
      'last-modified',
      'x-content-type-options',
    ]);
  });

  it.each(['gzip', 'br'])('is caught when its %s body is no such thing, however it comes in', async (encoding) => {
    for (const size of [1, 100, 500, 5_000]) {
      const verifier = new ResponseVerifier(accepting(1, 2), get('/', { 'accept-encoding': encoding }));
      const { status, headers } = await site(2).respond(verifier.upstream);
      const body = inPieces(Buffer.alloc(20_000, 0x55), size);
      const headersNow = { ...headers, 'content-encoding': encoding };
      const judged = await verifyResponse(verifier, { status, headers: headersNow, body }, testNowMs);
      expect(judged).toMatchObject({ verdict: 'lie', reason: expect.stringContaining('cannot be decoded') as string });
    }
  });

  it('cannot pass off anything: whatever is done to a response, what is handed on is true', async () => {
    type Tamper = (raw: { status: number; headers: Record<string, string>; body: Buffer }) => void;
    const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, bits]): Tamper => (raw) => {
      if (raw.body.length > 0) raw.body[at % raw.body.length] = (raw.body[at % raw.body.length] ?? 0) ^ bits;
    });
    const cut = fc.nat().map(
      (at): Tamper =>
        (raw) =>
          Object.assign(raw, { body: raw.body.subarray(0, at % (raw.body.length + 1)) }),
    );
    const add = fc.uint8Array({ minLength: 1, maxLength: 40 }).map(
      (more): Tamper =>
        (raw) =>
          Object.assign(raw, { body: Buffer.concat([raw.body, more]) }),
    );
    const status = fc.constantFrom(200, 204, 206, 301, 302, 304, 308, 401, 403, 404, 405, 410, 412, 416).map(
      (code): Tamper =>
        (raw) =>
          (raw.status = code),
    );
    const names = [
      'content-type',
      'content-length',
      'content-range',
      'content-encoding',
      'etag',
      'location',
      'banyan-release',
      'banyan-content',
      'set-cookie',
    ];
    const values = fc.oneof(
      fc.constantFrom('text/html', 'gzip', 'br', 'identity', 'https://evil.example/', 'bytes 0-4/5', '0', '"x"'),
      fc.constantFrom(1, 2, 3).map((n) => `${n};id="${'a'.repeat(64)}"`),
      fc.string(),
    );
    const header = fc.tuple(fc.constantFrom(...names), values).map(
      ([name, value]): Tamper =>
        (raw) =>
          (raw.headers[name] = value),
    );
    const drop = fc.constantFrom(...names).map(
      (name): Tamper =>
        (raw) =>
          delete raw.headers[name],
    );
    const tampers = fc.array(fc.oneof(flip, cut, add, status, header, drop), { minLength: 1, maxLength: 3 });
    const cases = requests().filter(
      (request) => request.target !== '/film.mp4' || request.headers['range'] !== undefined,
    );
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...cases),
        tampers,
        fc.constantFrom(1, 2, 3),
        async (request, chosen, server) => {
          const outcome = await read(request, {
            server,
            pieceBytes: 500,
            tamper: (raw) => {
              raw.body = Buffer.from(raw.body);
              for (const tamper of chosen) tamper(raw);
            },
          });
          if (outcome.partial !== undefined) {
            // Only a file of several blocks may have been begun, and what was handed on of it is true.
            expect(request.target).toBe('/film.mp4');
            const whole = truth({ ...request, headers: { ...request.headers, 'accept-encoding': undefined } }).body;
            expect(whole.subarray(0, outcome.partial.length).equals(outcome.partial)).toBe(true);
            return;
          }
          if (outcome.verdict !== 'ok') return;
          passed += 1;
          const release = Number.parseInt(outcome.headers?.['banyan-release'] ?? '', 10);
          expect([1, 2]).toContain(release);
          const own = { ...request, headers: { ...request.headers, 'accept-encoding': undefined } };
          const plan = planResponse(manifest(release), own);
          expect({ status: outcome.status, headers: outcome.headers }).toEqual({
            status: plan.status,
            headers: plan.headers,
          });
          if (release === 1 && request.target === '/film.mp4') return; // another film there; its hash was checked
          expect(outcome.body?.equals(truth(own, release).body)).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
    expect(passed).toBeGreaterThan(100); // harmless tampering exists, so the property is not empty
  });
});

describe('over real HTTP', () => {
  const fetchRaw = async (port: number, request: SiteRequest): Promise<RawResponse> => {
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([, value]) => value !== undefined));
    const sent = httpRequest({
      port,
      host: '127.0.0.1',
      path: request.target,
      method: request.method,
      headers,
      agent: false,
    });
    const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers as RawResponse['headers'], body: response };
  };

  it('a page and a film come through whole', async () => {
    const store = await openStore(service.charter);
    const published = await publish(service, store, files);
    const port = await serveHttp(siteHandler(new Site(store)));
    for (const [target, content] of [
      ['/', page],
      ['/film.mp4', film],
    ] as const) {
      const verifier = new ResponseVerifier(new AcceptedReleases(published, testNowMs), get(target));
      const judged = await verifyResponse(verifier, await fetchRaw(port, verifier.upstream), testNowMs);
      if (judged.verdict !== 'ok') throw new Error(judged.verdict);
      const pieces: Uint8Array[] = [];
      for await (const piece of judged.body) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(Buffer.from(content))).toBe(true);
    }
  });

  it('a connection that breaks is a failure, not a lie', async () => {
    const port = await serveHttp((_req, res) => {
      const plan = planResponse(manifest(2), get('/', { 'accept-encoding': 'br' }));
      res.writeHead(200, { ...plan.headers });
      res.write(Buffer.from([0x1b]), () => res.destroy());
    });
    const verifier = new ResponseVerifier(accepting(2), get('/'));
    const attempt = verifyResponse(verifier, await fetchRaw(port, verifier.upstream), testNowMs);
    await expect(attempt).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
