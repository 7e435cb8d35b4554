/**
 * GraphML as the Internet Topology Zoo publishes it: maps of real networks, with a latitude and longitude per node.
 *
 * The reader uses `key` (the names of attributes), `node` with label, Latitude and Longitude, and `edge` with a delay if it has one
 * (attribute delay or latency: ms, one way). Links go both ways. An edge without a delay gets the time of light in glass along the great
 * circle between its ends. The Zoo does not know where every node is: an edge to such a node gets the median of the edges that could be
 * placed, and the description says how many did. A Zoo map may be disconnected: the largest component is kept, and the description says how
 * many nodes were left out.
 *
 * XML is parsed by fast-xml-parser, which is pure. Documents that define entities are refused.
 */
import { adjacencyOf, componentsOf, type Graph, maxLinkLength } from './graph.ts';
import { GraphTopology } from './graph-topology.ts';
import { fibreDelayMs, type Place } from './great-circle.ts';
import { readAmount, readNumber } from './text-lines.ts';
import { ownDomains } from './topology.ts';
import { shown, TopologyError } from './topology-error.ts';
import { childrenOf, type Element, parseXml } from './xml-tree.ts';

interface ZooNode {
  readonly name: string;
  readonly place: Place | undefined;
}

interface ZooEdge {
  readonly from: number;
  readonly to: number;
  /** Undefined when the edge has no delay and one of its ends has no place. */
  readonly delayMs: number | undefined;
}

/** @throws TopologyError naming the line that cannot be read */
export function readGraphml(text: string): GraphTopology {
  const root = parseXml(text, 'graphml');
  const graphs = childrenOf(root, 'graph');
  const graph = graphs[0];
  if (graph === undefined || graphs.length > 1)
    throw new TopologyError(`the document holds ${graphs.length} graphs; one is expected`, root.line);
  const keys = new Map(
    childrenOf(root, 'key').map((key) => [
      key.attributes['id'] ?? '',
      (key.attributes['attr.name'] ?? '').toLowerCase(),
    ]),
  );
  const title = dataOf(graph, keys).get('network')?.text ?? graph.attributes['id'] ?? '';
  const { nodes, indexOfId } = readNodes(graph, keys);
  const edges = childrenOf(graph, 'edge').flatMap((element) => readEdge(element, keys, nodes, indexOfId));
  return GraphTopology.of(largestPart(`GraphML ${title}`.trim(), nodes, edges));
}

/** The data of an element, by lower-case attribute name. */
function dataOf(element: Element, keys: ReadonlyMap<string, string>): Map<string, Element> {
  return new Map(childrenOf(element, 'data').map((data) => [keys.get(data.attributes['key'] ?? '') ?? '', data]));
}

function readNodes(
  graph: Element,
  keys: ReadonlyMap<string, string>,
): { nodes: ZooNode[]; indexOfId: Map<string, number> } {
  const nodes: ZooNode[] = [];
  const indexOfId = new Map<string, number>();
  const taken = new Set<string>();
  for (const element of childrenOf(graph, 'node')) {
    const id = element.attributes['id'];
    if (id === undefined || id === '') throw new TopologyError('a node has no id', element.line);
    if (indexOfId.has(id)) throw new TopologyError(`the node id ${shown(id)} is used twice`, element.line);
    const data = dataOf(element, keys);
    const label = data.get('label')?.text || id;
    const name = taken.has(label) ? `${label}#${id}` : label;
    taken.add(name);
    indexOfId.set(id, nodes.length);
    nodes.push({ name, place: placeOf(data) });
  }
  if (nodes.length === 0) throw new TopologyError('the graph has no nodes', graph.line);
  return { nodes, indexOfId };
}

function placeOf(data: ReadonlyMap<string, Element>): Place | undefined {
  const north = data.get('latitude') ?? data.get('lat');
  const east = data.get('longitude') ?? data.get('lon') ?? data.get('lng');
  if (north === undefined || east === undefined) return undefined;
  const latitude = readNumber(north.text, north.line, 'the latitude');
  const longitude = readNumber(east.text, east.line, 'the longitude');
  if (Math.abs(latitude) > 90)
    throw new TopologyError(`the latitude is ${latitude}; it must lie between -90 and 90`, north.line);
  if (Math.abs(longitude) > 180)
    throw new TopologyError(`the longitude is ${longitude}; it must lie between -180 and 180`, east.line);
  return { latitude, longitude };
}

const delayAttributes = ['delay', 'delayms', 'delay_ms', 'latency', 'latencyms', 'latency_ms', 'linkdelay'];

/** One edge, or none for a loop from a node to itself, which no shortest path uses. */
function readEdge(
  element: Element,
  keys: ReadonlyMap<string, string>,
  nodes: readonly ZooNode[],
  indexOfId: ReadonlyMap<string, number>,
): ZooEdge[] {
  const [from, to] = ['source', 'target'].map((end) => {
    const id = element.attributes[end];
    const index = indexOfId.get(id ?? '');
    if (index === undefined)
      throw new TopologyError(`the ${end} of the edge is ${shown(id ?? '')}, which is no node`, element.line);
    return index;
  }) as [number, number];
  if (from === to) return [];
  const data = dataOf(element, keys);
  const given = delayAttributes.map((name) => data.get(name)).find((found) => found !== undefined);
  if (given !== undefined) {
    const delayMs = readAmount(given.text, given.line, 'the delay of the edge');
    if (delayMs > maxLinkLength)
      throw new TopologyError(`the delay ${delayMs} is above ${maxLinkLength} ms`, given.line);
    return [{ from, to, delayMs }];
  }
  const [a, b] = [nodes[from]!.place, nodes[to]!.place];
  return [{ from, to, delayMs: a && b ? fibreDelayMs(a, b) : undefined }];
}

function largestPart(title: string, nodes: readonly ZooNode[], edges: readonly ZooEdge[]): Graph {
  const known = edges.flatMap((edge) => (edge.delayMs === undefined ? [] : [edge.delayMs])).sort((a, b) => a - b);
  const median = known[Math.floor((known.length - 1) / 2)];
  if (median === undefined && nodes.length > 1) {
    throw new TopologyError('no edge has a delay or two ends with Latitude and Longitude, so no RTT can be told');
  }
  const ends = (end: 'from' | 'to') => Int32Array.from(edges, (edge) => edge[end]);
  const lengths = Float64Array.from(edges, (edge) => edge.delayMs ?? median!);
  const { of, sizes } = componentsOf(nodes.length, adjacencyOf(nodes.length, ends('from'), ends('to'), lengths));
  const largest = sizes.indexOf(sizes.reduce((most, size) => Math.max(most, size), 0));
  const newIndex = new Map<number, number>();
  nodes.forEach((_, node) => {
    if (of[node] === largest) newIndex.set(node, newIndex.size);
  });
  const kept = [...newIndex.keys()].map((node) => nodes[node]!);
  const keptEdges = edges.map((edge, index) => ({ ...edge, index })).filter((edge) => of[edge.from] === largest);
  const notes = [
    edges.length > known.length ? `${edges.length - known.length} of ${edges.length} edges at the median delay` : '',
    kept.length < nodes.length ? `${nodes.length - kept.length} nodes outside the largest part left out` : '',
  ].filter((note) => note !== '');
  return {
    title: [title, ...notes].join(', '),
    names: kept.map((node) => node.name),
    domains: ownDomains(kept.length),
    places: kept.every((node) => node.place !== undefined)
      ? {
          x: Float64Array.from(kept, (node) => node.place!.longitude),
          y: Float64Array.from(kept, (node) => node.place!.latitude),
        }
      : undefined,
    from: Int32Array.from(keptEdges, (edge) => newIndex.get(edge.from)!),
    to: Int32Array.from(keptEdges, (edge) => newIndex.get(edge.to)!),
    lengths: Float64Array.from(keptEdges, (edge) => lengths[edge.index]!),
  };
}
