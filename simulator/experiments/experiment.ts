/**
 * The common shape of all experiments: each takes its options and a callback for progress, and returns its findings: the result (the one
 * JSON object of `--json`), tables for a terminal and charts for a report.
 *
 * An experiment over many seeds is a pure function of one seed, run once for each, and a second function that combines the outcomes. So
 * seeds can run in parallel on all cores, and one seed can be replayed alone.
 */

/** Called with the progress of an experiment; `note` says in a few words what is going on. */
export interface Progress {
  step(done: number, total: number, note?: string): void;
}

/** Rows of cells for a person; a number is shown with as many digits as `digits` of its column says. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Column {
  readonly name: string;
  /** Digits after the point; absent for text. */
  readonly digits?: number;
}

/** One line or set of points of a chart: pairs of x and y, in the order in which they are joined. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `line` when absent. `step` holds each value until the next; `level` is a horizontal line at the first y. */
  readonly drawn?: 'line' | 'points' | 'step' | 'level';
}

export interface Chart {
  /** Names the files of the chart: kebab-case. */
  readonly id: string;
  readonly title: string;
  /** The point of the chart, in one sentence. */
  readonly caption: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** The x axis in powers of ten. */
  readonly logarithmic?: boolean;
}

/** What an experiment found. */
export interface Findings<Result> {
  readonly result: Result;
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  /** The experiment looked for a violation, and found one. */
  readonly failed?: boolean;
}
