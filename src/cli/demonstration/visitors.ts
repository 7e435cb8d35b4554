/**
 * The users of the demonstration: each walks from page to page of the site at a local address, and looks at the clock.
 */
import { Agent, get } from 'node:http';

export interface Visit {
  /** When the request was sent, by the monotonic clock, ms. */
  readonly atMs: number;
  /** From sending the request to its first byte, ms. */
  readonly delayMs: number;
  readonly ok: boolean;
}

/** Longer than this counts as failed, ms. */
const patienceMs = 10_000;
const pauseMs = 120;

export class Visitors {
  readonly #pages: readonly string[];
  readonly #visits: Visit[] = [];
  readonly #agents: Agent[] = [];
  readonly #walks: Promise<void>[] = [];
  #ending = false;
  /** Called with a sentence when a request fails. */
  onFailure: (sentence: string) => void = () => {};

  constructor(pages: readonly string[]) {
    this.#pages = pages;
  }

  get count(): { readonly ok: number; readonly failed: number } {
    const ok = this.#visits.filter((visit) => visit.ok).length;
    return { ok, failed: this.#visits.length - ok };
  }

  /** When the first request was sent; null before that. */
  get beganAtMs(): number | null {
    return this.#visits[0]?.atMs ?? null;
  }

  /** Lets one more user walk, until `end`. */
  send(url: string): void {
    const agent = new Agent({ keepAlive: true });
    this.#agents.push(agent);
    this.#walks.push(this.#walk(url, agent, this.#agents.length));
  }

  async #walk(url: string, agent: Agent, start: number): Promise<void> {
    for (let step = start; !this.#ending; step++) {
      const page = this.#pages[step % this.#pages.length] ?? '';
      const visit = await this.#visit(new URL(page, url), agent);
      this.#visits.push(visit);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #visit(url: URL, agent: Agent): Promise<Visit> {
    const atMs = performance.now();
    return await new Promise((resolve) => {
      let delayMs = Number.NaN;
      const end = (ok: boolean, why: string): void => {
        if (!ok) this.onFailure(`${url.pathname}: ${why}`);
        resolve({ atMs, delayMs, ok });
      };
      const request = get(url, { agent, signal: AbortSignal.timeout(patienceMs) }, (response) => {
        delayMs = performance.now() - atMs;
        response.once('error', (error) => end(false, error.message));
        response.once('end', () => end(response.statusCode === 200, `status ${response.statusCode}`));
        response.resume();
      });
      request.once('error', (error) => end(false, error.message));
    });
  }

  /** The median delay of the successful requests sent between two moments, ms; NaN when there were none. */
  medianMs(fromMs: number, untilMs: number): { readonly medianMs: number; readonly count: number } {
    const delays = this.#visits
      .filter((visit) => visit.ok && visit.atMs >= fromMs && visit.atMs <= untilMs && visit.delayMs >= 0)
      .map((visit) => visit.delayMs)
      .sort((a, b) => a - b);
    return { medianMs: delays[delays.length >> 1] ?? Number.NaN, count: delays.length };
  }

  /** No new requests; those under way end. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#walks);
    for (const agent of this.#agents) agent.destroy();
  }
}
