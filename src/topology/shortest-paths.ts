/**
 * Shortest paths over a graph: one row (from one source to all nodes) at a time, computed when it is first needed.
 *
 * Dijkstra's algorithm with a binary heap in typed arrays, about n log n steps a row. Rows are cached up to a memory bound, and the oldest
 * row is evicted. Because lengths lie on a grid (`graph.ts`), a distance is the same from both ends, so either end's row will do and
 * eviction never changes an answer. For transit-stub graphs of a million nodes a two-level lookup (inside the stub, over the transit core)
 * can replace this class: other code only calls `distance`.
 *
 * Reference: E. W. Dijkstra, "A note on two problems in connexion with graphs", Numerische Mathematik 1, 1959.
 */
import type { Adjacency } from './graph.ts';

const defaultCacheBytes = 64 * 2 ** 20;

export class ShortestPaths {
  readonly #size: number;
  readonly #adjacency: Adjacency;
  readonly #rows: (Float64Array | undefined)[];
  readonly #kept: number[] = [];
  readonly #maxRows: number;
  #oldest = 0;
  readonly #heap: Int32Array;
  readonly #place: Int32Array;

  /** @param cacheBytes memory for rows of 8 bytes a node; at least four rows are kept whatever it says */
  constructor(adjacency: Adjacency, cacheBytes = defaultCacheBytes) {
    this.#adjacency = adjacency;
    this.#size = adjacency.starts.length - 1;
    this.#rows = Array.from({ length: this.#size }, () => undefined);
    this.#maxRows = Math.max(4, Math.floor(cacheBytes / (8 * Math.max(1, this.#size))));
    this.#heap = new Int32Array(this.#size);
    this.#place = new Int32Array(this.#size);
  }

  /** How many rows are in memory now. */
  get rowsKept(): number {
    return this.#kept.length;
  }

  /** Length of the shortest path, in the unit of the graph; infinite when there is none. */
  distance(from: number, to: number): number {
    const row = this.#rows[from];
    if (row !== undefined) return row[to]!;
    const back = this.#rows[to];
    if (back !== undefined) return back[from]!;
    return this.#keep(from)[to]!;
  }

  #keep(source: number): Float64Array {
    let row: Float64Array;
    if (this.#kept.length < this.#maxRows) {
      row = new Float64Array(this.#size);
      this.#kept.push(source);
    } else {
      const evicted = this.#kept[this.#oldest]!;
      row = this.#rows[evicted]!;
      this.#rows[evicted] = undefined;
      this.#kept[this.#oldest] = source;
      this.#oldest = (this.#oldest + 1) % this.#maxRows;
    }
    this.#fill(source, row);
    this.#rows[source] = row;
    return row;
  }

  /** `place[v]` is v's position in the heap: -1 before it is seen, -2 once its distance is final. */
  #fill(source: number, row: Float64Array): void {
    const { starts, neighbours, lengths } = this.#adjacency;
    const heap = this.#heap;
    const place = this.#place.fill(-1);
    row.fill(Infinity);
    row[source] = 0;
    heap[0] = source;
    place[source] = 0;
    let count = 1;
    while (count > 0) {
      const node: number = heap[0]!;
      place[node] = -2;
      count -= 1;
      if (count > 0) this.#sink(heap[count]!, count, row);
      const reached = row[node]!;
      for (let at: number = starts[node]!; at < starts[node + 1]!; at++) {
        const neighbour = neighbours[at]!;
        const distance = reached + lengths[at]!;
        if (distance >= row[neighbour]!) continue;
        row[neighbour] = distance;
        if (place[neighbour] === -1) place[neighbour] = count++;
        this.#rise(neighbour, place[neighbour]!, row);
      }
    }
  }

  #rise(node: number, from: number, row: Float64Array): void {
    const heap = this.#heap;
    const place = this.#place;
    const key = row[node]!;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above]!;
      if (row[other]! <= key) break;
      heap[at] = other;
      place[other] = at;
      at = above;
    }
    heap[at] = node;
    place[node] = at;
  }

  #sink(node: number, count: number, row: Float64Array): void {
    const heap = this.#heap;
    const place = this.#place;
    const key = row[node]!;
    let at = 0;
    for (let below = 1; below < count; below = 2 * at + 1) {
      if (below + 1 < count && row[heap[below + 1]!]! < row[heap[below]!]!) below += 1;
      const other = heap[below]!;
      if (row[other]! >= key) break;
      heap[at] = other;
      place[other] = at;
      at = below;
    }
    heap[at] = node;
    place[node] = at;
  }
}
