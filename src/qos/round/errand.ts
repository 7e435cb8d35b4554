/**
 * A survey that was asked of this client, until it is answered.
 *
 * Its server names a few peers that may serve one day, and the client pings them all at once. It answers when all have, or after two
 * heartbeats with what it has measured by then: a candidate that is slow to answer a ping must not hold up the round of the whole farm. A
 * way that was not measured goes back as it came.
 *
 * Made for one survey and dropped with its answer: most clients are never asked.
 */
import type { Answered, Parts, PeerCard, PeerHandle, Survey } from '../../core/index.ts';

/** Candidates that one client measures in one survey. */
export const mostCards = 8;
/** Heartbeats that a client measures at most. */
const errandBeats = 2;

export class Errand {
  readonly #parts: Parts;
  /** The server that asked. */
  readonly #from: PeerHandle;
  readonly #round: number;
  readonly #cards: PeerCard[];
  /** Who has not answered yet. */
  readonly #open: Set<PeerHandle>;
  #beatsLeft = errandBeats;

  constructor(parts: Parts, from: PeerHandle, { round, cards }: Survey) {
    this.#parts = parts;
    this.#from = from;
    this.#round = round;
    this.#cards = cards.filter(({ peer }) => peer !== parts.ctx.self).slice(0, mostCards);
    this.#open = new Set(this.#cards.map(({ peer }) => peer));
  }

  /** Everybody has answered, or time is up. */
  get isOver(): boolean {
    return this.#open.size === 0 || this.#beatsLeft <= 0;
  }

  /** Pings all that it was asked about. */
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

  /** To the server that asked: what was measured. */
  answer(): void {
    this.#parts.ctx.world.send(this.#from, { kind: 'surveyed', round: this.#round, cards: this.#cards });
  }
}
