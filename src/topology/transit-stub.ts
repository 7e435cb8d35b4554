/**
 * Transit-stub graphs in the model of GT-ITM: the Internet as backbones with edge networks hanging from them.
 *
 * Transit domains are the long-distance carriers; each of their nodes has a few stub domains, the campus and company
 * networks, in which most nodes live. Traffic between stubs goes through the backbone, so nodes of a stub are near each
 * other and far from the rest, as in real networks. The number of nodes is exact: T·Nt·(1 + K·Ns).
 *
 * It is made level by level, each level a flat random graph in a square: the places of the transit domains and
 * which of them are adjacent; the nodes of each domain; the nodes of each stub, in a smaller square that covers its transit node,
 * to which one random node of the stub is linked. Sizes vary around their mean, their sum does not. Two adjacent domains get two
 * links, as in GT-ITM's output. A link is as long as the distance in the plane. The sides of the squares follow fits to published
 * GT-ITM files: sqrt(80·N) for the top, half a tile of T for a domain, 14.2·N^0.2 for a stub.
 *
 * Reference: K. Calvert, M. Doar, E. Zegura, "Modeling Internet topology", IEEE Communications 35(6), 1997.
 */
import { connectedLinks, type Point, randomPoint, roundedLength } from './flat-graph.ts';
import { requireCount, requireShare } from './generator-limits.ts';
import { numberDomains } from './graph.ts';
import { GraphTopology } from './graph-topology.ts';
import { SeededRandom } from './seeded-random.ts';
import { TopologyError } from './topology-error.ts';

export interface TransitStubOptions {
  /** T. */
  readonly transitDomains: number;
  /** Nt, the mean per transit domain. */
  readonly transitNodes: number;
  /** K, the mean number of stub domains per transit node. */
  readonly stubs: number;
  /** Ns, the mean number of nodes per stub domain. */
  readonly stubNodes: number;
  /** Probability that two transit domains are adjacent. */
  readonly topProbability: number;
  /** Probability of a link between two nodes of a transit domain. */
  readonly transitProbability: number;
  /** Probability of a link between two nodes of a stub domain. */
  readonly stubProbability: number;
  /** Links from a random stub node to a transit node of another place, beyond the one each stub has. */
  readonly extraTransitStub: number;
  /** Links between random nodes of different stubs. */
  readonly extraStubStub: number;
  readonly seed: number;
}

/** The paper's 100 nodes: 1 x 4 x (1 + 3 x 8), with the edge probabilities GT-ITM's own examples use. */
export const transitStubDefaults: TransitStubOptions = {
  transitDomains: 1,
  transitNodes: 4,
  stubs: 3,
  stubNodes: 8,
  topProbability: 1,
  transitProbability: 0.6,
  stubProbability: 0.42,
  extraTransitStub: 0,
  extraStubStub: 0,
  seed: 1,
};

/** Largest graph that is generated. */
export const maxGeneratedNodes = 1_000_000;

/** Nodes and links as they grow. A group is a transit or stub domain: the indices of its nodes. */
interface Draft {
  readonly names: string[];
  readonly domains: string[];
  readonly points: Point[];
  readonly links: [from: number, to: number][];
}

/** @throws TopologyError for options out of bounds */
export function generateTransitStub(options: Partial<TransitStubOptions> = {}): GraphTopology {
  const chosen: TransitStubOptions = { ...transitStubDefaults, ...options };
  const size = checkedSize(chosen);
  const random = new SeededRandom(chosen.seed);
  const topSide = Math.round(Math.sqrt(80 * size));
  const transitSide = Math.max(1, Math.round(topSide / (2 * Math.sqrt(chosen.transitDomains))));
  const stubSide = Math.max(1, Math.round(14.2 * size ** 0.2));
  const draft: Draft = { names: [], domains: [], points: [], links: [] };

  const transits = growTransits(draft, random, chosen, topSide, transitSide);
  const transitNodes = transits.flat();
  const stubs = growStubs(draft, random, chosen, transitNodes, stubSide);
  addExtraLinks(draft, random, chosen, transitNodes, stubs);
  return GraphTopology.of({
    title: titleOf(chosen),
    names: draft.names,
    domains: numberDomains(draft.domains),
    places: {
      x: Float64Array.from(draft.points, (point) => point.x),
      y: Float64Array.from(draft.points, (point) => point.y),
    },
    from: Int32Array.from(draft.links, (link) => link[0]),
    to: Int32Array.from(draft.links, (link) => link[1]),
    lengths: Float64Array.from(draft.links, ([from, to]) => roundedLength(draft.points[from]!, draft.points[to]!)),
  });
}

function checkedSize(options: TransitStubOptions): number {
  requireCount(options.transitDomains, 'the number of transit domains', 1, 1_000);
  requireCount(options.transitNodes, 'the number of nodes per transit domain', 1, 1_000);
  requireCount(options.stubs, 'the number of stubs per transit node', 0, 1_000);
  requireCount(options.stubNodes, 'the number of nodes per stub', 1, 1_000);
  requireShare(options.topProbability, 'the probability of adjacent transit domains');
  requireShare(options.transitProbability, 'the probability of a link in a transit domain');
  requireShare(options.stubProbability, 'the probability of a link in a stub');
  requireCount(options.extraTransitStub, 'the number of extra transit-stub links', 0, maxGeneratedNodes);
  requireCount(options.extraStubStub, 'the number of extra stub-stub links', 0, maxGeneratedNodes);
  const transitNodes = options.transitDomains * options.transitNodes;
  const size = transitNodes * (1 + options.stubs * options.stubNodes);
  if (size > maxGeneratedNodes) {
    throw new TopologyError(`the graph would have ${size} nodes; at most ${maxGeneratedNodes} are generated`);
  }
  if (options.extraTransitStub > 0 && (options.stubs === 0 || transitNodes < 2)) {
    throw new TopologyError('extra transit-stub links need stubs and at least two transit nodes');
  }
  if (options.extraStubStub > 0 && options.stubs * transitNodes < 2) {
    throw new TopologyError('extra stub-stub links need at least two stubs');
  }
  return size;
}

function growTransits(
  draft: Draft,
  random: SeededRandom,
  options: TransitStubOptions,
  topSide: number,
  side: number,
): number[][] {
  const corners = Array.from({ length: options.transitDomains }, () => randomPoint(random, { x: 0, y: 0 }, topSide));
  const sizes = sizesAround(random, options.transitDomains, options.transitNodes);
  const domains = corners.map((corner, domain) => {
    const name = `T:${domain}`;
    return growDomain(draft, random, {
      label: name,
      prefix: name,
      count: sizes[domain]!,
      corner,
      side,
      probability: options.transitProbability,
    });
  });
  const adjacent = connectedLinks(random, corners, options.topProbability);
  for (const [one, other] of [...adjacent, ...adjacent]) {
    draft.links.push([pick(random, domains[one]!), pick(random, domains[other]!)]);
  }
  return domains;
}

function growStubs(
  draft: Draft,
  random: SeededRandom,
  options: TransitStubOptions,
  transitNodes: readonly number[],
  side: number,
): number[][] {
  if (options.stubs === 0) return [];
  const perNode = sizesAround(random, transitNodes.length, options.stubs);
  const sizes = sizesAround(random, transitNodes.length * options.stubs, options.stubNodes);
  const stubs: number[][] = [];
  transitNodes.forEach((transit, at) => {
    for (let stub = 0; stub < perNode[at]!; stub++) {
      const label = `${draft.names[transit]!.replace('T:', 'S:')}/${stub}`;
      const covering = randomPoint(random, { x: 0, y: 0 }, side);
      const centre = draft.points[transit]!;
      const corner = { x: centre.x - covering.x, y: centre.y - covering.y };
      const nodes = growDomain(draft, random, {
        label,
        prefix: label,
        count: sizes[stubs.length]!,
        corner,
        side,
        probability: options.stubProbability,
      });
      draft.links.push([transit, pick(random, nodes)]);
      stubs.push(nodes);
    }
  });
  return stubs;
}

interface DomainPlan {
  readonly label: string;
  readonly prefix: string;
  readonly count: number;
  readonly corner: Point;
  readonly side: number;
  readonly probability: number;
}

function growDomain(draft: Draft, random: SeededRandom, plan: DomainPlan): number[] {
  const first = draft.names.length;
  const points = Array.from({ length: plan.count }, () => randomPoint(random, plan.corner, plan.side));
  points.forEach((point, node) => {
    draft.names.push(`${plan.prefix}.${node}`);
    draft.domains.push(plan.label);
    draft.points.push(point);
  });
  for (const [from, to] of connectedLinks(random, points, plan.probability))
    draft.links.push([first + from, first + to]);
  return points.map((_, node) => first + node);
}

function addExtraLinks(
  draft: Draft,
  random: SeededRandom,
  options: TransitStubOptions,
  transitNodes: readonly number[],
  stubs: readonly (readonly number[])[],
): void {
  for (let added = 0; added < options.extraTransitStub;) {
    const transit = pick(random, transitNodes);
    const node = pick(random, pick(random, stubs));
    if (draft.names[node]!.startsWith(`${draft.names[transit]!.replace('T:', 'S:')}/`)) continue;
    draft.links.push([transit, node]);
    added += 1;
  }
  for (let added = 0; added < options.extraStubStub; added++) {
    const one = random.below(stubs.length);
    const other = (one + 1 + random.below(stubs.length - 1)) % stubs.length;
    draft.links.push([pick(random, stubs[one]!), pick(random, stubs[other]!)]);
  }
}

/** Counts that add up to count·mean: all start at the mean, then 2·count times one unit moves between two of them; none falls below 1. */
function sizesAround(random: SeededRandom, count: number, mean: number): number[] {
  const sizes = Array.from({ length: count }, () => mean);
  for (let move = 0; move < 2 * count; move++) {
    const giver = random.below(count);
    const taker = random.below(count);
    if (sizes[giver]! <= 1) continue;
    sizes[giver]! -= 1;
    sizes[taker]! += 1;
  }
  return sizes;
}

function pick<T>(random: SeededRandom, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

function titleOf(options: TransitStubOptions): string {
  const { transitDomains, transitNodes, stubs, stubNodes, extraTransitStub, extraStubStub, seed } = options;
  const probabilities = [options.topProbability, options.transitProbability, options.stubProbability].join('/');
  return (
    `transit-stub(T=${transitDomains},Nt=${transitNodes},K=${stubs},Ns=${stubNodes},p=${probabilities},` +
    `extra=${extraTransitStub}/${extraStubStub},seed=${seed})`
  );
}
