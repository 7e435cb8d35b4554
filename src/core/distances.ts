/**
 * Round trips to a few peers, as they were last measured. Every client has one of these for the servers it knows, about ten: two
 * short arrays are searched as quickly as a map and take a quarter of its room.
 */
import type { PeerHandle } from './ids.ts';

export class Distances {
  // `concat` makes an array of the very size; one that grew by `push` or a spread has room for sixteen more.
  #peers: readonly PeerHandle[] = [];
  #rttMs: number[] = [];

  /** The last round trip, ms; NaN when there is none. */
  get(peer: PeerHandle): number {
    return this.#rttMs[this.#peers.indexOf(peer)] ?? Number.NaN;
  }

  set(peer: PeerHandle, rttMs: number): void {
    const known = this.#peers.indexOf(peer);
    if (known >= 0) {
      this.#rttMs[known] = rttMs;
      return;
    }
    this.#peers = this.#peers.concat(peer);
    this.#rttMs = this.#rttMs.concat(rttMs);
  }

  /** Forgets all others. */
  keep(wanted: (peer: PeerHandle) => boolean): void {
    if (this.#peers.every(wanted)) return;
    this.#rttMs = this.#rttMs.filter((_, i) => wanted(this.#peers[i] as PeerHandle));
    this.#peers = this.#peers.filter(wanted);
  }
}
