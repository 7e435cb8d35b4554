/**
 * The pulses of quiet peers, in flat arrays: all that their heartbeats read and write, side by side.
 *
 * When a hundred thousand peers share a process, time goes into fetching their state from memory, not into what is done with it. A
 * quiet peer (see `routine.ts`) needs few numbers to beat and to hear its parent, so it *hands* them *over* to its row here, three
 * lines of the processor's cache, and takes them back as soon as anything else happens. While it has handed over, the row is the
 * truth. Whoever runs many peers may let them beat here without waking them; a peer alone in its process does the same to its one row.
 *
 * Times in ms as peers see them; rows are numbered by the peers' handles.
 */
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { HeartbeatDown } from './messages.ts';
import { Seats, noSeat } from './seats.ts';

/** A row: 24 numbers of 8 bytes, or two integers in the place of one. What its own beat needs stands first. */
const rowNumbers = 24;
const rowIntegers = 2 * rowNumbers;
const beatAt = 0;
const silenceAt = 1;
const quietUntil = 2;
const parentHeardAt = 3;
const interval = 4;
const way = 5;
const state = 12;
const parent = 13;
const parentBeat = 14;
const routineBeats = 15;
const sequence = 8;
const term = 9;
const silence = 10;
const held = 11;
const stampRoot = 24;
const depth = 25;
const viewDigest = 26;
const castDigest = 27;
const release = 28;
const rosterVersion = 29;
const echo = 30;
const routineDone = 31;
/** What its children's beats need, and who sits where. */
const sentAt = 16;
const sentBeforeAt = 17;
const ownBeat = 36;
const seatNumber = 37;
const wayFrom = 19;
const wayFromPeer = 40;

/** The state of a row, bit by bit: handed over; its parent has had a whole beat since; a quiet beat is under way. */
const handedOver = 1;
const introduced = 2;
const underWay = 4;

/** Bounds what a neighbour may claim, so that what is added up on the way still fits a message. */
export const mostSequence = 2 ** 40;

/** A number that fits a row's integers. Those of honest peers do, for tens of years; what a liar says need not. */
export function fits(number: number): boolean {
  return (number | 0) === number;
}

/** What a quiet peer hands over. */
export interface QuietPulse {
  readonly parent: PeerHandle;
  /** When it beats next, and when its parent counts as silent. */
  readonly beatAtMs: number;
  readonly silenceAtMs: number;
  /** From then on there is more to do. */
  readonly quietUntilMs: number;
  readonly intervalMs: number;
  /** Without a word for so long the parent counts as silent. */
  readonly silenceMs: number;
  readonly parentHeardAtMs: number;
  readonly parentBeat: number;
  readonly routineBeats: number;
  /** Its place, by the parent's last stamp. */
  readonly stampRoot: PeerHandle;
  readonly term: number;
  readonly sequence: number;
  readonly depth: number;
  /** What it has: a parent that says the same has nothing new. */
  readonly rosterVersion: number;
  readonly viewDigest: number;
  readonly castDigest: number;
  readonly release: number;
}

export class Pulses {
  /** Where these peers' children sit. */
  readonly seats = new Seats();
  #numbers = new Float64Array(0);
  #integers = new Int32Array(0);

  /** A new life begins: a row for it. What an earlier life has under way stays so. */
  open(peer: PeerHandle): void {
    const rows = this.#numbers.length / rowNumbers;
    if (peer >= rows) this.#grow(Math.max(peer + 1, Math.ceil(rows * 1.5)));
    this.close(peer);
    this.#integers[peer * rowIntegers + seatNumber] = noSeat;
    this.#integers[peer * rowIntegers + parent] = NOBODY;
    this.#integers[peer * rowIntegers + ownBeat] = 0;
    this.#numbers[peer * rowNumbers + sentAt] = Number.NaN;
  }

  /** The life is over: nothing is handed over any more. */
  close(peer: PeerHandle): void {
    this.#integers[peer * rowIntegers + state]! &= underWay;
  }

  // --- Handing over and taking back ------------------------------------------------------------------------------------

  /** `isIntroduced`: the parent has all that the next beat will say, but for its times, from an earlier one. */
  handOver(peer: PeerHandle, pulse: QuietPulse, isIntroduced: boolean): void {
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    numbers[number + beatAt] = pulse.beatAtMs;
    numbers[number + silenceAt] = pulse.silenceAtMs;
    numbers[number + quietUntil] = pulse.quietUntilMs;
    numbers[number + parentHeardAt] = pulse.parentHeardAtMs;
    numbers[number + interval] = pulse.intervalMs;
    if (integers[integer + parent] !== pulse.parent) numbers[number + way] = Number.NaN;
    integers[integer + parent] = pulse.parent;
    integers[integer + parentBeat] = pulse.parentBeat;
    integers[integer + routineBeats] = pulse.routineBeats;
    integers[integer + routineDone] = 0;
    numbers[number + sequence] = pulse.sequence;
    numbers[number + term] = pulse.term;
    numbers[number + silence] = pulse.silenceMs;
    integers[integer + stampRoot] = pulse.stampRoot;
    integers[integer + depth] = pulse.depth;
    integers[integer + viewDigest] = pulse.viewDigest;
    integers[integer + castDigest] = pulse.castDigest;
    integers[integer + release] = pulse.release;
    integers[integer + rosterVersion] = pulse.rosterVersion;
    const before = integers[integer + state]! & underWay;
    integers[integer + state] = before | handedOver | (isIntroduced ? introduced : 0);
  }

  /** The row is the truth no more. Returns whether the parent has had a whole beat since it was. */
  takeBack(peer: PeerHandle): boolean {
    const at = peer * rowIntegers + state;
    const wasIntroduced = (this.#integers[at]! & introduced) !== 0;
    this.#integers[at]! &= underWay;
    return wasIntroduced;
  }

  beatAtMs(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + beatAt]!;
  }

  silenceAtMs(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + silenceAt]!;
  }

  parentHeardAtMs(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + parentHeardAt]!;
  }

  parentBeat(peer: PeerHandle): number {
    return this.#integers[peer * rowIntegers + parentBeat]!;
  }

  sequence(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + sequence]!;
  }

  /** Beats that went by here since it handed over. */
  routineDone(peer: PeerHandle): number {
    return this.#integers[peer * rowIntegers + routineDone]!;
  }

  // --- A quiet peer's beats ----------------------------------------------------------------------------------------------

  /**
   * A beat of a peer that has handed over, if it is due and nothing else is: it is counted, and the next one appointed. Returns false,
   * with nothing done, when the peer must see to it itself. What it says to its parent is in `echo` and `heldMs`.
   */
  beats(peer: PeerHandle, nowMs: number): boolean {
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    const isRoutine =
      (integers[integer + state]! & handedOver) !== 0 &&
      integers[integer + routineBeats]! > 0 &&
      nowMs < numbers[number + quietUntil]! &&
      numbers[number + beatAt]! <= nowMs &&
      numbers[number + silenceAt]! > nowMs;
    if (!isRoutine) return false;
    integers[integer + routineBeats]!--;
    integers[integer + routineDone]!++;
    numbers[number + beatAt] = nowMs + numbers[number + interval]!;
    return true;
  }

  /** The same for a peer whose parent has had a whole beat, and no quiet one is under way to it: `heardBeat` takes it in at the parent. */
  beatsQuietly(peer: PeerHandle, nowMs: number): boolean {
    const integer = peer * rowIntegers;
    const integers = this.#integers;
    if (integers[integer + state] !== (handedOver | introduced) || !this.beats(peer, nowMs)) return false;
    integers[integer + state] = handedOver | introduced | underWay;
    integers[integer + echo] = integers[integer + parentBeat]!;
    this.#numbers[peer * rowNumbers + held] = this.heldMs(peer, nowMs);
    return true;
  }

  /** For how long it has held the parent's last beat. */
  heldMs(peer: PeerHandle, nowMs: number): number {
    return nowMs - this.#numbers[peer * rowNumbers + parentHeardAt]!;
  }

  /** Its parent has had a whole beat of it. */
  introduce(peer: PeerHandle): void {
    this.#integers[peer * rowIntegers + state]! |= introduced;
  }

  /** What it would say to its parent has changed. */
  unintroduce(peer: PeerHandle): void {
    this.#integers[peer * rowIntegers + state]! &= ~introduced;
  }

  parentOf(peer: PeerHandle): PeerHandle {
    return this.#integers[peer * rowIntegers + parent] as PeerHandle;
  }

  /** Its next alarm: a beat, or the parent's silence. */
  wakeAtMs(peer: PeerHandle): number {
    const number = peer * rowNumbers;
    return Math.min(this.#numbers[number + beatAt]!, this.#numbers[number + silenceAt]!);
  }

  /**
   * A parent's beat to a peer that has handed over, if it says nothing but that time has passed: same roster, same place, a newer
   * stamp. Returns false, with nothing done, when there is more in it, or when the alarm must be put off.
   */
  hears(peer: PeerHandle, from: PeerHandle, beat: HeartbeatDown, nowMs: number): boolean {
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    const { stamp, roster } = beat;
    const isRoutine =
      (integers[integer + state]! & handedOver) !== 0 &&
      integers[integer + parent] === from &&
      beat.tree === 'clients' &&
      (roster === null || roster.version === integers[integer + rosterVersion]) &&
      stamp !== null &&
      stamp.root === integers[integer + stampRoot] &&
      stamp.term === numbers[number + term] &&
      stamp.sequence > numbers[number + sequence]! &&
      stamp.sequence <= mostSequence &&
      beat.depth + 1 === integers[integer + depth] &&
      beat.intervalMs === numbers[number + interval] &&
      beat.release <= integers[integer + release]! &&
      (beat.membershipDigest === integers[integer + viewDigest] || beat.membershipDigest === 0) &&
      beat.castDigest === integers[integer + castDigest] &&
      fits(beat.beat) &&
      numbers[number + beatAt]! <= numbers[number + silenceAt]!;
    if (!isRoutine) return false;
    numbers[number + parentHeardAt] = nowMs;
    integers[integer + parentBeat] = beat.beat;
    numbers[number + sequence] = stamp.sequence;
    numbers[number + silenceAt] = nowMs + numbers[number + silence]!;
    return true;
  }

  // --- A parent's side -----------------------------------------------------------------------------------------------------

  /** A peer has sent this beat to its clients, whose echoes come back. */
  hasSent(peer: PeerHandle, beat: number, nowMs: number): void {
    const number = peer * rowNumbers;
    this.#numbers[number + sentBeforeAt] =
      this.#integers[peer * rowIntegers + ownBeat] === beat - 1 ? this.#numbers[number + sentAt]! : Number.NaN;
    this.#numbers[number + sentAt] = nowMs;
    this.#integers[peer * rowIntegers + ownBeat] = beat;
  }

  /** A child has taken this seat; what has no row here is somebody in another process. */
  seated(child: PeerHandle, seat: number): void {
    if (child * rowNumbers < this.#numbers.length) this.#integers[child * rowIntegers + seatNumber] = seat;
  }

  /**
   * The quiet beat of `child` has arrived at `peer`, which has nothing to do but to note it. Returns false, with nothing noted, when
   * the round trip must be looked at, or the child has no seat there: `echoOf` and `heldOf` tell the peer what was said.
   */
  heardBeat(peer: PeerHandle, child: PeerHandle, nowMs: number): boolean {
    const integers = this.#integers;
    const integer = child * rowIntegers;
    integers[integer + state]! &= ~underWay;
    const late = integers[peer * rowIntegers + ownBeat]! - integers[integer + echo]!;
    if (late !== 0 && late !== 1) return false;
    const sentAtMs = this.#numbers[peer * rowNumbers + (late === 0 ? sentAt : sentBeforeAt)]!;
    const rttMs = nowMs - sentAtMs - this.#numbers[child * rowNumbers + held]!;
    return this.seats.heard(integers[integer + seatNumber]!, peer, child, rttMs, nowMs);
  }

  /** What the last quiet beat of a peer said: the parent's beat that it echoes, and how long it had held it. */
  echoOf(peer: PeerHandle): number {
    return this.#integers[peer * rowIntegers + echo]!;
  }

  heldOf(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + held]!;
  }

  // --- Kept here for whoever carries the messages ------------------------------------------------------------------------

  /** How long a message to the parent takes; NaN when it was not said since the parent changed. */
  wayMs(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + way]!;
  }

  setWayMs(peer: PeerHandle, wayMs: number): void {
    this.#numbers[peer * rowNumbers + way] = wayMs;
  }

  /** How long a message from another peer to this one takes, of the one of whom it was said last; NaN for others. */
  wayFromMs(peer: PeerHandle, from: PeerHandle): number {
    if (this.#integers[peer * rowIntegers + wayFromPeer] !== from) return Number.NaN;
    return this.#numbers[peer * rowNumbers + wayFrom]!;
  }

  setWayFromMs(peer: PeerHandle, from: PeerHandle, wayMs: number): void {
    this.#integers[peer * rowIntegers + wayFromPeer] = from;
    this.#numbers[peer * rowNumbers + wayFrom] = wayMs;
  }

  #grow(rows: number): void {
    const before = this.#numbers.length / rowNumbers;
    const numbers = new Float64Array(rows * rowNumbers);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#integers = new Int32Array(numbers.buffer);
    for (let row = before; row < rows; row++) this.#integers[row * rowIntegers + wayFromPeer] = -1;
  }
}
