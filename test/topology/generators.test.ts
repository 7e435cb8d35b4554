import { describe, expect, test } from 'vitest';
import {
  generateCities,
  generatePlane,
  generateWaxman,
  presets,
  presetTopology,
  TopologyError,
  writeAlt,
} from '../../src/topology/index.ts';
import { SeededRandom } from '../../src/topology/seeded-random.ts';

describe('the seeded random numbers', () => {
  test('are the same for the same seed, and differ for seeds that differ only in the high bits', () => {
    const throws = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 8 }, () => random.bits());
    };
    expect(throws(47)).toEqual(throws(47));
    expect(throws(47)).not.toEqual(throws(47 + 2 ** 40));
    // Changing these figures changes every topology that was ever generated.
    expect(throws(47).slice(0, 3)).toEqual([846572240, 1349990302, 2939000667]);
  });

  test('are uniform to 2% over 100,000 draws', () => {
    const random = new SeededRandom(1);
    const counts = Array.from({ length: 6 }, () => 0);
    for (let k = 0; k < 100_000; k++) counts[random.below(6)]! += 1;
    for (const count of counts) expect(Math.abs(count / (100_000 / 6) - 1)).toBeLessThan(0.02);
  });
});

describe("Waxman's generator", () => {
  test('gives the same bytes for the same seed', () => {
    expect(writeAlt(generateWaxman({ seed: 9 }))).toBe(writeAlt(generateWaxman({ seed: 9 })));
    expect(writeAlt(generateWaxman({ seed: 9 }))).not.toBe(writeAlt(generateWaxman({ seed: 10 })));
  });

  test('bridges its components by exactly as many links as are needed', () => {
    const sparse = generateWaxman({ nodes: 40, alpha: 1e-9, beta: 0.1, seed: 4 });
    expect(sparse.edgeCount).toBe(39);
    for (let node = 0; node < 40; node++) expect(sparse.rttMs(0, node)).toBeLessThan(Infinity);
  });

  test('makes more links with a larger alpha and longer ones with a larger beta', () => {
    const meanLength = (beta: number): number => {
      const { lengths } = generateWaxman({ nodes: 300, alpha: 0.4, beta, seed: 5 }).graph;
      return lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    };
    expect(generateWaxman({ alpha: 0.8, seed: 5 }).edgeCount).toBeGreaterThan(
      2 * generateWaxman({ alpha: 0.2, seed: 5 }).edgeCount,
    );
    expect(meanLength(0.8)).toBeGreaterThan(1.5 * meanLength(0.1));
  });

  test('refuses impossible numbers', () => {
    for (const options of [{ nodes: 0 }, { nodes: 10_001 }, { alpha: 0 }, { alpha: 1.1 }, { beta: -1 }]) {
      expect(() => generateWaxman(options)).toThrow(TopologyError);
    }
  });
});

describe('the plane', () => {
  test('has RTTs in proportion to distance, and holds a million points', () => {
    const plane = generatePlane({ nodes: 1_000_000, seed: 3 });
    const { x, y } = plane.places;
    expect(plane.rttMs(3, 999_999)).toBeCloseTo(2 * Math.hypot(x[3]! - x[999_999]!, y[3]! - y[999_999]!), 9);
    expect(plane.rttMs(999_999, 3)).toBe(plane.rttMs(3, 999_999));
  });
});

describe('the cities', () => {
  test('are 24, and Cairo is nearer to Athens than London to New York, than Madrid to Auckland', () => {
    const cities = generateCities();
    const rttMs = (a: string, b: string): number => cities.rttMs(cities.names.indexOf(a), cities.names.indexOf(b));
    expect(cities.size).toBe(24);
    // 5,570 km of great circle: there and back at 199.86 km/ms, times 1.5, plus 4 ms.
    expect(Math.abs(rttMs('London', 'New York') - (((2 * 5_570) / 199.86) * 1.5 + 4))).toBeLessThan(0.2);
    expect(rttMs('Cairo', 'Athens')).toBeLessThan(rttMs('London', 'New York'));
    expect(rttMs('London', 'New York')).toBeLessThan(rttMs('Madrid', 'Auckland'));
  });
});

describe('a ready-made topology', () => {
  test.each([...presets])('%s has the mean RTT it promises', (name, preset) => {
    const topology = presetTopology(name);
    const size = Number(name.slice(name.lastIndexOf('-') + 1));
    expect(topology.size).toBe(size);
    let sum = 0;
    for (let a = 0; a < size; a++) for (let b = 0; b < size; b++) sum += topology.rttMs(a, b);
    if (preset.meanRttMs !== undefined)
      expect(Math.abs(sum / (size * (size - 1)) - preset.meanRttMs)).toBeLessThan(1e-6);
  });

  test('of an unknown name is refused with the names that exist', () => {
    expect(() => presetTopology('transit-stub-7')).toThrow(/transit-stub-100, transit-stub-600/);
  });
});
