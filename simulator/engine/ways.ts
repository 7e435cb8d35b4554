/**
 * The state of links between machines: which are cut, which peer dialled which, and when the last message arrived.
 *
 * Most links of most farms have no state, so there is an entry only for those that have.
 */
import type { PeerHandle } from '../../src/core/index.ts';

/** Handles are below this, so that two of them fit one number. */
const mostHandles = 0x100_0000;

export class Ways {
  readonly #cut = new Set<number>();
  /** Links on which the first peer dialled the second, which could not have dialled it. */
  readonly #dialled = new Set<number>();
  /** Some links are, or were, cut. */
  wereCut = false;
  readonly #lastTick = new Map<number, number>();

  /** One direction. */
  cut(from: PeerHandle, to: PeerHandle): void {
    this.wereCut = true;
    this.#cut.add(way(from, to));
  }

  mend(from: PeerHandle, to: PeerHandle): void {
    this.#cut.delete(way(from, to));
  }

  mendAll(): void {
    this.#cut.clear();
  }

  isCut(from: PeerHandle, to: PeerHandle): boolean {
    return this.#cut.size > 0 && this.#cut.has(way(from, to));
  }

  dialled(from: PeerHandle, to: PeerHandle): void {
    this.#dialled.add(way(from, to));
  }

  hasDialled(from: PeerHandle, to: PeerHandle): boolean {
    return this.#dialled.has(way(from, to));
  }

  /** Its process ended, and with it the connections that it had made. */
  ended(peer: PeerHandle): void {
    for (const key of this.#dialled) if (Math.floor(key / mostHandles) === peer) this.#dialled.delete(key);
  }

  /** When a message that could arrive at `tick` does arrive, since it may not overtake those before it. */
  inOrder(from: PeerHandle, to: PeerHandle, tick: number): number {
    const key = way(from, to);
    const inOrder = Math.max(tick, this.#lastTick.get(key) ?? 0);
    this.#lastTick.set(key, inOrder);
    return inOrder;
  }
}

function way(from: PeerHandle, to: PeerHandle): number {
  return from * mostHandles + to;
}
