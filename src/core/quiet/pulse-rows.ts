/**
 * The rows in which quiet peers keep their pulses: how one is handed over, read, and taken back. What goes by in them is in `pulses.ts`.
 */
import { invariant } from '../invariant.ts';
import { origin } from '../reach/coordinates.ts';
import { NOBODY, firstStanding, isSameStanding } from '../ids.ts';
import type { PeerHandle, Standing } from '../ids.ts';
import type { Coordinate, Pong } from '../messages/index.ts';
import * as row from './pulse-layout.ts';
import { Seats, noSeat } from './seats.ts';
import { Spots } from './spots.ts';

/** A number that fits a row's integers. Those of honest peers do, for tens of years; what a liar says need not. */
export function fits(number: number): boolean {
  return (number | 0) === number;
}

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
  life = 0;
  sequence = 0;
  depth = 0;
  /** What it has: a parent that says the same has nothing new. */
  rosterVersion = 0;
  viewDigest = 0;
  castDigest = 0;
  release = 0;
  /** Where authority stands, as this peer knows it, and as its parent last said. */
  standing: Standing = firstStanding;
  parentStanding: Standing = firstStanding;
  /** What it answers to a ping. */
  coordinate: Coordinate = origin;
  room = 0;
  /** The parent has all that the next beat will say, but for its times, from an earlier one. */
  isIntroduced = false;
}

export class PulseRows {
  /** Where these peers' children sit. */
  readonly seats = new Seats();
  /** Where they lie themselves. */
  readonly spots = new Spots();
  readonly form = new QuietPulse();
  protected numbers = new Float64Array(0);
  protected integers = new Int32Array(0);
  /** What those that have handed over told last. */
  readonly #coordinates: Coordinate[] = [];
  /** Where authority stands: as they tell their children, and as their parents told them. Nearly all hold the same object. */
  readonly #standings: Standing[] = [];
  readonly #parentStandings: Standing[] = [];

  /** A new life begins: a row for it. What an earlier life has under way stays so. */
  open(peer: PeerHandle): void {
    const rows = this.numbers.length / row.numberWidth;
    if (peer >= rows) this.#grow(Math.max(peer + 1, Math.ceil(rows * 1.5)));
    this.close(peer);
    this.integers[peer * row.integerWidth + row.seatNumber] = noSeat;
    this.integers[peer * row.integerWidth + row.parent] = NOBODY;
    this.integers[peer * row.integerWidth + row.ownBeat] = 0;
    this.integers[peer * row.integerWidth + row.firstSeat] = noSeat;
    this.numbers[peer * row.numberWidth + row.sentAt] = Number.NaN;
    this.spots.open(peer);
  }

  /** The life is over: nothing is handed over any more. */
  close(peer: PeerHandle): void {
    this.integers[peer * row.integerWidth + row.state]! &= row.underWay;
  }

  // --- Handing over and taking back ------------------------------------------------------------------------------------

  /**
   * The row takes over what is in the form. Returns false, with nothing done, while a word to the children is under way that the row
   * still has to tell, and the peer would say another now.
   */
  handOver(peer: PeerHandle, nowMs: number): boolean {
    const pulse = this.form;
    const numbers = this.numbers;
    const integers = this.integers;
    const number = peer * row.numberWidth;
    const integer = peer * row.integerWidth;
    invariant(
      (integers[integer + row.state]! & row.handedOver) === 0,
      'a pulse is handed over once, until it is taken back',
    );
    if (nowMs <= numbers[number + row.landsAt]! && this.#saysOtherwise(peer)) return false;
    numbers[number + row.beatAt] = pulse.beatAtMs;
    numbers[number + row.silenceAt] = pulse.silenceAtMs;
    numbers[number + row.quietUntil] = pulse.quietUntilMs;
    numbers[number + row.parentHeardAt] = pulse.parentHeardAtMs;
    numbers[number + row.interval] = pulse.intervalMs;
    if (integers[integer + row.parent] !== pulse.parent) numbers[number + row.way] = Number.NaN;
    integers[integer + row.parent] = pulse.parent;
    integers[integer + row.parentBeat] = pulse.parentBeat;
    integers[integer + row.routineBeats] = pulse.routineBeats;
    integers[integer + row.routineDone] = 0;
    numbers[number + row.sequence] = pulse.sequence;
    numbers[number + row.life] = pulse.life;
    numbers[number + row.silence] = pulse.silenceMs;
    numbers[number + row.childSilence] = pulse.childSilenceMs;
    integers[integer + row.stampRoot] = pulse.stampRoot;
    integers[integer + row.depth] = pulse.depth;
    integers[integer + row.viewDigest] = pulse.viewDigest;
    integers[integer + row.castDigest] = pulse.castDigest;
    integers[integer + row.release] = pulse.release;
    integers[integer + row.rosterVersion] = pulse.rosterVersion;
    integers[integer + row.room] = pulse.room;
    this.setCoordinate(peer, pulse.coordinate);
    this.#standings[peer] = pulse.standing;
    this.#parentStandings[peer] = pulse.parentStanding;
    const before = integers[integer + row.state]! & row.underWay;
    const children = integers[integer + row.firstSeat] === noSeat ? 0 : row.isParent;
    integers[integer + row.state] = before | row.handedOver | children | (pulse.isIntroduced ? row.introduced : 0);
    return true;
  }

  /** Whether what a peer says to its children, but for time, differs from what its row tells. */
  #saysOtherwise(peer: PeerHandle): boolean {
    const pulse = this.form;
    const integers = this.integers;
    const integer = peer * row.integerWidth;
    return (
      integers[integer + row.stampRoot] !== pulse.stampRoot ||
      this.numbers[peer * row.numberWidth + row.life] !== pulse.life ||
      integers[integer + row.depth] !== pulse.depth ||
      this.numbers[peer * row.numberWidth + row.interval] !== pulse.intervalMs ||
      integers[integer + row.release] !== pulse.release ||
      !isSameStanding(this.standingOf(peer), pulse.standing) ||
      integers[integer + row.viewDigest] !== pulse.viewDigest ||
      integers[integer + row.castDigest] !== pulse.castDigest
    );
  }

  /** The row is the truth no more. */
  takeBack(peer: PeerHandle): void {
    const state = peer * row.integerWidth + row.state;
    invariant((this.integers[state]! & row.handedOver) !== 0, 'what is taken back was handed over');
    this.integers[state]! &= row.underWay;
  }

  beatAtMs(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.beatAt]!;
  }

  silenceAtMs(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.silenceAt]!;
  }

  parentHeardAtMs(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.parentHeardAt]!;
  }

  parentBeat(peer: PeerHandle): number {
    return this.integers[peer * row.integerWidth + row.parentBeat]!;
  }

  sequence(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.sequence]!;
  }

  /** The beat that went by was the last of those in which nothing is to be done but to beat. */
  isLookDue(peer: PeerHandle): boolean {
    return this.integers[peer * row.integerWidth + row.routineBeats] === 0;
  }

  /** Beats that went by here since it handed over. */
  routineDone(peer: PeerHandle): number {
    return this.integers[peer * row.integerWidth + row.routineDone]!;
  }

  /** A quiet peer lies elsewhere than it did. */
  setCoordinate(peer: PeerHandle, coordinate: Coordinate): void {
    for (let next = this.#coordinates.length; next <= peer; next++) {
      this.#coordinates.push(origin);
      this.#standings.push(firstStanding);
      this.#parentStandings.push(firstStanding);
    }
    this.#coordinates[peer] = coordinate;
  }

  /** Where authority stands, as this peer tells its children. */
  standingOf(peer: PeerHandle): Standing {
    return this.#standings[peer] ?? firstStanding;
  }

  /** Whether a parent that says this tells nothing new of where authority stands. A new standing concerns the peer itself. */
  isKnownStanding(peer: PeerHandle, said: Standing): boolean {
    return isSameStanding(this.#parentStandings[peer] ?? firstStanding, said);
  }

  /** What a peer that has handed over, a client, answers to a ping; null when it must be asked itself. */
  answer(peer: PeerHandle, nonce: number): Pong | null {
    const integer = peer * row.integerWidth;
    if ((this.integers[integer + row.state]! & row.handedOver) === 0) return null;
    const clientRoom = this.integers[integer + row.room]!;
    return { kind: 'pong', nonce, coordinate: this.#coordinates[peer]!, serverRoom: 0, clientRoom };
  }

  #grow(rows: number): void {
    const numbers = new Float64Array(rows * row.numberWidth);
    numbers.set(this.numbers);
    this.numbers = numbers;
    this.integers = new Int32Array(numbers.buffer);
  }
}
