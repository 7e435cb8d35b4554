/** A table for a terminal: columns aligned, numbers to the right with the digits that their column asks for. */
import type { Column, Table } from '../experiments/experiment.ts';

export function textTable({ title, columns, rows }: Table): string {
  const cells = rows.map((row) => columns.map((column, at) => cellText(row[at] ?? '', column)));
  const isRight = columns.map(
    (column, at) => column.digits !== undefined || rows.some((row) => typeof row[at] === 'number'),
  );
  const widths = columns.map(({ name }, at) =>
    Math.max(name.length, ...cells.map((row) => [...(row[at] ?? '')].length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (isRight[at] === true ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((wide) => '-'.repeat(wide)).join('  ');
  return [title, '', line(columns.map(({ name }) => name)), rule, ...cells.map(line)].join('\n');
}

/** A cell as people read it; a number that is none is a dash. */
export function cellText(cell: string | number, { digits }: Column): string {
  if (typeof cell === 'string') return cell;
  if (!Number.isFinite(cell)) return '–';
  const text = digits === undefined ? String(cell) : cell.toFixed(digits);
  return text.replace(/^(-?)(\d+)/, (_, sign: string, whole: string) => sign + whole.replace(/\B(?=(\d{3})+$)/g, ','));
}
