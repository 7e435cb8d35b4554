/**
 * A client that a full server sends on, until the client has left.
 *
 * The client itself chooses the next server, among those in its view that are not full, so nobody can be sent to a stranger. It obeys only
 * the server of its tree and the parent that forwards the message, and only while that server's signed record says that it is full. A
 * server that lies about this loses clients and gains nothing.
 *
 * Its requests go to the next server at once. Its place in the tree may take longer: children are handed over first, or another move is
 * under way. So the client tries again every few heartbeats, like somebody at the door who waits for a free moment to step out. After the
 * last try the client stays and uses its own server again until it is asked anew. If its children were in the way because they found no
 * other parent, the child that brings the fewest peers is sent on instead.
 */
import { isFree, NOBODY } from '../../core/index.ts';
import type { Parts, PeerHandle } from '../../core/index.ts';

/** Heartbeats between two tries, and from the request to the last try. By then, children that find no other parent have given up. */
const tryEveryBeats = 3;
const patientBeats = 12;

export class SentOn {
  readonly #parts: Readonly<Parts>;
  #beats = 0;

  constructor(parts: Readonly<Parts>) {
    this.#parts = parts;
  }

  /** The client was asked to leave and is still in the tree of the server that asked. */
  get isWaiting(): boolean {
    const { ctx, selection } = this.#parts;
    return !ctx.isServer() && selection.leaving !== NOBODY && selection.leaving === this.#parts.ownServer();
  }

  /**
   * A server sends this client on, or a parent sends it on in the server's place. True when this is new and the client leaves; false when
   * it stays, or when the sender may not ask.
   */
  told(from: PeerHandle): boolean {
    const { ctx, selection } = this.#parts;
    const own = this.#parts.ownServer();
    if (ctx.isServer() || own === NOBODY) return false;
    if (!this.#isFull(own)) {
      ctx.world.tell({ type: 'refused', peer: from, what: 'a request to leave from a server that is not full' });
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

  /** A client may come back to the server that sent it on once that server is no longer full. */
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

  /** Moves to the best server that is not full; stays when there is none. */
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
