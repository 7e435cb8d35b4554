/** Many values in a few figures. */

export interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

/** Mean and percentiles; all NaN for no values. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), count: sorted.length };
}

/** Points of the cumulative share of values at or below x, for a chart: at most `most` of them. */
export function cumulative(values: readonly number[], most = 200): (readonly [x: number, share: number])[] {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const count = Math.min(most, sorted.length);
  return Array.from({ length: count + 1 }, (_, step): readonly [number, number] => {
    const at = Math.min(sorted.length - 1, Math.max(0, Math.round((sorted.length * step) / count) - 1));
    return [sorted[at] ?? 0, step / count];
  });
}
