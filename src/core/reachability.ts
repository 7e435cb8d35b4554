/**
 * Can others dial this peer? It cannot know by itself, so it asks.
 *
 * Peers behind an address translator dial out perfectly well and look like everybody else, until an orphan is sent to
 * them. So a peer is a leaf until two others in other subnets have dialled it back on a fresh connection; the confirmation is
 * renewed, and lost when the address changes. In a farm that lives in one subnet (a laptop, a LAN) any two will do, and where
 * there is only one other peer, that one.
 */
import type { Context } from './context.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { DialBack, DialedBack } from './messages.ts';

interface Asked {
  readonly peer: PeerHandle;
  readonly nonce: number;
}

const confirmationsNeeded = 2;
const askedAtOnce = 3;
/** Beats between two rounds of asking while unconfirmed. */
const askEveryBeats = 3;

export class Reachability {
  readonly #ctx: Context;
  #asked: Asked[] = [];
  /** Who dialled back, and when. */
  readonly #confirmed = new Map<PeerHandle, number>();
  /** Who was asked in this round without success yet, so that others get their turn. */
  readonly #tried = new Set<PeerHandle>();
  #beatsUntilAsk = 0;
  #failuresInRow = 0;
  /** Peers that could be asked: relatives and servers; set by the peer. */
  acquaintances: () => readonly PeerHandle[] = () => [];

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** The root's addresses stand in the invites: it counts as reachable. */
  trustSelf(): void {
    this.#set(true);
  }

  /** Own addresses changed: what was confirmed no longer holds. */
  reset(): void {
    this.#confirmed.clear();
    this.#tried.clear();
    this.#beatsUntilAsk = 0;
    if (this.#ctx.role !== 'root') this.#set(false);
  }

  /** Called on every beat. */
  beat(): void {
    if (this.#ctx.role === 'root') return;
    const freshMs = this.#ctx.nowMs - this.#ctx.options.reachableForMs;
    const renewMs = this.#ctx.nowMs - this.#ctx.options.reachableForMs * 0.8;
    let fresh = 0;
    let lasting = 0;
    for (const [peer, atMs] of this.#confirmed) {
      if (atMs < freshMs) this.#confirmed.delete(peer);
      else fresh++;
      if (atMs >= renewMs) lasting++;
    }
    if (this.#ctx.reachable && lasting >= confirmationsNeeded) return;
    const known = this.#eligible();
    const needed = Math.max(1, Math.min(confirmationsNeeded, known.length));
    const doubtful = fresh === 0 || (fresh < needed && this.#failuresInRow > 0);
    if (this.#ctx.reachable && doubtful && known.length > 0) this.#set(false);
    if (lasting >= needed || this.#beatsUntilAsk-- > 0) return;
    this.#beatsUntilAsk = askEveryBeats * 2 ** Math.min(this.#failuresInRow, 5);
    let candidates = known.filter((peer) => !this.#tried.has(peer) && (this.#confirmed.get(peer) ?? 0) < renewMs);
    if (candidates.length === 0) {
      this.#tried.clear();
      this.#failuresInRow++;
      candidates = known;
    }
    for (const peer of candidates.slice(0, askedAtOnce)) {
      const nonce = this.#ctx.nonce();
      this.#tried.add(peer);
      this.#asked.push({ peer, nonce });
      this.#ctx.world.send(peer, { kind: 'dial-back', nonce });
    }
    if (this.#asked.length > 16) this.#asked = this.#asked.slice(-16);
  }

  /** Another wants to be dialled. */
  requested(from: PeerHandle, message: DialBack): void {
    this.#ctx.world.dial(from, message.nonce);
  }

  /** The world dialled for another; the outcome goes back. */
  dialed(peer: PeerHandle, nonce: number, worked: boolean): void {
    this.#ctx.world.send(peer, { kind: 'dialed-back', nonce, worked });
  }

  answered(from: PeerHandle, message: DialedBack): void {
    const index = this.#asked.findIndex((asked) => asked.peer === from && asked.nonce === message.nonce);
    if (index < 0) return;
    this.#asked.splice(index, 1);
    if (!message.worked) return;
    this.#failuresInRow = 0;
    this.#confirmed.set(from, this.#ctx.nowMs);
    const needed = Math.max(1, Math.min(confirmationsNeeded, this.#eligible().length));
    let valid = 0;
    const eligible = new Set(this.#eligible());
    for (const peer of this.#confirmed.keys()) if (eligible.has(peer)) valid++;
    if (valid >= needed) this.#set(true);
  }

  /** Acquaintances in other subnets; all of them when the whole farm is in ours. */
  #eligible(): PeerHandle[] {
    const { world, self } = this.#ctx;
    const own = world.subnet(self);
    const known = [...new Set([...this.acquaintances(), ...this.#confirmed.keys()])].filter(
      (peer) => peer !== self && peer !== NOBODY,
    );
    const elsewhere = known.filter((peer) => world.subnet(peer) !== own);
    return elsewhere.length > 0 ? elsewhere : known;
  }

  #set(reachable: boolean): void {
    if (this.#ctx.reachable === reachable) return;
    this.#ctx.reachable = reachable;
    this.#ctx.world.tell({ type: 'reachability-changed', reachable });
  }
}
