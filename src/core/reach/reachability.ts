/**
 * Whether others can dial this peer. It cannot know by itself, so it asks.
 *
 * A peer behind an address translator (NAT) dials out like any other; the difference shows only when an orphan is sent to it. So a peer
 * stays a leaf until two others in other subnets have dialled it back on a fresh connection. The confirmation is renewed, and lost when the
 * address changes. In a farm that lives in one subnet (a laptop, a LAN) any two peers will do, and where there is only one other peer, that
 * one.
 */
import type { Context } from '../context.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { DialBack, DialedBack } from '../messages/index.ts';
import { PeerNumbers } from './peer-numbers.ts';

interface Asked {
  readonly peer: PeerHandle;
  readonly nonce: number;
}

/** Peers that could be asked: relatives and servers. */
export interface Circle {
  acquaintances(): readonly PeerHandle[];
}

const confirmationsNeeded = 2;
/** A confirmation is renewed after this share of the time for which it counts. */
const renewAfter = 0.8;
const askedAtOnce = 3;
/** Beats between two rounds of asking while unconfirmed. */
const askEveryBeats = 3;
const mostAsked = 16;
const noneAsked: readonly Asked[] = [];
const nobody: readonly PeerHandle[] = [];

export class Reachability {
  readonly #ctx: Context;
  readonly #circle: Circle;
  #asked: readonly Asked[] = noneAsked;
  /** The peers that dialled back, and when, ms; usually two or three. */
  readonly #confirmed = new PeerNumbers();
  /** Peers that were asked in this round without success yet; others are asked next. */
  #tried: readonly PeerHandle[] = nobody;
  #beatsUntilAsk = 0;
  #failuresInRow = 0;

  constructor(ctx: Context, circle: Circle) {
    this.#ctx = ctx;
    this.#circle = circle;
  }

  /** The invites contain the root's addresses, so the root counts as reachable. */
  trustSelf(): void {
    this.#set(true);
  }

  /** Own addresses changed: earlier confirmations no longer hold. */
  reset(): void {
    this.#confirmed.keep(() => false);
    this.#tried = nobody;
    this.#beatsUntilAsk = 0;
    this.#ctx.dialledEnoughUntilMs = 0;
    if (!this.#ctx.authority.isNamed) this.#set(false);
  }

  /** Called on every beat, unless there is nothing to do (`dialledEnoughUntilMs`). */
  beat(): void {
    const { authority, reachable, nowMs, dialledEnoughUntilMs } = this.#ctx;
    if (authority.isNamed || (reachable && nowMs < dialledEnoughUntilMs)) return;
    const freshMs = this.#ctx.nowMs - this.#ctx.options.reachableForMs;
    const renewMs = this.#ctx.nowMs - this.#ctx.options.reachableForMs * renewAfter;
    let fresh = 0;
    let lasting = 0;
    for (const atMs of this.#confirmed.numbers()) {
      if (atMs >= freshMs) fresh++;
      if (atMs >= renewMs) lasting++;
    }
    if (fresh < this.#confirmed.size) this.#confirmed.keep((_, atMs) => atMs >= freshMs);
    if (this.#ctx.reachable && lasting >= confirmationsNeeded) {
      this.#ctx.dialledEnoughUntilMs = this.#renewalMs();
      return;
    }
    const known = this.#eligible();
    const needed = Math.max(1, Math.min(confirmationsNeeded, known.length));
    const doubtful = fresh === 0 || (fresh < needed && this.#failuresInRow > 0);
    if (this.#ctx.reachable && doubtful && known.length > 0) this.#set(false);
    if (lasting >= needed || this.#beatsUntilAsk-- > 0) return;
    this.#beatsUntilAsk = askEveryBeats << Math.min(this.#failuresInRow, 5);
    let candidates = known.filter((peer) => !this.#tried.includes(peer) && !(this.#confirmed.get(peer) >= renewMs));
    if (candidates.length === 0) {
      this.#tried = nobody;
      this.#failuresInRow++;
      candidates = known;
    }
    const asked = candidates.slice(0, askedAtOnce).map((peer) => ({ peer, nonce: this.#ctx.nonce() }));
    this.#tried = [...new Set([...this.#tried, ...asked.map(({ peer }) => peer)])];
    this.#asked = [...this.#asked, ...asked].slice(-mostAsked);
    for (const { peer, nonce } of asked) this.#ctx.world.send(peer, { kind: 'dial-back', nonce });
  }

  /** Another peer asks to be dialled. */
  requested(from: PeerHandle, message: DialBack): void {
    this.#ctx.world.dial(from, message.nonce);
  }

  /** The dial for another peer ended; the result is sent back. */
  dialed(peer: PeerHandle, nonce: number, worked: boolean): void {
    this.#ctx.world.send(peer, { kind: 'dialed-back', nonce, worked });
  }

  answered(from: PeerHandle, message: DialedBack): void {
    const isAnswered = (asked: Asked): boolean => asked.peer === from && asked.nonce === message.nonce;
    if (!this.#asked.some(isAnswered)) return;
    this.#asked = this.#asked.length === 1 ? noneAsked : this.#asked.filter((asked) => !isAnswered(asked));
    if (!message.worked) return;
    this.#failuresInRow = 0;
    this.#confirmed.renew(from, this.#ctx.nowMs);
    const eligible = this.#eligible();
    const needed = Math.max(1, Math.min(confirmationsNeeded, eligible.length));
    const valid = this.#confirmed.peers().filter((peer) => eligible.includes(peer)).length;
    if (valid < needed) return;
    this.#tried = nobody;
    this.#set(true);
  }

  /** When the first of the required confirmations is due for renewal, ms. */
  #renewalMs(): number {
    const times = this.#confirmed.numbers().sort((a, b) => b - a);
    return Math.round((times[confirmationsNeeded - 1] ?? 0) + this.#ctx.options.reachableForMs * renewAfter);
  }

  /** Acquaintances in other subnets; all of them when the whole farm is in one subnet. */
  #eligible(): PeerHandle[] {
    const { world, self } = this.#ctx;
    const own = world.subnet(self);
    const known = [...new Set([...this.#circle.acquaintances(), ...this.#confirmed.peers()])].filter(
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
