/**
 * One attempt to find a parent: a newcomer enters, an orphan repairs, or a peer moves to a better place.
 *
 * It works like looking for a room in a strange town: ask a few houses at once how far they are and whether a room is free, take the
 * nearest free one, and at a full house ask for other addresses. All candidates of a batch are pinged together, so a dead one costs no time
 * while another answers, and the first free answer is also the nearest. Full candidates are asked last: a full parent may evict a worse
 * child for an orphan, and it names more candidates.
 *
 * A peer that returns has a first choice: for an orphan its backup, for a returning server its old parent. While the answer of the first
 * choice may still come, no other answer is taken.
 *
 * A peer makes one attempt at a time.
 */
import type { Context } from '../context.ts';
import { predictRttMs, wholeError } from '../reach/coordinates.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { Accept, PeerCard, Redirect } from '../messages/index.ts';
import type { Answered, Pings } from '../reach/pings.ts';
import { isSoundPlace } from '../tree/place.ts';
import type { Tree } from '../tree/tree.ts';

/**
 * Why a peer wants another place. Under `enter` and `repair` the peer has no parent; only then may it cause an eviction.
 * - `enter`: new to the farm. `repair`: lost its parent.
 * - `evicted`: its parent asked it to leave. `optimise`: a better parent in the same tree. `change-server`: a nearer server's tree.
 * - `promote`: from a client tree into the tree of servers. `step-down`: the way back.
 */
export type Purpose = 'enter' | 'repair' | 'evicted' | 'optimise' | 'change-server' | 'promote' | 'step-down';

interface Candidate {
  readonly peer: PeerHandle;
  /** `late`: the peer gave up waiting, but would still use an answer. */
  state: 'new' | 'asked' | 'late' | 'answered' | 'done';
  rttMs: number;
  room: number;
  /** Round trip predicted from coordinates, ms; it orders the questions. */
  readonly guessMs: number;
}

interface Attempt {
  readonly purpose: Purpose;
  readonly tree: Tree;
  readonly candidates: Candidate[];
  target: PeerHandle;
  nonce: number;
  /** The first choice, and until when its answer takes precedence, ms; NOBODY when that time is over. */
  preferred: PeerHandle;
  headStartMs: number;
}

/** What an attempt needs of the peer that makes it. */
export interface JoiningHost {
  adopted(purpose: Purpose, tree: Tree, from: PeerHandle, accept: Accept): void;
  exhausted(purpose: Purpose, tree: Tree): void;
  /** Whether this peer is our parent in any tree. */
  isParent(peer: PeerHandle): boolean;
}

const askedAtOnce = 4;
const mostCandidates = 96;
/** Head start of the first choice, in heartbeats. */
const headStartBeats = 0.3;
/** The first answer is awaited for at least this share of a heartbeat. */
const shortestWaitBeats = 0.6;
/** A peer whose coordinate error is at least this large cannot predict round trips, and waits this long, ms: half the planet away. */
const knownError = 0.7 * wholeError;
const strangerWaitMs = 1_200;

export function isOrphan(purpose: Purpose): boolean {
  return purpose === 'enter' || purpose === 'repair';
}

export class Joining {
  readonly #ctx: Context;
  readonly #pings: Pings;
  readonly #host: JoiningHost;
  #attempt: Attempt | null = null;

  constructor(ctx: Context, pings: Pings, host: JoiningHost) {
    this.#ctx = ctx;
    this.#pings = pings;
    this.#host = host;
  }

  get purpose(): Purpose | null {
    return this.#attempt?.purpose ?? null;
  }

  /** The peer whose answer to a join is awaited, or NOBODY. */
  get target(): PeerHandle {
    return this.#attempt?.target ?? NOBODY;
  }

  /** `preferred`: the first choice among the candidates, or NOBODY. */
  begin(purpose: Purpose, tree: Tree, cards: readonly PeerCard[], preferred: PeerHandle = NOBODY): void {
    this.cancel();
    const headStartMs = this.#ctx.nowMs + headStartBeats * this.#ctx.intervalMs;
    this.#attempt = { purpose, tree, candidates: [], target: NOBODY, nonce: 0, preferred, headStartMs };
    this.#add(cards);
    this.#advance();
  }

  cancel(): void {
    if (this.#attempt !== null) this.#attempt.tree.moving = false;
    this.#attempt = null;
    this.#ctx.timers.clear('attempt');
  }

  answered(answer: Answered): void {
    const { attempt, candidate } = this.#find(answer.peer);
    if (attempt === null || candidate === null || (candidate.state !== 'asked' && candidate.state !== 'late')) return;
    candidate.state = 'answered';
    candidate.rttMs = answer.rttMs;
    candidate.room = attempt.tree.kind === 'servers' ? answer.pong.serverRoom : answer.pong.clientRoom;
    this.#advance();
  }

  /** An acceptance came. It is declined when it is late, or when the place has become infeasible meanwhile. */
  accepted(from: PeerHandle, accept: Accept): void {
    const attempt = this.#attempt;
    if (
      attempt === null ||
      attempt.target !== from ||
      attempt.nonce !== accept.nonce ||
      attempt.tree.kind !== accept.tree
    ) {
      this.#decline(from, accept);
      return;
    }
    const { tree, purpose } = attempt;
    const mover = { passed: tree.passed, hasChildren: tree.children.length > 0 };
    const isSound = isSoundPlace(tree.kind, from, this.#ctx.authority.origin, accept.stamp, accept.depth);
    if (!isSound || !this.#ctx.rules.feasible({ stamp: accept.stamp, depth: accept.depth }, mover)) {
      attempt.target = NOBODY;
      this.#decline(from, accept);
      this.#advance();
      return;
    }
    this.cancel();
    this.#host.adopted(purpose, tree, from, accept);
  }

  redirected(from: PeerHandle, redirect: Redirect): void {
    const attempt = this.#attempt;
    if (attempt === null || attempt.target !== from || attempt.nonce !== redirect.nonce) return;
    attempt.target = NOBODY;
    attempt.tree.moving = false;
    if (attempt.purpose !== 'optimise') this.#add(redirect.candidates);
    this.#advance();
  }

  /** The connection to this peer is gone: no answer will come. */
  unreachable(peer: PeerHandle): void {
    const { attempt, candidate } = this.#find(peer);
    if (attempt === null || candidate === null) return;
    candidate.state = 'done';
    if (attempt.target === peer) attempt.target = NOBODY;
    this.#advance();
  }

  /** No answer came in time: the peers asked are given up. */
  timedOut(): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    attempt.target = NOBODY;
    // A free place that was held back only for the first choice is taken now; the other peers may still answer meanwhile.
    const isHeldBack = attempt.preferred !== NOBODY && attempt.candidates.some(isFree);
    attempt.preferred = NOBODY;
    if (!isHeldBack)
      for (const candidate of attempt.candidates) if (candidate.state === 'asked') candidate.state = 'late';
    this.#advance();
  }

  #find(peer: PeerHandle): { attempt: Attempt | null; candidate: Candidate | null } {
    const attempt = this.#attempt;
    return { attempt, candidate: attempt?.candidates.find((candidate) => candidate.peer === peer) ?? null };
  }

  #decline(from: PeerHandle, accept: Accept): void {
    const { tree } = accept;
    if (this.#attempt?.tree.parent === from || this.#host.isParent(from)) return;
    this.#ctx.world.send(from, { kind: 'part', tree });
  }

  #add(cards: readonly PeerCard[]): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    for (const { peer, coordinate } of cards) {
      if (peer === NOBODY || peer === this.#ctx.self || attempt.candidates.length >= mostCandidates) continue;
      if (attempt.tree.child(peer) !== null || peer === attempt.tree.parent) continue;
      if (attempt.candidates.some((candidate) => candidate.peer === peer)) continue;
      attempt.candidates.push({
        peer,
        state: 'new',
        rttMs: Number.NaN,
        room: 0,
        guessMs: predictRttMs(coordinate, this.#ctx.coordinate),
      });
    }
  }

  #advance(): void {
    const attempt = this.#attempt;
    if (attempt === null || attempt.target !== NOBODY) return;
    const { candidates } = attempt;
    const free =
      nearestOf(candidates, (c) => c.peer === attempt.preferred && isFree(c)) ?? nearestOf(candidates, isFree);
    if (free !== null) {
      if (this.#hasHeadStart(attempt, free)) this.#ctx.timers.set('attempt', attempt.headStartMs);
      else this.#join(attempt, free);
      return;
    }
    if (candidates.some((c) => c.state === 'asked')) return;
    const fresh = candidates.filter((c) => c.state === 'new').slice(0, askedAtOnce);
    if (fresh.length > 0) {
      const ctx = this.#ctx;
      const isLost = ctx.coordinate.error > knownError;
      let waitMs = Math.max(shortestWaitBeats * ctx.intervalMs, isLost ? strangerWaitMs : 0);
      for (const candidate of fresh) {
        candidate.state = 'asked';
        waitMs = Math.max(waitMs, 3 * candidate.guessMs);
        this.#pings.ask(candidate.peer, 'joining');
      }
      const mostMs = Math.max(ctx.options.answerBeats * ctx.intervalMs, strangerWaitMs);
      ctx.timers.set('attempt', ctx.nowMs + Math.min(waitMs, mostMs));
      return;
    }
    const full = attempt.purpose === 'optimise' ? null : nearestOf(candidates, (c) => c.state === 'answered');
    if (full !== null) {
      this.#join(attempt, full);
      return;
    }
    this.cancel();
    this.#host.exhausted(attempt.purpose, attempt.tree);
  }

  /** Whether the first choice may still answer; its own answer ends the wait. */
  #hasHeadStart({ preferred, headStartMs, candidates }: Attempt, free: Candidate): boolean {
    if (preferred === NOBODY || free.peer === preferred || this.#ctx.nowMs >= headStartMs) return false;
    return candidates.some(({ peer, state }) => peer === preferred && state === 'asked');
  }

  #join(attempt: Attempt, candidate: Candidate): void {
    const { tree, purpose } = attempt;
    const ctx = this.#ctx;
    candidate.state = 'done';
    attempt.target = candidate.peer;
    attempt.nonce = ctx.nonce();
    if (tree.parent !== NOBODY) tree.moving = true;
    ctx.timers.set('attempt', ctx.nowMs + Math.max(shortestWaitBeats * ctx.intervalMs, 3 * candidate.rttMs));
    ctx.world.send(candidate.peer, {
      kind: 'join',
      tree: tree.kind,
      nonce: attempt.nonce,
      orphan: isOrphan(purpose),
      hasChildren: tree.children.length > 0,
      passed: tree.passed?.stamp ?? null,
      passedDepth: tree.passed?.depth ?? 0,
      coordinate: ctx.coordinate,
      rttMs: candidate.rttMs,
      reachable: ctx.reachable,
      incarnation: ctx.incarnation,
      credential: ctx.credential,
    });
  }
}

function isFree({ state, room }: Candidate): boolean {
  return state === 'answered' && room > 0;
}

function nearestOf(candidates: readonly Candidate[], which: (candidate: Candidate) => boolean): Candidate | null {
  let best: Candidate | null = null;
  for (const candidate of candidates) {
    if (which(candidate) && (best === null || candidate.rttMs < best.rttMs)) best = candidate;
  }
  return best;
}
