/**
 * The HTTP face of a peer: requests from browsers are answered by the farm.
 *
 * A doorman, not a waiter: the gateway keeps the door (limits, timeouts, a page when no server answers, an orderly shutdown) and passes
 * each request to the peer, which picks the server, checks the answer and fails over. It is simple and correct; a fast edge is a different
 * program.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { hideVisitor } from './request-privacy.ts';
import { sendTrouble } from './unavailable-page.ts';

/**
 * Answers a request from the farm; `FarmNode.proxy` is one. When no server can serve it, and nothing has been sent yet, it
 * calls `nobody` with a sentence for the log and the visitor, and the gateway answers with its page.
 */
export type FarmProxy = (request: IncomingMessage, response: ServerResponse, nobody: (why: string) => void) => void;

/** The parts of a pino logger that are used. */
export interface GatewayLogger {
  debug(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface GatewayLimits {
  /** Connections at a time; one more is closed at once. Each costs some 20 kB. */
  readonly maxConnections: number;
  /** Requests under way at a time; one more gets a 503 page. */
  readonly maxRequests: number;
  /** A request's first line and headers together. Far below what servers take, since theirs come on top. */
  readonly maxHeaderBytes: number;
  /** Time for the headers to arrive; protects against clients that send one byte a minute. */
  readonly headersTimeoutMs: number;
  /** Time for the whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** Time from the request to the first byte of the answer. */
  readonly answerTimeoutMs: number;
  /** A connection that is silent for this long in the middle of an answer is taken for dead. */
  readonly silenceTimeoutMs: number;
  /** How long an unused connection stays open. */
  readonly keepAliveMs: number;
}

export const defaultGatewayLimits: GatewayLimits = {
  maxConnections: 4_096,
  maxRequests: 1_024,
  maxHeaderBytes: 8 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 30_000,
  silenceTimeoutMs: 120_000,
  keepAliveMs: 15_000,
};

/** The outcome of a request. */
export interface EndedRequest {
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  /** Time from the request to the first byte; null when no answer began. */
  readonly firstByteMs: number | null;
  /** The whole answer was sent. */
  readonly complete: boolean;
}

export interface GatewayOptions {
  readonly proxy: FarmProxy;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly logger?: GatewayLogger;
  readonly limits?: Partial<GatewayLimits>;
  readonly onEnded?: (request: EndedRequest) => void;
}

export interface Gateway {
  readonly port: number;
  /** The address for a person to open; it names localhost when the gateway listens on all interfaces. */
  readonly url: string;
  /** Takes no new requests, waits up to `graceMs` for those under way, then cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/** @throws the system's error when the port cannot be listened on */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const door = new Door(options);
  await door.listen(options.port, options.host);
  return door;
}

class Door implements Gateway {
  readonly #server: Server;
  readonly #proxy: FarmProxy;
  readonly #logger: GatewayLogger | undefined;
  readonly #limits: GatewayLimits;
  readonly #onEnded: ((request: EndedRequest) => void) | undefined;
  readonly #host: string;
  #underWay = 0;
  #isClosing = false;

  constructor({ proxy, host, logger, limits, onEnded }: GatewayOptions) {
    this.#proxy = proxy;
    this.#logger = logger;
    this.#host = host;
    this.#onEnded = onEnded;
    this.#limits = { ...defaultGatewayLimits, ...limits };
    this.#server = createServer(
      {
        maxHeaderSize: this.#limits.maxHeaderBytes,
        headersTimeout: this.#limits.headersTimeoutMs,
        requestTimeout: this.#limits.requestTimeoutMs,
        keepAliveTimeout: this.#limits.keepAliveMs,
        // How often the two timeouts above are checked; the default of 30 s would make them 40 s and 60 s.
        connectionsCheckingInterval: Math.max(50, Math.min(1_000, this.#limits.headersTimeoutMs / 4)),
      },
      (request, response) => this.#requested(request, response),
    );
    this.#server.maxConnections = this.#limits.maxConnections;
    this.#server.timeout = this.#limits.silenceTimeoutMs;
    this.#server.on('clientError', (error, socket) => refuse(error, socket as Socket, this.#limits));
  }

  async listen(port: number, host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#logger?.error({ err: error }, 'the gateway cannot take connections'));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const everywhere = this.#host === '0.0.0.0' || this.#host === '::' || this.#host === '';
    const name = everywhere ? 'localhost' : this.#host;
    return `http://${name.includes(':') ? `[${name}]` : name}:${this.port}/`;
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const grace = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(grace);
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const startedAtMs = performance.now();
    this.#underWay += 1;
    let firstByteMs: number | null = null;
    const late = setTimeout(() => {
      if (response.headersSent) return;
      sendTrouble(request, response, { status: 504, reason: 'late' });
      ignoreRest(response);
    }, this.#limits.answerTimeoutMs);
    const begun = (): void => {
      clearTimeout(late);
      // Tells keep-alive clients to open a new connection for their next request.
      if (this.#isClosing && !response.headersSent) response.setHeader('connection', 'close');
      firstByteMs ??= performance.now() - startedAtMs;
    };
    onFirstByte(response, begun);
    response.once('close', () => {
      clearTimeout(late);
      this.#underWay -= 1;
      const ended: EndedRequest = {
        method: request.method ?? '',
        status: response.statusCode,
        durationMs: Math.round(performance.now() - startedAtMs),
        firstByteMs: firstByteMs && Math.round(firstByteMs),
        complete: response.writableFinished,
      };
      this.#logger?.debug({ ...ended, url: request.url }, 'request');
      this.#onEnded?.(ended);
      // An answer that began before the gateway closed leaves its connection idle.
      if (this.#isClosing) setImmediate(() => this.#server.closeIdleConnections());
    });
    if (this.#underWay > this.#limits.maxRequests) {
      sendTrouble(request, response, { status: 503, reason: 'busy' });
      return;
    }
    this.#pass(request, response);
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    hideVisitor(request);
    try {
      this.#proxy(request, response, (why) =>
        sendTrouble(request, response, { status: 503, reason: 'nobody', detail: why }),
      );
    } catch (error) {
      this.#logger?.error({ err: error, method: request.method, url: request.url }, 'a request broke the gateway');
      sendTrouble(request, response, { status: 500, reason: 'broken' });
    }
  }
}

/** Calls `listener` when the headers of the answer are on their way. */
function onFirstByte(response: ServerResponse, listener: () => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((...args: unknown[]) => {
    listener();
    return writeHead(...args);
  }) as typeof response.writeHead;
}

/** Turns further writes to an answer into no-ops; its `close` event, which follows, tells the proxy to stop. */
function ignoreRest(response: ServerResponse): void {
  response.setHeader = () => response;
  response.writeHead = () => response;
  response.write = () => false;
  response.end = () => response;
}

/** A request that is not HTTP, too large or too slow. */
function refuse(error: ParserError, socket: Socket, { maxHeaderBytes }: GatewayLimits): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [line, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? hasLongAddress(error, maxHeaderBytes)
        ? ['414 URI Too Long', 'The address of this request is too long.']
        : ['431 Request Header Fields Too Large', 'The headers of this request are too large.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive.']
        : ['400 Bad Request', 'This is not a valid HTTP request.'];
  socket.end(
    `HTTP/1.1 ${line}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${text.length + 1}\r\n\r\n${text}\n`,
  );
}

/** The error of node's parser; `rawPacket` is the data that it failed on. */
type ParserError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** Whether the first line alone, and not the headers, makes a request too large. */
function hasLongAddress({ rawPacket }: ParserError, maxHeaderBytes: number): boolean {
  if (rawPacket === undefined) return false;
  const end = rawPacket.indexOf('\n');
  return end === -1 || end > maxHeaderBytes / 2;
}
