/** Which servers' bids are believed, and which children's sizes. */
import { describe, expect, it } from 'vitest';
import { Attendance } from '../../../src/qos/round/attendance.ts';
import { Trust } from '../../../src/qos/control/trust.ts';
import { aggregate, peerNumber } from '../findings.ts';

const [one, two] = [peerNumber(1), peerNumber(2)];

describe('trust', () => {
  /** The number of decisions for which a server is ignored from now on. */
  function silence(trust: Trust): number {
    for (let decisions = 0; ; decisions++) {
      trust.next();
      if (trust.isHeard(one)) return decisions;
    }
  }

  it('is lost for a decision by a broken promise, and for twice as long by the next', () => {
    const trust = new Trust();
    expect(silence(trust)).toBe(0);
    const silences = [1, 2, 3, 4, 5].map(() => {
      trust.broke(one);
      return silence(trust);
    });
    expect(silences).toEqual([1, 2, 4, 8, 16]);
    expect(trust.isHeard(two)).toBe(true);
  });

  it('is restored by one kept promise', () => {
    const trust = new Trust();
    for (let n = 0; n < 6; n++) trust.broke(one);
    trust.kept(one);
    trust.broke(one);
    expect(silence(trust)).toBe(1);
  });

  it('remembers a bounded number of servers', () => {
    const trust = new Trust();
    for (let n = 1; n <= 5_000; n++) trust.broke(peerNumber(n));
    trust.next();
    expect(trust.isHeard(peerNumber(5_000))).toBe(false);
    expect(trust.isHeard(one)).toBe(true);
  });
});

describe('attendance', () => {
  it('after three thin rounds in a row accepts one silent peer for each client that is heard, plus one', () => {
    const attendance = new Attendance();
    const claims = aggregate({ expected: 1_000, reported: 10, clients: 8 });
    const thin = (): void => attendance.note([one, two], (child) => (child === one ? 0.01 : 1), 0.8);
    for (let n = 0; n < 3; n++) {
      expect(attendance.expected(one, 1_000)).toBe(1_000);
      expect(attendance.believed(one, claims).expected).toBe(1_000);
      thin();
    }
    expect(attendance.expected(one, 1_000)).toBe(1);
    expect(attendance.believed(one, claims)).toEqual({ ...claims, expected: 19 });
    expect(attendance.believed(one, { ...claims, expected: 15 }).expected).toBe(15);
    expect(attendance.expected(two, 1_000)).toBe(1_000);
  });

  it('believes the child again after one full round, and forgets children that are gone', () => {
    const attendance = new Attendance();
    for (let n = 0; n < 5; n++) attendance.note([one, two], () => 0, 0.8);
    attendance.note([one], () => 0.9, 0.8);
    expect([attendance.isDoubted(one), attendance.isDoubted(two)]).toEqual([false, false]);
  });
});
