/**
 * How much one peer may send us: two token buckets a peer, one for messages and one for bytes.
 *
 * A bucket fills at a steady rate up to its burst; what comes in takes from it; empty means over the limit. Buckets
 * outlive connections, so that hanging up and dialling again does not refill them, and the oldest are forgotten when
 * there are too many, which by then have long been full again.
 */

/** Rates and bursts for what one remote peer sends on its held stream. */
export interface InboundRates {
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
}

export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes `amount` if there is enough, else takes nothing and says false. */
  take(amount: number, nowMs: number): boolean {
    if (nowMs > this.#atMs) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
      this.#atMs = nowMs;
    }
    if (amount > this.#tokens) return false;
    this.#tokens -= amount;
    return true;
  }
}

interface Buckets {
  readonly messages: TokenBucket;
  readonly bytes: TokenBucket;
}

export class InboundLimiter {
  readonly #rates: InboundRates;
  readonly #maxPeers: number;
  readonly #peers = new Map<string, Buckets>();

  /** `maxPeers` bounds the memory: buckets of peers that have been silent the longest are forgotten first. */
  constructor(rates: InboundRates, maxPeers = 4_096) {
    this.#rates = rates;
    this.#maxPeers = maxPeers;
  }

  /** Call when a peer opens its stream: makes its buckets the youngest. */
  touch(peerId: string, nowMs: number): void {
    const buckets = this.#peers.get(peerId) ?? this.#fresh(nowMs);
    this.#peers.delete(peerId);
    this.#peers.set(peerId, buckets);
    if (this.#peers.size > this.#maxPeers) {
      const oldest = this.#peers.keys().next();
      if (oldest.done !== true) this.#peers.delete(oldest.value);
    }
  }

  /** Accounts for one message; says which limit it broke, or nothing when all is well. */
  refusal(peerId: string, bytes: number, nowMs: number): string | undefined {
    let buckets = this.#peers.get(peerId);
    if (buckets === undefined) {
      buckets = this.#fresh(nowMs);
      this.#peers.set(peerId, buckets);
    }
    const { messagesPerSecond, messageBurst, bytesPerSecond, byteBurst } = this.#rates;
    if (!buckets.messages.take(1, nowMs)) {
      return `more than ${messagesPerSecond} messages a second after a burst of ${messageBurst}`;
    }
    if (!buckets.bytes.take(bytes, nowMs)) {
      return `more than ${bytesPerSecond} bytes a second after a burst of ${byteBurst}`;
    }
    return undefined;
  }

  #fresh(nowMs: number): Buckets {
    return {
      messages: new TokenBucket(this.#rates.messagesPerSecond, this.#rates.messageBurst, nowMs),
      bytes: new TokenBucket(this.#rates.bytesPerSecond, this.#rates.byteBurst, nowMs),
    };
  }
}
