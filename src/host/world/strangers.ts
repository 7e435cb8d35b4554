/**
 * How many new peers one peer may tell us of.
 *
 * Every peer that a message names gets a place in the address book. A farm's membership is thousands of names at most, told once;
 * somebody who goes on naming new keys is filling our memory. So each sender has an allowance: one that a large farm fits into for those
 * who have a place near this peer, and a small one for strangers, who have few to speak of. When the book is full all the same, it is for
 * the book to say who leaves; if nobody may, a message that names new peers is dropped, and costs its sender nothing.
 */
import type { PeerHandle } from '../../core/index.ts';
import type { PeerNames } from '../../wire/index.ts';
import type { AddressBook } from './address-book.ts';
import { TokenBucket } from '../../network/index.ts';

export class TooManyStrangersError extends Error {
  override readonly name = 'TooManyStrangersError';
}

/** The book is full of peers that stay: not the sender's fault. */
export class BookFullError extends Error {
  override readonly name = 'BookFullError';
}

export interface StrangerLimits {
  /** New peers that one sender may name at once. */
  readonly atOnce: number;
  /** And a sender that has no place near this peer. */
  readonly atOnceByStranger: number;
  /** And a second, from then on. */
  readonly perSecond: number;
}

const defaultLimits: StrangerLimits = { atOnce: 8_192, atOnceByStranger: 64, perSecond: 2 };
/** Senders whose allowance is remembered; who was silent longest is forgotten first. */
const sendersKept = 4_096;

export class Strangers {
  readonly #book: AddressBook;
  readonly #limits: StrangerLimits;
  readonly #isStranger: (sender: string) => boolean;
  readonly #neighbours = new Map<string, TokenBucket>();
  readonly #strangers = new Map<string, TokenBucket>();

  constructor(book: AddressBook, isStranger: (sender: string) => boolean, limits: StrangerLimits = defaultLimits) {
    this.#book = book;
    this.#isStranger = isStranger;
    this.#limits = limits;
  }

  /** The book, as far as this sender may write in it. */
  namesFrom(sender: string): Pick<PeerNames, 'handleOf'> {
    return {
      handleOf: (key, addresses): PeerHandle => {
        if (!this.#book.knows(key)) this.#charge(sender);
        const handle = this.#book.namedBy(sender, key, addresses);
        if (handle === null) throw new BookFullError('the address book is full of peers that are needed');
        return handle;
      },
    };
  }

  #charge(sender: string): void {
    const nowMs = performance.now();
    const isStranger = this.#isStranger(sender);
    const { perSecond, atOnce, atOnceByStranger } = this.#limits;
    const allowances = isStranger ? this.#strangers : this.#neighbours;
    let allowance = allowances.get(sender);
    if (allowance === undefined) {
      allowance = new TokenBucket(perSecond, isStranger ? atOnceByStranger : atOnce, nowMs);
      const oldest = allowances.size >= sendersKept ? allowances.keys().next().value : undefined;
      if (oldest !== undefined) allowances.delete(oldest);
    }
    allowances.delete(sender);
    allowances.set(sender, allowance);
    if (allowance.take(1, nowMs)) return;
    throw new TooManyStrangersError(`it names more new peers than ${isStranger ? 'a stranger may' : 'any farm has'}`);
  }
}
