/**
 * A client whose requests are answered by a server other than the one of its tree, until the client has moved to that server's tree.
 *
 * Tree and use should agree: a server decides for the clients of its tree, and a client that uses another server is counted where it is no
 * load. One such round may be chance. After two in a row with the same server the client moves, like a guest who eats in another inn every
 * evening and at last takes a room there. It moves after the round is over, because a peer that moves during a round is not heard in it.
 *
 * Made when a client strays for the first time: nearly all use the server of their tree, or one that is no better.
 */
import { NOBODY } from '../../core/index.ts';
import type { Parts, PeerCard, PeerHandle } from '../../core/index.ts';
import type { Felt } from '../round/window.ts';

/** A server that is slower by no more than this share is as good: no client moves for that (hysteresis). */
const asGood = 0.02;
/** A client moves to another server's tree after this many rounds in a row in which that server answered most of its requests. */
const strayRounds = 2;

/** Whether a server outside this client's tree answers it, and faster than its own server would. */
export function isAstray(parts: Parts, { server, delayMs }: Felt): boolean {
  const { selection } = parts;
  const own = parts.ownServer();
  if (server === NOBODY || own === NOBODY || server === own) return false;
  return own === selection.leaving || !(selection.expectedMs(own) <= delayMs * (1 + asGood));
}

export class Straying {
  readonly #parts: Parts;
  /** The rounds in a row so far, and the server that answered in them. */
  #rounds = 0;
  #to: PeerHandle = NOBODY;
  /** The server that the client will move to, and the heartbeats until it does. */
  #departure: { readonly card: PeerCard; beatsLeft: number } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The client will move to another server as soon as the round is over. */
  get isMoving(): boolean {
    return this.#departure !== null;
  }

  /** In this round the server of the client's own tree answered. */
  stayed(): void {
    this.#rounds = 0;
  }

  /** In this round another server answered most requests; the round ends after `beatsToGo` heartbeats. */
  strayed(server: PeerHandle, beatsToGo: number): void {
    this.#rounds = server === this.#to ? this.#rounds + 1 : 1;
    this.#to = server;
    if (this.#rounds < strayRounds) return;
    const { selection, views } = this.#parts;
    const record = views.current?.records.find(({ subject }) => subject === server);
    if (record === undefined) return;
    const card = { peer: server, coordinate: record.coordinate, rttMs: selection.rttMs(server) };
    this.#departure = { card, beatsLeft: beatsToGo };
  }

  beat(): void {
    if (this.#departure === null || --this.#departure.beatsLeft > 0) return;
    this.#parts.changeServer(this.#departure.card);
    this.#departure = null;
  }
}
