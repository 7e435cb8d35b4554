/**
 * One entry point for all formats: makes a topology from the text of a file and detects the format.
 *
 * The formats cannot be confused: GraphML begins with `<`, ALT with the word GRAPH, and everything else is read as a table of figures.
 */
import { readAlt } from './alt-format.ts';
import { readGraphml } from './graphml-format.ts';
import { readMatrix } from './matrix-format.ts';
import { linesOf } from './text-lines.ts';
import type { Topology } from './topology.ts';

export const topologyFormats = ['alt', 'matrix', 'graphml'] as const;
export type TopologyFormat = (typeof topologyFormats)[number];

/** Which format the text is in, by its first line that is neither blank nor a comment. */
export function detectFormat(text: string): TopologyFormat {
  const first = linesOf(text)[0]?.text ?? '';
  if (first.startsWith('<')) return 'graphml';
  return first.startsWith('GRAPH') ? 'alt' : 'matrix';
}

/**
 * @param text the content of a file
 * @param options.format what it is; found from the content when absent
 * @throws TopologyError saying what is wrong, with the line and the value
 */
export function readTopology(text: string, options: { readonly format?: TopologyFormat | undefined } = {}): Topology {
  switch (options.format ?? detectFormat(text)) {
    case 'alt':
      return readAlt(text);
    case 'graphml':
      return readGraphml(text);
    case 'matrix':
      return readMatrix(text);
  }
}
