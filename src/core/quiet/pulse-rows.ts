/**
 * The rows that hold the pulses of quiet peers (structure of arrays): handing over, reading, and taking back. `pulses.ts` processes the
 * beats in them.
 */
import { invariant } from '../invariant.ts';
import { origin } from '../reach/coordinates.ts';
import { NOBODY, firstStanding, isSameStanding } from '../ids.ts';
import type { PeerHandle, Standing } from '../ids.ts';
import type { Coordinate, Pong } from '../messages/index.ts';
import * as row from './pulse-layout.ts';
import { Seats, noSeat } from './seats.ts';
import { Spots } from './spots.ts';

/** A number that fits a row's integers. An honest peer's numbers fit for tens of years; a liar's need not. */
export function fits(number: number): boolean {
  return (number | 0) === number;
}

/** What a quiet peer hands over. One object serves as the form for all of them, one after the other. */
export class QuietPulse {
  parent: PeerHandle = NOBODY;
  /** When it beats next, and when its parent counts as silent. */
  beatAtMs = 0;
  silenceAtMs = 0;
  /** Until then there is nothing to do but to beat. */
  quietUntilMs = 0;
  intervalMs = 0;
  /** The parent counts as silent after this time without a beat. */
  silenceMs = 0;
  /** A child counts as silent after this time without a beat. */
  childSilenceMs = 0;
  parentHeardAtMs = 0;
  parentBeat = 0;
  routineBeats = 0;
  /** Its place, by the parent's last stamp. */
  stampRoot: PeerHandle = NOBODY;
  life = 0;
  sequence = 0;
  depth = 0;
  /** The digests and versions that it has: a parent that reports the same has no news. */
  rosterVersion = 0;
  viewDigest = 0;
  castDigest = 0;
  release = 0;
  /** The standing as this peer knows it, and as its parent last reported it. */
  standing: Standing = firstStanding;
  parentStanding: Standing = firstStanding;
  /** Its answer to a ping. */
  coordinate: Coordinate = origin;
  room = 0;
  /** The parent has everything that the next beat will say, except the times, from an earlier beat. */
  isIntroduced = false;
}

export class PulseRows {
  /** Where these peers' children sit. */
  readonly seats = new Seats();
  /** Where these peers lie in the coordinate space. */
  readonly spots = new Spots();
  readonly form = new QuietPulse();
  protected numbers = new Float64Array(0);
  protected integers = new Int32Array(0);
  /** The coordinates that these peers last told others. */
  readonly #coordinates: Coordinate[] = [];
  /** Standings: what these peers tell their children, and what their parents told them. Nearly all hold the same object. */
  readonly #standings: Standing[] = [];
  readonly #parentStandings: Standing[] = [];

  /** A new life begins with an empty row. Messages of an earlier life that are on their way stay so. */
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
   * The row takes over what is in the form. Returns false, with nothing done, while a beat to the children is on its way that the row still
   * describes, and the next beat would differ from it.
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

  /** Whether what a peer would tell its children, except the times, differs from its row. */
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

  /** The peer holds its own state again; the row is outdated. */
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

  /** The beat just processed was the last one with nothing to do but to beat. */
  isLookDue(peer: PeerHandle): boolean {
    return this.integers[peer * row.integerWidth + row.routineBeats] === 0;
  }

  /** Beats processed here since the peer handed over. */
  routineDone(peer: PeerHandle): number {
    return this.integers[peer * row.integerWidth + row.routineDone]!;
  }

  /** The coordinate of a quiet peer changed. */
  setCoordinate(peer: PeerHandle, coordinate: Coordinate): void {
    for (let next = this.#coordinates.length; next <= peer; next++) {
      this.#coordinates.push(origin);
      this.#standings.push(firstStanding);
      this.#parentStandings.push(firstStanding);
    }
    this.#coordinates[peer] = coordinate;
  }

  /** The standing that this peer tells its children. */
  standingOf(peer: PeerHandle): Standing {
    return this.#standings[peer] ?? firstStanding;
  }

  /** Whether a parent's standing is the one already known. A new standing must be seen by the peer itself. */
  isKnownStanding(peer: PeerHandle, said: Standing): boolean {
    return isSameStanding(this.#parentStandings[peer] ?? firstStanding, said);
  }

  /** The answer to a ping of a client that has handed over; null when the peer must be asked itself. */
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
