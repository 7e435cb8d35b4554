/** The note that opens a round. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAnnouncement, encodeAnnouncement } from '../../../src/qos/round/announcement.ts';
import type { Announcement } from '../../../src/qos/round/announcement.ts';

const ms = fc.float({ min: 1, max: 1e6, noNaN: true });
const announcements: fc.Arbitrary<Announcement> = fc.record({
  round: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  cost: fc.constantFrom('delay' as const, 'over' as const),
  clampMs: ms,
  limitMs: fc.oneof(fc.constant(0), ms),
  freshMs: ms,
  usualMs: fc.oneof(fc.constant(0), ms),
});

describe('the announcement of a round', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(announcements, (announcement) => {
        expect(decodeAnnouncement(encodeAnnouncement(announcement))).toEqual(announcement);
      }),
    );
  });

  it('is 26 bytes, at any offset in a buffer', () => {
    const bytes = encodeAnnouncement({ round: 3, cost: 'over', clampMs: 10, limitMs: 1, freshMs: 5, usualMs: 2 });
    expect(bytes).toHaveLength(26);
    const among = new Uint8Array(40).fill(9);
    among.set(bytes, 11);
    expect(decodeAnnouncement(among.subarray(11, 37))?.round).toBe(3);
  });

  it('of an older root has no usual service time', () => {
    const whole = encodeAnnouncement({ round: 3, cost: 'delay', clampMs: 10, limitMs: 0, freshMs: 5, usualMs: 40 });
    expect(decodeAnnouncement(whole)?.usualMs).toBe(40);
    expect(decodeAnnouncement(whole.subarray(0, 22))).toMatchObject({ round: 3, freshMs: 5, usualMs: 0 });
  });

  it('is refused when it is short, of another version, or has impossible numbers', () => {
    const good = encodeAnnouncement({ round: 3, cost: 'delay', clampMs: 10, limitMs: 0, freshMs: 5, usualMs: 0 });
    expect(decodeAnnouncement(good.subarray(0, 21))).toBeNull();
    expect(decodeAnnouncement(good.with(0, 2))).toBeNull();
    for (const wrong of [
      { round: 0 },
      { round: 1.5 },
      { round: Number.NaN },
      { clampMs: 0 },
      { limitMs: -1 },
      { freshMs: Number.NaN },
      { usualMs: -1 },
    ])
      expect(
        decodeAnnouncement(
          encodeAnnouncement({ round: 3, cost: 'delay', clampMs: 10, limitMs: 0, freshMs: 5, usualMs: 0, ...wrong }),
        ),
      ).toBeNull();
  });

  it('never throws on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const read = decodeAnnouncement(bytes);
        expect(read === null || Number.isSafeInteger(read.round)).toBe(true);
      }),
    );
  });
});
