/**
 * What the state machines of one peer share: its identity, its settings, and the time. There is one object per peer; the machines hold a
 * reference to it instead of to each other wherever they can.
 */
import { Authority } from './authority.ts';
import type { PeerHandle } from './ids.ts';
import { invariant } from './invariant.ts';
import type { Coordinate, Limits, Statement, Unsigned } from './messages/index.ts';
import { origin } from './reach/coordinates.ts';
import type { TreeOptions } from './options.ts';
import type { Pulses } from './quiet/pulses.ts';
import type { Rules } from './rules.ts';
import { Timers } from './timers.ts';
import type { Role, World } from './world.ts';

/** The tolerance for clocks that differ and for incarnations raised to refute rumours, one at a time: 11 days' worth of ms. */
const incarnationLeeway = 10_000_000;

/** What an incarnation that begins now is at least: the clock, in tenths of a second. */
export function incarnationAt(nowMs: number): number {
  return Math.floor(nowMs / 100);
}
const noCredential = new Uint8Array(0);

export class Context extends Timers {
  readonly self: PeerHandle;
  readonly world: World;
  readonly options: TreeOptions;
  // The fields that every heartbeat needs stand together: in a large simulation most of the time goes into fetching them from memory.
  /** The time of the call that is being served, ms. */
  nowMs = 0;
  role: Role = 'outside';
  /** Which peer the charter names, which peer leads, and the highest standing seen. */
  readonly authority: Authority;
  coordinate: Coordinate = origin;
  /** The pulse, ms: set by the parent, or from the ages of the children. */
  intervalMs: number;
  /** Others have dialled this peer back, so it may be named to others. */
  reachable = false;
  /** While this peer is reachable, it asks no other peer to dial it before this time, ms. */
  dialledEnoughUntilMs = 0;
  // Digests and numbers that heartbeats carry, by which others see what they missed: kept by `multicast`, `views` and `releases`.
  castDigest = 0;
  viewDigest = 0;
  /** The digest in the parent's last beat, and how many beats in a row the parent's digest has differed for no known reason. */
  castDigestBefore = 0;
  castMismatchBeats = 0;
  /**
   * Heartbeats to come that are only sent, with a look for a better place after the last one; and how many of them have been sent. See
   * `routine.ts`.
   */
  routineBeats = 0;
  routineDone = 0;
  /** The newest release it knows of; 0 for none. */
  releaseNumber = 0;
  /** The pulse by which children are judged silent, ms. It follows `intervalMs` down slowly, since the children learn of a change later. */
  patienceMs: number;
  draining = false;
  /** The limits of this volunteer; null while it does not offer to serve. 0 = no limit of its own. */
  limits: Limits | null = null;
  /** This server is full, and says so in its membership record. */
  full = false;
  /** The server of this peer's client tree is full while others are not: this peer takes no newcomers. Kept by `views`. */
  shut = false;
  readonly rules: Rules;
  /** The rows of quiet peers' pulses, and the seats of children. */
  readonly pulses: Pulses;
  /** The credential that the root gave this peer for its invite; shown with every join. */
  credential = noCredential;
  /** Raised at every start, and whenever a false record of this peer must be refuted. */
  incarnation = 0;
  /** The incarnation at this start: numbers this peer's own multicasts and stays while the process lives. */
  bootIncarnation = 0;
  #nonce = 0;

  constructor(self: PeerHandle, world: World, options: TreeOptions, rules: Rules, pulses: Pulses) {
    super();
    this.self = self;
    this.world = world;
    this.options = options;
    this.rules = rules;
    this.pulses = pulses;
    this.authority = new Authority(this);
    pulses.open(self);
    this.intervalMs = options.minHeartbeatMs;
    this.patienceMs = options.minHeartbeatMs;
  }

  /** Its deadlines: part of the same object, because every heartbeat sets one. */
  get timers(): Timers {
    return this;
  }

  nonce(): number {
    this.#nonce = (this.#nonce + 1) % 0x7fffffff;
    return this.#nonce;
  }

  /** A round trip of `rttMs` to a peer at `theirs` was measured. */
  sampled(theirs: Coordinate, rttMs: number): void {
    const { spots } = this.pulses;
    spots.sampled(this.self, theirs, rttMs, this.world.random());
    if (spots.isElsewhere(this.self, this.coordinate)) this.coordinate = spots.toldOf(this.self);
  }

  /** A parent's pulse, clamped to the range that the owner allows. */
  soundIntervalMs(claimedMs: number): number {
    const { minHeartbeatMs, maxHeartbeatMs } = this.options;
    return Math.min(maxHeartbeatMs, Math.max(minHeartbeatMs, claimedMs));
  }

  /**
   * The highest incarnation that is plausible now. Incarnations start from the clock, so one from far in the future is a lie, and one that
   * the subject could not outbid.
   */
  latestIncarnation(): number {
    return incarnationAt(this.nowMs) + incarnationLeeway;
  }

  /** Raises the incarnation above `seen` and writes it down. */
  raiseIncarnation(seen: number): void {
    this.incarnation = Math.max(this.incarnation, seen) + 1;
    invariant(Number.isSafeInteger(this.incarnation), 'an incarnation is a number that can grow');
    this.world.persist({ type: 'incarnation', value: this.incarnation });
  }

  become(role: Role): void {
    if (this.role === role) return;
    invariant(this.role !== 'root' || role === 'outside', 'the root stays the root until it leaves');
    this.role = role;
    this.world.persist({ type: 'role', role });
    this.world.tell({ type: 'role-changed', role });
  }

  /** Signs a statement as this peer. */
  signed<S extends Statement>(statement: Unsigned<S>): S {
    const signature = this.world.sign(statement);
    return { ...statement, signature } as unknown as S;
  }

  /** The credential as messages carry it: null when there is none to show, as in an open farm. */
  get shownCredential(): Uint8Array | null {
    return this.credential.length > 0 ? this.credential : null;
  }

  isServer(): boolean {
    return this.role === 'root' || this.role === 'server';
  }
}
