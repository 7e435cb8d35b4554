/**
 * Whose bids the root listens to: a word that was not kept costs the next ones.
 *
 * A server may say that it gains a lot and never see a grant through, or see it through and gain nothing. The root cannot look into its
 * group, but it sees what became of the last promise. Who broke one is not heard for a decision, then for two, four, eight and
 * so on; one kept promise and all is forgotten. An honest server whose candidates fell ill loses a round by it, a liar the rest of its
 * life.
 */
import type { PeerHandle } from '../../core/index.ts';

const mostStrikes = 10;
/** Servers remembered; the one that was longest without a strike is forgotten first. */
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
