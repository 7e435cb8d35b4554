/**
 * What is to happen, in order of time; what falls on the same tick happens in the order in which it was written down.
 * Ticks are whole milliseconds. A binary heap over typed arrays: the keys are (tick, order), the values sit beside.
 */
export class Agenda<T> {
  #ticks = new Float64Array(1024);
  #orders = new Float64Array(1024);
  #values: (T | undefined)[] = [];
  #size = 0;
  #order = 0;

  get size(): number {
    return this.#size;
  }

  /** The tick of the next entry; infinity when there is none. */
  get nextTick(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#ticks[0] ?? 0);
  }

  add(tick: number, value: T): void {
    if (this.#size === this.#ticks.length) this.#grow();
    let at = this.#size++;
    const order = this.#order++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(tick, order, above)) break;
      this.#move(above, at);
      at = above;
    }
    this.#set(at, tick, order, value);
  }

  /** Takes the next entry. */
  take(): T {
    const first = this.#values[0];
    if (this.#size === 0 || first === undefined) throw new RangeError('the agenda is empty');
    this.#size--;
    const tick = this.#ticks[this.#size] ?? 0;
    const order = this.#orders[this.#size] ?? 0;
    const value = this.#values[this.#size];
    this.#values[this.#size] = undefined;
    if (this.#size > 0 && value !== undefined) {
      let at = 0;
      for (;;) {
        let below = 2 * at + 1;
        if (below >= this.#size) break;
        const right = below + 1;
        if (right < this.#size && this.#isBefore(this.#ticks[right] ?? 0, this.#orders[right] ?? 0, below))
          below = right;
        if (this.#isBefore(tick, order, below)) break;
        this.#move(below, at);
        at = below;
      }
      this.#set(at, tick, order, value);
    }
    return first;
  }

  #isBefore(tick: number, order: number, at: number): boolean {
    const other = this.#ticks[at] ?? 0;
    return tick < other || (tick === other && order < (this.#orders[at] ?? 0));
  }

  #move(from: number, to: number): void {
    this.#ticks[to] = this.#ticks[from] ?? 0;
    this.#orders[to] = this.#orders[from] ?? 0;
    this.#values[to] = this.#values[from];
  }

  #set(at: number, tick: number, order: number, value: T): void {
    this.#ticks[at] = tick;
    this.#orders[at] = order;
    this.#values[at] = value;
  }

  #grow(): void {
    const ticks = new Float64Array(this.#ticks.length * 2);
    ticks.set(this.#ticks);
    this.#ticks = ticks;
    const orders = new Float64Array(this.#orders.length * 2);
    orders.set(this.#orders);
    this.#orders = orders;
  }
}
