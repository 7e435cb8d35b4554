/**
 * What the right answer to a request is, given a release. Pure, and used by both sides.
 *
 * A site is files and nothing else, so the signed manifest alone decides the whole response: status, headers, and which
 * bytes of which file. The server carries the plan out; the reader makes the same plan and compares. That is why a lie
 * about a missing page, a redirect or a "not modified" is found as surely as a wrong byte. Semantics after RFC 9110
 * (conditions in the order of 13.2.2, ranges of section 14; of several ranges none is honoured, which 14.2 allows).
 */
import { readHttpDate } from './http-date.ts';
import type { FileEntry, Manifest } from './manifest.ts';

/** A request as it concerns a site. Header names in small letters. */
export interface SiteRequest {
  readonly method: string;
  /** Path and query as sent: `/docs/?q=1`. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export type ContentEncoding = 'identity' | 'br' | 'gzip';

export type PlannedBody =
  | { readonly type: 'none' }
  | { readonly type: 'literal'; readonly text: string }
  /** Bytes `first` up to, not including, `end` of a file; encoded ones are always whole. */
  | {
      readonly type: 'file';
      readonly file: FileEntry;
      readonly first: number;
      readonly end: number;
      readonly encoding: ContentEncoding;
    };

export interface ResponsePlan {
  readonly status: number;
  /** Names in small letters. An encoded body's length is not known here, so it is not among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: PlannedBody;
}

/** Names the release of a response: `12;id="<manifest id>"`. In a request, the number wished for: `11`. */
export const releaseHeader = 'banyan-release';
/** The SHA-256 (hex) of the whole, decoded file that a response is about: where to look it up in the manifest. */
export const contentHeader = 'banyan-content';

/** How long after a switch the release before is still served on request, and accepted by readers. */
export const switchGraceMs = 60_000;

const smallestEncodedBytes = 256;
const largestEncodedBytes = 8 * 1024 * 1024;
const compressible = [
  /^text\//,
  /^application\/(json|javascript|xml|wasm|rtf|manifest\+json|.*\+(json|xml)|vnd\.ms-fontobject)/,
  /^image\/(svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)/,
  /^font\/(ttf|otf|collection)/,
];

/** The response that `manifest` asks for. */
export function planResponse(manifest: Manifest, request: SiteRequest): ResponsePlan {
  const common = { [releaseHeader]: formatReleaseHeader(manifest), 'x-content-type-options': 'nosniff' };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return literal(405, 'This is a site: it answers GET and HEAD only.\n', { ...common, allow: 'GET, HEAD' }, request);
  }
  const mark = request.target.indexOf('?');
  const rawPath = mark === -1 ? request.target : request.target.slice(0, mark);
  const query = mark === -1 ? '' : request.target.slice(mark);
  const path = decodePath(rawPath);
  if (path === null) return literal(400, 'The address of this request cannot be read.\n', common, request);
  const file = manifest.byPath.get(path === '' || path.endsWith('/') ? `${path}index.html` : path);
  if (file !== undefined) return planFile(manifest, file, common, request);
  if (path !== '' && manifest.byPath.has(`${path}/index.html`)) {
    const headers = { ...common, location: `${rawPath}/${query}`, 'cache-control': 'no-cache', 'content-length': '0' };
    return { status: 308, headers, body: { type: 'none' } };
  }
  const page = manifest.byPath.get('404.html');
  if (page === undefined) return literal(404, 'There is no such page here.\n', common, request);
  const encoding = chooseEncoding(page, request.headers['accept-encoding']);
  const headers = { ...common, ...describe(page, encoding), 'cache-control': 'no-cache' };
  return { status: 404, headers, body: wholeFile(page, encoding, request) };
}

/** The validator of a file in one encoding. Strong: other bytes, other tag. */
export function entityTag(file: FileEntry, encoding: ContentEncoding): string {
  return encoding === 'identity' ? `"${file.sha256}"` : `"${file.sha256}-${encoding}"`;
}

export function formatReleaseHeader(manifest: Manifest): string {
  return `${manifest.release};id="${manifest.id}"`;
}

/** The release that a response names; null when the header is missing or senseless. */
export function readReleaseHeader(value: string | undefined): { readonly release: number; readonly id: string } | null {
  const [, release, id] = /^([1-9]\d{0,14});id="([0-9a-f]{64})"$/.exec(value ?? '') ?? [];
  return release === undefined || id === undefined ? null : { release: Number(release), id };
}

function planFile(
  manifest: Manifest,
  file: FileEntry,
  common: Readonly<Record<string, string>>,
  request: SiteRequest,
): ResponsePlan {
  const encoding = chooseEncoding(file, request.headers['accept-encoding']);
  const etag = entityTag(file, encoding);
  const modifiedAtMs = Math.floor(manifest.createdAtMs / 1000) * 1000;
  const validators = {
    ...common,
    etag,
    'last-modified': new Date(modifiedAtMs).toUTCString(),
    'cache-control': 'no-cache',
    ...(isCompressible(file) ? { vary: 'Accept-Encoding' } : {}),
  };
  const failed = checkConditions(file, request, modifiedAtMs);
  if (failed === 412) return literal(412, 'The file has changed.\n', validators, request);
  if (failed !== null) return { status: 304, headers: { ...validators, etag: failed.etag }, body: { type: 'none' } };

  const range = request.method === 'GET' ? readRange(file, request) : null;
  if (range === 'unsatisfiable') {
    return literal(
      416,
      'The file is shorter than that.\n',
      { ...validators, 'content-range': `bytes */${file.size}` },
      request,
    );
  }
  if (range !== null) {
    const headers = {
      ...validators,
      ...describe(file, 'identity'),
      etag: entityTag(file, 'identity'),
      'accept-ranges': 'bytes',
      'content-range': `bytes ${range.first}-${range.end - 1}/${file.size}`,
      'content-length': String(range.end - range.first),
    };
    return { status: 206, headers, body: { type: 'file', file, ...range, encoding: 'identity' } };
  }
  const headers = { ...validators, ...describe(file, encoding), 'accept-ranges': 'bytes' };
  return { status: 200, headers, body: wholeFile(file, encoding, request) };
}

/** Headers that speak about the bytes of a file. */
function describe(file: FileEntry, encoding: ContentEncoding): Record<string, string> {
  return {
    'content-type': file.mediaType,
    [contentHeader]: file.sha256,
    ...(encoding === 'identity' ? { 'content-length': String(file.size) } : { 'content-encoding': encoding }),
    ...(isCompressible(file) ? { vary: 'Accept-Encoding' } : {}),
  };
}

function wholeFile(file: FileEntry, encoding: ContentEncoding, request: SiteRequest): PlannedBody {
  return request.method === 'HEAD' ? { type: 'none' } : { type: 'file', file, first: 0, end: file.size, encoding };
}

function literal(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
  request: SiteRequest,
): ResponsePlan {
  return {
    status,
    headers: {
      ...headers,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(text.length),
      'cache-control': 'no-cache',
    },
    body: request.method === 'HEAD' ? { type: 'none' } : { type: 'literal', text },
  };
}

/** 412, the tag of a 304, or null when the conditions let the request through. */
function checkConditions(
  file: FileEntry,
  request: SiteRequest,
  modifiedAtMs: number,
): 412 | { readonly etag: string } | null {
  const { headers } = request;
  const ownTags = (['identity', 'br', 'gzip'] as const).map((encoding) => entityTag(file, encoding));
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined && ifMatch.trim() !== '*') {
    const tags = readTags(ifMatch);
    if (!ownTags.some((tag) => tags.includes(tag))) return 412;
  }
  const ifNoneMatch = headers['if-none-match'];
  const selected = entityTag(file, chooseEncoding(file, headers['accept-encoding']));
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === '*') return { etag: selected };
    // Any encoding's tag will do: what a reader has decoded is the same file.
    const tags = readTags(ifNoneMatch).map((tag) => tag.replace(/^W\//, ''));
    const match = tags.includes(selected) ? selected : ownTags.find((tag) => tags.includes(tag));
    return match === undefined ? null : { etag: match };
  }
  const since = readHttpDate(headers['if-modified-since'] ?? '');
  return since !== null && modifiedAtMs <= since ? { etag: selected } : null;
}

function readTags(value: string): readonly string[] {
  return value.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? [];
}

/** The one range that is asked for. Null: none, several, another unit, or not the version that If-Range names. */
function readRange(
  file: FileEntry,
  request: SiteRequest,
): { readonly first: number; readonly end: number } | 'unsatisfiable' | null {
  const ifRange = request.headers['if-range'];
  // A date is no strong validator: releases may follow each other within its second.
  if (ifRange !== undefined && ifRange.trim() !== entityTag(file, 'identity')) return null;
  const [, from, to] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(request.headers['range'] ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return null;
  if (from === '') {
    const length = Math.min(Number(to), file.size);
    return length === 0 ? 'unsatisfiable' : { first: file.size - length, end: file.size };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return null;
  if (first >= file.size) return 'unsatisfiable';
  return { first, end: to === '' ? file.size : Math.min(Number(to) + 1, file.size) };
}

function isCompressible(file: FileEntry): boolean {
  const { size, mediaType } = file;
  const isOfSize = size >= smallestEncodedBytes && size <= largestEncodedBytes;
  return isOfSize && compressible.some((types) => types.test(mediaType));
}

/** The best encoding that the reader takes; among equals brotli, which is smaller. */
function chooseEncoding(file: FileEntry, accept: string | undefined): ContentEncoding {
  if (accept === undefined || !isCompressible(file)) return 'identity';
  const weights = new Map<string, number>();
  for (const item of accept.toLowerCase().split(',')) {
    const [, coding, weight] = /^\s*([\w*-]+)\s*(?:;\s*q\s*=\s*(\d(?:\.\d{0,3})?)\s*)?$/.exec(item) ?? [];
    if (coding !== undefined) weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get('*') ?? 0;
  const [br, gzip] = [weightOf('br'), weightOf('gzip')];
  const identity = weights.get('identity') ?? 0;
  if (br > 0 && br >= gzip && br >= identity) return 'br';
  return gzip > 0 && gzip >= identity ? 'gzip' : 'identity';
}

/** The manifest's path for a request's. Null when it cannot be decoded. What is no safe path is simply never found. */
function decodePath(rawPath: string): string | null {
  if (!rawPath.startsWith('/')) return null;
  try {
    return rawPath
      .slice(1)
      .split('/')
      .map((part) => {
        const decoded = decodeURIComponent(part).normalize('NFC');
        return decoded.includes('/') ? '\0' : decoded; // an encoded slash is not a slash: let it match nothing
      })
      .join('/');
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}
