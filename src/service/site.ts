/**
 * The server of a site: carries out what the plan (site-plan.ts) asks for, from the store.
 *
 * Small files and encoded variants come from a cache that is bounded in bytes; larger files are read block by block, each
 * one hashed before it goes out, so a rotten disk never makes an honest server look like a liar. A file's blocks are held
 * while it is being sent, and let go when the reader leaves, in mid-sentence too. For 60 s after a switch the release before
 * may still be asked for by its number, so that a page and its pictures come from one edition.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { BlockLease } from './block-store.ts';
import { ByteCache } from './byte-cache.ts';
import { blockBytes, type FileEntry, type Manifest } from './manifest.ts';
import type { ReleaseStore } from './release-store.ts';
import { BlockDamagedError } from './service-error.ts';
import {
  type ContentEncoding,
  type PlannedBody,
  releaseHeader,
  switchGraceMs,
  type SiteRequest,
  planResponse,
} from './site-plan.ts';

export interface SiteOptions {
  /** Bytes of memory for small files and encoded variants. Default 64 MiB. */
  readonly cacheBytes?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A body that is read block by block. Must be iterated to its end or closed. */
export interface StreamedBody extends AsyncIterable<Uint8Array> {
  close(): void;
}

export interface SiteResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | StreamedBody | null;
  /** The release that answered; null when there was none to answer from. */
  readonly release: number | null;
}

export class Site {
  readonly #store: ReleaseStore;
  readonly #cache: ByteCache;
  readonly #now: () => number;

  constructor(store: ReleaseStore, options: SiteOptions = {}) {
    this.#store = store;
    this.#cache = new ByteCache(options.cacheBytes ?? 64 * 1024 * 1024);
    this.#now = options.now ?? (() => performance.now());
  }

  /** The response to a request. A release that is missing, or damaged where it is asked for, is a 503: ask elsewhere. */
  async respond(request: SiteRequest): Promise<SiteResponse> {
    const manifest = this.#choose(request.headers[releaseHeader]);
    if (manifest === null) return unavailable('This server has no release of the site yet.\n');
    const { status, headers, body } = planResponse(manifest, request);
    const { release } = manifest;
    try {
      const bytes = await this.#open(body);
      const length = Buffer.isBuffer(bytes) ? { 'content-length': String(bytes.length) } : {};
      return { status, headers: { ...headers, ...length }, body: bytes, release };
    } catch (error) {
      if (!(error instanceof BlockDamagedError)) throw error;
      return unavailable('This server has lost a part of the site and is fetching it again.\n');
    }
  }

  #choose(wished: string | undefined): Manifest | null {
    const { current, previous, currentSinceMs } = this.#store;
    const mayServePrevious = this.#now() - currentSinceMs <= switchGraceMs;
    return mayServePrevious && previous !== null && wished === String(previous.release) ? previous : current;
  }

  async #open(body: PlannedBody): Promise<Buffer | StreamedBody | null> {
    if (body.type === 'none') return null;
    if (body.type === 'literal') return Buffer.from(body.text);
    const { file, first, end, encoding } = body;
    if (encoding !== 'identity') return this.#encoded(file, encoding);
    if (file.size <= blockBytes) return (await this.#whole(file)).subarray(first, end);
    return FileBody.open(this.#store.leaseFile(file), first, end);
  }

  #whole(file: FileEntry): Promise<Buffer> {
    return this.#cache.get(file.sha256, () => readWhole(this.#store.leaseFile(file), file));
  }

  #encoded(file: FileEntry, encoding: Exclude<ContentEncoding, 'identity'>): Promise<Buffer> {
    return this.#cache.get(`${file.sha256}-${encoding}`, async () => {
      const plain = await readWhole(this.#store.leaseFile(file), file);
      return encoding === 'br' ? compressBrotli(plain) : promisify(gzip)(plain, { level: 6 });
    });
  }
}

/** What a handler tells about each response, once it is over. */
export interface SiteHooks {
  readonly onServed?: (served: {
    readonly method: string;
    readonly target: string;
    readonly status: number;
    readonly release: number | null;
    readonly bytes: number;
    /** False when the reader left, or a block failed, before the end. */
    readonly complete: boolean;
  }) => void;
  readonly onError?: (error: unknown) => void;
}

/** A `node:http` request listener that serves `site`. */
export function siteHandler(site: Site, hooks: SiteHooks = {}): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    answer(site, req, res, hooks).catch((error: unknown) => {
      hooks.onError?.(error);
      res.destroy();
    });
  };
}

async function answer(site: Site, req: IncomingMessage, res: ServerResponse, hooks: SiteHooks): Promise<void> {
  const request = requestOf(req);
  req.resume(); // a body, should there be one, is of no interest
  const response = await site.respond(request);
  let bytes = 0;
  let complete = false;
  try {
    if (res.destroyed) return;
    res.writeHead(response.status, response.headers);
    if (response.body === null || Buffer.isBuffer(response.body)) {
      bytes = response.body?.length ?? 0;
      res.end(response.body ?? undefined);
    } else {
      for await (const piece of response.body) {
        if (res.destroyed) return;
        bytes += piece.length;
        if (!res.write(piece)) await drained(res);
      }
      res.end();
    }
    complete = true;
  } finally {
    if (response.body !== null && !Buffer.isBuffer(response.body)) response.body.close();
    const { status, release } = response;
    hooks.onServed?.({ method: request.method, target: request.target, status, release, bytes, complete });
  }
}

/** A request of `node:http` as {@link Site} wants it. */
export function requestOf(req: IncomingMessage): SiteRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { method: req.method ?? 'GET', target: req.url ?? '/', headers };
}

/** Resolves when writing may go on, or when there is nobody left to write to. */
async function drained(res: ServerResponse): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([once(res, 'drain', { signal: over.signal }), once(res, 'close', { signal: over.signal })]);
  } finally {
    over.abort();
  }
}

/** The bytes `first` to `end` of a file of many blocks. The first block is read before anybody is promised anything. */
class FileBody implements StreamedBody {
  readonly #lease: BlockLease;
  readonly #end: number;
  #at: number;
  #ahead: Buffer | null;

  private constructor(lease: BlockLease, first: number, end: number, ahead: Buffer) {
    this.#lease = lease;
    this.#at = first;
    this.#end = end;
    this.#ahead = ahead;
  }

  static async open(lease: BlockLease, first: number, end: number): Promise<FileBody> {
    try {
      return new FileBody(lease, first, end, await lease.read(Math.floor(first / blockBytes)));
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      while (this.#at < this.#end) {
        const index = Math.floor(this.#at / blockBytes);
        const block = this.#ahead ?? (await this.#lease.read(index));
        this.#ahead = null;
        const piece = block.subarray(this.#at - index * blockBytes, this.#end - index * blockBytes);
        this.#at += piece.length;
        yield piece;
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#lease.release();
  }
}

async function readWhole(lease: BlockLease, file: FileEntry): Promise<Buffer> {
  try {
    const count = Math.ceil(file.size / blockBytes);
    const blocks: Buffer[] = [];
    for (let i = 0; i < count; i += 1) blocks.push(await lease.read(i));
    const [only] = blocks;
    return only !== undefined && blocks.length === 1 ? only : Buffer.concat(blocks);
  } finally {
    lease.release();
  }
}

function compressBrotli(plain: Buffer): Promise<Buffer> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  return promisify(brotliCompress)(plain, { params });
}

function unavailable(text: string): SiteResponse {
  const body = Buffer.from(text);
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(body.length),
    'retry-after': '1',
    'cache-control': 'no-store',
  };
  return { status: 503, headers, body, release: null };
}
