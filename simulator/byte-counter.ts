/**
 * The control traffic of a peer: everything that it sends, encoded as on the wire (without framing and encryption, and without the content
 * of notes), over the time that it was present. Encoding costs more than simulating, so only one peer in `every` is counted.
 */
import type { Message, PeerHandle } from '../src/core/index.ts';
import { wireSize } from '../src/wire/index.ts';

/** The shortest presence after which a peer's bytes a second are meaningful, ms. */
const leastPresenceMs = 60_000;

/** Names of the usual length, for the size of messages. */
const names = {
  keyOf: (peer: PeerHandle): Uint8Array => new Uint8Array(32).fill(peer & 255),
  addressesOf: (peer: PeerHandle): string[] => [`/ip4/10.${(peer >> 8) & 255}.${peer & 255}.7/tcp/40001`],
};

interface Account {
  /** NaN while it is away. */
  sinceMs: number;
  presentMs: number;
  bytes: number;
}

export class ByteCounter {
  readonly #every: number;
  readonly #accounts = new Map<PeerHandle, Account>();

  /** Counts one peer in `every`. */
  constructor(every: number) {
    this.#every = every;
  }

  arrived(peer: PeerHandle, nowMs: number): void {
    if (peer % this.#every !== 0) return;
    const account = this.#accounts.get(peer) ?? { sinceMs: nowMs, presentMs: 0, bytes: 0 };
    account.sinceMs = nowMs;
    this.#accounts.set(peer, account);
  }

  gone(peer: PeerHandle, nowMs: number): void {
    const account = this.#accounts.get(peer);
    if (account === undefined || Number.isNaN(account.sinceMs)) return;
    account.presentMs += nowMs - account.sinceMs;
    account.sinceMs = Number.NaN;
  }

  /** Starts counting anew. */
  reset(nowMs: number): void {
    for (const account of this.#accounts.values()) {
      account.presentMs = 0;
      account.bytes = 0;
      if (!Number.isNaN(account.sinceMs)) account.sinceMs = nowMs;
    }
  }

  sent(from: PeerHandle, message: Message): void {
    if (from % this.#every !== 0) return;
    const account = this.#accounts.get(from);
    if (account === undefined) return;
    const content = message.kind === 'cast' && message.payload.type === 'note' ? message.payload.bytes.length : 0;
    account.bytes += wireSize(message, names) - content;
  }

  /** Bytes a second of each peer that was present long enough. */
  rates(nowMs: number): number[] {
    const rates: number[] = [];
    for (const { sinceMs, presentMs, bytes } of this.#accounts.values()) {
      const totalMs = presentMs + (Number.isNaN(sinceMs) ? 0 : nowMs - sinceMs);
      if (totalMs >= leastPresenceMs) rates.push((1_000 * bytes) / totalMs);
    }
    return rates;
  }
}
