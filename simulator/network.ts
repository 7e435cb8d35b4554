/** Networks for experiments that bring none of their own: transit-stub graphs of any size, one a seed, and who stands where in them. */
import { generateTransitStub, scaleToMeanRtt } from '../src/topology/index.ts';
import type { GraphTopology } from '../src/topology/index.ts';
import type { Random } from './random.ts';

const meanRttMs = 100;

/** A network with a place for everybody: transit-stub, of the same make for every size, another graph for every seed. */
export function networkFor(places: number, seed: number): GraphTopology {
  const transitDomains = Math.max(1, Math.round(places / 200));
  const transitNodes = Math.max(2, Math.ceil((places * 1.15) / transitDomains / 25));
  const graph = generateTransitStub({ transitDomains, transitNodes, stubs: 3, stubNodes: 8, topProbability: 1, seed });
  return scaleToMeanRtt(graph, meanRttMs) as GraphTopology;
}

/** A place for each of the cast: nodes drawn without putting two on one, as long as there are enough. */
export function placesFor(cast: number, size: number, dice: Random): Int32Array {
  const order = Array.from({ length: size }, (_, node) => node);
  for (let at = size - 1; at > 0; at--) {
    const other = dice.below(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return Int32Array.from({ length: cast }, (_, peer) => order[peer % size] ?? 0);
}
