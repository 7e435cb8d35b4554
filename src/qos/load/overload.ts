/**
 * When a server is full, and how many of its clients it sends on (load shedding with hysteresis).
 *
 * A volunteer declares how many clients it takes. What it can really carry shows in its service time: the response delay minus the round
 * trip. That time should be about the same at all servers, so a server at three times the usual is overloaded. The server sees this first,
 * within two heartbeats; its clients' reports in two rounds show the rest, such as a thin line. The server is then *full*, as it is with as
 * many clients as it offered to take. Like the host at the door of a busy restaurant, it lets nobody else in, and while those inside wait
 * for their food it asks a quarter of them at a time to go next door.
 *
 * A server that emptied this way must not fill again at once. It stays full until no client has waited for a while, and for at least a
 * minute; each time it fills again soon, twice as long (exponential backoff). So clients between two servers that are both nearly full come
 * to rest.
 */

/** What a server knows about its own load at one look. */
export interface Load {
  /** Clients in its tree, and how many of them it serves itself, by the last round. */
  readonly clients: number;
  readonly served: number;
  /** Clients that the server offered to take; 0 = any number. */
  readonly places: number;
  /** Median service time of this server, ms; NaN when there were no requests. */
  readonly serveMs: number;
  /** Service time of the farm's median server, ms; 0 = not known. */
  readonly usualMs: number;
  /** A service time up to this does not matter, ms. */
  readonly trifleMs: number;
}

/** Who measured `serveMs`: the server itself in the last few heartbeats, or its clients in a round. */
export type Witness = 'itself' | 'clients';

/** Why a server is full: its clients wait, or it has as many as it offered to take. */
export type FullReason = 'slow' | 'places';

/** The server is too slow at the first multiple of the usual service time, and well again at the second. */
const slowFactor = 3;
const calmFactor = 1.5;
/** One witness must see the same in this many looks in a row to be believed. */
const patientLooks = 2;
/** A server sends on at most this share of its clients at a time. */
const shareAtOnce = 0.25;
/** At most this share of its places may be taken before the server is open again. */
const shareOfPlaces = 0.8;
/** Heartbeats without a waiting client before the server is open again. */
const calmBeats = 20;
/** The shortest time that a server stays full, in heartbeats: at first, and after the most relapses. */
const firstRestBeats = 60;
const mostRestBeats = 64 * firstRestBeats;
/** A server that fills again within this many times its last rest rests twice as long next time. */
const relapseFactor = 4;

export class Overload {
  #full: FullReason | null = null;
  readonly #slowLooks: Record<Witness, number> = { itself: 0, clients: 0 };
  #calmSince = 0;
  #restBeats = firstRestBeats;
  /** The heartbeat at which the server became full, or open again. */
  #changedAt = Number.NEGATIVE_INFINITY;
  #managed = 0;

  /** Why the server is full; null when it is not. */
  get full(): FullReason | null {
    return this.#full;
  }

  /** The number of clients that the server managed when it last met its limit; 0 = not known. */
  get managed(): number {
    return this.#managed;
  }

  /** Takes a look at this heartbeat. Returns the number of clients to send on now. */
  look(beat: number, witness: Witness, load: Load): number {
    const { clients, served, places } = load;
    this.#slowLooks[witness] = isAbove(slowFactor, load) ? this.#slowLooks[witness] + 1 : 0;
    if (isAbove(calmFactor, load)) this.#calmSince = beat;
    const isSlow = this.#slowLooks[witness] >= patientLooks;
    if (this.#full === null) {
      if (isSlow) this.#fill(beat, 'slow');
      else if (isTaken(load, 1)) this.#fill(beat, 'places');
    } else if (this.#mayOpen(beat) && !isTaken(load, shareOfPlaces)) {
      this.#full = null;
      this.#changedAt = beat;
    }
    // A server that never was slow has not shown its limit.
    if (this.#full === null && this.#managed > 0 && isCalm(load)) this.#managed = Math.max(this.#managed, served);
    if (isSlow) {
      if (served > 0) this.#managed = Math.max(1, Math.floor((1 - shareAtOnce) * served));
      return Math.ceil(shareAtOnce * served);
    }
    return places > 0 && clients > places ? Math.min(clients - places, Math.ceil(shareAtOnce * clients)) : 0;
  }

  /** Starts again as not full: the server stopped serving. */
  reopen(beat: number): void {
    if (this.#full === null) return;
    this.#full = null;
    this.#changedAt = beat;
    this.#slowLooks.itself = 0;
    this.#slowLooks.clients = 0;
  }

  #mayOpen(beat: number): boolean {
    return beat - this.#changedAt >= this.#restBeats && beat - this.#calmSince >= calmBeats;
  }

  #fill(beat: number, reason: FullReason): void {
    const isRelapse = beat - this.#changedAt < relapseFactor * this.#restBeats;
    this.#restBeats = isRelapse ? Math.min(mostRestBeats, 2 * this.#restBeats) : firstRestBeats;
    this.#full = reason;
    this.#changedAt = beat;
  }
}

function isAbove(factor: number, { serveMs, usualMs, trifleMs }: Load): boolean {
  return usualMs > 0 && serveMs > factor * usualMs && serveMs - usualMs > trifleMs;
}

/** Requests were answered, and no client waited. */
function isCalm(load: Load): boolean {
  return load.usualMs > 0 && !Number.isNaN(load.serveMs) && !isAbove(calmFactor, load);
}

function isTaken({ clients, places }: Load, share: number): boolean {
  return places > 0 && clients >= share * places;
}
