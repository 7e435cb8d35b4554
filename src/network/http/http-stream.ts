/**
 * The data plane: HTTP/1.1 over libp2p streams, so that a client reaches a server wherever the two peers can connect.
 *
 * Nothing about HTTP is ours: Node's server and client do the talking, over a stream instead of a socket. Streams are
 * held open between requests, so a request costs one round trip. What can go wrong comes as an `HttpStreamError` with a
 * code that says whether it makes sense to ask another server.
 */
import { Agent, createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Readable, type Duplex } from 'node:stream';
import type { Network } from '../network.ts';
import { StreamDuplex } from '../streams/stream-duplex.ts';
import type { UploadLimit } from '../streams/upload-limit.ts';
import { type VisitorLimits, withinLimits } from './visitor-limits.ts';

/** The protocol of the data plane. */
export const httpProtocol = '/banyan/http/1.0.0';

/** Open streams a client may have to us over one connection. */
const mostStreamsPerClient = 128;
/** A server lets idle streams live longer than clients do, so that none closes as a request is on its way. */
const serverIdleMs = 60_000;
/** Of a request's first line and headers: well above what a gateway lets in, so that all it lets in is understood. */
const mostHeaderBytes = 32 * 1024;
const clientIdleMs = 30_000;

/**
 * - `unreachable`: no stream could be opened; the server never saw the request.
 * - `timeout`: the server was silent for too long, before or in the middle of its answer.
 * - `cut`: the stream broke, before or in the middle of the answer.
 * - `aborted`: the caller's signal ended it.
 * - `malformed`: what came back is not HTTP.
 */
export type HttpStreamErrorCode = 'unreachable' | 'timeout' | 'cut' | 'aborted' | 'malformed';

export class HttpStreamError extends Error {
  override readonly name = 'HttpStreamError';
  readonly code: HttpStreamErrorCode;
  readonly peerId: string;

  constructor(code: HttpStreamErrorCode, peerId: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.peerId = peerId;
  }
}

export interface HttpRequest {
  readonly method?: string;
  /** Path and query, beginning with `/`. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** How long the server may be silent before its first byte and between two pieces of the body. */
  readonly silenceMs?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Must be read to its end or destroyed, or the stream stays taken. Fails with an `HttpStreamError`. */
  readonly body: Readable;
  /** From the call to the first byte of the answer, opening a stream included if one had to be. */
  readonly firstByteMs: number;
  /** No stream had to be opened for it. */
  readonly isOnKeptStream: boolean;
}

export interface ServeOptions {
  readonly protocol?: string;
  /** The limit that all answers share; none when left out. */
  readonly upload?: UploadLimit | undefined;
  /** What one peer may ask for. */
  readonly limits?: VisitorLimits;
}

/** Serves HTTP to peers. `request.socket` is a `StreamDuplex`, whose `remotePeer` is the client's proven peer id. */
export async function serveHttp(
  network: Network,
  listener: RequestListener,
  { protocol = httpProtocol, upload, limits }: ServeOptions = {},
): Promise<HttpServer> {
  const server = new HttpServer(network, protocol, withinLimits(listener, limits));
  await network.handle(protocol, (stream, peerId) => server.take(new StreamDuplex(stream, peerId, { upload })), {
    maxInbound: mostStreamsPerClient,
  });
  return server;
}

/** A running HTTP service of one protocol. */
export class HttpServer {
  readonly #network: Network;
  readonly #protocol: string;
  readonly #server: Server;
  readonly #idle = new Set<StreamDuplex>();
  #isClosing = false;

  constructor(network: Network, protocol: string, listener: RequestListener) {
    this.#network = network;
    this.#protocol = protocol;
    this.#server = createServer({ keepAliveTimeout: serverIdleMs, maxHeaderSize: mostHeaderBytes });
    this.#server.timeout = serverIdleMs;
    this.#server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      if (!(socket instanceof StreamDuplex)) return;
      this.#idle.delete(socket);
      response.once('close', () => {
        if (this.#isClosing) socket.destroySoon();
        else if (!socket.destroyed) this.#idle.add(socket);
      });
    });
    this.#server.on('request', listener);
  }

  /** Talks HTTP on a stream. */
  take(duplex: StreamDuplex): void {
    // Node's server answers errors of its sockets by itself; those after it let go of one concern nobody.
    duplex.on('error', () => undefined);
    duplex.once('close', () => this.#idle.delete(duplex));
    this.#idle.add(duplex);
    this.#server.emit('connection', duplex);
  }

  /** Takes no new streams, closes those held open between requests, and the others after the answer they are at. */
  async close(): Promise<void> {
    await this.#network.unhandle(this.#protocol);
    this.#isClosing = true;
    for (const duplex of this.#idle) duplex.destroySoon();
    this.#server.close();
  }
}

/** Sends requests to peers, keeping streams open between them. One per node is enough. */
export class HttpClient {
  readonly #agent: StreamAgent;

  constructor(network: Network, protocol = httpProtocol) {
    this.#agent = new StreamAgent(network, protocol);
  }

  /**
   * Sends one request. A GET or HEAD that met a kept stream just as the server closed it is sent once more.
   * @throws HttpStreamError
   */
  async request(peerId: string, options: HttpRequest): Promise<HttpResponse> {
    const startedMs = performance.now();
    const mayRepeat = options.method === undefined || options.method === 'GET' || options.method === 'HEAD';
    try {
      return await this.#attempt(peerId, options, startedMs, mayRepeat);
    } catch (error) {
      if (error instanceof StaleStreamError) return await this.#attempt(peerId, options, startedMs, false);
      throw error;
    }
  }

  /** Closes the streams that are held open. Requests under way are cut. */
  close(): void {
    this.#agent.destroy();
  }

  async #attempt(peerId: string, options: HttpRequest, startedMs: number, mayBeStale: boolean): Promise<HttpResponse> {
    const { method = 'GET', path, headers = {}, body, signal, silenceMs = 10_000 } = options;
    if (signal?.aborted === true)
      throw new HttpStreamError('aborted', peerId, 'The request was aborted before it was sent.');
    return await new Promise<HttpResponse>((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        host: peerId,
        method,
        path,
        headers: { host: 'banyan', ...headers },
      });
      let cause: StopCause | undefined;
      const stop = (code: HttpStreamErrorCode, reason: string): void => {
        cause ??= { code, reason };
        outgoing.destroy(new Error(reason));
      };
      const watch = new SilenceWatch(silenceMs, () => stop('timeout', `no byte came for ${silenceMs} ms`));
      const onAbort = (): void => stop('aborted', 'the caller gave up');
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        watch.stop();
        signal?.removeEventListener('abort', onAbort);
      };
      const asTyped = (error: Error): HttpStreamError => typed(error, cause, peerId, `${method} ${path}`);
      outgoing.on('error', (error) => {
        settle();
        reject(mayBeStale && outgoing.reusedSocket && cause === undefined ? new StaleStreamError() : asTyped(error));
      });
      outgoing.on('response', (incoming) => {
        const firstByteMs = performance.now() - startedMs;
        const answer = new ResponseBody(incoming, asTyped, watch, settle);
        const { statusCode: status = 0, headers } = incoming;
        resolve({ status, headers, body: answer, firstByteMs, isOnKeptStream: outgoing.reusedSocket });
      });
      watch.start();
      outgoing.end(body);
    });
  }
}

/** Rings when the server has been silent for too long; stopped while we are the ones who do not read. */
class SilenceWatch {
  readonly #ms: number;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, ring: () => void) {
    this.#ms = ms;
    this.#ring = ring;
  }

  start(): void {
    if (this.#timer === undefined) this.#timer = setTimeout(this.#ring, this.#ms);
    else this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** A kept stream turned out to be closed; the server never read the request. */
class StaleStreamError extends Error {
  override readonly name = 'StaleStreamError';
}

/** An agent whose sockets are streams to the peer that stands where a host name would. */
class StreamAgent extends Agent {
  readonly #network: Network;
  readonly #protocol: string;

  constructor(network: Network, protocol: string) {
    super({ keepAlive: true, maxSockets: mostStreamsPerClient / 2, maxFreeSockets: 16, timeout: clientIdleMs });
    this.#network = network;
    this.#protocol = protocol;
  }

  override createConnection(options: { host?: string | null }): Duplex {
    const peerId = options.host ?? '';
    const giveUp = new AbortController();
    const opening = this.#network.openStream(peerId, this.#protocol, giveUp.signal).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HttpStreamError('unreachable', peerId, `Peer ${peerId} cannot be reached: ${reason}`, { cause });
    });
    const duplex = new StreamDuplex(opening, peerId, { allowHalfOpen: false });
    duplex.once('close', () => giveUp.abort());
    return duplex;
  }
}

/** The body of an answer, with typed errors. Passes chunks on without copying them. */
class ResponseBody extends Readable {
  readonly #incoming: IncomingMessage;
  readonly #watch: SilenceWatch;
  readonly #settle: () => void;

  constructor(incoming: IncomingMessage, asTyped: (error: Error) => Error, watch: SilenceWatch, settle: () => void) {
    super({ highWaterMark: 256 * 1024 });
    this.#incoming = incoming;
    this.#watch = watch;
    this.#settle = settle;
    // Who comes late still gets the error when reading; until then it must not bring the process down.
    this.on('error', () => undefined);
    incoming.on('data', (chunk: Buffer) => {
      if (this.push(chunk)) {
        watch.start();
      } else {
        watch.stop();
        incoming.pause();
      }
    });
    incoming.on('end', () => {
      settle();
      this.push(null);
    });
    incoming.on('error', (error) => this.destroy(asTyped(error)));
  }

  override _read(): void {
    if (this.#incoming.readableEnded) return;
    this.#watch.start();
    this.#incoming.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#settle();
    // An answer that was not read to its end leaves its stream in an unknown state; it cannot be used again.
    if (!this.#incoming.readableEnded) this.#incoming.destroy();
    done(error);
  }
}

/** Why we ended a request ourselves. */
interface StopCause {
  readonly code: HttpStreamErrorCode;
  readonly reason: string;
}

function typed(error: Error, cause: StopCause | undefined, peerId: string, what: string): HttpStreamError {
  if (error instanceof HttpStreamError) return error;
  const isMalformed = 'code' in error && typeof error.code === 'string' && error.code.startsWith('HPE_');
  const code = cause?.code ?? (isMalformed ? 'malformed' : 'cut');
  const reason = cause?.reason ?? error.message;
  return new HttpStreamError(code, peerId, `${what} at peer ${peerId} failed: ${reason}`, { cause: error });
}
