/**
 * A user's request, answered by the best server that can, with bytes that are proven to be the owner's.
 *
 * The servers are tried in the order of this client's own experience. A server that fails, is too old, or lies costs the user nothing
 * but time: before the first byte the next one is asked, and a body that breaks off in the middle is continued by another server from
 * the byte where it stopped. Whoever lied is reported and never asked again. How long it waits it measures on the steady clock: the
 * wall clock may be set at any time, and says nothing of a user's patience.
 *
 * Source: P2P Volunteers, section 3.4.2 (server selection).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AcceptedReleases, LieError, ResponseVerifier, requestOf, verifyResponse } from '../../service/index.ts';
import type { Manifest, RawResponse, SiteRequest, VerifiedResponse } from '../../service/index.ts';
import { headersOf } from '../../network/index.ts';
import type { HostLogger, HttpClient } from '../../network/index.ts';

export interface ReaderPort {
  /** Peer ids of the servers to try, the best first. */
  rank(): readonly string[];
  /** A request is on its way to a server. */
  asked(server: string): void;
  /** The user gave up on a request before the server answered it. */
  abandoned(server: string): void;
  /** A server answered after `delayMs`; `isFirst`: on a stream that had to be opened for the request. */
  measured(server: string, delayMs: number, isFirst: boolean): void;
  /** A server did not answer; another one is asked. */
  failed(server: string): void;
  /** The user got no answer, from this server or any before it. */
  unanswered(server: string): void;
  lied(server: string, path: string, release: number, reason: string): void;
  /** Answers may be of this release from now on. */
  accepted(release: number): void;
  /** A server's current manifest, checked. */
  manifestFrom(server: string, signal: AbortSignal): Promise<Manifest>;
}

type OkResponse = Extract<VerifiedResponse, { readonly verdict: 'ok' }>;

interface Opened {
  readonly server: string;
  readonly response: OkResponse;
}

/** How long a reader waits for what, in ms. */
export interface ReaderPatience {
  /** A server whose answer has not begun after this long is given up for another; opening a connection included. */
  readonly headMs: number;
  /** And this long until its first block is proven: a block may be 1 MiB on a volunteer's line. */
  readonly blockMs: number;
  /** Silence in the middle of a body, after which another server goes on. */
  readonly silenceMs: number;
  /** No further round through the servers begins when this much time has gone. */
  readonly roundsMs: number;
  /** And no try lasts beyond this: a user is told before giving up by itself. */
  readonly lastMs: number;
}

export const readerPatience: ReaderPatience = {
  headMs: 2_500,
  blockMs: 5_000,
  silenceMs: 4_000,
  roundsMs: 6_000,
  lastMs: 9_000,
};

/** Between two rounds through the list of servers; a peer that is just joining knows none yet. */
const pauseBetweenRoundsMs = 250;

export class Reader {
  readonly #http: HttpClient;
  readonly #port: ReaderPort;
  readonly #logger: HostLogger;
  readonly #patience: ReaderPatience;
  #accepted: AcceptedReleases | null = null;
  /** A manifest is on its way. */
  #advancing: Promise<void> | null = null;

  constructor(http: HttpClient, port: ReaderPort, logger: HostLogger, patience = readerPatience) {
    this.#patience = patience;
    this.#http = http;
    this.#port = port;
    this.#logger = logger;
  }

  get release(): number {
    return this.#accepted?.newest.release ?? 0;
  }

  /** Takes a manifest that was checked elsewhere. */
  accept(manifest: Manifest): void {
    if (this.#accepted === null) this.#accepted = new AcceptedReleases(manifest, performance.now());
    else this.#accepted.accept(manifest, performance.now());
    this.#port.accepted(manifest.release);
  }

  /**
   * Answers a user's request. Resolves to false, with nothing written, when no server can answer now.
   * @throws what breaks the user's own connection
   */
  async answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> {
    const request = requestOf(incoming);
    incoming.resume();
    const left = new AbortController();
    outgoing.once('close', () => left.abort());
    const opened = await this.#open(request, left.signal);
    if (opened === null) return false;
    if (left.signal.aborted) {
      await opened.response.body[Symbol.asyncIterator]().return?.();
      return true;
    }
    outgoing.writeHead(opened.response.status, { ...opened.response.headers });
    await this.#pour(request, opened, outgoing, left.signal);
    return true;
  }

  /** The first proven response to a request; null when there is none within the time allowed. */
  async #open(
    request: SiteRequest,
    signal: AbortSignal,
    only?: AcceptedReleases,
    avoid?: string,
  ): Promise<Opened | null> {
    const beganAtMs = performance.now();
    const lastAtMs = beganAtMs + this.#patience.lastMs;
    let asked: string | null = null;
    const roundsUntilMs = Math.min(beganAtMs + this.#patience.roundsMs, lastAtMs);
    for (let round = 0; performance.now() < roundsUntilMs; round++) {
      for (const server of this.#port.rank()) {
        if (signal.aborted || performance.now() > lastAtMs) break;
        if (server === avoid && round === 0) continue;
        asked = server;
        const response = await this.#ask(server, request, new Patience(signal, lastAtMs - performance.now()), only);
        if (response !== null) return { server, response };
      }
      if (signal.aborted) return null;
      await pause(pauseBetweenRoundsMs);
    }
    if (asked !== null) this.#port.unanswered(asked);
    return null;
  }

  async #ask(
    server: string,
    request: SiteRequest,
    patience: Patience,
    only?: AcceptedReleases,
  ): Promise<OkResponse | null> {
    patience.extend(this.#patience.headMs);
    this.#port.asked(server);
    try {
      const accepted = only ?? (await this.#releases(server, patience.signal));
      let verified = await this.#request(server, request, accepted, patience);
      if (verified.verdict === 'ahead' && only === undefined) {
        await this.#advance(verified.release, server, patience.signal);
        verified = await this.#request(server, request, accepted, patience);
      }
      return verified.verdict === 'ok' ? verified : null;
    } catch (error) {
      if (patience.user.aborted) {
        this.#port.abandoned(server);
        return null;
      }
      this.#port.failed(server);
      this.#logger.debug({ server, target: request.target, reason: String(error) }, 'a server did not answer');
      return null;
    } finally {
      patience.rest();
    }
  }

  async #releases(server: string, signal: AbortSignal): Promise<AcceptedReleases> {
    if (this.#accepted === null) await this.#advance(1, server, signal);
    if (this.#accepted === null) throw new Error('no release is known yet');
    return this.#accepted;
  }

  /** Learns of a release that is at least `number`: one request for its manifest, however many users wait for it. */
  async #advance(number: number, server: string, signal: AbortSignal): Promise<void> {
    while (this.release < number && this.#advancing !== null) await this.#advancing;
    if (this.release >= number) return;
    const advancing = this.#port.manifestFrom(server, signal).then((manifest) => this.accept(manifest));
    // Those who wait look for themselves whether it helped.
    this.#advancing = advancing.then(
      () => {},
      () => {},
    );
    try {
      await advancing;
    } finally {
      this.#advancing = null;
    }
  }

  async #request(
    server: string,
    request: SiteRequest,
    accepted: AcceptedReleases,
    patience: Patience,
  ): Promise<VerifiedResponse> {
    const verifier = new ResponseVerifier(accepted, request);
    const { method, target, headers } = verifier.upstream;
    const raw = await this.#http.request(server, {
      method,
      path: target,
      headers: { host: 'banyan', ...headers },
      signal: patience.signal,
      silenceMs: this.#patience.silenceMs,
    });
    patience.extend(this.#patience.blockMs);
    const response: RawResponse = { status: raw.status, headers: headersOf(raw.headers), body: raw.body };
    const verified = await verifyResponse(verifier, response, performance.now());
    if (verified.verdict === 'lie') this.#caught(server, request, verified.reason);
    else if (verified.verdict === 'ok') this.#port.measured(server, raw.firstByteMs, !raw.isOnKeptStream);
    else this.#port.failed(server);
    return verified;
  }

  #caught(server: string, request: SiteRequest, reason: string): void {
    this.#logger.warn({ server, target: request.target, reason }, 'a server lied');
    this.#port.failed(server);
    this.#port.lied(server, request.target, this.release, reason);
  }

  /** Writes the body; when it breaks off, another server goes on from there. */
  async #pour(request: SiteRequest, opened: Opened, outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
    let { server, response } = opened;
    const { manifest, status, headers } = opened.response;
    let sent = 0;
    for (;;) {
      try {
        for await (const piece of response.body) {
          if (signal.aborted) return;
          sent += piece.length;
          if (!outgoing.write(piece)) await drained(outgoing, signal);
        }
        outgoing.end();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof LieError) this.#caught(server, request, error.message);
        else this.#port.failed(server);
        const rest = restOf(request, status, headers, sent);
        const only = new AcceptedReleases(manifest, performance.now());
        const next = rest === null ? null : await this.#open(rest, signal, only, server);
        if (rest === null) this.#port.unanswered(server);
        if (next === null) {
          outgoing.destroy(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        ({ server, response } = next);
      }
    }
  }
}

/** How long one server may keep a user waiting: a signal that ends its try, and can be put off or laid to rest. */
class Patience {
  readonly user: AbortSignal;
  readonly signal: AbortSignal;
  readonly #ended = new AbortController();
  readonly #lastAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** For one try on behalf of `user`, which ends in `withinMs` at the latest. */
  constructor(user: AbortSignal, withinMs: number) {
    this.user = user;
    this.signal = AbortSignal.any([user, this.#ended.signal]);
    this.#lastAtMs = performance.now() + withinMs;
  }

  /** Ends the try `ms` from now, whatever was said before. */
  extend(ms: number): void {
    clearTimeout(this.#timer);
    const waitMs = Math.max(0, Math.min(ms, this.#lastAtMs - performance.now()));
    this.#timer = setTimeout(() => this.#ended.abort(new Error('no answer in time')), waitMs);
  }

  /** The try is over; what it opened may go on. */
  rest(): void {
    clearTimeout(this.#timer);
  }
}

/** The request for what is still missing of a response of which `sent` bytes have gone out; null where there is no such request. */
export function restOf(
  request: SiteRequest,
  status: number,
  headers: Readonly<Record<string, string>>,
  sent: number,
): SiteRequest | null {
  if (request.method !== 'GET' || (status !== 200 && status !== 206)) return null;
  const range = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '');
  const first = status === 206 ? Number(range?.[1] ?? Number.NaN) : 0;
  const last = status === 206 ? (range?.[2] ?? '') : '';
  if (Number.isNaN(first)) return null;
  return { method: 'GET', target: request.target, headers: { range: `bytes=${first + sent}-${last}` } };
}

async function drained(outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done);
      outgoing.off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    outgoing.once('drain', done);
    outgoing.once('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
