import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatDurationMs,
  parseCountLimit,
  parseDurationMs,
  parsePort,
  parseRateLimit,
  parseSize,
  parseSizeLimit,
} from '../../../src/cli/words/quantities.ts';

describe('sizes', () => {
  it.each([
    ['500MB', 500_000_000],
    ['2GiB', 2 * 1024 ** 3],
    ['1.5 gb', 1_500_000_000],
    ['4096', 4096],
    ['12b', 12],
    ['10k', 10_000],
    ['10Ki', 10_240],
    [' 1 TB ', 1e12],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', 'MB', '-5MB', '5 horses', '1e9', '5MBB', '0x10', '99999999PB', '5MB 6MB'])(
    '"%s" is refused, with the text and an example',
    (text) => {
      expect(() => parseSize(text)).toThrow(new RegExp(`^"${text}" is not a size.*write`));
    },
  );

  it('a limit may be unlimited, and then it is 0; but a limit of nothing is refused', () => {
    expect(parseSizeLimit('unlimited')).toBe(0);
    expect(parseSizeLimit('1MB')).toBe(1_000_000);
    expect(() => parseSizeLimit('0.1')).toThrow('above zero');
    expect(parseCountLimit('unlimited')).toBe(0);
    expect(parseCountLimit('64')).toBe(64);
  });
});

describe('rates', () => {
  it.each([
    ['5MB', 5_000_000],
    ['5MB/s', 5_000_000],
    ['5 MB / s', 5_000_000],
    ['5MBps', 5_000_000],
    ['40Mbit/s', 5_000_000],
    ['40Mbps', 5_000_000],
    ['unlimited', 0],
  ])('%s is %d bytes a second', (text, bytes) => expect(parseRateLimit(text)).toBe(bytes));

  it('says what a rate looks like when it is none', () => {
    expect(() => parseRateLimit('fast')).toThrow(
      '"fast" is not a rate; write for example 5MB/s, 40Mbit/s or unlimited',
    );
  });
});

describe('durations', () => {
  it.each([
    ['120ms', 120],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['1d12h', 129_600_000],
    ['2 min 30 s', 150_000],
    ['0', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it('without a unit is refused, because 30 could be seconds or milliseconds', () => {
    expect(() => parseDurationMs('30')).toThrow('"30" is not a duration: the unit is missing');
  });

  it.each(['', 's', '5 parsecs', '-1s', '1s2', '1s-'])('"%s" is refused', (text) => {
    expect(() => parseDurationMs(text)).toThrow('is not a duration');
  });
});

describe('any text', () => {
  it('is either refused by a sentence or becomes a whole number that is not negative', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,6}[ a-zA-Z/]{0,6}$/)), (text) => {
        for (const parse of [parseSize, parseSizeLimit, parseRateLimit, parseDurationMs, parsePort, parseCountLimit]) {
          try {
            const value = parse(text);
            expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
          } catch (error) {
            expect((error as Error).name).toBe('QuantityError');
          }
        }
      }),
    );
  });
});

describe('figures for people', () => {
  it('sizes keep two or three digits', () => {
    expect([0, 999, 1000, 1500, 20_140_000, 2e9].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1 kB',
      '1.5 kB',
      '20.1 MB',
      '2 GB',
    ]);
  });

  it('a printed size means about what it was when it is read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), (bytes) => {
        expect(Math.abs(parseSize(formatBytes(bytes)) - bytes)).toBeLessThanOrEqual(bytes * 0.051);
      }),
    );
  });

  it('durations name their two largest parts', () => {
    expect([5, 42_000, 185_000, 187_200_000, 86_400_000].map(formatDurationMs)).toEqual([
      '5 ms',
      '42 s',
      '3 min 5 s',
      '2 d 4 h',
      '1 d',
    ]);
  });
});
