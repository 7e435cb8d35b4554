/**
 * Overload at one server: when it is full it says so and sends clients on.
 *
 * Who goes loses least by it: a client whose second choice is nearly as near. One that was told and is still there could not go: it is left
 * alone for a while, and others have their turn. What clients say of their waiting is asked of each branch of the tree, not of each
 * client: a child may invent as many clients as it likes, and has one vote.
 *
 * Source: P2P Volunteers, section 3.4.2 (limits of a volunteer); `overload.ts` has the rule, `sent-on.ts` what the client does.
 */
import { isFree, predictRttMs } from '../../core/index.ts';
import type { MemberSample, Parts, PeerHandle } from '../../core/index.ts';
import type { Announcement } from '../round/announcement.ts';
import type { QosEvent } from '../options.ts';
import { Overload } from './overload.ts';
import type { Load, Witness } from './overload.ts';

/** A client and what it would lose by going, ms. */
interface Parting {
  readonly client: PeerHandle;
  readonly lossMs: number;
}

/** Heartbeats from the word that a server is full to the first clients that it sends on: they must have heard it. */
const headStartBeats = 2;
/** And so many from then to the next time: those who go must have gone. */
const pauseBeats = 8;
/** Who is told to go and does not is not told again for so many. */
const spareBeats = 60;
/** The server's own times count for so many heartbeats; fewer than so many of them say nothing. */
const freshBeats = 3;
const leastTimes = 4;
const mostTimes = 256;
/** Where fewer branches than this tell what they wait, the server's own times must say the same. */
const leastBranches = 3;
/** Nobody minds this share of the required delay: a machine that is a little slow for a moment does not matter. */
const trifleShare = 0.5;
/** The clamp is so many times the required delay. */
const clampOverRequired = 10;

export class Shedding {
  readonly #parts: Parts;
  readonly #tell: (event: QosEvent) => void;
  readonly #overload = new Overload();
  #beat = 0;
  /** What requests took here lately, with the heartbeat. */
  #times: { readonly beat: number; readonly serveMs: number }[] = [];
  /** By the last round. */
  #usualMs = 0;
  #trifleMs = 0;
  #served = 0;
  #partings: readonly Parting[] = [];
  #due: readonly PeerHandle[] = [];
  /** Clients that were told to go, and when. */
  readonly #told = new Map<PeerHandle, number>();
  #dueAtBeat = 0;
  #nextAtBeat = 0;

  constructor(parts: Parts, tell: (event: QosEvent) => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  // --- The server's side ----------------------------------------------------------------------------------------------------

  /** What clients at other servers would need besides the way, ms, as far as it is known; Infinity: what they need here. */
  reliefMs({ usualMs }: Announcement): number {
    return this.#overload.full === 'slow' && usualMs > 0 ? usualMs : Number.POSITIVE_INFINITY;
  }

  /** A request was answered here after so many ms. */
  answered(serveMs: number): void {
    this.#times.push({ beat: this.#beat, serveMs });
    if (this.#times.length > mostTimes) this.#times.shift();
  }

  beat(): void {
    this.#beat++;
    if (!this.#parts.ctx.isServer()) {
      this.#stepDown();
      return;
    }
    if (this.#due.length > 0 && this.#beat >= this.#dueAtBeat) this.#send();
    this.#times = this.#times.filter(({ beat }) => this.#beat - beat <= freshBeats);
    this.#look('itself', this.#ownServeMs());
  }

  /** By its own times; NaN when there are too few. */
  #ownServeMs(): number {
    return this.#times.length < leastTimes ? Number.NaN : medianMs(this.#times.map(({ serveMs }) => serveMs));
  }

  /** Who serves no more is not full; what it managed is remembered for the day it is asked again. */
  #stepDown(): void {
    this.#due = [];
    this.#times = [];
    this.#overload.reopen(this.#beat);
    this.#parts.ctx.full = false;
  }

  /** A round is over: the clients that use this server, by the branch of its tree they stand in, each standing for `weight`. */
  roundOver(round: Announcement, branches: readonly (readonly MemberSample[])[], weight: number): void {
    const own = branches.flat();
    this.#usualMs = round.usualMs;
    this.#trifleMs = (trifleShare * round.clampMs) / clampOverRequired;
    this.#served = Math.min(Math.round(own.length * weight), this.#clientsInTree());
    this.#partings = own
      .filter(({ secondMs }) => !Number.isNaN(secondMs))
      .map(({ peer, secondMs, delayMs }) => ({ client: peer, lossMs: secondMs - delayMs }));
    const toldMs = medianServeMs(branches);
    const ownMs = this.#ownServeMs();
    const needsOwn = branches.length < leastBranches && !Number.isNaN(ownMs);
    this.#look('clients', needsOwn ? Math.min(toldMs, ownMs) : toldMs);
  }

  #clientsInTree(): number {
    return this.#parts.clients.extent().size - 1;
  }

  #look(witness: Witness, serveMs: number): void {
    const { ctx, membership, promotion } = this.#parts;
    const load: Load = {
      clients: this.#clientsInTree(),
      served: this.#served,
      places: ctx.limits?.clients ?? 0,
      serveMs,
      usualMs: this.#usualMs,
      trifleMs: this.#trifleMs,
    };
    const before = this.#overload.full;
    const count = this.#overload.look(this.#beat, witness, load);
    const { full, managed } = this.#overload;
    promotion.managed = managed;
    if (full !== before) this.#tell({ type: 'fullness-changed', full, load });
    if (ctx.draining) return;
    if (ctx.full !== (full !== null)) membership.declareFull(full !== null);
    if (count > 0 && this.#beat >= this.#nextAtBeat && this.#hasOthers()) this.#choose(count, load);
  }

  /** Those who lose least go. */
  #choose(count: number, load: Load): void {
    for (const [client, beat] of this.#told) if (this.#beat - beat >= spareBeats) this.#told.delete(client);
    const untold = (partings: readonly Parting[]): Parting[] =>
      partings.filter(({ client }) => !this.#told.has(client));
    const known = untold(this.#partings);
    const going = (known.length > 0 ? known : untold(this.#partingChildren()))
      .sort((a, b) => a.lossMs - b.lossMs)
      .slice(0, count)
      .map(({ client }) => client);
    if (going.length === 0) return;
    this.#due = going;
    this.#dueAtBeat = this.#beat + headStartBeats;
    this.#nextAtBeat = this.#dueAtBeat + pauseBeats;
    this.#tell({ type: 'shed', clients: going, load });
  }

  /** When all are full nobody is sent anywhere. */
  #hasOthers(): boolean {
    const { membership, ctx } = this.#parts;
    return membership.serving().some((record) => record.subject !== ctx.self && isFree(record));
  }

  /** Without a round: the children, as far as their coordinates tell. */
  #partingChildren(): Parting[] {
    const [nearest] = this.#parts.knownServers();
    if (nearest === undefined) return [];
    return this.#parts.clients.children.map(({ peer, coordinate, rtt }) => {
      const rttMs = rtt.medianMs();
      const thereMs = predictRttMs(nearest.coordinate, coordinate);
      return { client: peer, lossMs: Number.isNaN(rttMs) ? thereMs : thereMs - rttMs };
    });
  }

  #send(): void {
    const going = this.#due;
    this.#due = [];
    // It may have lost its parent meanwhile, or begun to leave, and then its record says something else.
    const { membership, ctx } = this.#parts;
    if (membership.get(ctx.self)?.full !== true) return;
    for (const client of going) {
      this.#told.set(client, this.#beat);
      ctx.world.send(client, { kind: 'shed' });
    }
  }
}

/** What a request takes besides the way, ms: the median over the branches of what it is in each; NaN without any. */
export function medianServeMs(branches: readonly (readonly MemberSample[])[]): number {
  return medianMs(branches.map((branch) => medianMs(branch.map(({ delayMs, rttMs }) => Math.max(0, delayMs - rttMs)))));
}

/** The lower one of two in the middle; NaN for none. */
function medianMs(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[(times.length - 1) >> 1] ?? Number.NaN;
}
