/**
 * Round trips to a few peers, as they were last measured. Every client has one of these for the servers it knows, about ten: one
 * short array is searched as quickly as a map and takes a fifth of its room.
 */
import type { PeerHandle } from './ids.ts';

export class Distances {
  /** Peer, round trip in ms, peer, round trip, and so on. */
  #pairs: number[] = [];

  /** The last round trip, ms; NaN when there is none. */
  get(peer: PeerHandle): number {
    return this.#pairs[this.#placeOf(peer) + 1] ?? Number.NaN;
  }

  set(peer: PeerHandle, rttMs: number): void {
    const place = this.#placeOf(peer);
    // `concat` makes an array of the very size; one that grew by `push` has room for sixteen more.
    if (place === this.#pairs.length) this.#pairs = this.#pairs.concat(peer, rttMs);
    else this.#pairs[place + 1] = rttMs;
  }

  /** Forgets all others. */
  keep(wanted: (peer: PeerHandle) => boolean): void {
    const kept: number[] = [];
    for (let place = 0; place < this.#pairs.length; place += 2) {
      const [peer, rttMs] = this.#pairs.slice(place, place + 2) as [PeerHandle, number];
      if (wanted(peer)) kept.push(peer, rttMs);
    }
    if (kept.length < this.#pairs.length) this.#pairs = kept.slice();
  }

  /** Where this peer stands, or would stand. */
  #placeOf(peer: PeerHandle): number {
    let place = 0;
    while (place < this.#pairs.length && this.#pairs[place] !== peer) place += 2;
    return place;
  }
}
