/**
 * Load shedding at one server: when the server is full it says so and sends some of its clients to other servers.
 *
 * The clients that go are those that lose least: their second choice is nearly as near. A client that was asked to leave and stayed could
 * not leave; it is not asked again for a while, and others are asked instead. What clients say about their waiting is counted once for each
 * branch of the tree, not once for each client: a child may invent as many clients as it likes and still has one vote.
 *
 * Source: P2P Volunteers, section 3.4.2 (limits of a volunteer). `overload.ts` has the rule; `sent-on.ts` has what the client does.
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

/** Heartbeats from the announcement that a server is full to the first clients that it sends on: they must have heard it. */
const headStartBeats = 2;
/** Heartbeats from one batch of clients sent on to the next: the first batch must have gone. */
const pauseBeats = 8;
/** A client that was asked to leave and stayed is not asked again for this many heartbeats. */
const spareBeats = 60;
/** The server's own service times count for this many heartbeats; fewer than the minimum below prove nothing. */
const freshBeats = 3;
const leastTimes = 4;
const mostTimes = 256;
/** When fewer branches than this report their waiting, the server's own service times must agree. */
const leastBranches = 3;
/** A wait up to this share of the required delay does not matter: a machine may be a little slow for a moment. */
const trifleShare = 0.5;
/** The clamp is this many times the required delay. */
const clampOverRequired = 10;

export class Shedding {
  readonly #parts: Parts;
  readonly #tell: (event: QosEvent) => void;
  readonly #overload = new Overload();
  #beat = 0;
  /** Recent service times of this server, each with its heartbeat. */
  #times: { readonly beat: number; readonly serveMs: number }[] = [];
  /** The farm's usual service time by the last round, ms. */
  #usualMs = 0;
  #trifleMs = 0;
  #served = 0;
  #partings: readonly Parting[] = [];
  #due: readonly PeerHandle[] = [];
  /** Clients that were asked to leave, and when. */
  readonly #told = new Map<PeerHandle, number>();
  #dueAtBeat = 0;
  #nextAtBeat = 0;

  constructor(parts: Parts, tell: (event: QosEvent) => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  // --- The server's side ----------------------------------------------------------------------------------------------------

  /** The service time that clients of this server can expect elsewhere, ms; Infinity: no better than here, or not known. */
  reliefMs({ usualMs }: Announcement): number {
    return this.#overload.full === 'slow' && usualMs > 0 ? usualMs : Number.POSITIVE_INFINITY;
  }

  /** A request was answered here; `serveMs` is its service time, ms. */
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

  /** The median of the server's own recent service times; NaN when there are too few. */
  #ownServeMs(): number {
    return this.#times.length < leastTimes ? Number.NaN : medianMs(this.#times.map(({ serveMs }) => serveMs));
  }

  /** A server that stopped serving is not full. The load that it managed is remembered in case it serves again. */
  #stepDown(): void {
    this.#due = [];
    this.#times = [];
    this.#overload.reopen(this.#beat);
    this.#parts.ctx.full = false;
  }

  /** A round is over: samples of the clients that use this server, by branch of its tree; each sample stands for `weight` clients. */
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

  /** Chooses the clients that lose least. */
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

  /** Whether another server has room. When all are full, no client is sent on. */
  #hasOthers(): boolean {
    const { membership, ctx } = this.#parts;
    return membership.serving().some((record) => record.subject !== ctx.self && isFree(record));
  }

  /** Without a round: the children, ranked by their coordinates. */
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
    // Meanwhile the server may have lost its parent or begun to leave; its record then says something else.
    const { membership, ctx } = this.#parts;
    if (membership.get(ctx.self)?.full !== true) return;
    for (const client of going) {
      this.#told.set(client, this.#beat);
      ctx.world.send(client, { kind: 'shed' });
    }
  }
}

/** The service time, ms: the median over branches of each branch's median; NaN without branches. */
export function medianServeMs(branches: readonly (readonly MemberSample[])[]): number {
  return medianMs(branches.map((branch) => medianMs(branch.map(({ delayMs, rttMs }) => Math.max(0, delayMs - rttMs)))));
}

/** The median, the lower one of two in the middle; NaN for an empty list. */
function medianMs(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[(times.length - 1) >> 1] ?? Number.NaN;
}
