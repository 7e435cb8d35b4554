/** What is in a topology, as text for a person. Pure. */
import type { TopologySummary } from '../../topology/index.ts';
import { facts } from '../words/output.ts';

export function summaryText(summary: TopologySummary): string {
  const { mean, median, p95, min, max } = summary.rttMs;
  const ms = (figure: number): string => `${figure.toFixed(2)} ms`;
  const sampled = summary.sources < summary.nodes ? `  (from ${summary.sources} nodes to all)` : '';
  return facts([
    ['description', summary.description],
    ['nodes', String(summary.nodes)],
    ['links', summary.edges === null ? 'none: every pair has its RTT' : String(summary.edges)],
    ['domains', String(summary.domains)],
    ['mean RTT', ms(mean) + sampled],
    ['median RTT', ms(median)],
    ['95% below', ms(p95)],
    ['from, to', `${ms(min)}, ${ms(max)}`],
  ]);
}
