/**
 * A client whose requests another server's tree answers, until it has moved there.
 *
 * Tree and use shall agree: a server decides for those in its tree, and a client that asks elsewhere is counted where it is no load. One
 * round may be a mood; after two in a row with the same server the client goes there, like a guest who eats in another inn every
 * evening and at last takes a room in it. It waits until the round is over: who moves in the middle of one is not heard in it.
 *
 * Made when a client strays for the first time: nearly all ask the server of their tree, or one that is no better.
 */
import { NOBODY } from '../../core/index.ts';
import type { Parts, PeerCard, PeerHandle } from '../../core/index.ts';
import type { Felt } from '../round/window.ts';

/** A server that is slower by no more than this share is as good: nobody moves for that. */
const asGood = 0.02;
/** Rounds in a row in which another server answered most requests, until a client moves to that one's tree. */
const strayRounds = 2;

/** Whether another server answers this client, and better than its own one would. */
export function isAstray(parts: Parts, { server, delayMs }: Felt): boolean {
  const { selection } = parts;
  const own = parts.ownServer();
  if (server === NOBODY || own === NOBODY || server === own) return false;
  return own === selection.leaving || !(selection.expectedMs(own) <= delayMs * (1 + asGood));
}

export class Straying {
  readonly #parts: Parts;
  /** Rounds in a row, and the server that answered in them. */
  #rounds = 0;
  #to: PeerHandle = NOBODY;
  /** Where it goes, and in how many heartbeats. */
  #departure: { readonly card: PeerCard; beatsLeft: number } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** It goes to another server as soon as the round is over. */
  get isMoving(): boolean {
    return this.#departure !== null;
  }

  /** In this round it was where it belongs. */
  stayed(): void {
    this.#rounds = 0;
  }

  /** In this round, which will be over after so many heartbeats, that server answered. */
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
