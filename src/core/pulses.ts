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
import type { PeerHandle, Standing } from './ids.ts';
import type { Coordinate, HeartbeatDown, MemberRecord, Pong } from './messages.ts';
import { origin } from './coordinates.ts';

import { mostSequence } from './place.ts';
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
const ownRoster = 38;
const firstSeat = 39;
const childSilence = 20;
const toldSequence = 21;
const landsAt = 22;
const toldBeat = 46;
const room = 47;

/** The state of a row, bit by bit: handed over; its parent has had a whole beat since; a quiet beat is under way up; it has children. */
const handedOver = 1;
const introduced = 2;
const underWay = 4;
const isParent = 8;

/** A number that fits a row's integers. Those of honest peers do, for tens of years; what a liar says need not. */
export function fits(number: number): boolean {
  return (number | 0) === number;
}

const noDeltas: readonly MemberRecord[] = [];

/** What a quiet peer hands over: a form that all of them fill in, one after the other. */
export class QuietPulse {
  parent: PeerHandle = NOBODY;
  /** When it beats next, and when its parent counts as silent. */
  beatAtMs = 0;
  silenceAtMs = 0;
  /** From then on there is more to do. */
  quietUntilMs = 0;
  intervalMs = 0;
  /** Without a word for so long the parent counts as silent. */
  silenceMs = 0;
  /** And a child. */
  childSilenceMs = 0;
  parentHeardAtMs = 0;
  parentBeat = 0;
  routineBeats = 0;
  /** Its place, by the parent's last stamp. */
  stampRoot: PeerHandle = NOBODY;
  term = 0;
  sequence = 0;
  depth = 0;
  /** What it has: a parent that says the same has nothing new. */
  rosterVersion = 0;
  viewDigest = 0;
  castDigest = 0;
  release = 0;
  /** What it answers to a ping. */
  coordinate: Coordinate = origin;
  room = 0;
  /** The parent has all that the next beat will say, but for its times, from an earlier one. */
  isIntroduced = false;
}

export class Pulses {
  /** Where these peers' children sit. */
  readonly seats = new Seats();
  readonly form = new QuietPulse();
  #numbers = new Float64Array(0);
  #integers = new Int32Array(0);
  /** Of those that have handed over. */
  readonly #coordinates: Coordinate[] = [];

  /** A new life begins: a row for it. What an earlier life has under way stays so. */
  open(peer: PeerHandle): void {
    const rows = this.#numbers.length / rowNumbers;
    if (peer >= rows) this.#grow(Math.max(peer + 1, Math.ceil(rows * 1.5)));
    this.close(peer);
    this.#integers[peer * rowIntegers + seatNumber] = noSeat;
    this.#integers[peer * rowIntegers + parent] = NOBODY;
    this.#integers[peer * rowIntegers + ownBeat] = 0;
    this.#integers[peer * rowIntegers + firstSeat] = noSeat;
    this.#numbers[peer * rowNumbers + sentAt] = Number.NaN;
  }

  /** The life is over: nothing is handed over any more. */
  close(peer: PeerHandle): void {
    this.#integers[peer * rowIntegers + state]! &= underWay;
  }

  // --- Handing over and taking back ------------------------------------------------------------------------------------

  /**
   * The row takes over what is in the form. Returns false, with nothing done, while a word to the children is under way that the row
   * still has to tell, and the peer would say another now.
   */
  handOver(peer: PeerHandle, nowMs: number): boolean {
    const pulse = this.form;
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    if (nowMs <= numbers[number + landsAt]! && this.#saysOtherwise(peer)) return false;
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
    numbers[number + childSilence] = pulse.childSilenceMs;
    integers[integer + stampRoot] = pulse.stampRoot;
    integers[integer + depth] = pulse.depth;
    integers[integer + viewDigest] = pulse.viewDigest;
    integers[integer + castDigest] = pulse.castDigest;
    integers[integer + release] = pulse.release;
    integers[integer + rosterVersion] = pulse.rosterVersion;
    integers[integer + room] = pulse.room;
    this.setCoordinate(peer, pulse.coordinate);
    const before = integers[integer + state]! & underWay;
    const children = integers[integer + firstSeat] === noSeat ? 0 : isParent;
    integers[integer + state] = before | handedOver | children | (pulse.isIntroduced ? introduced : 0);
    return true;
  }

  /** Whether what a peer says to its children, but for time, differs from what its row tells. */
  #saysOtherwise(peer: PeerHandle): boolean {
    const pulse = this.form;
    const integers = this.#integers;
    const integer = peer * rowIntegers;
    return (
      integers[integer + stampRoot] !== pulse.stampRoot ||
      this.#numbers[peer * rowNumbers + term] !== pulse.term ||
      integers[integer + depth] !== pulse.depth ||
      this.#numbers[peer * rowNumbers + interval] !== pulse.intervalMs ||
      integers[integer + release] !== pulse.release ||
      integers[integer + viewDigest] !== pulse.viewDigest ||
      integers[integer + castDigest] !== pulse.castDigest
    );
  }

  /** The row is the truth no more. */
  takeBack(peer: PeerHandle): void {
    this.#integers[peer * rowIntegers + state]! &= underWay;
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

  /** The beat that went by was the last of those in which nothing is to be done but to beat. */
  isLookDue(peer: PeerHandle): boolean {
    return this.#integers[peer * rowIntegers + routineBeats] === 0;
  }

  /** Beats that went by here since it handed over. */
  routineDone(peer: PeerHandle): number {
    return this.#integers[peer * rowIntegers + routineDone]!;
  }

  /** A quiet peer lies elsewhere than it did. */
  setCoordinate(peer: PeerHandle, coordinate: Coordinate): void {
    for (let next = this.#coordinates.length; next <= peer; next++) this.#coordinates.push(origin);
    this.#coordinates[peer] = coordinate;
  }

  /** What a peer that has handed over, a client, answers to a ping; null when it must be asked itself. */
  answer(peer: PeerHandle, nonce: number): Pong | null {
    const integer = peer * rowIntegers;
    if ((this.#integers[integer + state]! & handedOver) === 0) return null;
    const clientRoom = this.#integers[integer + room]!;
    return { kind: 'pong', nonce, coordinate: this.#coordinates[peer]!, serverRoom: 0, clientRoom };
  }

  // --- A quiet peer's beats ----------------------------------------------------------------------------------------------

  /**
   * A beat of a peer that has handed over, if it is due and nothing else is: it is counted, and the next one appointed. Returns false,
   * with nothing done, when the peer must see to it itself.
   */
  beats(peer: PeerHandle, nowMs: number): boolean {
    if (!this.#isRoutine(peer, nowMs)) return false;
    this.#count(peer, nowMs);
    return true;
  }

  /**
   * The same without its peer, for whom the carrier passes the word to all children (`firstSeatOf`, `lands`), which `hearsWord` takes in. Returns false, with
   * nothing done, when one of them is silent or has yet to hear of its relatives, or the last word is still under way.
   */
  beatsAlone(peer: PeerHandle, nowMs: number): boolean {
    if (!this.#isRoutine(peer, nowMs)) return false;
    const integers = this.#integers;
    const integer = peer * rowIntegers;
    if ((integers[integer + state]! & isParent) !== 0) {
      const numbers = this.#numbers;
      const number = peer * rowNumbers;
      if (nowMs <= numbers[number + landsAt]!) return false;
      const first = integers[integer + firstSeat]!;
      if (!this.seats.areWell(first, integers[integer + ownRoster]!, nowMs - numbers[number + childSilence]!))
        return false;
      const beat = integers[integer + ownBeat]! + 1;
      this.hasSent(peer, beat, nowMs);
      integers[integer + toldBeat] = beat;
      numbers[number + toldSequence] = numbers[number + sequence]!;
    }
    this.#count(peer, nowMs);
    return true;
  }

  #isRoutine(peer: PeerHandle, nowMs: number): boolean {
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    return (
      (integers[integer + state]! & handedOver) !== 0 &&
      integers[integer + routineBeats]! > 0 &&
      nowMs < numbers[number + quietUntil]! &&
      numbers[number + beatAt]! <= nowMs &&
      numbers[number + silenceAt]! > nowMs
    );
  }

  #count(peer: PeerHandle, nowMs: number): void {
    const integer = peer * rowIntegers;
    const number = peer * rowNumbers;
    this.#integers[integer + routineBeats]!--;
    this.#integers[integer + routineDone]!++;
    this.#numbers[number + beatAt] = nowMs + this.#numbers[number + interval]!;
  }

  /**
   * What a peer that beats tells its parent, if it need not be written out: the parent has had a whole beat, and no quiet one is under way to it.
   * `heardBeat` takes it in at the parent. Returns false, with nothing done, when it must.
   */
  tellsQuietly(peer: PeerHandle, nowMs: number): boolean {
    const integer = peer * rowIntegers;
    const integers = this.#integers;
    if ((integers[integer + state]! & (introduced | underWay)) !== introduced) return false;
    integers[integer + state]! |= underWay;
    integers[integer + echo] = integers[integer + parentBeat]!;
    this.#numbers[peer * rowNumbers + held] = nowMs - this.#numbers[peer * rowNumbers + parentHeardAt]!;
    return true;
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

  /** The same for the word that `beatsAlone` passed down. */
  hearsWord(peer: PeerHandle, from: PeerHandle, nowMs: number): boolean {
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    const fromNumber = from * rowNumbers;
    const fromInteger = from * rowIntegers;
    const isRoutine =
      (integers[integer + state]! & handedOver) !== 0 &&
      integers[integer + parent] === from &&
      integers[fromInteger + stampRoot] === integers[integer + stampRoot] &&
      numbers[fromNumber + term] === numbers[number + term] &&
      numbers[fromNumber + toldSequence]! > numbers[number + sequence]! &&
      integers[fromInteger + depth]! + 1 === integers[integer + depth] &&
      numbers[fromNumber + interval] === numbers[number + interval] &&
      integers[fromInteger + release]! <= integers[integer + release]! &&
      (integers[fromInteger + viewDigest] === integers[integer + viewDigest] ||
        integers[fromInteger + viewDigest] === 0) &&
      integers[fromInteger + castDigest] === integers[integer + castDigest] &&
      numbers[number + beatAt]! <= numbers[number + silenceAt]!;
    if (!isRoutine) return false;
    numbers[number + parentHeardAt] = nowMs;
    integers[integer + parentBeat] = integers[fromInteger + toldBeat]!;
    numbers[number + sequence] = numbers[fromNumber + toldSequence]!;
    numbers[number + silenceAt] = nowMs + numbers[number + silence]!;
    return true;
  }

  /** The word that was passed down last, written out. */
  wordOf(peer: PeerHandle, standing: Standing): HeartbeatDown {
    const numbers = this.#numbers;
    const integers = this.#integers;
    const number = peer * rowNumbers;
    const integer = peer * rowIntegers;
    return {
      kind: 'heartbeat-down',
      tree: 'clients',
      stamp: {
        root: integers[integer + stampRoot] as PeerHandle,
        term: numbers[number + term]!,
        sequence: numbers[number + toldSequence]!,
      },
      depth: integers[integer + depth]!,
      beat: integers[integer + toldBeat]!,
      intervalMs: numbers[number + interval]!,
      rosterVersion: integers[integer + ownRoster]!,
      roster: null,
      standing,
      release: integers[integer + release]!,
      deltas: noDeltas,
      membershipDigest: integers[integer + viewDigest]!,
      castDigest: integers[integer + castDigest]!,
    };
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

  /** The last beat of a peer to its clients, when it was sent, ms, and when the one before it; NaN for one that was not sent. */
  ownBeat(peer: PeerHandle): number {
    return this.#integers[peer * rowIntegers + ownBeat]!;
  }

  sentAtMs(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + sentAt]!;
  }

  sentBeforeMs(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + sentBeforeAt]!;
  }

  /** The stamp that was passed down last. */
  toldSequence(peer: PeerHandle): number {
    return this.#numbers[peer * rowNumbers + toldSequence]!;
  }

  /** A peer's clients sit in these seats, in the order in which they were accepted. */
  seatClients(peer: PeerHandle, seats: readonly number[]): void {
    this.#integers[peer * rowIntegers + firstSeat] = seats[0] ?? noSeat;
    for (let at = 0; at < seats.length; at++) this.seats.setSibling(seats[at]!, seats[at + 1] ?? noSeat);
  }

  firstSeatOf(peer: PeerHandle): number {
    return this.#integers[peer * rowIntegers + firstSeat]!;
  }

  /** What a peer tells its clients of each other has changed. */
  setRoster(peer: PeerHandle, version: number): void {
    this.#integers[peer * rowIntegers + ownRoster] = version;
  }

  /** The word that was passed down has reached everybody by then. */
  lands(peer: PeerHandle, atMs: number): void {
    this.#numbers[peer * rowNumbers + landsAt] = atMs;
  }

  /** A child has taken this seat; what has no row here is somebody in another process. */
  seated(child: PeerHandle, seat: number): void {
    if (child * rowNumbers < this.#numbers.length) this.#integers[child * rowIntegers + seatNumber] = seat;
  }

  /** The quiet beat of a peer is under way no more. */
  hasLanded(peer: PeerHandle): void {
    this.#integers[peer * rowIntegers + state]! &= ~underWay;
  }

  /**
   * The quiet beat of `child` has arrived at `peer`, which has nothing to do but to note it. Returns false, with nothing noted, when
   * the round trip must be looked at, or the child has no seat there: `echoOf` and `heldOf` tell the peer what was said.
   */
  heardBeat(peer: PeerHandle, child: PeerHandle, nowMs: number): boolean {
    const integers = this.#integers;
    const integer = child * rowIntegers;
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

  #grow(rows: number): void {
    const numbers = new Float64Array(rows * rowNumbers);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#integers = new Int32Array(numbers.buffer);
  }
}
