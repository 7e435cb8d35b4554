import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  generateCities,
  generatePlane,
  generateTransitStub,
  type GraphTopology,
  readAlt,
  scaleToMeanRtt,
  TopologyError,
  writeAlt,
} from '../../src/topology/index.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/topology/gt-itm/${name}.alt`, import.meta.url), 'utf8');

const small = `GRAPH (#nodes #edges id uu vv ww xx yy zz):
3 4 tiny(1) 0 0 0

VERTICES (index name u v w x y z):
0 T:0.0 53 0
1 S:0.0/0.0 52 25
2 S:0.0/0.1 56 33

EDGES (from-node to-node length a b):
0 1 25 3
1 2 9.5 1
`;

const failure = (text: string): TopologyError => {
  try {
    readAlt(text);
  } catch (error) {
    if (error instanceof TopologyError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
};

describe('real files of GT-ITM', () => {
  // T, Nt, K, Ns as the header of each file states them.
  test.each([
    ['transit-stub-100-seed47', 1, 4, 3, 8, 187],
    ['transit-stub-100-seed11', 1, 4, 3, 8, 184],
    ['transit-stub-600-seed47', 3, 8, 3, 8, 1041],
    ['transit-stub-1008-seed11', 4, 9, 3, 9, 1863],
  ])(
    '%s has T·Nt·(1+K·Ns) nodes, the edges its header counts twice, and a domain per transit and stub network',
    (name, T, Nt, K, Ns, edges) => {
      const topology = readAlt(fixture(name));
      expect(topology.size).toBe(T * Nt * (1 + K * Ns));
      expect(topology.edgeCount).toBe(edges);
      expect(topology.domainCount).toBe(T + T * Nt * K);
      expect(topology.description).toMatch(/^transtub\(/);
    },
  );

  test('give RTTs that are symmetric, obey the triangle inequality and are 0 only from a node to itself', () => {
    const topology = readAlt(fixture('transit-stub-100-seed47'));
    for (let a = 0; a < topology.size; a++) {
      expect(topology.rttMs(a, a)).toBe(0);
      for (let b = 0; b < a; b++) {
        const rttMs = topology.rttMs(a, b);
        expect(rttMs).toBeGreaterThan(0);
        expect(topology.rttMs(b, a)).toBe(rttMs);
        for (let c = 0; c < topology.size; c += 7)
          expect(rttMs).toBeLessThanOrEqual(topology.rttMs(a, c) + topology.rttMs(c, b));
      }
    }
  });

  test('have the shortest paths that the Floyd-Warshall algorithm finds', () => {
    const topology = readAlt(fixture('transit-stub-100-seed11'));
    const best = floydWarshall(topology);
    for (let a = 0; a < topology.size; a++) {
      for (let b = 0; b < topology.size; b++) expect(topology.rttMs(a, b)).toBe(2 * best[a]![b]!);
    }
  });

  test('come back unchanged when they are written and read again', () => {
    const topology = readAlt(fixture('transit-stub-600-seed47'));
    const again = readAlt(writeAlt(topology));
    expect(again.names).toEqual(topology.names);
    expect(again.graph.places).toEqual(topology.graph.places);
    expect(again.graph.lengths).toEqual(topology.graph.lengths);
    expect(again.description).toBe(topology.description);
  });
});

function floydWarshall(topology: GraphTopology): number[][] {
  const { from, to, lengths } = topology.graph;
  const best = topology.names.map((_, a) => topology.names.map((__, b) => (a === b ? 0 : Infinity)));
  from.forEach((a, edge) => {
    const b = to[edge]!;
    best[a]![b] = Math.min(best[a]![b]!, lengths[edge]!);
    best[b]![a] = best[a]![b]!;
  });
  for (let via = 0; via < best.length; via++) {
    for (const row of best) {
      for (let b = 0; b < best.length; b++) row[b] = Math.min(row[b]!, row[via]! + best[via]![b]!);
    }
  }
  return best;
}

describe('reading', () => {
  test('adds up the links of a path, there and back', () => {
    const topology = readAlt(small);
    expect(topology.rttMs(0, 2)).toBe(69);
    expect([0, 1, 2].map((node) => topology.domain(node))).toEqual([0, 1, 1]);
  });

  test('skips blank lines, comments, Windows line ends and a byte order mark', () => {
    const noisy = `\uFEFF# made by hand\n\n${small.replaceAll('\n', '\r\n\r\n  # note\r\n')}`;
    expect(writeAlt(readAlt(noisy))).toBe(writeAlt(readAlt(small)));
  });

  test('takes vertices in any order, names of any kind and the shorter of two parallel edges', () => {
    const text = 'GRAPH\n2 4\nVERTICES\n1 west\n0 east\nEDGES\n0 1 7\n1 0 3\n';
    const topology = readAlt(text);
    expect(topology.names).toEqual(['east', 'west']);
    expect(topology.rttMs(0, 1)).toBe(6);
    expect(topology.domainCount).toBe(2);
  });

  test.each([
    [
      'another number of nodes than the header',
      small.replace('3 4 tiny', '4 4 tiny'),
      2,
      'promises 4 nodes and the text lists 3',
    ],
    ['an edge counted once', small.replace('3 4 tiny', '3 2 tiny'), 2, 'promises 2 (each edge counted twice)'],
    ['a count that is no number', small.replace('3 4 tiny', 'three 4 tiny'), 2, '"three"'],
    ['a vertex listed twice', small.replace('1 S:0.0/0.0', '0 S:0.0/0.0'), 6, 'vertex 0 is listed twice'],
    ['a vertex beyond the count', small.replace('2 S:0.0/0.1', '9 S:0.0/0.1'), 7, 'is 9; it must be below 3'],
    ['a name used twice', small.replace('S:0.0/0.1', 'S:0.0/0.0'), 7, '"S:0.0/0.0" is taken'],
    ['a vertex without a name', small.replace('2 S:0.0/0.1 56 33', '2'), 7, 'vertex 2 has no name'],
    ['a coordinate that is no number', small.replace('56 33', '56 N33'), 7, '"N33"'],
    ['an edge to a node that is not there', small.replace('1 2 9.5', '1 3 9.5'), 11, 'is 3; it must be below 3'],
    ['a negative length', small.replace('9.5', '-9.5'), 11, '"-9.5"; it must be 0 or more'],
    ['a length that is half a number', small.replace('9.5', '9.5x'), 11, '"9.5x"'],
    ['an endless length', small.replace('9.5', '1e999'), 11, '"1e999"'],
    ['a length of hours', small.replace('9.5', '1e9'), 11, '1000000000 is above 10000000'],
    ['an edge cut short', small.replace('1 2 9.5 1', '1 2'), 11, 'the length of the edge is ""'],
    ['an edge from a node to itself', small.replace('1 2 9.5', '2 2 9.5'), 11, 'from node 2 to itself'],
  ])('refuses %s, naming the line and the value', (_, text, line, words) => {
    const error = failure(text);
    expect(error.message).toContain(words);
    expect(error.line).toBe(line);
    expect(error.message).toContain(`line ${line}: `);
  });

  test('refuses a disconnected graph, naming a node that cannot be reached', () => {
    const parted = small.replace('3 4 tiny', '3 2 tiny').replace('1 2 9.5 1\n', '');
    expect(failure(parted).message).toContain('node 2 (S:0.0/0.1)');
  });

  test.each([
    '',
    'GRAPH',
    'GRAPH\n3 4',
    'GRAPH\n0 0\nVERTICES\nEDGES\n',
    'GRAPH\n1 0\nVERTICES\n0 a\n',
    'GRAPH\nEDGES\nVERTICES\n',
  ])('refuses the fragment %j', (text) => {
    expect(failure(text)).toBeInstanceOf(TopologyError);
  });

  test('of a file damaged anywhere gives a topology or a TopologyError, nothing else', () => {
    const original = fixture('transit-stub-100-seed47');
    const pieces = [
      '',
      ' ',
      '\n',
      '-',
      '0',
      '999999999999',
      'NaN',
      'x',
      '#',
      '1e308',
      '0.5',
      'VERTICES',
      'EDGES',
      '\u0000',
    ];
    const damage = fc.tuple(
      fc.nat(original.length),
      fc.nat(30),
      fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 20 })),
    );
    let refused = 0;
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
        const text = damages.reduce(
          (now, [at, length, piece]) => now.slice(0, at) + piece + now.slice(at + length),
          original,
        );
        try {
          const topology = readAlt(text);
          expect(topology.rttMs(0, topology.size - 1)).toBeLessThan(Infinity);
        } catch (error) {
          expect(error).toBeInstanceOf(TopologyError);
          refused += 1;
        }
      }),
      { numRuns: 500, seed: 2 },
    );
    expect(refused).toBeGreaterThan(250);
  });
});

describe('writing', () => {
  test('writes scaled lengths, to the nearest tenth of a microsecond', () => {
    const topology = scaleToMeanRtt(generateTransitStub({ seed: 5 }), 47);
    const again = readAlt(writeAlt(topology));
    for (let node = 0; node < topology.size; node++)
      expect(Math.abs(again.rttMs(0, node) - topology.rttMs(0, node))).toBeLessThan(0.003);
    expect(again.names.map((_, node) => again.domain(node))).toEqual(
      topology.names.map((_, node) => topology.domain(node)),
    );
    expect(again.description).toContain('seed=5),mean-rtt=47ms');
  });

  test('writes a plane as the graph of all its pairs', () => {
    const plane = scaleToMeanRtt(generatePlane({ nodes: 30, seed: 5 }), 100);
    const again = readAlt(writeAlt(plane));
    expect(again.edgeCount).toBe((30 * 29) / 2);
    for (let a = 0; a < 30; a++)
      for (let b = 0; b < 30; b++) expect(Math.abs(again.rttMs(a, b) - plane.rttMs(a, b))).toBeLessThan(0.001);
  });

  test('refuses a matrix, whose figures are not path lengths, and a plane with too many pairs', () => {
    expect(() => writeAlt(generateCities())).toThrow(TopologyError);
    expect(() => writeAlt(generatePlane({ nodes: 2_001 }))).toThrow(/at most 2000/);
  });
});
