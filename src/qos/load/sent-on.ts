/**
 * A client that a full server sends on, until it has gone.
 *
 * Where to is the client's own choice among the servers in its view that are not full, so nobody can be sent to a stranger. It obeys
 * nobody but the server in whose tree it is and the parent that passes its word on, and them only while the server says of itself, signed,
 * that it is full: a server that lies about this loses clients and nothing else.
 *
 * Its requests go to the next server at once. Its place in the tree may take longer: children are handed over first, or another move is
 * under way. So it tries again every few beats, like somebody at the door who waits for a free moment to step out. One that has not
 * got away by then stays, and asks its own server again, until it is told anew. Where its children were in the way, which found no other
 * place, the one that brings the fewest with it is sent on instead.
 */
import { isFree, NOBODY } from '../../core/index.ts';
import type { Parts, PeerHandle } from '../../core/index.ts';

/** Heartbeats between two tries, and from the word until it gives up: children that find no other place have been waited for by then. */
const tryEveryBeats = 3;
const patientBeats = 12;

export class SentOn {
  readonly #parts: Readonly<Parts>;
  #beats = 0;

  constructor(parts: Readonly<Parts>) {
    this.#parts = parts;
  }

  /** It was told to go, and is still in the tree of the server that told it. */
  get isWaiting(): boolean {
    const { ctx, selection } = this.#parts;
    return !ctx.isServer() && selection.leaving !== NOBODY && selection.leaving === this.#parts.ownServer();
  }

  /**
   * A server sends this client on, or a parent does in its place. True when that is news and the client goes; false when it stays, or the
   * word does not count.
   */
  told(from: PeerHandle): boolean {
    const { ctx, selection } = this.#parts;
    const own = this.#parts.ownServer();
    if (ctx.isServer() || own === NOBODY) return false;
    if (!this.#isFull(own)) {
      ctx.world.tell({ type: 'refused', peer: from, what: 'to be sent on by a server that is not full' });
      return false;
    }
    const isNews = selection.leaving !== own;
    if (isNews) this.#beats = 0;
    selection.leaving = own;
    return this.#go() && isNews;
  }

  beat(): void {
    if (!this.isWaiting) return;
    this.#beats++;
    if (this.#beats >= patientBeats) this.#stay();
    else if (this.#beats % tryEveryBeats === 0) this.#go();
  }

  /** Who was sent on by a server that is not full any more may come back to it. */
  viewChanged(): void {
    const { selection } = this.#parts;
    if (selection.leaving !== NOBODY && !this.#isFull(selection.leaving)) selection.leaving = NOBODY;
  }

  #isFull(server: PeerHandle): boolean {
    return this.#parts.views.current?.records.some(({ subject, full }) => subject === server && full) === true;
  }

  #stay(): void {
    const { ctx, clients, selection } = this.#parts;
    selection.leaving = NOBODY;
    const [lightest] = [...clients.children].sort((a, b) => a.size - b.size);
    if (lightest !== undefined) ctx.world.send(lightest.peer, { kind: 'shed' });
  }

  /** To the best server that is not full; without one it stays. */
  #go(): boolean {
    const { clients, selection, views } = this.#parts;
    const records = views.current?.records ?? [];
    const [next] = selection.rank(records, selection.leaving);
    const record = records.find(({ subject }) => subject === next);
    if (record === undefined || !isFree(record)) {
      selection.leaving = NOBODY;
      return false;
    }
    const isHandingOver = clients.closed && clients.children.length > 0;
    const { subject: peer, coordinate } = record;
    if (!isHandingOver) this.#parts.changeServer({ peer, coordinate, rttMs: selection.rttMs(peer) });
    return true;
  }
}
