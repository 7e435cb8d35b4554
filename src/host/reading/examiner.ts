/**
 * The root's own look at a server that a reader has reported: nobody is barred on hearsay.
 */
import { AcceptedReleases, LieError, ResponseVerifier, verifyResponse } from '../../service/index.ts';
import type { Manifest } from '../../service/index.ts';
import { headersOf } from '../../network/index.ts';
import type { HttpClient } from '../../network/index.ts';

const mostBytes = 256 * 1024 * 1024;

/** Fetches `path` from a server; the reason why the answer is a lie, or null when it is none. @throws HttpStreamError */
export async function examine(
  http: HttpClient,
  server: string,
  path: string,
  manifest: Manifest,
): Promise<string | null> {
  const nowMs = performance.now();
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
  return verified.verdict === 'ok' ? await readThrough(verified.body) : null;
}

/** A lie may stand in any block of a large file: reads it to the end, or as far as is reasonable. */
async function readThrough(body: AsyncIterable<Uint8Array>): Promise<string | null> {
  let bytes = 0;
  try {
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > mostBytes) break;
    }
    return null;
  } catch (error) {
    if (error instanceof LieError) return error.message;
    throw error;
  }
}
