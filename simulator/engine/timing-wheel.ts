/**
 * The event queue of the simulator. Adding an event and taking the next one cost the same few array accesses, whether ten events are
 * pending or ten million.
 *
 * Think of a ring of pigeonholes, one for each tick. An event goes into the hole of its tick, at the end; the clock walks from hole to hole
 * and empties them. Nothing is compared or sorted, and events of one tick happen in the order in which they were added. Events beyond the
 * ring wait in a second ring whose holes are thousands of ticks wide, and move over when the clock comes near. A hole is a chain of small
 * blocks in flat arrays: it is written and read from front to back, which suits the processor's caches, and no object is made for an event.
 *
 * Source: G. Varghese, T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, schemes 6 and 7.
 */

/**
 * Called with each event when it is due: the arguments of `add`, that is, its numbers (32-bit integers with a meaning for the handler) and
 * its payload.
 */
export interface EventHandler<Payload> {
  happened(kind: number, subject: number, other: number, number: number, payload: Payload | undefined): void;
}

/** Events in one block of a chain. */
const blockEvents = 16;
/** Numbers of one event: kind, subject, other, number. */
const eventNumbers = 4;
const farHoles = 1024;
const none = -1;

/** A ring of holes: the first and the last block of each one's chain, and how many events are in the last. */
interface Ring {
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly used: Int32Array;
}

export class TimingWheel<Payload> {
  /** The tick of the present or last events. */
  now = 0;
  /** Pending events. */
  size = 0;
  readonly #handler: EventHandler<Payload>;
  readonly #near: Ring;
  readonly #far = ringOf(farHoles);
  readonly #nearMask: number;
  /** Ticks of one hole of the second ring. */
  readonly #span: number;
  /** Events before this tick are in the first ring. */
  #horizon: number;
  #nearSize = 0;
  /** The blocks of all chains: numbers and payloads of their events, the ticks (second ring only), and what follows each block. */
  #numbers = new Int32Array(0);
  #ticks = new Float64Array(0);
  readonly #payloads: (Payload | undefined)[] = [];
  #following = new Int32Array(0);
  #freeBlock = none;

  /** @param ticks length of the first ring, a power of two; it is quickest when most events lie at most three quarters of it ahead. */
  constructor(handler: EventHandler<Payload>, ticks = 8192) {
    if (ticks < 4 || !Number.isInteger(Math.log2(ticks)))
      throw new RangeError(`a ring of ${ticks} ticks; it must be a power of two, 4 or more`);
    this.#handler = handler;
    this.#near = ringOf(ticks);
    this.#nearMask = ticks - 1;
    this.#span = ticks / 4;
    this.#horizon = ticks;
  }

  /** Adds an event. One in the past happens now, after all events that are due now. */
  add(tick: number, kind: number, subject: number, other: number, number: number, payload?: Payload): void {
    const at = Math.max(tick, this.now);
    this.size++;
    let place: number;
    if (at < this.#horizon) {
      this.#nearSize++;
      place = this.#append(this.#near, at & this.#nearMask);
    } else {
      place = this.#append(this.#far, Math.floor(at / this.#span) % farHoles);
      this.#ticks[place] = at;
    }
    const numbers = this.#numbers;
    const base = place * eventNumbers;
    numbers[base] = kind;
    numbers[base + 1] = subject;
    numbers[base + 2] = other;
    numbers[base + 3] = number;
    if (payload !== undefined) this.#payloads[place] = payload;
  }

  /** Runs all events up to and including this tick, also those added meanwhile. */
  run(untilTick: number): void {
    for (;;) {
      this.#empty(this.now & this.#nearMask);
      if (this.now >= untilTick) return;
      this.#advance(untilTick);
    }
  }

  /** Moves to the next tick, and skips ticks that cannot have events. */
  #advance(untilTick: number): void {
    const moveAt = this.#horizon - 3 * this.#span;
    if (this.#nearSize > 0) this.now++;
    else if (this.size > 0) this.now = Math.min(untilTick, moveAt);
    else this.now = untilTick;
    while (this.now >= this.#horizon - 3 * this.#span) this.#moveOver();
  }

  /** Runs the events of a hole, including those added to it meanwhile. */
  #empty(hole: number): void {
    const { first, last, used } = this.#near;
    let block = first[hole]!;
    if (block === none) return;
    for (let at = 0; block !== last[hole] || at < used[hole]!; at++) {
      if (at === blockEvents) {
        at = 0;
        const next = this.#following[block]!;
        this.#release(block);
        block = next;
      }
      const place = block * blockEvents + at;
      const base = place * eventNumbers;
      const numbers = this.#numbers;
      const payload = this.#payloads[place];
      if (payload !== undefined) this.#payloads[place] = undefined;
      this.size--;
      this.#nearSize--;
      this.#handler.happened(numbers[base]!, numbers[base + 1]!, numbers[base + 2]!, numbers[base + 3]!, payload);
    }
    first[hole] = none;
    last[hole] = none;
    this.#release(block);
  }

  /** The next hole of the second ring comes into reach of the first. Events of a later round stay, in their order. */
  #moveOver(): void {
    const hole = (this.#horizon / this.#span) % farHoles;
    this.#horizon += this.#span;
    let block = this.#far.first[hole]!;
    if (block === none) return;
    const last = this.#far.last[hole]!;
    const used = this.#far.used[hole]!;
    this.#far.first[hole] = none;
    this.#far.last[hole] = none;
    for (let at = 0; block !== last || at < used; at++) {
      if (at === blockEvents) {
        at = 0;
        const next = this.#following[block]!;
        this.#release(block);
        block = next;
      }
      const place = block * blockEvents + at;
      const base = place * eventNumbers;
      const numbers = this.#numbers;
      const payload = this.#payloads[place];
      if (payload !== undefined) this.#payloads[place] = undefined;
      this.size--;
      this.add(
        this.#ticks[place]!,
        numbers[base]!,
        numbers[base + 1]!,
        numbers[base + 2]!,
        numbers[base + 3]!,
        payload,
      );
    }
    this.#release(block);
  }

  // --- Blocks ------------------------------------------------------------------------------------------------------------

  /** The place of a new event at the end of a hole. */
  #append({ first, last, used }: Ring, hole: number): number {
    const block = last[hole]!;
    const at = used[hole]!;
    if (block !== none && at < blockEvents) {
      used[hole] = at + 1;
      return block * blockEvents + at;
    }
    const next = this.#take();
    if (block === none) first[hole] = next;
    else this.#following[block] = next;
    last[hole] = next;
    used[hole] = 1;
    return next * blockEvents;
  }

  #take(): number {
    if (this.#freeBlock === none) this.#grow();
    const block = this.#freeBlock;
    this.#freeBlock = this.#following[block]!;
    return block;
  }

  #release(block: number): void {
    this.#following[block] = this.#freeBlock;
    this.#freeBlock = block;
  }

  /** Half as many blocks again, all of them free. */
  #grow(): void {
    const before = this.#following.length;
    const blocks = Math.max(256, Math.ceil(before * 1.5));
    this.#numbers = grown(this.#numbers, new Int32Array(blocks * blockEvents * eventNumbers));
    this.#ticks = grown(this.#ticks, new Float64Array(blocks * blockEvents));
    this.#following = grown(this.#following, new Int32Array(blocks));
    while (this.#payloads.length < blocks * blockEvents) this.#payloads.push(undefined);
    for (let block = blocks - 1; block >= before; block--) this.#release(block);
  }
}

function ringOf(holes: number): Ring {
  return {
    first: new Int32Array(holes).fill(none),
    last: new Int32Array(holes).fill(none),
    used: new Int32Array(holes),
  };
}

function grown<A extends Int32Array | Float64Array>(before: A, after: A): A {
  after.set(before);
  return after;
}
