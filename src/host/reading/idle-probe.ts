/**
 * What a peer feels that asks for nothing: a small request of its own, now and then.
 *
 * The farm is led by what its clients feel, and most volunteers are not readers. A ping knows the way to a server but not the
 * server's time, so an idle peer sends a real request (HEAD, a few hundred bytes) to the server that it would ask, every
 * few heartbeats. Every now and then it also looks at the second best, busy or idle, so that its order does not go stale; that
 * teaches it which to choose and is not counted as felt. A server would ask itself: it times its own service. A connection that had to be
 * made first is not what requests take, so such a request is made once more.
 */
import type { HostLogger, HttpClient } from '../../network/index.ts';

/** What is asked for; servers do not count it as a request that they served. */
const probeTarget = '/?banyan-probe';
/** Heartbeats between two requests to the best server, and between two looks at the second best, on average. */
const everyBeats = 4;
const secondEveryBeats = 16;
const timeoutMs = 5_000;

export function isProbe({ method, target }: { readonly method: string; readonly target: string }): boolean {
  return method === 'HEAD' && target === probeTarget;
}

export interface ProbePort {
  /** Peer ids of the servers to try, the best first; none for a peer that serves itself. */
  rank(): readonly string[];
  /** Of a peer that serves itself: how long its own service takes, ms (NaN when it fails); null for others. */
  serveOwn(): Promise<number | null>;
  /** This peer's own id. */
  readonly self: string;
  /** The present pulse, ms. */
  intervalMs(): number;
  /** A request to the best server ended: this peer's own experience. */
  measured(server: string, delayMs: number, ok: boolean): void;
  /** A request to another server ended. */
  compared(server: string, delayMs: number, ok: boolean): void;
}

export class IdleProbe {
  readonly #http: Pick<HttpClient, 'request'>;
  readonly #port: ProbePort;
  readonly #logger: HostLogger;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #busyUntilMs = 0;
  /** The best server when it was last asked, and heartbeats until it is asked again; the same of the second best. */
  #asked = '';
  #beatsLeft = everyBeats;
  #secondBeatsLeft = secondEveryBeats;

  constructor(http: Pick<HttpClient, 'request'>, port: ProbePort, logger: HostLogger) {
    this.#http = http;
    this.#port = port;
    this.#logger = logger;
  }

  start(): void {
    const waitMs = this.#port.intervalMs() * (0.5 + Math.random());
    this.#timer = setTimeout(() => {
      void this.#look().then(() => {
        if (!this.#stopping.signal.aborted) this.start();
      });
    }, waitMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  /** A request of the user's own was made: no probe is needed for a while. */
  busy(): void {
    this.#busyUntilMs = performance.now() + everyBeats * this.#port.intervalMs();
  }

  async #look(): Promise<void> {
    const [best, second] = this.#port.rank();
    // Of a server that is new nothing is known yet: it is not waited for.
    if (--this.#beatsLeft <= 0 || (best !== undefined && best !== this.#asked)) {
      this.#beatsLeft = everyBeats;
      await this.#lookAtBest(best);
    }
    if (--this.#secondBeatsLeft > 0 || this.#stopping.signal.aborted) return;
    this.#secondBeatsLeft = secondEveryBeats;
    if (second === undefined) return;
    const delayMs = await this.#ask(second);
    if (!this.#stopping.signal.aborted) this.#port.compared(second, delayMs, delayMs >= 0);
  }

  async #lookAtBest(best: string | undefined): Promise<void> {
    const ownMs = await this.#port.serveOwn();
    if (this.#stopping.signal.aborted) return;
    if (ownMs !== null) this.#port.measured(this.#port.self, ownMs, ownMs >= 0);
    if (best === undefined || performance.now() < this.#busyUntilMs) return;
    this.#asked = best;
    const delayMs = await this.#ask(best);
    if (!this.#stopping.signal.aborted) this.#port.measured(best, delayMs, delayMs >= 0);
  }

  /** The response delay, ms; NaN when there was no answer. */
  async #ask(server: string): Promise<number> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      for (let isAgain = false; ; isAgain = true) {
        const request = { method: 'HEAD', path: probeTarget, signal };
        const { status, body, firstByteMs, isOnKeptStream } = await this.#http.request(server, request);
        for await (const _ of body) void _;
        if (status === 429 || status >= 500) return Number.NaN;
        if (isOnKeptStream || isAgain) return firstByteMs;
      }
    } catch (error) {
      this.#logger.debug({ server, reason: String(error) }, 'a probe was not answered');
      return Number.NaN;
    }
  }
}
