/**
 * The verifier of verify.ts, put on a real response: undoes the encoding, feeds the state machine, yields proven bytes.
 *
 * The first block is proven before the head is handed on, so that a reader can still turn to another server when a lie
 * shows at once (which for files up to 1 MiB is always). A lie in a later block of a large file ends the body with a
 * `LieError`; whoever reads may fetch the rest elsewhere with a range request.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { ServiceError } from './service-error.ts';
import type { HeadVerdict, Headers, ResponseVerifier } from './verify.ts';

/** More than this is not read only to keep a connection. */
const discardBytes = 64 * 1024;

/** A server sent what contradicts the release that it names. */
export class LieError extends ServiceError {
  constructor(reason: string) {
    super('lie', `The server's response is false: ${reason}.`);
    this.name = 'LieError';
  }
}

/** A response as it came from a server. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Not decoded. It is always read to its end or returned. */
  readonly body: AsyncIterable<Uint8Array>;
}

export type VerifiedResponse =
  | (Extract<HeadVerdict, { verdict: 'ok' }> & { readonly body: AsyncIterable<Uint8Array> })
  | Exclude<HeadVerdict, { verdict: 'ok' }>;

/**
 * Judges a response, and hands on what of it holds. Errors of the connection are thrown as they are: they are failures,
 * not lies.
 */
export async function verifyResponse(
  verifier: ResponseVerifier,
  response: RawResponse,
  nowMs: number,
): Promise<VerifiedResponse> {
  const head = verifier.head(response.status, response.headers, nowMs);
  if (head.verdict !== 'ok') {
    discard(response.body);
    return head;
  }
  if (!head.needsBody) {
    discard(response.body);
    return { ...head, body: once(head.literal) };
  }
  const proven = prove(verifier, response)[Symbol.asyncIterator]();
  try {
    const first = await proven.next();
    return { ...head, body: resume(first, proven) };
  } catch (error) {
    if (error instanceof LieError) return { verdict: 'lie', reason: error.message };
    throw error;
  }
}

async function* prove(verifier: ResponseVerifier, response: RawResponse): AsyncGenerator<Uint8Array> {
  for await (const piece of decode(response)) {
    const judged = verifier.push(piece);
    if (judged.verdict === 'lie') throw new LieError(judged.reason);
    yield* judged.pass;
  }
  const judged = verifier.end();
  if (judged.verdict === 'lie') throw new LieError(judged.reason);
  yield* judged.pass;
}

async function* decode(response: RawResponse): AsyncGenerator<Uint8Array> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') {
    yield* response.body;
    return;
  }
  const decoder = encoding === 'br' ? createBrotliDecompress() : createGunzip();
  let broken: { readonly error: unknown } | null = null;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* response.body;
    } catch (error) {
      // A decoder that gives up throws its error in here as well, on the way to closing the body: that is no broken connection.
      if (decoder.errored === null) broken = { error };
      throw error;
    }
  };
  const feeding = pipeline(Readable.from(source(), { objectMode: false }), decoder);
  feeding.catch(() => undefined); // the same error comes out of the decoder, where it is told apart
  try {
    for await (const piece of decoder) yield piece as Uint8Array;
  } catch (error) {
    const transport = broken as { readonly error: unknown } | null;
    if (transport !== null) throw transport.error;
    throw new LieError(
      `its ${encoding} body cannot be decoded (${error instanceof Error ? error.message : 'unknown'})`,
    );
  } finally {
    decoder.destroy();
  }
}

async function* resume(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* once(text: string | null): AsyncGenerator<Uint8Array> {
  if (text !== null) yield Buffer.from(text);
}

/** Reads a body that nobody wants to its end, so that the connection can be used again; a long one is broken off. */
function discard(body: AsyncIterable<Uint8Array>): void {
  const drain = async (): Promise<void> => {
    let bytes = 0;
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > discardBytes) return;
    }
  };
  drain().catch(() => undefined); // the verdict is given; how the rest of the connection fares changes nothing
}
