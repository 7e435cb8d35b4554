/** Figures over many seeds. */

export interface MeanSd {
  readonly mean: number;
  readonly sd: number;
}

/** Mean and sample standard deviation, rounded to thousandths; NaN for no values. */
export function meanSd(values: readonly number[]): MeanSd {
  const average = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
  return { mean: round(average), sd: values.length < 2 ? 0 : round(Math.sqrt(squares / (values.length - 1))) };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value that this share (0 to 1) of all are at or below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** To thousandths: more digits than that are noise. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
