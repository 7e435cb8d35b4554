/**
 * Scaling: turning lengths without a unit into milliseconds, by a rule that another person can repeat.
 *
 * The rule is the mean RTT over all ordered pairs i != j of nodes. Up to 5,000 nodes all pairs are counted. Above, a sample of sources is
 * taken, each with all its targets: 20,000,000 / size of them, but at least 64 and at most 1,000, at even steps through the node
 * numbers (not at random: nodes are numbered domain by domain, so even steps visit all parts of the network).
 */
import type { Topology } from './topology.ts';
import { TopologyError } from './topology-error.ts';

/** Up to this many nodes every pair is counted. */
export const exactUpToNodes = 5_000;

/** The nodes whose rows are used: all of them, or the sample. */
export function sampledSources(size: number): number[] {
  if (size <= exactUpToNodes) return Array.from({ length: size }, (_, node) => node);
  const count = Math.max(64, Math.min(1_000, Math.floor(20_000_000 / size)));
  return Array.from({ length: count }, (_, k) => Math.floor((k * size) / count));
}

/** Mean RTT in ms over all ordered pairs i != j (of sampled sources in large topologies). @throws TopologyError for one node */
export function meanRttMs(topology: Topology): number {
  const { size } = topology;
  if (size < 2) throw new TopologyError('a topology of one node has no RTT to take the mean of');
  const sources = sampledSources(size);
  let sum = 0;
  for (const from of sources) {
    let row = 0;
    for (let to = 0; to < size; to++) row += topology.rttMs(from, to);
    sum += row;
  }
  return sum / (sources.length * (size - 1));
}

const largestFactor = 1e9;

/** Every RTT times `factor`. @throws TopologyError when the factor is not between 1e-9 and 1e9 */
export function scale(topology: Topology, factor: number, note = `scale=${factor}`): Topology {
  if (!(factor >= 1 / largestFactor && factor <= largestFactor)) {
    throw new TopologyError(`the scale must be a number from ${1 / largestFactor} to ${largestFactor}, not ${factor}`);
  }
  return topology.scaled(factor, note);
}

/** Scales so that the mean RTT is `meanMs`. @throws TopologyError for a mean that cannot be reached */
export function scaleToMeanRtt(topology: Topology, meanMs: number): Topology {
  if (!(meanMs > 0 && meanMs < Infinity))
    throw new TopologyError(`the mean RTT must be a number of ms above 0, not ${meanMs}`);
  const nowMs = meanRttMs(topology);
  if (nowMs === 0) throw new TopologyError('all RTTs of this topology are 0, so no scale gives them another mean');
  return scale(topology, meanMs / nowMs, `mean-rtt=${meanMs}ms`);
}
