/**
 * The root's own look at a server that a reader has reported: nobody is barred on hearsay.
 */
import { AcceptedReleases, ResponseVerifier, verifyResponse } from '../service/index.ts';
import type { Manifest } from '../service/index.ts';
import { headersOf } from './http-headers.ts';
import type { HttpClient } from './http-stream.ts';

/** Fetches `path` from a server; the reason why the answer is a lie, or null when it is none. @throws HttpStreamError */
export async function examine(
  http: HttpClient,
  server: string,
  path: string,
  manifest: Manifest,
): Promise<string | null> {
  const nowMs = Date.now();
  const request = { method: 'GET', target: path, headers: {} };
  const verifier = new ResponseVerifier(new AcceptedReleases(manifest, nowMs), request);
  const { method, target, headers } = verifier.upstream;
  const raw = await http.request(server, { method, path: target, headers: { host: 'banyan', ...headers } });
  const verified = await verifyResponse(
    verifier,
    { status: raw.status, headers: headersOf(raw.headers), body: raw.body },
    nowMs,
  );
  if (verified.verdict === 'lie') return verified.reason;
  if (verified.verdict === 'ok') await verified.body[Symbol.asyncIterator]().return?.();
  return null;
}
