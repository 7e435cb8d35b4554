/**
 * A table of round-trip times in ms as text: one row a node, cells parted by commas (CSV) or blanks.
 *
 *     # two cities
 *     ,Lisbon,Tokyo
 *     Lisbon,0,204.1
 *     Tokyo,203.7,0
 *
 * The row of names and the column of names may each be left out; nodes without a name get their number. Comment lines before the table
 * become the description. What is on the diagonal is taken as 0; each pair gets the mean of its two figures. A missing
 * measurement (empty, -1, NaN) is refused: results on guessed figures would prove nothing.
 */
import { shortDecimal } from './alt-format.ts';
import { MatrixTopology, maxMatrixSize } from './matrix-topology.ts';
import { isNumber, linesOf, readAmount } from './text-lines.ts';
import type { Topology } from './topology.ts';
import { shown, TopologyError } from './topology-error.ts';

interface Row {
  readonly number: number;
  readonly cells: readonly string[];
}

/** @throws TopologyError naming the line that cannot be read */
export function readMatrix(text: string): MatrixTopology {
  const csv = linesOf(text).some((line) => line.text.includes(','));
  const rows: Row[] = linesOf(text).map(({ number, text: line }) => ({
    number,
    cells: csv ? csvCells(line, number) : line.split(/\s+/),
  }));
  const first = rows[0];
  if (first === undefined) throw new TopologyError('the text is empty: a matrix, ALT text or GraphML is expected');
  const header = first.cells.every((cell) => !isNumber(cell)) ? first : undefined;
  const body = header === undefined ? rows : rows.slice(1);
  const size = body.length;
  if (size === 0) throw new TopologyError('the matrix has a row of names and no figures', first.number);
  if (size > maxMatrixSize)
    throw new TopologyError(`the matrix has ${size} rows; at most ${maxMatrixSize} are allowed`);

  const width = body[0]!.cells.length;
  const labelled = width === size + 1 && body.every((row) => !isNumber(row.cells[0]!));
  const skip = labelled ? 1 : 0;
  if (width !== size + skip) {
    throw new TopologyError(
      `the matrix is not square: ${size} rows of figures, and this one has ${width} cells`,
      body[0]!.number,
    );
  }
  const labels = labelled ? body.map((row) => row.cells[0]!) : undefined;
  const names = namesOf(size, header, labels);
  const rttsMs = new Float64Array(size * size);
  body.forEach(({ number, cells }, from) => {
    if (cells.length !== width)
      throw new TopologyError(`the row has ${cells.length} cells; the rows before have ${width}`, number);
    for (let to = 0; to < size; to++) {
      rttsMs[from * size + to] = readAmount(
        cells[to + skip]!,
        number,
        `the RTT from ${shown(names[from]!)} to ${shown(names[to]!)}`,
      );
    }
  });
  return MatrixTopology.of(names, rttsMs, descriptionOf(text) ?? `matrix of ${size} nodes`);
}

function namesOf(size: number, header: Row | undefined, labels: readonly string[] | undefined): readonly string[] {
  const spare = header === undefined ? 0 : header.cells.length - size;
  if (header !== undefined && spare !== 0 && !(spare === 1 && labels !== undefined)) {
    throw new TopologyError(
      `the row of names has ${header.cells.length} cells for ${size} rows of figures`,
      header.number,
    );
  }
  const columns = header?.cells.slice(spare);
  const differs = columns?.findIndex((name, index) => labels !== undefined && labels[index] !== name) ?? -1;
  if (columns !== undefined && differs !== -1) {
    const both = `${shown(columns[differs]!)} above it and ${shown(labels![differs]!)} beside it`;
    throw new TopologyError(
      `node ${differs} has two names, ${both}; rows and columns must have the same order`,
      header?.number,
    );
  }
  const names = columns ?? labels ?? Array.from({ length: size }, (_, node) => String(node));
  const repeated = names.find((name, index) => name === '' || names.indexOf(name) !== index);
  if (repeated !== undefined)
    throw new TopologyError(`the name ${shown(repeated)} is empty or is given to two nodes`, header?.number);
  return names;
}

/** Cells of a line of CSV; a cell in double quotes may hold commas. */
function csvCells(line: string, number: number): string[] {
  if (!line.includes('"')) return line.split(',').map((cell) => cell.trim());
  const cells: string[] = [];
  const cell = /\s*(?:"([^"]*)"|([^",]*))\s*(,|$)/y;
  for (let ended = false; !ended;) {
    const at = cell.lastIndex;
    const match = cell.exec(line);
    if (match === null)
      throw new TopologyError(`the quotes in ${shown(line.slice(at))} do not enclose a whole cell`, number);
    cells.push(match[1] ?? match[2]!.trim());
    ended = match[3] === '';
  }
  return cells;
}

function descriptionOf(text: string): string | undefined {
  const comments: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (!line.startsWith('#')) break;
    comments.push(line.replace(/^#+/, '').trim());
  }
  return comments.length === 0 ? undefined : comments.join(' ');
}

/** CSV with names, RTTs in ms with up to four decimals. @throws TopologyError above 5,000 nodes */
export function writeMatrix(topology: Topology): string {
  const { size } = topology;
  if (size > maxMatrixSize)
    throw new TopologyError(`a matrix of ${size} nodes is too large to be written: at most ${maxMatrixSize}`);
  const names = topology.names.map((name) => (/[",]/.test(name) ? `"${name.replaceAll('"', "'")}"` : name));
  const out = [`# ${topology.description}`, ['', ...names].join(',')];
  for (let from = 0; from < size; from++) {
    const cells = Array.from({ length: size }, (_, to) => shortDecimal(topology.rttMs(from, to)));
    out.push([names[from]!, ...cells].join(','));
  }
  return `${out.join('\n')}\n`;
}
