/**
 * A user who walks through the test site, page after page without a pause, and remembers every answer.
 *
 * A request counts as failed when it does not end in status 200 with the bytes of an edition.
 */
import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import { never } from '../patience.ts';
import { editionOf, pages } from './test-site.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Visit {
  readonly page: string;
  /** Null when it failed. */
  readonly edition: number | null;
  readonly tookMs: number;
  /** Why it failed; empty when it did not. */
  readonly fault: string;
}

/** One request. @throws what broke it */
export async function fetchFrom(
  url: string,
  path: string,
  { agent, accept = '*/*' }: { readonly agent?: Agent; readonly accept?: string } = {},
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = get(
      new URL(path, url),
      { headers: { accept }, signal: never(), ...(agent === undefined ? {} : { agent }) },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
        );
      },
    );
    request.once('error', reject);
  });
}

export class Visitor {
  readonly visits: Visit[] = [];
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #walk: Promise<void>;
  #isEnding = false;

  /** Walks from now on. */
  constructor(url: string) {
    this.#url = url;
    this.#walk = this.#go();
  }

  get failed(): readonly Visit[] {
    return this.visits.filter(({ edition }) => edition === null);
  }

  /** Ends the walk; gives all that was seen. */
  async end(): Promise<readonly Visit[]> {
    this.#isEnding = true;
    await this.#walk;
    this.#agent.destroy();
    return this.visits;
  }

  async #go(): Promise<void> {
    for (let step = 0; !this.#isEnding; step++) {
      this.visits.push(await this.#visit(pages[step % pages.length] ?? 'index.html'));
      // Lets the others on this machine have their turn.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #visit(page: string): Promise<Visit> {
    const startedMs = performance.now();
    const outcome = (edition: number | null, fault: string): Visit => ({
      page,
      edition,
      fault,
      tookMs: performance.now() - startedMs,
    });
    try {
      const { status, body } = await fetchFrom(this.#url, page, { agent: this.#agent });
      const edition = status === 200 ? editionOf(page, body.toString('utf8')) : null;
      return outcome(edition, edition === null ? `status ${status}: ${body.toString('utf8').slice(0, 200)}` : '');
    } catch (error) {
      return outcome(null, error instanceof Error ? error.message : String(error));
    }
  }
}

/** Fetches a file, but stops reading in the middle until something has been done; what is on its way waits. */
export async function fetchSlowly(
  url: string,
  path: string,
  { pauseAtBytes, whilePaused }: { readonly pauseAtBytes: number; readonly whilePaused: () => Promise<void> },
): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const request = get(new URL(path, url), { signal: never() }, (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      let hasPaused = false;
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        bytes += piece.length;
        if (hasPaused || bytes < pauseAtBytes) return;
        hasPaused = true;
        response.pause();
        whilePaused().then(() => response.resume(), reject);
      });
      response.once('error', reject);
      response.once('end', () => resolve(Buffer.concat(pieces)));
    });
    request.once('error', reject);
  });
}
