/**
 * How many things one peer may have under way with us at a time: transfers, streams of the data plane.
 *
 * Like tables kept per guest rather than per door: libp2p bounds streams by connection, and whoever dials twice would get
 * twice as many. Nothing is remembered of a peer that has nothing under way.
 */
export class Turnstile {
  readonly perPeer: number;
  readonly #taken = new Map<string, number>();

  constructor(perPeer: number) {
    this.perPeer = perPeer;
  }

  /** Takes a seat for the peer, to be given back by {@link leave}; false when it has all that one peer may have. */
  enter(peerId: string): boolean {
    const taken = this.#taken.get(peerId) ?? 0;
    if (taken >= this.perPeer) return false;
    this.#taken.set(peerId, taken + 1);
    return true;
  }

  leave(peerId: string): void {
    const left = (this.#taken.get(peerId) ?? 0) - 1;
    if (left > 0) this.#taken.set(peerId, left);
    else this.#taken.delete(peerId);
  }
}
