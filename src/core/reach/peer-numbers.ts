/**
 * A number for each of a few peers, in order of insertion: round trips to the servers that a client knows, or the times at which others
 * dialled it back. Every peer has some of these lists with a handful of entries. Searching one short array is as quick as a map and takes a
 * fifth of its memory.
 */
import type { PeerHandle } from '../ids.ts';

const none: number[] = [];

export class PeerNumbers {
  /** Peer, number, peer, number, and so on. All empty lists share one array, which is never written to. */
  #pairs: number[] = none;

  get size(): number {
    return this.#pairs.length / 2;
  }

  peers(): PeerHandle[] {
    return this.#pairs.filter((_, place) => place % 2 === 0) as PeerHandle[];
  }

  numbers(): number[] {
    return this.#pairs.filter((_, place) => place % 2 === 1);
  }

  /** NaN when there is none. */
  get(peer: PeerHandle): number {
    return this.#pairs[placeOf(this.#pairs, peer) + 1] ?? Number.NaN;
  }

  set(peer: PeerHandle, number: number): void {
    const place = placeOf(this.#pairs, peer);
    // `concat` makes an array of the exact size; one that grew by `push` has room for sixteen more.
    if (place === this.#pairs.length) this.#pairs = this.#pairs.concat(peer, number);
    else this.#pairs[place + 1] = number;
  }

  /** Sets the number and moves the peer to the end of the order. */
  renew(peer: PeerHandle, number: number): void {
    this.keep((other) => other !== peer);
    this.#pairs = this.#pairs.concat(peer, number);
  }

  /** Forgets all others. */
  keep(isWanted: (peer: PeerHandle, number: number) => boolean): void {
    const kept: number[] = [];
    for (let place = 0; place < this.#pairs.length; place += 2) {
      const [peer, number] = this.#pairs.slice(place, place + 2) as [PeerHandle, number];
      if (isWanted(peer, number)) kept.push(peer, number);
    }
    if (kept.length < this.#pairs.length) this.#pairs = kept.length === 0 ? none : kept.slice();
  }
}

/** Where this peer stands, or would stand. */
function placeOf(pairs: readonly number[], peer: PeerHandle): number {
  let place = 0;
  while (place < pairs.length && pairs[place] !== peer) place += 2;
  return place;
}
