/**
 * One level of a random network: points in a square, random links, and a connected result.
 *
 * Every generator here is built of this: GT-ITM's model is flat graphs within flat graphs, and Waxman's is one flat graph whose link
 * probability depends on distance. Random links alone may leave several components. There are two cures: draw again (GT-ITM's way, which
 * keeps the distribution of connected random graphs), and, when that fails or is not wanted, bridge the components by the shortest missing
 * links (Prim's algorithm, with existing links at no cost).
 */
import type { SeededRandom } from './seeded-random.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Link = readonly [from: number, to: number];

export function distanceBetween(a: Point, b: Point): number {
  return Math.sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

/** A length as GT-ITM writes it: the distance, rounded to a whole number, at least 1. */
export function roundedLength(a: Point, b: Point): number {
  return Math.max(1, Math.round(distanceBetween(a, b)));
}

/** A point with whole coordinates in a square, both ends of the side included. */
export function randomPoint(random: SeededRandom, corner: Point, side: number): Point {
  const x = corner.x + random.below(side + 1);
  return { x, y: corner.y + random.below(side + 1) };
}

export function randomLinks(
  random: SeededRandom,
  count: number,
  probability: (from: number, to: number) => number,
): Link[] {
  const links: Link[] = [];
  for (let from = 0; from < count; from++) {
    for (let to = from + 1; to < count; to++) {
      if (random.unit() < probability(from, to)) links.push([from, to]);
    }
  }
  return links;
}

/** Links with the same probability for each pair: drawn up to 50 times until all points are connected, then bridged. */
export function connectedLinks(random: SeededRandom, points: readonly Point[], probability: number): Link[] {
  let links: Link[] = [];
  for (let attempt = 0; attempt < 50; attempt++) {
    links = randomLinks(random, points.length, () => probability);
    if (bridges(points, links).length === 0) return links;
  }
  return [...links, ...bridges(points, links)];
}

/** The shortest links that, added to those there are, connect all points; none when they are connected already. */
export function bridges(points: readonly Point[], links: readonly Link[]): Link[] {
  const neighbours: number[][] = points.map(() => []);
  for (const [from, to] of links) {
    neighbours[from]!.push(to);
    neighbours[to]!.push(from);
  }
  const inside = points.map(() => false);
  const gaps = points.map(() => Infinity);
  const nearest = points.map(() => 0);
  const added: Link[] = [];
  const stack = points.length === 0 ? [] : [0];
  for (let reached = 0; ;) {
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (inside[node]) continue;
      inside[node] = true;
      reached += 1;
      for (const neighbour of neighbours[node]!) if (!inside[neighbour]) stack.push(neighbour);
      for (let other = 0; other < points.length; other++) {
        if (inside[other]) continue;
        const gap = distanceBetween(points[node]!, points[other]!);
        if (gap >= gaps[other]!) continue;
        gaps[other] = gap;
        nearest[other] = node;
      }
    }
    if (reached === points.length) return added;
    let closest = -1;
    for (let node = 0; node < points.length; node++) {
      if (!inside[node] && (closest === -1 || gaps[node]! < gaps[closest]!)) closest = node;
    }
    added.push([nearest[closest]!, closest]);
    stack.push(closest);
  }
}
