/**
 * The pulses of quiet peers in flat arrays (structure of arrays): everything that their heartbeats read and write, side by side.
 *
 * When a hundred thousand peers share a process, most time goes into fetching their state from memory. A quiet peer (see `routine.ts`)
 * needs few numbers to beat and to hear its parent. It *hands over* these numbers to its row, three cache lines (`pulse-rows.ts`), and
 * takes them back as soon as anything else happens. Between the two only the row is current. A process that runs many peers may process
 * their beats here without waking them; a peer alone in its process uses its one row in the same way.
 *
 * Times are in ms by the peers' clocks; rows are numbered by the peers' handles.
 */
import type { PeerHandle } from '../ids.ts';
import type { HeartbeatDown, MemberRecord } from '../messages/index.ts';
import { mostSequence } from '../tree/place.ts';
import * as row from './pulse-layout.ts';
import { PulseRows, fits } from './pulse-rows.ts';
import { noSeat } from './seats.ts';

const noDeltas: readonly MemberRecord[] = [];

export class Pulses extends PulseRows {
  // --- A quiet peer's beats ----------------------------------------------------------------------------------------------

  /**
   * Counts a beat of a peer that has handed over and schedules the next one, if a beat is all that is due. Returns false, with nothing
   * done, when the peer must do it itself.
   */
  beats(peer: PeerHandle, nowMs: number): boolean {
    if (!this.#isRoutine(peer, nowMs)) return false;
    this.#count(peer, nowMs);
    return true;
  }

  /**
   * Counts a beat without waking the peer. The carrier then delivers the beat to all children (`firstSeatOf`, `lands`), and `hearsWord`
   * processes it at each of them. Returns false, with nothing done, when a child is silent or has an old roster, or when the last beat is
   * still on its way.
   */
  beatsAlone(peer: PeerHandle, nowMs: number): boolean {
    if (!this.#isRoutine(peer, nowMs)) return false;
    const integers = this.integers;
    const integer = peer * row.integerWidth;
    if ((integers[integer + row.state]! & row.isParent) !== 0) {
      const numbers = this.numbers;
      const number = peer * row.numberWidth;
      if (nowMs <= numbers[number + row.landsAt]!) return false;
      const first = integers[integer + row.firstSeat]!;
      if (!this.seats.areWell(first, integers[integer + row.ownRoster]!, nowMs - numbers[number + row.childSilence]!))
        return false;
      const beat = integers[integer + row.ownBeat]! + 1;
      this.hasSent(peer, beat, nowMs);
      integers[integer + row.toldBeat] = beat;
      numbers[number + row.toldSequence] = numbers[number + row.sequence]!;
    }
    this.#count(peer, nowMs);
    return true;
  }

  #isRoutine(peer: PeerHandle, nowMs: number): boolean {
    const numbers = this.numbers;
    const integers = this.integers;
    const number = peer * row.numberWidth;
    const integer = peer * row.integerWidth;
    return (
      (integers[integer + row.state]! & row.handedOver) !== 0 &&
      integers[integer + row.routineBeats]! > 0 &&
      nowMs < numbers[number + row.quietUntil]! &&
      numbers[number + row.beatAt]! <= nowMs &&
      numbers[number + row.silenceAt]! > nowMs
    );
  }

  #count(peer: PeerHandle, nowMs: number): void {
    const integer = peer * row.integerWidth;
    const number = peer * row.numberWidth;
    this.integers[integer + row.routineBeats]!--;
    this.integers[integer + row.routineDone]!++;
    this.numbers[number + row.beatAt] = nowMs + this.numbers[number + row.interval]!;
  }

  /**
   * Sends a quiet beat to the parent, which need not be written out: the parent has had a whole beat, and no quiet beat is on its way to
   * it. `heardBeat` processes it at the parent. Returns false, with nothing done, when a whole beat is needed.
   */
  tellsQuietly(peer: PeerHandle, nowMs: number): boolean {
    const integer = peer * row.integerWidth;
    const integers = this.integers;
    if ((integers[integer + row.state]! & (row.introduced | row.underWay)) !== row.introduced) return false;
    integers[integer + row.state]! |= row.underWay;
    integers[integer + row.echo] = integers[integer + row.parentBeat]!;
    this.numbers[peer * row.numberWidth + row.held] = nowMs - this.numbers[peer * row.numberWidth + row.parentHeardAt]!;
    return true;
  }

  /** The parent has received a whole beat from this peer. */
  introduce(peer: PeerHandle): void {
    this.integers[peer * row.integerWidth + row.state]! |= row.introduced;
  }

  /** The content of this peer's beats to its parent has changed. */
  unintroduce(peer: PeerHandle): void {
    this.integers[peer * row.integerWidth + row.state]! &= ~row.introduced;
  }

  parentOf(peer: PeerHandle): PeerHandle {
    return this.integers[peer * row.integerWidth + row.parent] as PeerHandle;
  }

  /** Its next alarm: its own beat, or the parent's silence. */
  wakeAtMs(peer: PeerHandle): number {
    const number = peer * row.numberWidth;
    return Math.min(this.numbers[number + row.beatAt]!, this.numbers[number + row.silenceAt]!);
  }

  /**
   * Processes a parent's beat at a peer that has handed over, if the beat has no news: the same roster, the same place, a newer stamp.
   * Returns false, with nothing done, when there is news, or when the alarm must be postponed.
   */
  hears(peer: PeerHandle, from: PeerHandle, beat: HeartbeatDown, nowMs: number): boolean {
    const numbers = this.numbers;
    const integers = this.integers;
    const number = peer * row.numberWidth;
    const integer = peer * row.integerWidth;
    const { stamp, roster } = beat;
    const isRoutine =
      (integers[integer + row.state]! & row.handedOver) !== 0 &&
      integers[integer + row.parent] === from &&
      beat.tree === 'clients' &&
      (roster === null || roster.version === integers[integer + row.rosterVersion]) &&
      stamp !== null &&
      stamp.root === integers[integer + row.stampRoot] &&
      stamp.life === numbers[number + row.life] &&
      stamp.sequence > numbers[number + row.sequence]! &&
      stamp.sequence <= mostSequence &&
      beat.depth + 1 === integers[integer + row.depth] &&
      beat.intervalMs === numbers[number + row.interval] &&
      beat.release <= integers[integer + row.release]! &&
      (beat.membershipDigest === integers[integer + row.viewDigest] || beat.membershipDigest === 0) &&
      beat.castDigest === integers[integer + row.castDigest] &&
      this.isKnownStanding(peer, beat.standing) &&
      fits(beat.beat) &&
      numbers[number + row.beatAt]! <= numbers[number + row.silenceAt]!;
    if (!isRoutine) return false;
    numbers[number + row.parentHeardAt] = nowMs;
    integers[integer + row.parentBeat] = beat.beat;
    numbers[number + row.sequence] = stamp.sequence;
    numbers[number + row.silenceAt] = nowMs + numbers[number + row.silence]!;
    return true;
  }

  /** As `hears`, for a beat that `beatsAlone` sent down without writing it out. */
  hearsWord(peer: PeerHandle, from: PeerHandle, nowMs: number): boolean {
    const numbers = this.numbers;
    const integers = this.integers;
    const number = peer * row.numberWidth;
    const integer = peer * row.integerWidth;
    const fromNumber = from * row.numberWidth;
    const fromInteger = from * row.integerWidth;
    const isRoutine =
      (integers[integer + row.state]! & row.handedOver) !== 0 &&
      integers[integer + row.parent] === from &&
      integers[fromInteger + row.stampRoot] === integers[integer + row.stampRoot] &&
      numbers[fromNumber + row.life] === numbers[number + row.life] &&
      numbers[fromNumber + row.toldSequence]! > numbers[number + row.sequence]! &&
      integers[fromInteger + row.depth]! + 1 === integers[integer + row.depth] &&
      numbers[fromNumber + row.interval] === numbers[number + row.interval] &&
      integers[fromInteger + row.release]! <= integers[integer + row.release]! &&
      (integers[fromInteger + row.viewDigest] === integers[integer + row.viewDigest] ||
        integers[fromInteger + row.viewDigest] === 0) &&
      integers[fromInteger + row.castDigest] === integers[integer + row.castDigest] &&
      this.isKnownStanding(peer, this.standingOf(from)) &&
      numbers[number + row.beatAt]! <= numbers[number + row.silenceAt]!;
    if (!isRoutine) return false;
    numbers[number + row.parentHeardAt] = nowMs;
    integers[integer + row.parentBeat] = integers[fromInteger + row.toldBeat]!;
    numbers[number + row.sequence] = numbers[fromNumber + row.toldSequence]!;
    numbers[number + row.silenceAt] = nowMs + numbers[number + row.silence]!;
    return true;
  }

  /** The last such beat, written out as a message. */
  wordOf(peer: PeerHandle): HeartbeatDown {
    const numbers = this.numbers;
    const integers = this.integers;
    const number = peer * row.numberWidth;
    const integer = peer * row.integerWidth;
    return {
      kind: 'heartbeat-down',
      tree: 'clients',
      stamp: {
        root: integers[integer + row.stampRoot] as PeerHandle,
        life: numbers[number + row.life]!,
        sequence: numbers[number + row.toldSequence]!,
      },
      depth: integers[integer + row.depth]!,
      beat: integers[integer + row.toldBeat]!,
      intervalMs: numbers[number + row.interval]!,
      rosterVersion: integers[integer + row.ownRoster]!,
      roster: null,
      standing: this.standingOf(peer),
      release: integers[integer + row.release]!,
      deltas: noDeltas,
      membershipDigest: integers[integer + row.viewDigest]!,
      castDigest: integers[integer + row.castDigest]!,
    };
  }

  // --- A parent's side -----------------------------------------------------------------------------------------------------

  /** A peer has sent this beat to its clients, whose echoes come back. */
  hasSent(peer: PeerHandle, beat: number, nowMs: number): void {
    const number = peer * row.numberWidth;
    this.numbers[number + row.sentBeforeAt] =
      this.integers[peer * row.integerWidth + row.ownBeat] === beat - 1
        ? this.numbers[number + row.sentAt]!
        : Number.NaN;
    this.numbers[number + row.sentAt] = nowMs;
    this.integers[peer * row.integerWidth + row.ownBeat] = beat;
  }

  /**
   * The number of a peer's last beat to its clients, when it was sent, ms, and when the one before it was; NaN for one that was not sent.
   */
  ownBeat(peer: PeerHandle): number {
    return this.integers[peer * row.integerWidth + row.ownBeat]!;
  }

  sentAtMs(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.sentAt]!;
  }

  sentBeforeMs(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.sentBeforeAt]!;
  }

  /** The stamp that was last sent down. */
  toldSequence(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.toldSequence]!;
  }

  /** A peer's clients sit in these seats, in the order in which they were accepted. */
  seatClients(peer: PeerHandle, children: readonly { readonly seat: number }[]): void {
    this.integers[peer * row.integerWidth + row.firstSeat] = children[0]?.seat ?? noSeat;
    for (const [at, { seat }] of children.entries()) this.seats.setSibling(seat, children[at + 1]?.seat ?? noSeat);
  }

  firstSeatOf(peer: PeerHandle): number {
    return this.integers[peer * row.integerWidth + row.firstSeat]!;
  }

  /** The roster that a peer sends to its clients has changed. */
  setRoster(peer: PeerHandle, version: number): void {
    this.integers[peer * row.integerWidth + row.ownRoster] = version;
  }

  /** By this time the last quiet beat has reached every child. */
  lands(peer: PeerHandle, atMs: number): void {
    this.numbers[peer * row.numberWidth + row.landsAt] = atMs;
  }

  /** A child has taken this seat; a child without a row here lives in another process. */
  seated(child: PeerHandle, seat: number): void {
    if (child * row.numberWidth < this.numbers.length) this.integers[child * row.integerWidth + row.seatNumber] = seat;
  }

  /** The quiet beat of this peer has arrived or is lost. */
  hasLanded(peer: PeerHandle): void {
    this.integers[peer * row.integerWidth + row.state]! &= ~row.underWay;
  }

  /**
   * Notes the quiet beat of `child` at `peer`. Returns false, with nothing noted, when the peer must look at the round trip itself, or the
   * child has no seat there: `echoOf` and `heldOf` then give what the beat said.
   */
  heardBeat(peer: PeerHandle, child: PeerHandle, nowMs: number): boolean {
    const integers = this.integers;
    const integer = child * row.integerWidth;
    const late = integers[peer * row.integerWidth + row.ownBeat]! - integers[integer + row.echo]!;
    if (late !== 0 && late !== 1) return false;
    const sentAtMs = this.numbers[peer * row.numberWidth + (late === 0 ? row.sentAt : row.sentBeforeAt)]!;
    const rttMs = nowMs - sentAtMs - this.numbers[child * row.numberWidth + row.held]!;
    return this.seats.heard(integers[integer + row.seatNumber]!, peer, child, rttMs, nowMs);
  }

  /** The content of a peer's last quiet beat: the parent's beat that it echoes, and how long the peer had held it. */
  echoOf(peer: PeerHandle): number {
    return this.integers[peer * row.integerWidth + row.echo]!;
  }

  heldOf(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.held]!;
  }

  // --- Kept here for the carrier of the messages -------------------------------------------------------------------------

  /** How long a message to the parent takes; NaN when it was not set since the parent changed. */
  wayMs(peer: PeerHandle): number {
    return this.numbers[peer * row.numberWidth + row.way]!;
  }

  setWayMs(peer: PeerHandle, wayMs: number): void {
    this.numbers[peer * row.numberWidth + row.way] = wayMs;
  }
}
