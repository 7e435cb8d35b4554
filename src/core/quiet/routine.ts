/**
 * The short way for routine heartbeats, which are nearly all.
 *
 * Most peers of a farm are clients without children, and most of their heartbeats bring no news: the parent is there, the roster is
 * unchanged, no peer asks for anything. The long way through all state machines would find nothing to do, and only fetch them all from
 * memory, which dominates the cost when a hundred thousand peers share a process. So when the long way has found nothing, it says for how
 * many beats it will find nothing again (`routineBeats`); any other event resets that number. Meanwhile the peer hands its pulse over
 * (`pulses.ts`). The short way has exactly the effects of the long one: the same messages, deadlines and state.
 */
import { invariant } from '../invariant.ts';
import type { Context } from '../context.ts';
import { isSound } from '../reach/coordinates.ts';
import type { PeerHandle } from '../ids.ts';
import type { Coordinate, HeartbeatUp } from '../messages/index.ts';
import { fits } from './pulse-rows.ts';
import type { Parts } from '../parts.ts';
import { beatClients, beatUp, silenceMs } from '../heartbeat.ts';
import type { Tree } from '../tree/tree.ts';

export class Routine {
  readonly #ctx: Context;
  readonly #clients: Tree;
  readonly #parts: Parts;
  /** The pulse is handed over. */
  #isHandedOver = false;
  /**
   * What the parent was told in the last whole beat, if nothing has happened since. A null coordinate means that the next beat must be
   * whole.
   */
  #toldCoordinate: Coordinate | null = null;
  #toldReachable = false;
  #toldSize = 0;
  #toldHeight = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#ctx = parts.ctx;
    this.#clients = parts.clients;
  }

  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  /** Hands the pulse over, if there will be nothing to do for some beats. */
  handOver(): void {
    const ctx = this.#ctx;
    const clients = this.#clients;
    if (ctx.routineBeats <= 0 || this.#isHandedOver) return;
    const beatAtMs = ctx.timers.onlyPulse();
    const isQuiet =
      clients.isSettled &&
      beatAtMs !== null &&
      ctx.role === 'client' &&
      ctx.intervalMs === clients.parentIntervalMs &&
      fits(clients.parentBeat) &&
      fits(clients.parentRosterVersion) &&
      fits(ctx.releaseNumber) &&
      ctx.castDigestBefore === ctx.castDigest &&
      ctx.castMismatchBeats === 0;
    if (!isQuiet || clients.parentStanding === null) return;
    const { form } = ctx.pulses;
    form.parent = clients.parent;
    form.beatAtMs = beatAtMs;
    form.silenceAtMs = ctx.timers.silenceAtMs;
    form.quietUntilMs = ctx.dialledEnoughUntilMs;
    form.intervalMs = ctx.intervalMs;
    form.silenceMs = silenceMs(ctx, clients);
    form.childSilenceMs = clients.below.silenceMs;
    form.parentHeardAtMs = clients.parentHeardAtMs;
    form.parentBeat = clients.parentBeat;
    form.routineBeats = ctx.routineBeats;
    clients.writePlace(form);
    form.rosterVersion = clients.parentRosterVersion;
    form.viewDigest = ctx.viewDigest;
    form.castDigest = ctx.castDigest;
    form.release = ctx.releaseNumber;
    form.standing = ctx.authority.standing;
    form.parentStanding = clients.parentStanding;
    form.coordinate = ctx.coordinate;
    form.room = clients.room;
    form.isIntroduced = this.#isIntroduced();
    this.#isHandedOver = ctx.pulses.handOver(ctx.self, ctx.nowMs);
  }

  /** Takes the pulse back, because there is something else to do. */
  takeBack(): void {
    const ctx = this.#ctx;
    const { self, pulses, timers } = ctx;
    this.#isHandedOver = false;
    pulses.takeBack(self);
    const done = pulses.routineDone(self);
    ctx.routineBeats -= done;
    invariant(ctx.routineBeats >= 0, 'no more beats go by quietly than were promised to be quiet');
    ctx.routineDone += done;
    timers.set('beat', pulses.beatAtMs(self));
    timers.set('silence', pulses.silenceAtMs(self));
    this.#clients.resume();
  }

  /** Processes a beat, if it is all that is due. Returns false, with nothing done, when the long way is needed. */
  beat(): boolean {
    const { self, pulses, nowMs } = this.#ctx;
    const clients = this.#clients;
    this.handOver();
    if (!this.#isHandedOver || clients.below.hasSilent || !pulses.beats(self, nowMs)) return false;
    clients.resume();
    beatClients(this.#parts);
    this.#introduce();
    return true;
  }

  /** The children have had this beat (`Pulses.beatsAlone`), and the beat to the parent carries more than the time. */
  tellParent(): void {
    this.#clients.resume();
    beatUp(this.#parts, this.#clients);
    this.#introduce();
  }

  #introduce(): void {
    this.hasTold();
    this.#ctx.pulses.introduce(this.#ctx.self);
  }

  /** A round trip or a child's beat was noted, so what others were told may be outdated. */
  noted(): void {
    if (!this.#isHandedOver) return;
    const { pulses, self, coordinate } = this.#ctx;
    pulses.setCoordinate(self, coordinate);
    if (!this.#isIntroduced()) pulses.unintroduce(self);
  }

  /** A whole beat was just sent to the parent. */
  hasTold(): void {
    this.#toldCoordinate = this.#ctx.coordinate;
    this.#toldReachable = this.#ctx.reachable;
    const { size, height } = this.#clients.extent();
    this.#toldSize = size;
    this.#toldHeight = height;
  }

  /** Something happened: the next heartbeat goes the long way. */
  end(): void {
    this.#ctx.routineBeats = 0;
    this.#toldCoordinate = null;
  }

  #isIntroduced(): boolean {
    const { coordinate, reachable } = this.#ctx;
    if (this.#toldCoordinate !== coordinate || this.#toldReachable !== reachable) return false;
    const { size, height } = this.#clients.extent();
    return this.#toldSize === size && this.#toldHeight === height;
  }
}

/** Processes a client's beat at its parent. Returns false, with nothing done, when the sender is no client of it. */
export function routineHeardChild(clients: Tree, from: PeerHandle, beat: HeartbeatUp): boolean {
  if (beat.tree !== 'clients') return false;
  const child = clients.child(from);
  if (child === null) return false;
  // Most coordinates equal the last beat's, which were checked then.
  if (beat.coordinate === child.coordinate || isSound(beat.coordinate)) clients.heardChild(child, beat);
  return true;
}
