/** What a server makes of the times that the branches of its tree tell. */
import { describe, expect, it } from 'vitest';
import type { MemberSample } from '../../src/core/messages.ts';
import { medianServeMs } from '../../src/qos/shedding.ts';
import { sample } from './findings.ts';

/** Clients that one child tells of, each with so many ms besides the way. */
function branch(count: number, serveMs: number): MemberSample[] {
  return Array.from({ length: count }, (_, n) => sample(n, { delayMs: 50 + serveMs, rttMs: 50 }));
}

describe('the time to serve', () => {
  it('is the median over the branches, so that a child with many clients has one vote', () => {
    expect(medianServeMs([branch(128, 600), branch(1, 20), branch(3, 24)])).toBe(24);
  });

  it('is the lower one of two, so that one child cannot raise it', () => {
    expect(medianServeMs([branch(128, 600), branch(1, 20)])).toBe(20);
  });

  it('is not known without clients', () => {
    expect(medianServeMs([])).toBeNaN();
  });
});
