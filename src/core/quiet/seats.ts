/**
 * What parents note of their children at every heartbeat, in flat arrays (structure of arrays): one seat for each child, one cache line.
 *
 * A parent reads all its children at every beat and writes each of their beats down. Fields of objects would be two or three places in
 * memory for each child; a seat is one place, beside its neighbours.
 */
import { invariant } from '../invariant.ts';
import type { PeerHandle } from '../ids.ts';

/** A seat: 8 numbers of 8 bytes, each of which may hold two integers instead. */
const seatNumbers = 8;
const seatIntegers = 2 * seatNumbers;
const heardAt = 0;
const steadyRtt = 1;
const acceptedAt = 2;
const parentOf = 6;
const childOf = 7;
const steadyBeats = 8;
const rosterVersion = 9;
const size = 10;
const height = 11;
const next = 12;
const sibling = 13;
const way = 7;

export const noSeat = -1;
const nobody = -1;
/** After this many equal round trips a link no longer moves the coordinate at every sample, only once in a while. */
const steadyAfterBeats = 60;
const steadySampleBeats = 32;

export class Seats {
  #numbers = new Float64Array(0);
  #integers = new Int32Array(0);
  #free = noSeat;

  /** A seat for a child that was just accepted. */
  take(parent: PeerHandle, child: PeerHandle, nowMs: number): number {
    if (this.#free === noSeat) this.#grow();
    const seat = this.#free;
    const integer = seat * seatIntegers;
    const integers = this.#integers;
    invariant(integers[integer + parentOf] === nobody, 'a seat that is taken was free');
    this.#free = integers[integer + next]!;
    integers[integer + parentOf] = parent;
    integers[integer + childOf] = child;
    integers[integer + steadyBeats] = 0;
    integers[integer + rosterVersion] = -1;
    integers[integer + size] = 1;
    integers[integer + height] = 0;
    this.#numbers[seat * seatNumbers + heardAt] = nowMs;
    this.#numbers[seat * seatNumbers + acceptedAt] = nowMs;
    this.#numbers[seat * seatNumbers + steadyRtt] = -1;
    this.#numbers[seat * seatNumbers + way] = Number.NaN;
    integers[integer + sibling] = noSeat;
    return seat;
  }

  release(seat: number): void {
    invariant(this.#integers[seat * seatIntegers + parentOf] !== nobody, 'a seat is let go once');
    this.#integers[seat * seatIntegers + parentOf] = nobody;
    this.#integers[seat * seatIntegers + next] = this.#free;
    this.#free = seat;
  }

  /** The child in this seat. */
  childOf(seat: number): PeerHandle {
    return this.#integers[seat * seatIntegers + childOf] as PeerHandle;
  }

  /** The seat of the next child of the same parent, in the order in which they were accepted. */
  siblingOf(seat: number): number {
    return this.#integers[seat * seatIntegers + sibling]!;
  }

  setSibling(seat: number, other: number): void {
    this.#integers[seat * seatIntegers + sibling] = other;
  }

  /** How long a message to the child takes, as its carrier set it; NaN before that. */
  wayMs(seat: number): number {
    return this.#numbers[seat * seatNumbers + way]!;
  }

  setWayMs(seat: number, wayMs: number): void {
    this.#numbers[seat * seatNumbers + way] = wayMs;
  }

  heardAtMs(seat: number): number {
    return this.#numbers[seat * seatNumbers + heardAt]!;
  }

  setHeardAtMs(seat: number, atMs: number): void {
    this.#numbers[seat * seatNumbers + heardAt] = atMs;
  }

  acceptedAtMs(seat: number): number {
    return this.#numbers[seat * seatNumbers + acceptedAt]!;
  }

  rosterVersion(seat: number): number {
    return this.#integers[seat * seatIntegers + rosterVersion]!;
  }

  setRosterVersion(seat: number, version: number): void {
    this.#integers[seat * seatIntegers + rosterVersion] = version;
  }

  /** Peers in the child's subtree, itself included, and the subtree's height. */
  size(seat: number): number {
    return this.#integers[seat * seatIntegers + size]!;
  }

  height(seat: number): number {
    return this.#integers[seat * seatIntegers + height]!;
  }

  setExtent(seat: number, peers: number, levels: number): void {
    this.#integers[seat * seatIntegers + size] = peers;
    this.#integers[seat * seatIntegers + height] = levels;
  }

  /** Whether all children from this seat on have been heard since then, and have this roster. */
  areWell(first: number, roster: number, sinceMs: number): boolean {
    const integers = this.#integers;
    for (let seat = first; seat !== noSeat; seat = integers[seat * seatIntegers + sibling]!) {
      if (integers[seat * seatIntegers + rosterVersion] !== roster) return false;
      if (this.#numbers[seat * seatNumbers + heardAt]! < sinceMs) return false;
    }
    return true;
  }

  /**
   * The round trip that the last few samples all had, ms; -1 while they differ. The second number counts the samples since with the same
   * value.
   */
  setSteadyRttMs(seat: number, rttMs: number): void {
    this.#numbers[seat * seatNumbers + steadyRtt] = rttMs;
    this.#integers[seat * seatIntegers + steadyBeats] = 0;
  }

  /** Counts another round trip if it equals those before. Returns whether it does. */
  isSteady(seat: number, rttMs: number): boolean {
    if (rttMs !== this.#numbers[seat * seatNumbers + steadyRtt]) return false;
    this.#integers[seat * seatIntegers + steadyBeats]!++;
    return true;
  }

  /** Whether the steady round trip that was counted last should move the coordinate. */
  isTelling(seat: number): boolean {
    return isTelling(this.#integers[seat * seatIntegers + steadyBeats]!);
  }

  /** Notes a child's beat that has a steady round trip and no news. Returns false, with nothing done, for any other. */
  heard(seat: number, parent: PeerHandle, child: PeerHandle, rttMs: number, nowMs: number): boolean {
    if (seat === noSeat) return false;
    const integers = this.#integers;
    const integer = seat * seatIntegers;
    const isRoutine =
      integers[integer + parentOf] === parent &&
      integers[integer + childOf] === child &&
      this.#numbers[seat * seatNumbers + steadyRtt] === rttMs &&
      !isTelling(integers[integer + steadyBeats]! + 1);
    if (!isRoutine) return false;
    this.#numbers[seat * seatNumbers + heardAt] = nowMs;
    integers[integer + steadyBeats]!++;
    return true;
  }

  /** Grows by half; the new seats are free, and the first of them is taken first. */
  #grow(): void {
    const before = this.#numbers.length / seatNumbers;
    const seats = Math.max(16, Math.ceil(before * 1.5));
    const numbers = new Float64Array(seats * seatNumbers);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#integers = new Int32Array(numbers.buffer);
    for (let seat = seats - 1; seat >= before; seat--) this.release(seat);
  }
}

function isTelling(beats: number): boolean {
  return beats < steadyAfterBeats || beats % steadySampleBeats === 0;
}
