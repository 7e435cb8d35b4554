/**
 * When a server is full, and how many of its clients it sends on.
 *
 * A volunteer says beforehand how many clients it takes; how many it really manages shows in the time that a request takes besides the
 * way. That should be about the same everywhere, so a server where it is three times the usual has more than it can do. It sees that
 * first itself, within two heartbeats, and what its clients report in two rounds tells the rest (a line that is too thin, say). It is
 * *full* then, as is one that has as many clients as it offered to take. Like the host at the door of a busy restaurant, it first lets
 * nobody in any more, and as long as those inside wait for their food it asks a quarter of them at a time to go next door.
 *
 * What empties by that must not fill again at once. A server stays full until nobody has waited for a while, and for a minute at
 * least; each time that it fills again soon after, for twice as long. So clients between two servers that are both nearly
 * full come to rest.
 */

/** What a server knows about itself when it looks. */
export interface Load {
  /** Clients in its tree, and those of them that it serves itself, by the last round. */
  readonly clients: number;
  readonly served: number;
  /** Clients that it offered to take; 0 = any number. */
  readonly places: number;
  /** Median of what a request takes besides the way, ms; NaN when there was none. */
  readonly serveMs: number;
  /** The same at the farm's median server, ms; 0 = not known. */
  readonly usualMs: number;
  /** What nobody minds to wait, ms. */
  readonly trifleMs: number;
}

/** Who measured `serveMs`: the server itself in the last few heartbeats, or its clients in a round. */
export type Witness = 'itself' | 'clients';

/** Why a server is full: its clients wait, or it has as many as it offered to take. */
export type FullReason = 'slow' | 'places';

/** So many times the usual is too slow; at so many it is well again. */
const slowFactor = 3;
const calmFactor = 1.5;
/** Looks in a row of one witness until it is believed. */
const patientLooks = 2;
/** Of its clients a server sends on at most this share at a time. */
const shareAtOnce = 0.25;
/** Of its places at most this share may be taken before it is open again. */
const shareOfPlaces = 0.8;
/** Heartbeats without anybody waiting before it is open again. */
const calmBeats = 20;
/** Heartbeats for which a server is full at least, at first and at most. */
const firstRestBeats = 60;
const mostRestBeats = 64 * firstRestBeats;
/** Who fills again within so many times its last rest has not rested long enough. */
const relapseFactor = 4;

export class Overload {
  #full: FullReason | null = null;
  readonly #slowLooks: Record<Witness, number> = { itself: 0, clients: 0 };
  #calmSince = 0;
  #restBeats = firstRestBeats;
  /** When it became full, or open again, in heartbeats. */
  #changedAt = Number.NEGATIVE_INFINITY;
  #managed = 0;

  /** Why it is full; null when it is not. */
  get full(): FullReason | null {
    return this.#full;
  }

  /** Clients that it was seen to manage lately, where it did not manage more; 0 = not known. */
  get managed(): number {
    return this.#managed;
  }

  /** Takes note of a look at this heartbeat. Returns how many clients should go now. */
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
    // Who never was slow has not shown what is too much for it.
    if (this.#full === null && this.#managed > 0 && isCalm(load)) this.#managed = Math.max(this.#managed, served);
    if (isSlow) {
      if (served > 0) this.#managed = Math.max(1, Math.floor((1 - shareAtOnce) * served));
      return Math.ceil(shareAtOnce * served);
    }
    return places > 0 && clients > places ? Math.min(clients - places, Math.ceil(shareAtOnce * clients)) : 0;
  }

  /** Begins anew as one that is not full: it stopped serving. */
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

/** It was asked, and nobody waited. */
function isCalm(load: Load): boolean {
  return load.usualMs > 0 && !Number.isNaN(load.serveMs) && !isAbove(calmFactor, load);
}

function isTaken({ clients, places }: Load, share: number): boolean {
  return places > 0 && clients >= share * places;
}
