/**
 * A topology in a dozen figures, for `banyan topology info` and for choosing a requirement that is neither trivial nor out of reach.
 *
 * Percentiles are nearest-rank over the pairs i < j. In topologies of more than 5,000 nodes they are over the pairs of the sampled sources
 * of `topology-scaling.ts` with all their targets.
 */
import { exactUpToNodes, meanRttMs, sampledSources } from './topology-scaling.ts';
import type { Topology } from './topology.ts';
import { TopologyError } from './topology-error.ts';

export interface TopologySummary {
  readonly description: string;
  readonly nodes: number;
  /** Links, each counted once; null when the topology is not a graph. */
  readonly edges: number | null;
  readonly domains: number;
  /** The number of source nodes behind the figures below; all nodes unless the topology is large. */
  readonly sources: number;
  readonly rttMs: {
    readonly mean: number;
    readonly median: number;
    readonly p95: number;
    readonly min: number;
    readonly max: number;
  };
}

/** @throws TopologyError for a topology of one node */
export function describeTopology(topology: Topology): TopologySummary {
  const { size } = topology;
  if (size < 2) throw new TopologyError('the topology has one node, and so no RTT to describe');
  const all = size <= exactUpToNodes;
  const sources = sampledSources(size);
  const rttsMs = new Float64Array(all ? (size * (size - 1)) / 2 : sources.length * (size - 1));
  let count = 0;
  for (const from of sources) {
    for (let to = all ? from + 1 : 0; to < size; to++) {
      if (to !== from) rttsMs[count++] = topology.rttMs(from, to);
    }
  }
  rttsMs.sort();
  const rank = (share: number): number => rttsMs[Math.max(0, Math.ceil(share * rttsMs.length) - 1)]!;
  return {
    description: topology.description,
    nodes: size,
    edges: topology.edgeCount ?? null,
    domains: topology.domainCount,
    sources: sources.length,
    rttMs: { mean: meanRttMs(topology), median: rank(0.5), p95: rank(0.95), min: rttsMs[0]!, max: rank(1) },
  };
}
