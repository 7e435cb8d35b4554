/** Tables and charts as comma-separated values, for spreadsheets and statistics (RFC 4180: CRLF, quotes doubled). */
import type { Chart, Table } from '../experiments/experiment.ts';

type Cell = string | number;

/** A line of column names, then the rows; numbers in full. */
export function tableCsv({ columns, rows }: Table): string {
  return csv([columns.map(({ name }) => name), ...rows]);
}

/** A line per point: series, x, y. */
export function chartCsv({ x, y, series }: Chart): string {
  const rows = series.flatMap(({ name, points }) => points.map(([at, value]): readonly Cell[] => [name, at, value]));
  return csv([['series', x, y], ...rows]);
}

function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellOf).join(',')}\r\n`).join('');
}

/** What is no number is an empty cell: there is no common word for it. */
function cellOf(cell: Cell): string {
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(cell) : '';
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
