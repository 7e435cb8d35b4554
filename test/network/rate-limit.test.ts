import { describe, expect, it } from 'vitest';
import { InboundLimiter, TokenBucket } from '../../src/network/rate-limit.ts';

describe('a token bucket', () => {
  it('gives its burst at once, then only what has been refilled since', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([bucket.take(1, 0), bucket.take(2, 0), bucket.take(1, 0)]).toEqual([true, true, false]);
    expect([bucket.take(1, 99), bucket.take(1, 100), bucket.take(1, 100)]).toEqual([false, true, false]);
  });

  it('never holds more than its burst, and takes nothing when it refuses', () => {
    const bucket = new TokenBucket(1_000, 5, 0);
    expect(bucket.take(6, 1_000_000)).toBe(false);
    expect(bucket.take(5, 1_000_000)).toBe(true);
  });

  it('is not refilled by a clock that goes back', () => {
    const bucket = new TokenBucket(1, 1, 10_000);
    expect([bucket.take(1, 10_000), bucket.take(1, 5_000), bucket.take(1, 10_500)]).toEqual([true, false, false]);
  });
});

describe('the limiter of what peers send', () => {
  const rates = { messagesPerSecond: 1, messageBurst: 2, bytesPerSecond: 10, byteBurst: 100 };

  it('limits each peer separately and says which limit was exceeded', () => {
    const limiter = new InboundLimiter(rates);
    expect([limiter.refusal('a', 1, 0), limiter.refusal('a', 1, 0)]).toEqual([undefined, undefined]);
    expect(limiter.refusal('a', 1, 0)).toBe('more than 1 messages a second after a burst of 2');
    expect(limiter.refusal('b', 101, 0)).toBe('more than 10 bytes a second after a burst of 100');
    expect(limiter.refusal('c', 100, 0)).toBeUndefined();
  });

  it('remembers a peer across connections, but only a bounded number of peers', () => {
    const limiter = new InboundLimiter(rates, 2);
    for (const peer of ['a', 'a']) expect(limiter.refusal(peer, 1, 0)).toBeUndefined();
    limiter.touch('a', 0);
    expect(limiter.refusal('a', 1, 0)).toMatch(/messages/);
    limiter.touch('b', 0);
    limiter.touch('c', 0);
    expect(limiter.refusal('a', 1, 0)).toBeUndefined();
  });
});
