/**
 * A survey that this client was asked for, until it is answered.
 *
 * Its server names a few candidates, and the client pings them all at once. It answers when all have answered, or after two heartbeats with
 * what it has measured by then: a candidate that answers a ping slowly must not delay the round of the whole farm. A round trip that was
 * not measured is returned unchanged.
 *
 * Made for one survey and dropped with its answer: most clients are never asked.
 */
import type { Answered, Parts, PeerCard, PeerHandle, Survey } from '../../core/index.ts';

/** Candidates that one client measures in one survey. */
export const mostCards = 8;
/** A client measures for at most this many heartbeats. */
const errandBeats = 2;

export class Errand {
  readonly #parts: Parts;
  /** The server that asked. */
  readonly #from: PeerHandle;
  readonly #round: number;
  readonly #cards: PeerCard[];
  /** Candidates that have not answered yet. */
  readonly #open: Set<PeerHandle>;
  #beatsLeft = errandBeats;

  constructor(parts: Parts, from: PeerHandle, { round, cards }: Survey) {
    this.#parts = parts;
    this.#from = from;
    this.#round = round;
    this.#cards = cards.filter(({ peer }) => peer !== parts.ctx.self).slice(0, mostCards);
    this.#open = new Set(this.#cards.map(({ peer }) => peer));
  }

  /** All candidates have answered, or time is up. */
  get isOver(): boolean {
    return this.#open.size === 0 || this.#beatsLeft <= 0;
  }

  /** Pings all candidates. */
  start(): void {
    for (const peer of this.#open) this.#parts.pings.ask(peer, 'quality');
  }

  beat(): void {
    this.#beatsLeft--;
  }

  pinged({ peer, rttMs }: Answered): void {
    if (!this.#open.delete(peer)) return;
    const at = this.#cards.findIndex((card) => card.peer === peer);
    const card = this.#cards[at];
    if (card !== undefined) this.#cards[at] = { ...card, rttMs };
  }

  /** Sends the measurements to the server that asked. */
  answer(): void {
    this.#parts.ctx.world.send(this.#from, { kind: 'surveyed', round: this.#round, cards: this.#cards });
  }
}
