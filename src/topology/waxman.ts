/**
 * Waxman's random graph: points in a square, where short links are likelier than long ones.
 *
 * P(link between u and v) = alpha · exp(-d(u,v) / (beta · L)), with L the diagonal of the square. Alpha sets the number of links, beta the
 * share of long ones. Components are bridged by the shortest missing links. The graph has no hierarchy: use it to see how much a result
 * depends on the structure of transit-stub graphs.
 *
 * Reference: B. Waxman, "Routing of multipoint connections", IEEE JSAC 6(9), 1988.
 */
import { bridges, distanceBetween, randomLinks, randomPoint, roundedLength } from './flat-graph.ts';
import { requireCount, requireShare } from './generator-limits.ts';
import { ownDomains } from './topology.ts';
import { GraphTopology } from './graph-topology.ts';
import { SeededRandom } from './seeded-random.ts';

export interface WaxmanOptions {
  readonly nodes: number;
  /** Above 0, up to 1: the probability of a link of no length. */
  readonly alpha: number;
  /** Above 0, up to 1: the share of the diagonal at which the probability has fallen to 1/e of alpha. */
  readonly beta: number;
  readonly seed: number;
}

export const waxmanDefaults: WaxmanOptions = { nodes: 100, alpha: 0.25, beta: 0.2, seed: 1 };

/** Every pair is drawn, hence the bound. */
const maxWaxmanNodes = 10_000;
const side = 1_000;

/** @throws TopologyError for options out of bounds */
export function generateWaxman(options: Partial<WaxmanOptions> = {}): GraphTopology {
  const { nodes, alpha, beta, seed }: WaxmanOptions = { ...waxmanDefaults, ...options };
  requireCount(nodes, 'the number of nodes', 1, maxWaxmanNodes);
  requireShare(alpha, 'alpha');
  requireShare(beta, 'beta');
  const random = new SeededRandom(seed);
  const points = Array.from({ length: nodes }, () => randomPoint(random, { x: 0, y: 0 }, side));
  const reach = beta * side * Math.SQRT2;
  const thrown = randomLinks(
    random,
    nodes,
    (a, b) => alpha * Math.exp(-distanceBetween(points[a]!, points[b]!) / reach),
  );
  const links = [...thrown, ...bridges(points, thrown)];
  return GraphTopology.of({
    title: `waxman(nodes=${nodes},alpha=${alpha},beta=${beta},seed=${seed})`,
    names: points.map((_, node) => `W:${node}`),
    domains: ownDomains(nodes),
    places: { x: Float64Array.from(points, (point) => point.x), y: Float64Array.from(points, (point) => point.y) },
    from: Int32Array.from(links, (link) => link[0]),
    to: Int32Array.from(links, (link) => link[1]),
    lengths: Float64Array.from(links, ([from, to]) => roundedLength(points[from]!, points[to]!)),
  });
}
