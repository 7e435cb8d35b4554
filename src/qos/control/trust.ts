/**
 * Which servers' bids the root believes: after a broken promise, a server's next bids are ignored.
 *
 * A server may promise a large gain and never carry out the grant, or carry it out and gain nothing. The root cannot look into its group,
 * but it sees what became of the last promise. A server that broke one is ignored for one decision, then for two, four, eight and so on
 * (exponential backoff); one kept promise restores its trust. An honest server whose candidate failed loses a round by it; a liar is soon
 * ignored for good.
 */
import type { PeerHandle } from '../../core/index.ts';

const mostStrikes = 10;
/** Servers remembered; the one whose last broken promise is oldest is forgotten first. */
const mostRemembered = 1_024;

export class Trust {
  readonly #strikes = new Map<PeerHandle, { readonly count: number; readonly untilDecision: number }>();
  #decisions = 0;

  /** A decision is about to be taken. */
  next(): void {
    this.#decisions++;
  }

  broke(server: PeerHandle): void {
    const count = Math.min(mostStrikes, (this.#strikes.get(server)?.count ?? 0) + 1);
    this.#strikes.delete(server);
    this.#strikes.set(server, { count, untilDecision: this.#decisions + 2 ** (count - 1) });
    const [oldest] = this.#strikes.keys();
    if (this.#strikes.size > mostRemembered && oldest !== undefined) this.#strikes.delete(oldest);
  }

  kept(server: PeerHandle): void {
    this.#strikes.delete(server);
  }

  isHeard(server: PeerHandle): boolean {
    const strikes = this.#strikes.get(server);
    return strikes === undefined || this.#decisions > strikes.untilDecision;
  }
}
