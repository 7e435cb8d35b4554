/**
 * Round trips measured on purpose: one small question, one small answer. Each answer also moves the peer's network coordinate. Unanswered
 * questions are forgotten after a while, so the list stays short.
 */
import type { Context } from '../context.ts';
import { isSound, maxRttMs } from './coordinates.ts';
import type { PeerHandle } from '../ids.ts';
import type { LayerName } from '../layer.ts';
import type { Pong } from '../messages/index.ts';

/** The purpose of a ping: an attempt to find a parent, a look for a better parent, a client's comparison of servers, or a layer. */
export type Asker = 'joining' | 'optimisation' | 'comparison' | LayerName;

interface Asked {
  readonly peer: PeerHandle;
  readonly nonce: number;
  readonly asker: Asker;
  readonly atMs: number;
}

export interface Answered {
  readonly peer: PeerHandle;
  readonly asker: Asker;
  readonly rttMs: number;
  readonly pong: Pong;
}

const mostPending = 64;
const none: readonly Asked[] = [];

export class Pings {
  readonly #ctx: Context;
  #pending: readonly Asked[] = none;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  ask(peer: PeerHandle, asker: Asker): void {
    const nonce = this.#ctx.nonce();
    this.#pending = [...this.#pending.slice(1 - mostPending), { peer, nonce, asker, atMs: this.#ctx.nowMs }];
    this.#ctx.world.send(peer, { kind: 'ping', nonce });
  }

  /** Matches an answer with its question; null for an answer without a question. */
  answered(from: PeerHandle, pong: Pong): Answered | null {
    const asked = this.#pending.find((question) => question.peer === from && question.nonce === pong.nonce);
    if (asked === undefined) return null;
    this.#pending = this.#pending.length === 1 ? none : this.#pending.filter((question) => question !== asked);
    const rttMs = this.#ctx.nowMs - asked.atMs;
    // No round trip takes that long: the clock was set meanwhile.
    if (rttMs > maxRttMs) return null;
    if (isSound(pong.coordinate)) this.#ctx.sampled(pong.coordinate, rttMs);
    return { peer: from, asker: asked.asker, rttMs, pong };
  }
}
