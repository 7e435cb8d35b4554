/**
 * Ready-made topologies by name: a generator, its parameters, a seed, and the mean RTT it is scaled to.
 *
 * A name in a report is worth more than a path on one person's disk: `transit-stub-100` is the same network everywhere. The smaller ones
 * are also files in `topologies/`, made by the commands that its README lists.
 */
import { generateCities } from './cities.ts';
import { generatePlane } from './plane.ts';
import type { Topology } from './topology.ts';
import { TopologyError } from './topology-error.ts';
import { scaleToMeanRtt } from './topology-scaling.ts';
import { generateTransitStub } from './transit-stub.ts';
import { generateWaxman } from './waxman.ts';

export interface Preset {
  /** One line: what it is good for. */
  readonly purpose: string;
  /** Mean RTT over all pairs in ms; absent when the generator gives ms by itself. */
  readonly meanRttMs: number | undefined;
  /** The topology before scaling; another seed gives another topology of the same kind. */
  readonly generate: (seed: number) => Topology;
}

const backbone = { stubs: 3, topProbability: 1, transitProbability: 0.6, stubProbability: 0.42 };

export const presets: ReadonlyMap<string, Preset> = new Map<string, Preset>([
  [
    'transit-stub-10',
    {
      purpose: 'the smallest world of the first paper: 1 x 1 x (1 + 3 x 3) nodes, mean RTT 4.7 ms',
      meanRttMs: 4.7,
      generate: (seed) => generateTransitStub({ ...backbone, transitDomains: 1, transitNodes: 1, stubNodes: 3, seed }),
    },
  ],
  [
    'transit-stub-100',
    {
      purpose: 'the small world of the first paper: 1 x 4 x (1 + 3 x 8) nodes, mean RTT 47 ms',
      meanRttMs: 47,
      generate: (seed) => generateTransitStub({ ...backbone, transitDomains: 1, transitNodes: 4, stubNodes: 8, seed }),
    },
  ],
  [
    'transit-stub-600',
    {
      purpose: 'the size of the Overcast study: 3 x 8 x (1 + 3 x 8) nodes, mean RTT 100 ms',
      meanRttMs: 100,
      generate: (seed) => generateTransitStub({ ...backbone, transitDomains: 3, transitNodes: 8, stubNodes: 8, seed }),
    },
  ],
  [
    'transit-stub-1008',
    {
      purpose: 'the large world of the first paper: 4 x 9 x (1 + 3 x 9) nodes, mean RTT 470 ms',
      meanRttMs: 470,
      generate: (seed) =>
        generateTransitStub({
          transitDomains: 4,
          transitNodes: 9,
          stubs: 3,
          stubNodes: 9,
          topProbability: 0.5,
          transitProbability: 0.5,
          stubProbability: 0.4,
          seed,
        }),
    },
  ],
  [
    'plane-50',
    {
      purpose: '50 points in a square, mean RTT 100 ms',
      meanRttMs: 100,
      generate: (seed) => generatePlane({ nodes: 50, seed }),
    },
  ],
  [
    'plane-100',
    {
      purpose: '100 points in a square, mean RTT 100 ms',
      meanRttMs: 100,
      generate: (seed) => generatePlane({ nodes: 100, seed }),
    },
  ],
  [
    'waxman-100',
    {
      purpose: 'a random graph without hierarchy, mean RTT 100 ms',
      meanRttMs: 100,
      generate: (seed) => generateWaxman({ nodes: 100, alpha: 0.25, beta: 0.2, seed }),
    },
  ],
  [
    'continents-24',
    { purpose: '24 cities on six continents, computed RTTs', meanRttMs: undefined, generate: () => generateCities() },
  ],
]);

/** The seed of the shipped files. */
const shippedSeed = 47;

/**
 * A ready-made topology. Another `seed` draws another one of the same kind.
 * @throws TopologyError for an unknown name, listing the known ones
 */
export function presetTopology(name: string, seed = shippedSeed): Topology {
  const preset = presets.get(name);
  if (preset === undefined) {
    throw new TopologyError(
      `there is no ready-made topology called "${name}"; there are ${[...presets.keys()].join(', ')}`,
    );
  }
  const topology = preset.generate(seed);
  return preset.meanRttMs === undefined ? topology : scaleToMeanRtt(topology, preset.meanRttMs);
}
