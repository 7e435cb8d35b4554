/**
 * The reader's side: believes nothing that the owner has not signed.
 *
 * A reader holds the manifest, so it knows what the honest answer to its request would be (site-plan.ts). It compares, and
 * what it hands on is its own: status and headers are made anew from the plan, so no header that a server invents gets
 * through, and a byte is handed on only after the block it lies in was hashed. The state machine is fed the head, then the
 * decoded body in pieces, then the end; it does no I/O. Verdicts:
 *
 *     ok       the release says so
 *     stale    an older release than we accept: try elsewhere, nobody is to blame (updates take time to spread)
 *     ahead    a newer release than we know: get its manifest, then ask again
 *     failed   the server says that it cannot (5xx, 429, any error that no release stands behind): try elsewhere
 *     lie      it contradicts the release that it names: eject, report
 */
import { hash } from 'node:crypto';
import { blockBytes, blocksOf, type BlockReference, type FileEntry, type Manifest } from './manifest.ts';
import {
  releaseHeader,
  switchGraceMs,
  entityTag,
  planResponse,
  readReleaseHeader,
  type ResponsePlan,
  type SiteRequest,
} from './site-plan.ts';

export type Headers = Readonly<Record<string, string | undefined>>;

export interface Lie {
  readonly verdict: 'lie';
  readonly reason: string;
}

export type HeadVerdict =
  | {
      readonly verdict: 'ok';
      /** What the reader may tell its user. Never the server's own words. */
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly manifest: Manifest;
      /** A body that is known without the server's; its bytes, if it sends any, are of no interest. */
      readonly literal: string | null;
      /** True when the decoded body must be fed to `push` and `end`. */
      readonly needsBody: boolean;
    }
  | { readonly verdict: 'stale' | 'ahead'; readonly release: number }
  | { readonly verdict: 'failed'; readonly status: number }
  | Lie;

export type BodyVerdict = { readonly verdict: 'ok'; readonly pass: readonly Uint8Array[] } | Lie;

/** The releases that a reader takes as true: the newest it has seen, and for 60 s after that the one before. `nowMs`: of a steady clock. */
export class AcceptedReleases {
  #newest: Manifest;
  #previous: Manifest | null = null;
  #sinceMs: number;

  constructor(newest: Manifest, nowMs: number) {
    this.#newest = newest;
    this.#sinceMs = nowMs;
  }

  get newest(): Manifest {
    return this.#newest;
  }

  /** Takes a manifest (checked by `readManifest`) that is newer. False when it is not: an older one is never gone back to. */
  accept(manifest: Manifest, nowMs: number): boolean {
    if (manifest.release <= this.#newest.release) return false;
    [this.#previous, this.#newest, this.#sinceMs] = [this.#newest, manifest, nowMs];
    return true;
  }

  /** What to make of a response that names a release. */
  find(named: { readonly release: number; readonly id: string }, nowMs: number): Manifest | 'stale' | 'ahead' | 'lie' {
    if (named.release > this.#newest.release) return 'ahead';
    const known = [this.#newest, this.#previous].find((manifest) => manifest?.release === named.release);
    if (known === undefined || known === null) return 'stale';
    if (known.id !== named.id) return 'lie';
    return known === this.#newest || nowMs - this.#sinceMs <= switchGraceMs ? known : 'stale';
  }
}

/** Judges one response to one request of a user. */
export class ResponseVerifier {
  /** What to send to a server: the user's request, with a range widened to whole blocks, without what needs no server. */
  readonly upstream: SiteRequest;
  readonly #request: SiteRequest;
  readonly #accepted: AcceptedReleases;
  #body: BodyCheck | null = null;

  constructor(accepted: AcceptedReleases, request: SiteRequest) {
    this.#accepted = accepted;
    const { 'accept-encoding': _, ...headers } = request.headers; // what we hand on is decoded
    this.#request = { ...request, headers };
    this.upstream = upstreamOf(accepted.newest, this.#request);
  }

  /** Judges status and headers (names in small letters). */
  head(status: number, headers: Headers, nowMs: number): HeadVerdict {
    if (status >= 500 || status === 429 || status === 408) return { verdict: 'failed', status };
    // Node answers what it cannot read (431, 400 …) before the site sees it: a refusal that speaks for no release lies about none.
    if (status >= 400 && headers[releaseHeader] === undefined) return { verdict: 'failed', status };
    const named = readReleaseHeader(headers[releaseHeader]);
    if (named === null) return lie('it names no release');
    const manifest = this.#accepted.find(named, nowMs);
    if (manifest === 'lie') return lie(`it names another release ${named.release} than the one that was signed`);
    if (manifest === 'stale' || manifest === 'ahead') return { verdict: manifest, release: named.release };

    const expected = expectedPlan(manifest, this.upstream, status);
    if (expected.status !== status)
      return lie(`it answers ${status} where release ${named.release} has ${expected.status}`);
    const fault = headerFault(expected, headers, this.upstream.method);
    if (fault !== null) return lie(fault);

    const own = planResponse(manifest, this.#request);
    if (own.body.type === 'file') {
      const came = expected.body;
      const covers = came.type === 'file' && came.first <= own.body.first && came.end >= own.body.end;
      if (!covers) return { verdict: 'stale', release: named.release };
      this.#body = new BodyCheck(own.body.file, came, own.body);
    }
    return {
      verdict: 'ok',
      status: own.status,
      headers: own.headers,
      manifest,
      literal: own.body.type === 'literal' ? own.body.text : null,
      needsBody: this.#body !== null,
    };
  }

  /** Judges a piece of the decoded body; `pass` is what of the user's bytes is proven by it. */
  push(bytes: Uint8Array): BodyVerdict {
    return this.#body === null ? { verdict: 'ok', pass: [] } : this.#body.push(bytes);
  }

  /** Judges the end of a body that ended in order (a connection that broke is no verdict about the server). */
  end(): BodyVerdict {
    return this.#body === null ? { verdict: 'ok', pass: [] } : this.#body.end();
  }
}

interface Span {
  readonly first: number;
  readonly end: number;
}

/** Bytes come in from `came.first` on; those within `wanted` go out, a block at a time, once it hashed. */
class BodyCheck {
  readonly #blocks: readonly BlockReference[];
  readonly #path: string;
  readonly #came: Span;
  readonly #wanted: Span;
  #blockAt: number;
  #filled = 0;
  #buffer: Buffer | null = null;
  #failed: Lie | null = null;
  /** The last block, proven, but held until the body has ended where it should. */
  #last: Uint8Array | null = null;

  constructor(file: FileEntry, came: Span, wanted: Span) {
    this.#blocks = blocksOf(file);
    this.#path = file.path;
    this.#came = came;
    this.#wanted = wanted;
    this.#blockAt = came.first;
  }

  push(bytes: Uint8Array): BodyVerdict {
    const pass: Uint8Array[] = [];
    let rest = bytes;
    while (rest.length > 0 && this.#failed === null) {
      const block = this.#blocks[this.#blockAt / blockBytes];
      if (block === undefined || this.#blockAt >= this.#came.end) {
        this.#failed = lie(`it sends more bytes for ${this.#path} than there are`);
        break;
      }
      this.#buffer ??= Buffer.allocUnsafe(block.size);
      const piece = rest.subarray(0, block.size - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#filled < block.size) break;
      if (hash('sha256', this.#buffer, 'hex') !== block.hash) {
        this.#failed = lie(`its bytes for ${this.#path} from ${this.#blockAt} on are not those of the release`);
        break;
      }
      const from = Math.max(0, this.#wanted.first - this.#blockAt);
      const to = Math.min(block.size, this.#wanted.end - this.#blockAt);
      const proven = this.#buffer.subarray(from, Math.max(from, to));
      this.#blockAt += block.size;
      if (this.#blockAt >= this.#came.end) this.#last = proven;
      else if (proven.length > 0) pass.push(proven);
      [this.#buffer, this.#filled] = [null, 0];
    }
    return this.#failed ?? { verdict: 'ok', pass };
  }

  end(): BodyVerdict {
    if (this.#failed !== null) return this.#failed;
    if (this.#filled === 0 && this.#blockAt >= this.#came.end) {
      return { verdict: 'ok', pass: this.#last === null || this.#last.length === 0 ? [] : [this.#last] };
    }
    return lie(`its bytes for ${this.#path} end too early`);
  }
}

/** Headers that the plan fixes: one of them wrong is a lie. (What the user gets is made from the plan anyway.) */
const fixedTimes = ['content-type', 'content-range', 'location', 'allow'] as const;

function headerFault(expected: ResponsePlan, headers: Headers, method: string): string | null {
  if (expected.status !== 304) {
    for (const name of fixedTimes) {
      if (headers[name] !== expected.headers[name]) {
        return `its ${name} is ${JSON.stringify(headers[name])} instead of ${JSON.stringify(expected.headers[name])}`;
      }
    }
  }
  const tag = headers['etag'];
  const expectedTag = expected.headers['etag'];
  const file = expected.body.type === 'file' ? expected.body.file : null;
  const tags = file === null ? [] : (['identity', 'br', 'gzip'] as const).map((encoding) => entityTag(file, encoding));
  if (tag !== undefined && tag !== expectedTag && !(expectedTag !== undefined && tags.includes(tag))) {
    return `its entity tag ${JSON.stringify(tag)} is not that of the file`;
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (!['identity', 'br', 'gzip'].includes(encoding)) return `it uses the encoding ${JSON.stringify(encoding)}`;
  if (encoding !== 'identity' && expected.status === 206) return 'it encodes a part of a file';
  const length = headers['content-length'];
  if (encoding === 'identity' && length !== undefined && method === 'GET' && expected.body.type === 'file') {
    const { first, end } = expected.body;
    if (length !== String(end - first)) return `its length ${length} is not ${end - first}`;
  }
  return null;
}

/** The plan that a response of this status is measured against: a server may answer a range with the whole file. */
function expectedPlan(manifest: Manifest, upstream: SiteRequest, status: number): ResponsePlan {
  const plan = planResponse(manifest, upstream);
  if (status !== 200 || (plan.status !== 206 && plan.status !== 416)) return plan;
  const { range: _, ...headers } = upstream.headers;
  return planResponse(manifest, { ...upstream, headers });
}

function upstreamOf(newest: Manifest, request: SiteRequest): SiteRequest {
  const plan = planResponse(newest, request);
  const headers: Record<string, string | undefined> = { 'accept-encoding': 'br, gzip' };
  for (const name of ['if-none-match', 'if-modified-since']) {
    if (request.headers[name] !== undefined) headers[name] = request.headers[name];
  }
  if (plan.status === 206 && plan.body.type === 'file' && plan.body.file.chunks !== undefined) {
    const { first, end, file } = plan.body;
    const from = Math.floor(first / blockBytes) * blockBytes;
    const to = Math.min(Math.ceil(end / blockBytes) * blockBytes, file.size);
    headers['range'] = `bytes=${from}-${to - 1}`;
  }
  return { method: request.method, target: request.target, headers };
}

function lie(reason: string): Lie {
  return { verdict: 'lie', reason };
}
