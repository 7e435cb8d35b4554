/**
 * Multicasts fetched for neighbours. What a neighbour misses may be older than anything kept here; then this peer pulls it from its parent
 * and forwards the answers to the neighbour, like a parcel taken in for the house next door.
 *
 * Made when the first neighbour asks: most peers never fetch any.
 */
import type { Context } from '../context.ts';
import type { PeerHandle } from '../ids.ts';
import type { Cast, CastGone } from '../messages/index.ts';

interface Parcel {
  /** The neighbour that waits. */
  readonly peer: PeerHandle;
  readonly origin: PeerHandle;
  readonly incarnation: number;
  /** The next sequence number that the neighbour needs, and the last one that is not kept here. */
  next: number;
  readonly upTo: number;
}

const mostOpen = 64;

export class CastRelay {
  readonly #ctx: Context;
  #open: readonly Parcel[] = [];

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Pulls from the parent for a neighbour. */
  ask(above: PeerHandle, parcel: Parcel): void {
    const { peer, origin, incarnation, next } = parcel;
    const others = this.#open.filter((other) => other.peer !== peer || other.origin !== origin);
    this.#open = [...others.slice(-mostOpen), parcel];
    this.#ctx.world.send(above, { kind: 'cast-pull', origin, incarnation, sequence: next });
  }

  /** Whether a neighbour waits for a message of that origin. */
  isFor(origin: PeerHandle): boolean {
    return this.#open.some((parcel) => parcel.origin === origin);
  }

  /** A multicast came: it is forwarded to the neighbours that wait for it. */
  handOn(cast: Cast): void {
    for (const parcel of this.#open) {
      if (parcel.origin !== cast.origin || parcel.incarnation !== cast.incarnation || parcel.next !== cast.sequence)
        continue;
      parcel.next++;
      this.#ctx.world.send(parcel.peer, cast);
    }
    this.#close();
  }

  /** The parent does not have it either: the waiting neighbours skip ahead, at the latest to where our own history begins. */
  passOnGone({ origin, incarnation, sequence }: CastGone): void {
    for (const parcel of this.#open) {
      if (parcel.origin !== origin || parcel.incarnation !== incarnation || parcel.next >= sequence) continue;
      parcel.next = Math.min(sequence, parcel.upTo + 1);
      this.#ctx.world.send(parcel.peer, { kind: 'cast-gone', origin, incarnation, sequence: parcel.next });
    }
    this.#close();
  }

  #close(): void {
    this.#open = this.#open.filter(({ next, upTo }) => next <= upTo);
  }
}
