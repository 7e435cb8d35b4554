/**
 * How many new peers one peer may tell us of.
 *
 * Every peer that a message names gets a place in the address book, and the core may hold on to it, so places are never taken
 * back. A farm's membership is thousands of names at most, told once; somebody who goes on naming new keys is filling our
 * memory. So each sender has an allowance that a large farm fits into, and the book as a whole has an end.
 */
import type { PeerHandle } from '../../core/index.ts';
import type { PeerNames } from '../../wire/index.ts';
import type { AddressBook } from './address-book.ts';
import { TokenBucket } from '../../network/index.ts';

export class TooManyStrangersError extends Error {
  override readonly name = 'TooManyStrangersError';
}

export interface StrangerLimits {
  /** New peers that one sender may name at once. */
  readonly atOnce: number;
  /** And a second, from then on. */
  readonly perSecond: number;
  /** Peers in the book in all. */
  readonly inAll: number;
}

const defaultLimits: StrangerLimits = { atOnce: 8_192, perSecond: 2, inAll: 500_000 };
/** Senders whose allowance is remembered; who was silent longest is forgotten first. */
const sendersKept = 4_096;

export class Strangers {
  readonly #book: AddressBook;
  readonly #limits: StrangerLimits;
  readonly #allowances = new Map<string, TokenBucket>();

  constructor(book: AddressBook, limits: StrangerLimits = defaultLimits) {
    this.#book = book;
    this.#limits = limits;
  }

  /** The book, as far as this sender may write in it. */
  namesFrom(sender: string): Pick<PeerNames, 'handleOf'> {
    return {
      handleOf: (key, addresses): PeerHandle => {
        if (!this.#book.knows(key)) this.#charge(sender);
        return this.#book.handleOf(key, addresses);
      },
    };
  }

  #charge(sender: string): void {
    const nowMs = performance.now();
    let allowance = this.#allowances.get(sender);
    if (allowance === undefined) {
      allowance = new TokenBucket(this.#limits.perSecond, this.#limits.atOnce, nowMs);
      const oldest = this.#allowances.size >= sendersKept ? this.#allowances.keys().next().value : undefined;
      if (oldest !== undefined) this.#allowances.delete(oldest);
    }
    this.#allowances.delete(sender);
    this.#allowances.set(sender, allowance);
    if (!allowance.take(1, nowMs)) throw new TooManyStrangersError('it names more new peers than any farm has');
    if (this.#book.size >= this.#limits.inAll) throw new TooManyStrangersError('the address book is full');
  }
}
