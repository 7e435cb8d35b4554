/**
 * GT-ITM's ALT text, the format of most published transit-stub graphs; read and written here.
 *
 *     GRAPH (#nodes #edges id uu vv ww xx yy zz):
 *     2 2 name-and-parameters 0 0 0 0
 *
 *     VERTICES (index name u v w x y z):
 *     0 T:0.0 53 0
 *     1 S:0.0/0.0 52 25
 *
 *     EDGES (from-node to-node length a b):
 *     0 1 25 1
 *
 * The second line counts each edge twice. u and v are the position in the plane. `T:domain.node` is a transit node, and
 * `S:domain.node/stub.node` a node of a stub of that transit node. These names give the domains; a node with any other name is a domain of
 * its own. Lengths have no unit in GT-ITM; we write one-way delays in ms, with up to four decimals.
 *
 * Source of the format: `sgb2alt` of GT-ITM (Calvert, Zegura), seen in its output.
 */
import { type Graph, maxLinkLength, numberDomains } from './graph.ts';
import { GraphTopology } from './graph-topology.ts';
import { PlaneTopology } from './plane-topology.ts';
import { linesOf, readAmount, readIndex, readNumber, type TextLine } from './text-lines.ts';
import type { Topology } from './topology.ts';
import { shown, TopologyError } from './topology-error.ts';

/** @throws TopologyError naming the line that cannot be read */
export function readAlt(text: string): GraphTopology {
  return GraphTopology.of(readAltGraph(text));
}

function readAltGraph(text: string): Graph {
  const lines = linesOf(text);
  const header = lines[1];
  const verticesAt = lines.findIndex((line) => line.text.startsWith('VERTICES'));
  const edgesAt = lines.findIndex((line) => line.text.startsWith('EDGES'));
  if (!lines[0]?.text.startsWith('GRAPH'))
    throw new TopologyError('ALT text must begin with "GRAPH"', lines[0]?.number);
  if (verticesAt !== 2 || header === undefined) {
    throw new TopologyError('after GRAPH one line with the counts and then "VERTICES" are expected', lines[2]?.number);
  }
  if (edgesAt < verticesAt) throw new TopologyError('there is no line that begins with "EDGES" after the vertices');

  const [nodeWord = '', endWord = '', title = 'GT-ITM graph'] = header.text.split(/\s+/);
  const size = readIndex(nodeWord, header.number, 'the number of nodes', Infinity);
  const ends = readIndex(endWord, header.number, 'the number of edges', Infinity);
  const vertices = lines.slice(verticesAt + 1, edgesAt);
  const edges = lines.slice(edgesAt + 1);
  if (size === 0) throw new TopologyError('the graph has no nodes', header.number);
  if (size !== vertices.length) {
    throw new TopologyError(`the header promises ${size} nodes and the text lists ${vertices.length}`, header.number);
  }
  if (ends !== 2 * edges.length) {
    const promised = `the header promises ${ends} (each edge counted twice)`;
    throw new TopologyError(
      `${promised} and the text lists ${edges.length} edges, which count ${2 * edges.length}`,
      header.number,
    );
  }
  return { title, ...readVertices(vertices), ...readEdges(edges, size) };
}

function readVertices(lines: readonly TextLine[]): Pick<Graph, 'names' | 'domains' | 'places'> {
  const size = lines.length;
  const names: string[] = Array.from({ length: size }, () => '');
  const x = new Float64Array(size);
  const y = new Float64Array(size);
  const seen = new Set<string>();
  let placed = true;
  for (const { number, text } of lines) {
    const [indexWord = '', name, ...place] = text.split(/\s+/);
    const index = readIndex(indexWord, number, 'the index of the vertex', size);
    if (name === undefined) throw new TopologyError(`vertex ${index} has no name`, number);
    if (names[index] !== '') throw new TopologyError(`vertex ${index} is listed twice`, number);
    if (seen.has(name)) throw new TopologyError(`the name ${shown(name)} is taken by another vertex`, number);
    const [u, v] = place.map((word) => readNumber(word, number, 'a coordinate'));
    seen.add(name);
    names[index] = name;
    if (u === undefined || v === undefined) placed = false;
    x[index] = u ?? 0;
    y[index] = v ?? 0;
  }
  return { names, domains: numberDomains(names.map(domainLabel)), places: placed ? { x, y } : undefined };
}

function readEdges(lines: readonly TextLine[], size: number): Pick<Graph, 'from' | 'to' | 'lengths'> {
  const from = new Int32Array(lines.length);
  const to = new Int32Array(lines.length);
  const lengths = new Float64Array(lines.length);
  lines.forEach(({ number, text }, edge) => {
    const [fromWord = '', toWord = '', lengthWord = '', ...policies] = text.split(/\s+/);
    from[edge] = readIndex(fromWord, number, 'the first end of the edge', size);
    to[edge] = readIndex(toWord, number, 'the second end of the edge', size);
    const length = readAmount(lengthWord, number, 'the length of the edge');
    if (from[edge] === to[edge]) throw new TopologyError(`the edge leads from node ${from[edge]} to itself`, number);
    if (length > maxLinkLength) throw new TopologyError(`the length ${length} is above ${maxLinkLength}`, number);
    for (const word of policies) readNumber(word, number, 'a weight after the length');
    lengths[edge] = length;
  });
  return { from, to, lengths };
}

/** The label of a node's domain: `T:0` of T:0.3, `S:0.3/1` of S:0.3/1.7, otherwise the name itself. */
function domainLabel(name: string): string {
  return /^(T:\d+)\.\d+$/.exec(name)?.[1] ?? /^(S:\d+\.\d+\/\d+)\.\d+$/.exec(name)?.[1] ?? `node:${name}`;
}

/** Most points of a plane that are written as a graph: every pair becomes an edge. */
const maxPlaneNodes = 2_000;

/**
 * ALT text of a graph, or of a plane as the graph of all its pairs. Lengths are written after scaling.
 * @throws TopologyError for a matrix, whose figures are not path lengths, and for a plane of more than 2,000 points
 */
export function writeAlt(topology: Topology): string {
  const graph = topology instanceof GraphTopology ? topology.graph : completeGraph(topology);
  const msPerUnit = topology instanceof GraphTopology ? topology.msPerUnit : 1;
  const out = ['GRAPH (#nodes #edges id uu vv ww xx yy zz):'];
  out.push(`${topology.size} ${2 * graph.from.length} ${topology.description.replace(/\s+/g, '')} 0 0 0 0`, '');
  out.push('VERTICES (index name u v w x y z):');
  graph.names.forEach((name, node) => {
    const place = graph.places ? ` ${shortDecimal(graph.places.x[node]!)} ${shortDecimal(graph.places.y[node]!)}` : '';
    out.push(`${node} ${name.replace(/\s+/g, '_')}${place}`);
  });
  out.push('', 'EDGES (from-node to-node length a b):');
  graph.lengths.forEach((length, edge) => {
    out.push(`${graph.from[edge]} ${graph.to[edge]} ${shortDecimal(length * msPerUnit)} 1`);
  });
  return `${out.join('\n')}\n`;
}

function completeGraph(topology: Topology): Graph {
  if (!(topology instanceof PlaneTopology)) {
    throw new TopologyError('only graphs and planes can be written as ALT text; write this topology as a matrix');
  }
  if (topology.size > maxPlaneNodes) {
    throw new TopologyError(
      `a plane of ${topology.size} points is too large to be written as a graph: at most ${maxPlaneNodes}`,
    );
  }
  const from: number[] = [];
  const to: number[] = [];
  for (let a = 0; a < topology.size; a++) {
    for (let b = a + 1; b < topology.size; b++) {
      from.push(a);
      to.push(b);
    }
  }
  return {
    title: topology.description,
    names: topology.names,
    domains: numberDomains(topology.names),
    places: topology.places,
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    lengths: Float64Array.from(from, (a, pair) => topology.rttMs(a, to[pair]!) / 2),
  };
}

/** At most four decimals, without trailing zeros: 29, 3.25, 0.0001. */
export function shortDecimal(value: number): string {
  return value.toFixed(4).replace(/\.?0+$/, '');
}
