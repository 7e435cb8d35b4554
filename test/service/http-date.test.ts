/** RFC 9110, section 5.6.7. */
import { describe, expect, it } from 'vitest';
import { readHttpDate } from '../../src/service/http-date.ts';

const example = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('a date in a header', () => {
  it('is read in the three forms that HTTP knows', () => {
    for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])
      expect(readHttpDate(text), text).toBe(example);
    expect(readHttpDate(new Date(example).toUTCString())).toBe(example);
    expect(readHttpDate('Saturday, 06-Nov-21 08:49:37 GMT')).toBe(Date.UTC(2021, 10, 6, 8, 49, 37));
  });

  it('in any other form is none, above all where the zone would be that of the machine', () => {
    for (const text of [
      '',
      'Sun, 06 Nov 1994 08:49:37',
      'Sun, 06 Nov 1994 08:49:37 +0100',
      'Sun, 06 Nov 1994 08:49:37 CET',
      'Nov 6 1994 08:49:37',
      '1994-11-06T08:49:37',
      '1994-11-06T08:49:37Z',
      '1994',
      'Sun, 31 Feb 1994 08:49:37 GMT',
      'Sun, 06 Nov 1994 25:49:37 GMT',
      ' Sun, 06 Nov 1994 08:49:37 GMT',
    ])
      expect(readHttpDate(text), text).toBeNull();
  });
});
