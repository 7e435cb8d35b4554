import { describe, expect, it } from 'vitest';
import { formatRequirement, parseRequirement, tellRequirement } from '../../../src/cli/words/requirement.ts';

const none = { meanMs: null, percentile: null, availability: null };

describe('a requirement', () => {
  it.each([
    ['120ms', { ...none, meanMs: 120 }],
    ['mean=1.5s', { ...none, meanMs: 1500 }],
    ['p95=200ms', { ...none, percentile: { share: 0.95, ms: 200 } }],
    ['P99.9 = 2s', { ...none, percentile: { share: 0.999, ms: 2000 } }],
    ['99.9%', { ...none, availability: 0.999 }],
    ['availability=100%', { ...none, availability: 1 }],
    ['120ms, p95=200ms,99.95%', { meanMs: 120, percentile: { share: 0.95, ms: 200 }, availability: 0.9995 }],
  ])('is read from %s, and written back so that it reads the same', (text, requirement) => {
    expect(parseRequirement([text])).toEqual(requirement);
    expect(parseRequirement([formatRequirement(requirement)])).toEqual(requirement);
  });

  it('may be given in pieces, or not at all', () => {
    expect(parseRequirement(['p95=200ms', '99%'])).toEqual(parseRequirement(['99%,p95=200ms']));
    expect(parseRequirement(['none'])).toBeNull();
    expect(formatRequirement(null)).toBe('none');
  });

  it('is told in words', () => {
    const requirement = parseRequirement(['120ms,p95=200ms,99.9%']) ?? none;
    expect(tellRequirement(requirement)).toBe(
      'a mean delay of at most 120 ms and at most 200 ms for 95% of the clients and 99.9% of the requests answered',
    );
  });

  it.each([
    ['120', 'the unit is missing'],
    ['0ms', 'above zero'],
    ['p95', 'is not a duration'],
    ['p0=1s', 'is out of range'],
    ['p100=200ms', 'is out of range'],
    ['0%', 'is out of range'],
    ['101%', 'is out of range'],
    ['120ms,90ms', 'asked for twice'],
    ['99%,98%', 'asked for twice'],
    ['120ms,', 'is empty'],
    ['fast', 'is not a duration'],
  ])('that makes no sense is refused with a sentence: %s', (text, reason) => {
    expect(() => parseRequirement([text])).toThrow(reason);
  });
});
