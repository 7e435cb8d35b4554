/** Random points in a square of side 1,000, as a topology in which the RTT is twice the distance (`plane-topology.ts`). */
import { randomPoint } from './flat-graph.ts';
import { requireCount } from './generator-limits.ts';
import { PlaneTopology } from './plane-topology.ts';
import { SeededRandom } from './seeded-random.ts';

export interface PlaneOptions {
  readonly nodes: number;
  readonly seed: number;
}

export const planeDefaults: PlaneOptions = { nodes: 100, seed: 1 };

const maxPlanePoints = 1_000_000;
const side = 1_000;

/** @throws TopologyError for options out of bounds */
export function generatePlane(options: Partial<PlaneOptions> = {}): PlaneTopology {
  const { nodes, seed }: PlaneOptions = { ...planeDefaults, ...options };
  requireCount(nodes, 'the number of nodes', 1, maxPlanePoints);
  const random = new SeededRandom(seed);
  const x = new Float64Array(nodes);
  const y = new Float64Array(nodes);
  const names: string[] = [];
  for (let node = 0; node < nodes; node++) {
    ({ x: x[node], y: y[node] } = randomPoint(random, { x: 0, y: 0 }, side));
    names.push(`P:${node}`);
  }
  return new PlaneTopology(names, { x, y }, `plane(nodes=${nodes},seed=${seed})`);
}
