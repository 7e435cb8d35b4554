/**
 * The spots (Vivaldi coordinates) of the peers of one process by their own samples, by handle. They are finer than what the peers tell
 * others (`coordinates.ts`); a peer tells others when the difference is large enough.
 */
import { isElsewhere, move, putAtOrigin, spotWidth, toldOf } from '../reach/coordinates.ts';
import type { PeerHandle } from '../ids.ts';
import type { Coordinate } from '../messages/index.ts';

export class Spots {
  #numbers = new Float64Array(0);

  /** A new life begins, without measurements. */
  open(peer: PeerHandle): void {
    const spots = this.#numbers.length / spotWidth;
    if (peer >= spots) this.#grow(Math.max(peer + 1, Math.ceil(spots * 1.5)));
    putAtOrigin(this.#numbers, peer * spotWidth);
  }

  /** A peer measured a round trip to another; see `move`. */
  sampled(peer: PeerHandle, theirs: Coordinate, rttMs: number, dice: number): void {
    move(this.#numbers, peer * spotWidth, theirs, rttMs, dice);
  }

  isElsewhere(peer: PeerHandle, told: Coordinate): boolean {
    return isElsewhere(told, this.#numbers, peer * spotWidth);
  }

  toldOf(peer: PeerHandle): Coordinate {
    return toldOf(this.#numbers, peer * spotWidth);
  }

  #grow(spots: number): void {
    const numbers = new Float64Array(spots * spotWidth);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}
