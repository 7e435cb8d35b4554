/**
 * A topology that is a table of measured round-trip times.
 *
 * The two halves of a measured table differ a little, because the two ends measured at different times. A round trip takes the same path
 * from either end, so each pair gets the mean of its two figures. Nothing else is smoothed: real tables violate the triangle inequality,
 * and so does this one. Memory is 8 bytes a pair, hence the bound on the size.
 */
import { TopologyError } from './topology-error.ts';
import { ownDomains, requireNode, type Topology } from './topology.ts';

/** Largest matrix held in memory: 200 MB of figures. */
export const maxMatrixSize = 5_000;

export class MatrixTopology implements Topology {
  readonly size: number;
  readonly description: string;
  readonly names: readonly string[];
  readonly edgeCount = undefined;
  readonly domainCount: number;
  readonly #rttsMs: Float64Array;
  readonly #domains: Int32Array;
  readonly #factor: number;

  private constructor(
    names: readonly string[],
    rttsMs: Float64Array,
    domains: Int32Array,
    factor: number,
    description: string,
  ) {
    this.names = names;
    this.size = names.length;
    this.description = description;
    this.#rttsMs = rttsMs;
    this.#domains = domains;
    this.domainCount = domains.reduce((most, domain) => Math.max(most, domain + 1), 0);
    this.#factor = factor;
  }

  /**
   * @param rttsMs row by row, names.length squared figures, finite and not negative; the diagonal is taken as 0
   * @throws TopologyError for a wrong count or a wrong figure
   */
  static of(names: readonly string[], rttsMs: ArrayLike<number>, description: string): MatrixTopology {
    const size = names.length;
    if (size > maxMatrixSize)
      throw new TopologyError(`a matrix of ${size} nodes is too large: at most ${maxMatrixSize}`);
    if (rttsMs.length !== size * size) {
      throw new TopologyError(`a matrix of ${size} nodes needs ${size * size} figures, not ${rttsMs.length}`);
    }
    const table = new Float64Array(size * size);
    for (let from = 0; from < size; from++) {
      for (let to = 0; to < size; to++) {
        const rttMs = rttsMs[from * size + to]!;
        if (!(rttMs >= 0 && rttMs < Infinity)) {
          throw new TopologyError(
            `the RTT from ${names[from]} to ${names[to]} is ${rttMs}; it must be a number of ms, 0 or more`,
          );
        }
        table[from * size + to] = from === to ? 0 : (rttMs + rttsMs[to * size + from]!) / 2;
      }
    }
    return new MatrixTopology(names, table, ownDomains(size), 1, description);
  }

  domain(node: number): number {
    requireNode(node, this.size);
    return this.#domains[node]!;
  }

  rttMs(from: number, to: number): number {
    requireNode(from, this.size);
    requireNode(to, this.size);
    return this.#rttsMs[from * this.size + to]! * this.#factor;
  }

  scaled(factor: number, note: string): MatrixTopology {
    const description = `${this.description}, ${note}`;
    return new MatrixTopology(this.names, this.#rttsMs, this.#domains, this.#factor * factor, description);
  }
}
