import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readGraphml, readTopology, TopologyError } from '../../src/topology/index.ts';

const text = readFileSync(new URL('../fixtures/topology/four-cities.graphml', import.meta.url), 'utf8');

describe('a map in GraphML', () => {
  test('gives the time of light in glass between places: 344 km from London to Paris and back in 3.44 ms', () => {
    const topology = readGraphml(text);
    expect(topology.rttMs(0, 1)).toBeCloseTo((2 * 343.9) / 199.86, 1);
  });

  test('takes the delay of an edge, one way in ms, before the places of its ends', () => {
    expect(readGraphml(text).rttMs(1, 3)).toBe(15);
  });

  test('gives an edge whose end has no position the median of the others, and says so', () => {
    const topology = readGraphml(text);
    expect(topology.rttMs(0, 2)).toBe(topology.rttMs(0, 1));
    expect(topology.description).toContain('1 of 3 edges at the median delay');
  });

  test('keeps the largest connected part and says how many nodes it left out', () => {
    const topology = readGraphml(text);
    expect(topology.size).toBe(4);
    expect(topology.description).toBe(
      'GraphML Example, 1 of 3 edges at the median delay, 1 nodes outside the largest part left out',
    );
  });

  test('makes repeated labels unique and reads entities', () => {
    expect(readGraphml(text).names).toEqual(['London', 'Paris', 'Somewhere & Elsewhere', 'Paris#3']);
  });

  test('is read whatever namespace prefix its tags have', () => {
    const prefixed = text
      .replace('xmlns=', 'xmlns:g=')
      .replace(/<(\/?)(graphml|graph|node|edge|data|key)\b/g, '<$1g:$2');
    expect(readGraphml(prefixed).names).toEqual(readGraphml(text).names);
  });

  test.each([
    ['a tag that is not closed', text.replace('</graph>', ''), 'well-formed', undefined],
    ['an edge to nowhere', text.replace('target="3"', 'target="33"'), 'the target of the edge is "33"', 32],
    ['a latitude beyond the pole', text.replace('48.86', '148.86'), 'the latitude is 148.86', 16],
    ['a longitude that is no number', text.replace('2.35', 'east'), 'the longitude is "east"', 17],
    ['a negative delay', text.replace('7.5', '-7.5'), '"-7.5"; it must be 0 or more', 33],
    ['a node id used twice', text.replace('id="1"', 'id="0"'), 'the node id "0" is used twice', 15],
    ['another kind of XML', '<svg><graph/></svg>', 'one <graphml> element is expected and "svg" was found', 1],
    ['no graph', '<graphml></graphml>', 'holds 0 graphs', 1],
    ['no nodes', '<graphml>\n<graph/></graphml>', 'no nodes', 2],
    [
      'entities of its own',
      `<!DOCTYPE x [<!ENTITY a "b">]>${text.slice(text.indexOf('\n'))}`,
      'defines entities',
      undefined,
    ],
  ])('with %s is refused, naming the line and the value', (_, damaged, words, line) => {
    let error: unknown;
    try {
      readTopology(damaged);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TopologyError);
    expect((error as TopologyError).message).toContain(words);
    if (line !== undefined) expect((error as TopologyError).line).toBe(line);
  });

  test('without any delay or place is refused', () => {
    const bare = '<graphml><graph><node id="a"/><node id="b"/><edge source="a" target="b"/></graph></graphml>';
    expect(() => readGraphml(bare)).toThrow(/no RTT can be told/);
  });

  test('damaged anywhere gives a topology or a TopologyError, nothing else', () => {
    const pieces = ['', '<', '>', '"', '&', '</graph>', '<node>', '<![CDATA[', '<!--', '<?', '-1', 'NaN', '__proto__'];
    const damage = fc.tuple(
      fc.nat(text.length),
      fc.nat(30),
      fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 10 })),
    );
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        const damaged = damages.reduce(
          (now, [at, length, piece]) => now.slice(0, at) + piece + now.slice(at + length),
          text,
        );
        try {
          const topology = readTopology(damaged, { format: 'graphml' });
          expect(topology.rttMs(0, topology.size - 1)).toBeLessThan(Infinity);
        } catch (error) {
          expect(error).toBeInstanceOf(TopologyError);
        }
      }),
      { numRuns: 1_000, seed: 2 },
    );
  });
});
