/**
 * Points in a square; the round-trip time between two points is in proportion to their distance.
 *
 * This is the simplest world in which "near" means something, and the cheapest: a lookup is one square root, so it holds a million nodes
 * without a table. Coordinate systems such as Vivaldi can fit it perfectly, which makes it a good first test for them and a bad last one.
 */
import { ownDomains, requireNode, type Topology } from './topology.ts';

export class PlaneTopology implements Topology {
  readonly size: number;
  readonly description: string;
  readonly names: readonly string[];
  readonly edgeCount = undefined;
  readonly domainCount: number;
  readonly places: { readonly x: Float64Array; readonly y: Float64Array };
  /** The one-way delay of one unit of distance, ms. */
  readonly msPerUnit: number;
  readonly #domains: Int32Array;

  constructor(
    names: readonly string[],
    places: { readonly x: Float64Array; readonly y: Float64Array },
    description: string,
    msPerUnit = 1,
  ) {
    this.size = names.length;
    this.names = names;
    this.places = places;
    this.description = description;
    this.msPerUnit = msPerUnit;
    this.domainCount = names.length;
    this.#domains = ownDomains(names.length);
  }

  domain(node: number): number {
    requireNode(node, this.size);
    return this.#domains[node]!;
  }

  rttMs(from: number, to: number): number {
    requireNode(from, this.size);
    requireNode(to, this.size);
    const { x, y } = this.places;
    const across = x[from]! - x[to]!;
    const up = y[from]! - y[to]!;
    return 2 * this.msPerUnit * Math.sqrt(across * across + up * up);
  }

  scaled(factor: number, note: string): PlaneTopology {
    return new PlaneTopology(this.names, this.places, `${this.description}, ${note}`, this.msPerUnit * factor);
  }
}
