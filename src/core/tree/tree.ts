/**
 * One peer's place in one tree: its parent above, its children below, and which peers it takes.
 *
 * The tree of servers and every client tree run on this same class. A server has two of them: in the tree of servers it is a node, in the
 * tree of its own clients it is the root. A tree's root stamps its heartbeats, the stamps are passed down, and a peer's own place is
 * (stamp, depth). `passed` is the best place it ever showed to peers below; rule `feasible` compares with it.
 *
 * Source: P2P Volunteers for Reliable Server Farms, sections 3.3.2 (tree joining) and 3.3.3 (two timers); the
 * feasibility condition after Garcia-Luna-Aceves, "Loop-free routing using diffusing computations", 1993.
 */
import { invariant } from '../invariant.ts';
import { Admission } from './admission.ts';
import type { Verdict } from './admission.ts';
import type { Child } from './child.ts';
import { Children } from './children.ts';
import type { Context } from '../context.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle, Standing, TreeKind } from '../ids.ts';
import type { Coordinate, HeartbeatDown, HeartbeatUp, Join, PeerCard, Roster, Stamp } from '../messages/index.ts';
import { isSoundPlace, mostDepth } from './place.ts';
import type { Place } from './place.ts';
import type { QuietPulse } from '../quiet/pulse-rows.ts';
import { candidatesIn, composeRoster, sameFamily, samePeople } from './relatives.ts';
import { RttWindow } from './rtt-window.ts';
import { SentBeats } from './sent-beats.ts';

/** Bounds what a neighbour may claim, so that sums along the path still fit a message. */
const mostPeers = 1e9;
/** After this many heartbeats with the same stamp and an ever greater depth, the path to the root is taken for a loop. */
const mostRisenBeats = 16;

export class Tree {
  readonly kind: TreeKind;
  readonly #ctx: Context;
  isRoot = false;
  parent: PeerHandle = NOBODY;
  /**
   * The own place, as numbers. A heartbeat changes it, and a new object for each would live for one beat, which costs the garbage collector
   * most. No place while the depth is below 0.
   */
  #stampRoot: PeerHandle = NOBODY;
  #stampLife = 0;
  #stampSequence = 0;
  #depth = -1;
  #risenBeats = 0;
  parentHeardAtMs = 0;
  parentIntervalMs = 0;
  /** The parent's last beat; 0 before the first. */
  parentBeat = 0;
  /** The version of the parent's roster; 0 for none. */
  parentRosterVersion = 0;
  /** Who hangs below. */
  readonly below: Children;
  /** The parent was lost and no other has been found yet. */
  orphaned = false;
  /** A move is under way: no newer stamp is shown to peers below, so that the new parent's can be newer than ours. */
  moving = false;
  /** Takes no children: it is about to move to another tree alone. */
  closed = false;
  #parentRoster: Roster | null = null;
  parentCoordinate: Coordinate | null = null;
  readonly parentRtt = new RttWindow();
  /** The standing as the parent last reported it. It is unproven: only signed statements count. Null before the parent's first beat. */
  parentStanding: Standing | null = null;
  /** The best place ever shown below. */
  passed: Place | null = null;
  beat = 0;
  rosterVersion = 1;
  #roster: Roster | null = null;
  /** Null while there are no children to hear them. */
  #sentBeats: SentBeats | null = null;
  /** Null before the first request that is worth remembering. */
  #admission: Admission | null = null;

  constructor(kind: TreeKind, ctx: Context) {
    this.kind = kind;
    this.#ctx = ctx;
    this.below = new Children(kind, ctx);
  }

  /** In the tree: its root, or attached to a parent. */
  get attached(): boolean {
    return this.isRoot || this.parent !== NOBODY;
  }

  /** Own place by the parent's last stamped heartbeat; null while a new parent has not stamped one yet. */
  get place(): Place | null {
    if (this.#depth < 0) return null;
    const stamp = { root: this.#stampRoot, life: this.#stampLife, sequence: this.#stampSequence };
    return { stamp, depth: this.#depth };
  }

  set place(place: Place | null) {
    if (place === null) this.#depth = -1;
    else this.#stand(place.stamp, place.depth);
  }

  #stand({ root, life, sequence }: Stamp, depth: number): void {
    this.#stampRoot = root;
    this.#stampLife = life;
    this.#stampSequence = sequence;
    this.#depth = depth;
  }

  /** The root of the tree that this peer has a place in; NOBODY without one. */
  get rootOfPlace(): PeerHandle {
    return this.#depth < 0 ? NOBODY : this.#stampRoot;
  }

  get children(): readonly Child[] {
    return this.below.all;
  }

  get parentRoster(): Roster | null {
    return this.#parentRoster;
  }

  set parentRoster(roster: Roster | null) {
    this.#parentRoster = roster;
    this.parentRosterVersion = roster?.version ?? 0;
  }

  child(peer: PeerHandle): Child | null {
    return this.below.get(peer);
  }

  get room(): number {
    const usable = this.isRoot || (this.parent !== NOBODY && this.#ctx.rules.mayBeParent(this.#ctx.reachable));
    if (!usable || this.closed || this.#ctx.draining || this.isAtClientLimit || this.isShut) return 0;
    return Math.max(0, this.#ctx.options.fanOut - this.below.residents);
  }

  /** A server that declared a limit takes no more clients into its group than this. */
  get isAtClientLimit(): boolean {
    const limit = this.#ctx.limits?.clients ?? 0;
    return this.kind === 'clients' && this.isRoot && limit > 0 && this.extent().size - 1 >= limit;
  }

  /** No newcomers: the server at the top of this tree is full, and there are others. */
  get isShut(): boolean {
    return this.kind === 'clients' && this.#ctx.shut;
  }

  // --- Being a root, having a parent ---------------------------------------------------------------------------------

  becomeRoot(): void {
    this.isRoot = true;
    this.orphaned = false;
    this.moving = false;
    this.closed = false;
    this.parent = NOBODY;
    this.parentRoster = null;
    this.#stampAnew();
    this.rosterChanged();
  }

  /** Outside this tree: neither its root nor anybody's child. */
  leave(): void {
    this.isRoot = false;
    this.parent = NOBODY;
    this.orphaned = false;
    this.moving = false;
    this.closed = false;
    this.place = null;
    this.parentRoster = null;
    this.parentStanding = null;
    this.parentRtt.forget();
  }

  /**
   * Attaches to `parent`. Nothing is passed down before the new parent has sent a stamp. What a peer without children once passed binds
   * nobody any more, and may be better than its present place: it is forgotten.
   */
  adopt(parent: PeerHandle, intervalMs: number, roster: Roster): void {
    invariant(parent !== NOBODY && parent !== this.#ctx.self, 'a parent is somebody else');
    invariant(!this.isRoot, 'the root of a tree has no parent in it');
    if (this.below.all.length === 0) this.passed = null;
    this.parent = parent;
    this.orphaned = false;
    this.moving = false;
    if (!this.#ctx.rules.mayShow(false)) this.place = null;
    this.parentHeardAtMs = this.#ctx.nowMs;
    this.parentIntervalMs = this.#ctx.soundIntervalMs(intervalMs);
    this.parentBeat = 0;
    this.parentStanding = null;
    this.#risenBeats = 0;
    this.parentRoster = roster;
    this.parentCoordinate = roster.ancestors.at(-1)?.coordinate ?? null;
    this.parentRtt.forget();
    this.rosterChanged();
  }

  loseParent(): void {
    this.parent = NOBODY;
    this.orphaned = true;
    this.parentRtt.forget();
  }

  /** The place this peer shows to joiners and children; null when it has none to show. */
  shown(): Place | null {
    if (this.orphaned) return this.passed;
    if (this.#depth < 0) return null;
    const held = this.moving && !this.#ctx.rules.mayShow(false);
    if (held && this.passed !== null && this.passed.stamp.root === this.#stampRoot) return this.passed;
    return this.place;
  }

  /** Whether `passed` is as good as a place that is about to be shown: it must never be worse. */
  hasPassed({ stamp, depth }: Place): boolean {
    const { passed } = this;
    if (passed === null || passed.stamp.root !== stamp.root) return false;
    const age = stamp.life - passed.stamp.life || stamp.sequence - passed.stamp.sequence;
    return age < 0 || (age === 0 && depth >= passed.depth);
  }

  /** Remembers what was shown: `feasible` compares with it. */
  #show(place: Place): void {
    const { passed } = this;
    if (passed === null || passed.stamp.root !== place.stamp.root) {
      this.passed = place;
      return;
    }
    const age = place.stamp.life - passed.stamp.life || place.stamp.sequence - passed.stamp.sequence;
    if (age > 0 || (age === 0 && place.depth < passed.depth)) this.passed = place;
  }

  // --- Children --------------------------------------------------------------------------------------------------------

  /** The answer to a request to become a child of this peer. */
  judge(from: PeerHandle, join: Join): Verdict {
    const admission = this.#admission ?? new Admission(this.#ctx, this);
    const verdict = admission.judge(from, join);
    this.#admission = admission.hasNothingToRemember ? null : admission;
    return verdict;
  }

  take(from: PeerHandle, join: Join): Place {
    const isNew = this.below.take(from, join);
    if (isNew && join.reachable) this.rosterChanged();
    const place = this.shown();
    invariant(place !== null, 'who takes a child has a place in the tree');
    this.#show(place);
    return place;
  }

  drop(peer: PeerHandle): Child | null {
    const child = this.below.drop(peer);
    if (child?.reachable === true) this.rosterChanged();
    if (this.below.all.length === 0) this.#sentBeats = null;
    return child;
  }

  /** Likely parents to name to a joiner, the nearest first. */
  candidatesFor(joiner: PeerHandle, coordinate: Coordinate): PeerCard[] {
    return candidatesIn(this, this.#ctx, joiner, coordinate);
  }

  // --- The roster: what the children are told of the neighbourhood ---------------------------------------------------------

  rosterChanged(): void {
    this.rosterVersion++;
    this.#roster = null;
    if (this.kind === 'clients') this.#ctx.pulses.setRoster(this.#ctx.self, this.rosterVersion);
  }

  /** Notes other ancestors or uncles reported by the parent. The children are told if their own roster changes. */
  #familyChanged(): void {
    const told = this.#roster;
    if (this.below.all.length > 0 && told !== null && samePeople(told, composeRoster(this.#ctx, this))) return;
    this.rosterChanged();
  }

  roster(): Roster {
    this.#roster ??= composeRoster(this.#ctx, this);
    return this.#roster;
  }

  // --- Heartbeats --------------------------------------------------------------------------------------------------------

  /** Starts a new beat: the root stamps it. */
  nextBeat(): void {
    this.beat++;
    if (this.kind === 'clients') this.#ctx.pulses.hasSent(this.#ctx.self, this.beat, this.#ctx.nowMs);
    if (this.isRoot) this.#stampAnew();
    if (this.below.all.length === 0) return;
    this.#sentBeats ??= new SentBeats();
    this.#sentBeats.note(this.beat, this.#ctx.nowMs);
    const place = this.shown();
    if (place !== null) this.#show(place);
  }

  #stampAnew(): void {
    this.#stand({ root: this.#ctx.self, life: this.#ctx.incarnation, sequence: this.beat }, 0);
  }

  /**
   * The depth rises with every heartbeat although the stamp stays the same: the path to the root is a loop (count to infinity). The rules
   * prevent that among honest peers; a liar about its place may have closed the loop, and may be long gone.
   */
  get looped(): boolean {
    return this.#risenBeats > mostRisenBeats;
  }

  /** Processes a beat of the parent. When its stamp is older than ours, it only shows that the parent is alive. */
  heardParent(beat: HeartbeatDown): void {
    this.parentHeardAtMs = this.#ctx.nowMs;
    this.parentIntervalMs = this.#ctx.soundIntervalMs(beat.intervalMs);
    this.parentBeat = beat.beat;
    if (beat.standing !== this.parentStanding) this.parentStanding = beat.standing;
    if (beat.roster !== null && beat.roster.version !== this.parentRoster?.version) {
      const before = this.parentRoster;
      this.parentRoster = beat.roster;
      this.parentCoordinate = beat.roster.ancestors.at(-1)?.coordinate ?? this.parentCoordinate;
      if (!sameFamily(before, beat.roster)) this.#familyChanged();
    }
    if (beat.stamp === null || !this.#isSoundPlace(beat.stamp, beat.depth)) return;
    if (this.rootOfPlace === beat.stamp.root) {
      const age = beat.stamp.life - this.#stampLife || beat.stamp.sequence - this.#stampSequence;
      if (age < 0) return;
      if (age > 0) this.#risenBeats = 0;
      else if (beat.depth >= this.#depth) this.#risenBeats++;
    }
    this.#stand(beat.stamp, beat.depth + 1);
  }

  /** Only a tree's root is at depth 0 of it; the tree of servers has the service's root. */
  #isSoundPlace(stamp: Stamp, depth: number): boolean {
    return isSoundPlace(this.kind, this.parent, this.#ctx.authority.origin, stamp, depth);
  }

  /** A round trip to the parent was measured. After the first one the children can be told how far their ancestors are. */
  heardParentRtt(rttMs: number): void {
    const isFirst = Number.isNaN(this.parentRtt.medianMs());
    this.parentRtt.add(rttMs);
    if (isFirst && this.below.all.length > 0) this.rosterChanged();
  }

  heardChild(child: Child, beat: HeartbeatUp): void {
    const { seats } = this.#ctx.pulses;
    invariant(seats.childOf(child.seat) === child.peer, 'a child sits in its own seat');
    const known = child.reachable;
    if (child.coordinate !== beat.coordinate) child.coordinate = beat.coordinate;
    child.reachable = beat.reachable;
    child.hasChildren = beat.size > 1;
    seats.setExtent(child.seat, Math.min(beat.size, mostPeers), Math.min(beat.height, mostDepth));
    seats.setRosterVersion(child.seat, beat.rosterVersion);
    this.echoed(child, beat.echo, beat.heldMs);
    if (known !== child.reachable) this.rosterChanged();
  }

  /**
   * A child's beat has come that echoes ours, which the child had held for `heldMs`: it is alive, and the rest of the time was the round
   * trip.
   */
  echoed(child: Child, echo: number, heldMs: number): void {
    const ctx = this.#ctx;
    const { seats } = ctx.pulses;
    this.#catchUp();
    seats.setHeardAtMs(child.seat, ctx.nowMs);
    const rttMs = ctx.nowMs - (this.#sentBeats?.atMs(echo) ?? Number.NaN) - heldMs;
    if (seats.isSteady(child.seat, rttMs)) {
      if (seats.isTelling(child.seat)) ctx.sampled(child.coordinate, rttMs);
    } else if (rttMs >= 0) {
      const fresh = Number.isNaN(child.rtt.medianMs());
      child.rtt.add(rttMs);
      seats.setSteadyRttMs(child.seat, child.rtt.isSteady ? rttMs : -1);
      ctx.sampled(child.coordinate, rttMs);
      if (fresh && child.reachable) this.rosterChanged();
    }
  }

  /** Peers in the subtree below and including this peer, and its height. */
  extent(): { size: number; height: number } {
    return this.below.extent();
  }

  // --- Handing over and taking back: see `pulses.ts` -------------------------------------------------------------------

  /** It has a place, and is not about to leave it. */
  get isSettled(): boolean {
    return this.#depth >= 0 && !this.moving && !this.orphaned;
  }

  /** What a quiet peer hands over of its place. */
  writePlace(form: QuietPulse): void {
    form.stampRoot = this.#stampRoot;
    form.life = this.#stampLife;
    form.sequence = this.#stampSequence;
    form.depth = this.#depth;
  }

  /** `Pulses` has processed the parent's beats and the own ones: takes over the last of each, and the newest stamp. */
  resume(): void {
    const { self, pulses } = this.#ctx;
    this.#catchUp();
    this.parentHeardAtMs = pulses.parentHeardAtMs(self);
    this.parentBeat = pulses.parentBeat(self);
    const sequence = pulses.sequence(self);
    if (sequence === this.#stampSequence) return;
    invariant(sequence > this.#stampSequence, 'a stamp heard quietly is newer than the one that was handed over');
    this.#stampSequence = sequence;
    this.#risenBeats = 0;
  }

  /** Notes the beats that `Pulses` sent down. */
  #catchUp(): void {
    if (this.kind !== 'clients') return;
    const { self, pulses } = this.#ctx;
    const last = pulses.ownBeat(self);
    if (last === this.beat) return;
    invariant(last > this.beat, 'the own beats never go back');
    this.#sentBeats ??= new SentBeats();
    this.#sentBeats.note(last - 1, pulses.sentBeforeMs(self));
    this.#sentBeats.note(last, pulses.sentAtMs(self));
    this.beat = last;
    this.#show({
      stamp: { root: this.#stampRoot, life: this.#stampLife, sequence: pulses.toldSequence(self) },
      depth: this.#depth,
    });
  }
}
