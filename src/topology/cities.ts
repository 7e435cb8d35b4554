/**
 * Twenty-four large cities on six continents, and the round-trip times one would expect between them.
 *
 * The times are computed, not measured: light in glass along the great circle, there and back, times 1.5 because cables wind and routes
 * detour, plus 4 ms for the last mile at both ends. Real figures differ by tens of per cent, mostly upwards (traffic from the Gulf to South
 * America, for example, goes through Europe), but the order is right, and the names are familiar. Four cities a continent spread a farm as
 * evenly as possible.
 */
import { fibreDelayMs, type Place } from './great-circle.ts';
import { requireShare } from './generator-limits.ts';
import { MatrixTopology } from './matrix-topology.ts';
import { TopologyError } from './topology-error.ts';

export interface CitiesOptions {
  /** Path length over great-circle distance; 1 or more. */
  readonly inflation: number;
  /** Added to every RTT, ms. */
  readonly lastMileMs: number;
}

export const citiesDefaults: CitiesOptions = { inflation: 1.5, lastMileMs: 4 };

const cities: readonly (Place & { readonly name: string })[] = [
  { name: 'London', latitude: 51.51, longitude: -0.13 },
  { name: 'Madrid', latitude: 40.42, longitude: -3.7 },
  { name: 'Warsaw', latitude: 52.23, longitude: 21.01 },
  { name: 'Athens', latitude: 37.98, longitude: 23.73 },
  { name: 'New York', latitude: 40.71, longitude: -74.01 },
  { name: 'Los Angeles', latitude: 34.05, longitude: -118.24 },
  { name: 'Toronto', latitude: 43.65, longitude: -79.38 },
  { name: 'Mexico City', latitude: 19.43, longitude: -99.13 },
  { name: 'Sao Paulo', latitude: -23.55, longitude: -46.63 },
  { name: 'Buenos Aires', latitude: -34.6, longitude: -58.38 },
  { name: 'Lima', latitude: -12.05, longitude: -77.04 },
  { name: 'Bogota', latitude: 4.71, longitude: -74.07 },
  { name: 'Lagos', latitude: 6.52, longitude: 3.38 },
  { name: 'Cairo', latitude: 30.04, longitude: 31.24 },
  { name: 'Nairobi', latitude: -1.29, longitude: 36.82 },
  { name: 'Johannesburg', latitude: -26.2, longitude: 28.05 },
  { name: 'Dubai', latitude: 25.2, longitude: 55.27 },
  { name: 'Mumbai', latitude: 19.08, longitude: 72.88 },
  { name: 'Singapore', latitude: 1.35, longitude: 103.82 },
  { name: 'Tokyo', latitude: 35.68, longitude: 139.69 },
  { name: 'Sydney', latitude: -33.87, longitude: 151.21 },
  { name: 'Perth', latitude: -31.95, longitude: 115.86 },
  { name: 'Auckland', latitude: -36.85, longitude: 174.76 },
  { name: 'Brisbane', latitude: -27.47, longitude: 153.03 },
];

/** @throws TopologyError for options out of bounds */
export function generateCities(options: Partial<CitiesOptions> = {}): MatrixTopology {
  const { inflation, lastMileMs }: CitiesOptions = { ...citiesDefaults, ...options };
  requireShare(inflation, 'the inflation of paths', 100);
  if (!(lastMileMs >= 0 && lastMileMs <= 10_000)) {
    throw new TopologyError(`the last mile must take 0 to 10000 ms, not ${lastMileMs}`);
  }
  const rttsMs = cities.flatMap((a) =>
    cities.map((b) => (a === b ? 0 : 2 * fibreDelayMs(a, b) * inflation + lastMileMs)),
  );
  const names = cities.map((city) => city.name);
  return MatrixTopology.of(names, rttsMs, `cities(inflation=${inflation},last-mile=${lastMileMs}ms)`);
}
