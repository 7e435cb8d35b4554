/**
 * Overload at one peer: a server that is full says so and sends clients on; a client that is sent on goes.
 *
 * Who goes loses least by it: a client whose second choice is nearly as near. Where to is the client's own choice among the servers in
 * its view that are not full, so nobody can be sent to a stranger. It obeys nobody but the server in whose tree it is, and that one only while
 * it says of itself, signed, that it is full: a server that lies about this loses clients and nothing else.
 *
 * Source: P2P Volunteers, section 3.4.2 (limits of a volunteer); `overload.ts` has the rule.
 */
import { predictRttMs } from '../core/coordinates.ts';
import { NOBODY } from '../core/ids.ts';
import type { PeerHandle } from '../core/ids.ts';
import { isFree } from '../core/membership.ts';
import type { MemberSample } from '../core/messages.ts';
import type { Parts } from '../core/parts.ts';
import type { Announcement } from './announcement.ts';
import type { QosEvent } from './options.ts';
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
/** The server's own times count for so many heartbeats; fewer than so many of them say nothing. */
const freshBeats = 3;
const leastTimes = 4;
const mostTimes = 256;
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
    const isKnown = this.#times.length >= leastTimes;
    this.#look('itself', isKnown ? medianMs(this.#times.map(({ serveMs }) => serveMs)) : Number.NaN);
  }

  /** Who serves no more is not full; what it managed is remembered for the day it is asked again. */
  #stepDown(): void {
    this.#due = [];
    this.#times = [];
    this.#overload.reopen(this.#beat);
    this.#parts.ctx.full = false;
  }

  /** A round is over: the clients that were heard, each standing for `weight`. */
  roundOver(round: Announcement, samples: readonly MemberSample[], weight: number): void {
    const { self } = this.#parts.ctx;
    const own = samples.filter(({ server }) => server === self);
    this.#usualMs = round.usualMs;
    this.#trifleMs = (trifleShare * round.clampMs) / clampOverRequired;
    this.#served = Math.round(own.length * weight);
    this.#partings = own
      .filter(({ secondMs }) => !Number.isNaN(secondMs))
      .map(({ peer, secondMs, delayMs }) => ({ client: peer, lossMs: secondMs - delayMs }));
    this.#look('clients', medianServeMs(own));
  }

  #look(witness: Witness, serveMs: number): void {
    const { ctx, clients, membership, promotion } = this.#parts;
    const load: Load = {
      clients: clients.extent().size - 1,
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
    const known = this.#partings.length > 0 ? this.#partings : this.#partingChildren();
    const going = [...known]
      .sort((a, b) => a.lossMs - b.lossMs)
      .slice(0, count)
      .map(({ client }) => client);
    if (going.length === 0) return;
    this.#due = going;
    this.#partings = known.filter(({ client }) => !going.includes(client));
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
    for (const client of going) ctx.world.send(client, { kind: 'shed' });
  }
}

/** What a request takes besides the way, ms: the median over the clients; NaN without any. */
export function medianServeMs(samples: readonly MemberSample[]): number {
  return medianMs(samples.map(({ delayMs, rttMs }) => Math.max(0, delayMs - rttMs)));
}

/** The lower one of two in the middle; NaN for none. */
function medianMs(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[(times.length - 1) >> 1] ?? Number.NaN;
}

// --- The client's side --------------------------------------------------------------------------------------------------------

/** A server sends this client on. Goes to the best server that is not full; false when it stays, or the word does not count. */
export function sentOn(parts: Readonly<Parts>, from: PeerHandle): boolean {
  const { ctx, selection, views } = parts;
  const records = views.current?.records ?? [];
  // The word of one whose tree this peer has left meanwhile comes too late.
  if (ctx.isServer() || from !== parts.ownServer() || selection.leaving === from) return false;
  if (!records.some(({ subject, full }) => subject === from && full)) {
    ctx.world.tell({ type: 'refused', peer: from, what: 'to be sent on by a server that is not full' });
    return false;
  }
  selection.leaving = from;
  const [next] = selection.rank(records, from);
  const record = records.find(({ subject }) => subject === next);
  if (record === undefined || !isFree(record)) {
    selection.leaving = NOBODY;
    return false;
  }
  parts.changeServer({ peer: record.subject, coordinate: record.coordinate, rttMs: selection.rttMs(record.subject) });
  return true;
}

/** The servers in view changed: who was sent on by one that is not full any more may come back to it. */
export function forgetSentOn({ selection, views }: Parts): void {
  const { leaving } = selection;
  if (leaving === NOBODY) return;
  if (views.current?.records.some(({ subject, full }) => subject === leaving && full) !== true)
    selection.leaving = NOBODY;
}
