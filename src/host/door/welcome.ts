/**
 * The front door: a stranger with an invite asks for the charter, and for a credential if the farm is by invitation only.
 *
 * One question and one answer in JSON over a stream of their own. Any peer hands out the charter, which proves itself; only the
 * root redeems tokens, and a peer that is asked for one asks the root in turn. The credential is bound to the asker's peer id,
 * so whoever overhears it gains nothing.
 */
import { pipe } from 'it-pipe';
import type { ByteStream } from '../../network/index.ts';

export const welcomeProtocol = '/banyan/welcome/1.0.0';

export interface WelcomeQuestion {
  readonly serviceId: string;
  readonly token: { readonly id: string; readonly secret: string } | null;
  /** For whom a credential is wanted: the asker, or the one on whose behalf it asks. */
  readonly peerId: string;
  /** This question is already passed on: do not pass it on again. */
  readonly relayed: boolean;
}

export type WelcomeAnswer =
  | {
      readonly ok: true;
      /** The charter document, base64. */
      readonly charter: string;
      /** The credential, base64; empty in an open farm, or when no token was shown. */
      readonly credential: string;
    }
  | { readonly ok: false; readonly reason: string; readonly message: string };

const mostBytes = 256 * 1024;

/** Asks, and waits for the answer. @throws Error when the other side answers nothing sensible */
export async function askWelcome(stream: ByteStream, question: WelcomeQuestion): Promise<WelcomeAnswer> {
  await stream.send(Buffer.from(JSON.stringify(question)));
  await stream.closeWrite();
  const answer = parse(await readAll(stream));
  if (answer?.['ok'] === true && typeof answer['charter'] === 'string' && typeof answer['credential'] === 'string') {
    return { ok: true, charter: answer['charter'], credential: answer['credential'] };
  }
  if (answer?.['ok'] === false) {
    return {
      ok: false,
      reason: String(answer['reason']).slice(0, 40),
      message: String(answer['message']).slice(0, 500),
    };
  }
  throw new Error('the peer answered the greeting with something else than an answer');
}

/** Reads the question on a stream and answers it. A question that makes no sense breaks the stream. */
export async function answerWelcome(
  stream: ByteStream,
  answer: (question: WelcomeQuestion) => Promise<WelcomeAnswer>,
): Promise<void> {
  const question = readQuestion(await readAll(stream));
  if (question === null) {
    stream.abort(new Error('the question makes no sense'));
    return;
  }
  await stream.send(Buffer.from(JSON.stringify(await answer(question))));
  await stream.closeWrite();
}

function readQuestion(bytes: Buffer): WelcomeQuestion | null {
  const fields = parse(bytes);
  const { serviceId, peerId, relayed, token } = fields ?? {};
  if (typeof serviceId !== 'string' || typeof peerId !== 'string' || peerId.length > 128) return null;
  if (token === null || token === undefined) return { serviceId, peerId, relayed: relayed === true, token: null };
  const { id, secret } = token as Record<string, unknown>;
  if (typeof id !== 'string' || typeof secret !== 'string') return null;
  return { serviceId, peerId, relayed: relayed === true, token: { id, secret } };
}

async function readAll(stream: ByteStream): Promise<Buffer> {
  return await pipe(stream.chunks, atMost(mostBytes), gather);
}

/** Lets so many bytes through, and throws at the next. */
function atMost(limit: number): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (source) {
    let bytes = 0;
    for await (const piece of source) {
      bytes += piece.length;
      if (bytes > limit) throw new Error(`more than ${limit} bytes of greeting`);
      yield piece;
    }
  };
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

function parse(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
