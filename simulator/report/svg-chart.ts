/**
 * A chart as SVG: what a researcher puts into a paper, and a reader understands without the text around it.
 *
 * Series are told apart by colour, by the shape of their marks and by their dashes, so that neither a colour-blind reader nor a
 * grey printer loses one. A line's name stands at its end where there is room; what cannot be named there is named in a legend
 * above. Colours follow the reader's light or dark paper. No dependencies, and the same chart gives the same bytes.
 *
 * Colours: after Okabe and Ito, "Color universal design", 2008; lightened for dark paper.
 */
import type { Chart, Series } from '../experiments/experiment.ts';
import { axisFor } from './axis.ts';
import type { Axis } from './axis.ts';
import { escaped, figure, mark, text, widthOf, wrapped } from './svg-shapes.ts';

export interface SvgOptions {
  /** Writes the caption below the chart, for a file that stands alone. On when absent. */
  readonly hasCaption?: boolean;
}

const width = 760;
const plotHeight = 320;
const bottom = 54;
const lineGap = 17;
/** Room for a name at the end of a line; a longer one is cut. */
const longestName = 200;
const lightColors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#6a3d9a', '#444444'];
const darkColors = ['#4fb3ff', '#ff9a4d', '#3fd6a8', '#f2a6d0', '#e8c14a', '#9ad7ff', '#bb9af7', '#c8c8c8'];
const dashes = ['', '9 4', '3 3', '12 4 3 4', '6 3', '2 4', '9 3 3 3 3 3', '4 2'];
const markers = ['circle', 'square', 'triangle', 'diamond', 'cross', 'plus', 'circle', 'square'] as const;
/** Lines of more points than this have no marks on them: they would be a caterpillar. */
const mostMarks = 30;

const style = [
  '.banyan-chart{font-family:system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,"DejaVu Sans",sans-serif;font-size:13px}',
  '.banyan-chart .paper{fill:#ffffff}.banyan-chart text{fill:#1d2329}',
  '.banyan-chart .title{font-size:16px;font-weight:600}.banyan-chart .faint{fill:#56606a}',
  '.banyan-chart .grid{stroke:#e3e7ea}.banyan-chart .axis{stroke:#7a858f}.banyan-chart .lead{stroke:#9aa4ad}',
  ...lightColors.map((color, n) => `.banyan-chart .l${n}{stroke:${color}}.banyan-chart .f${n}{fill:${color}}`),
  '@media (prefers-color-scheme:dark){.banyan-chart .paper{fill:#14181c}.banyan-chart text{fill:#e6eaee}',
  '.banyan-chart .faint{fill:#a3adb6}.banyan-chart .grid{stroke:#2a3138}.banyan-chart .axis{stroke:#78838d}',
  '.banyan-chart .lead{stroke:#5c666f}',
  ...darkColors.map((color, n) => `.banyan-chart .l${n}{stroke:${color}}.banyan-chart .f${n}{fill:${color}}`),
  '}',
].join('');

/** The look of a series: a level is neutral, as it is a yardstick rather than a finding. */
function lookOf({ drawn }: Series, at: number): number {
  return drawn === 'level' ? lightColors.length - 1 : at % (lightColors.length - 1);
}

/** A series as it is drawn. */
interface Drawn {
  readonly series: Series;
  readonly look: number;
  /** Runs of points in the picture; a value that is no number ends one. */
  readonly runs: readonly (readonly Spot[])[];
}

interface Spot {
  readonly x: number;
  readonly y: number;
}

/** What stands where in the picture. */
interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly base: number;
  readonly x: Axis;
  readonly y: Axis;
}

/** The whole picture, a complete SVG document. */
export function svgChart(chart: Chart, { hasCaption = true }: SvgOptions = {}): string {
  const isPlaced = ([x, y]: readonly [number, number]): boolean =>
    Number.isFinite(x) && Number.isFinite(y) && (chart.logarithmic !== true || x > 0);
  const points = chart.series.flatMap((series) =>
    series.drawn === 'level' ? series.points.slice(0, 1).map(([, y]) => [Number.NaN, y] as const) : series.points,
  );
  const x = axisFor(
    points.map(([at]) => at),
    chart.logarithmic,
    8,
  );
  const y = axisFor(points.map(([, value]) => value));
  const left = 24 + Math.max(...y.marks.map((value) => widthOf(y.text(value), 13)));
  const atEnd = chart.series.filter((series) => isNamedAtEnd(series, x));
  const isSpread = atEnd.length === chart.series.length && atEnd.length <= 8;
  const named = isSpread && chart.series.length > 1 ? atEnd : [];
  const right =
    width -
    (named.length > 0 ? 22 + Math.max(...named.map(({ name }) => Math.min(longestName, widthOf(name, 13, true)))) : 24);
  const inLegend = chart.series.length > 1 ? chart.series.filter((series) => !named.includes(series)) : [];
  const legend = legendRows(inLegend.length > 0 ? chart.series : [], width - 32);
  const titles = wrapped(chart.title, width - 32, 16, true);
  const top = 24 + titles.length * 20 + legend.length * lineGap + 26;
  const base = top + plotHeight;
  const caption = hasCaption ? wrapped(chart.caption, width - 32, 13) : [];
  const height = base + bottom + (caption.length > 0 ? caption.length * lineGap + 10 : 0);
  const frame: Frame = { left, right, top, base, x, y };
  const drawn = chart.series.map((series, at) => drawnIn(frame, series, at, isPlaced));
  const parts = [
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...titles.map((line, at) => text(16, 28 + at * 20, line, 'class="title"')),
    ...legend.flatMap((row, at) => row.map((item) => legendItem(item, 28 + titles.length * 20 + at * lineGap))),
    text(16, top - 14, chart.y, 'class="faint"'),
    ...gridOf(frame),
    text((left + right) / 2, base + 42, chart.x, 'class="faint" text-anchor="middle"'),
    ...drawn.map((one) => shapeOf(one)),
    ...endNames(
      frame,
      drawn.filter(({ series }) => named.includes(series)),
    ),
    ...(drawn.every(({ runs }) => runs.length === 0)
      ? [text((left + right) / 2, (top + base) / 2, 'no data', 'class="faint" text-anchor="middle"')]
      : []),
    ...caption.map((line, at) => text(16, base + bottom + 8 + at * lineGap, line)),
  ];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="banyan-chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escaped(`${chart.title}. ${chart.caption}`)}">` +
    `<style>${style}</style>${parts.join('')}</svg>\n`
  );
}

/** Whether a series ends near the right edge, where its name can stand. */
function isNamedAtEnd({ drawn, points }: Series, x: Axis): boolean {
  if (drawn === 'level') return true;
  const last = points.findLast(([at, value]) => Number.isFinite(at) && Number.isFinite(value));
  return drawn !== 'points' && last !== undefined && x.at(last[0]) > 0.8;
}

function drawnIn(
  { left, right, top, base, x, y }: Frame,
  series: Series,
  at: number,
  isPlaced: (point: readonly [number, number]) => boolean,
): Drawn {
  const spot = (value: number, share: number): Spot => ({
    x: left + share * (right - left),
    y: base - y.at(value) * (base - top),
  });
  const look = lookOf(series, at);
  const level = series.points[0]?.[1] ?? Number.NaN;
  if (series.drawn === 'level')
    return { series, look, runs: Number.isFinite(level) ? [[spot(level, 0), spot(level, 1)]] : [] };
  const runs: Spot[][] = [];
  let isOpen = false;
  for (const point of series.points) {
    if (!isPlaced(point)) {
      isOpen = false;
      continue;
    }
    if (!isOpen) runs.push([]);
    isOpen = true;
    runs.at(-1)?.push(spot(point[1], x.at(point[0])));
  }
  return { series, look, runs };
}

function gridOf({ left, right, top, base, x, y }: Frame): string[] {
  const lines: string[] = [];
  for (const value of y.marks) {
    const at = base - y.at(value) * (base - top);
    lines.push(
      `<path class="${at === base ? 'axis' : 'grid'}" d="M${figure(left)} ${figure(at)}H${figure(right)}"/>`,
      text(left - 8, at + 4.5, y.text(value), 'class="faint" text-anchor="end"'),
    );
  }
  for (const value of x.marks) {
    const at = left + x.at(value) * (right - left);
    lines.push(
      `<path class="axis" d="M${figure(at)} ${figure(base)}v5"/>`,
      text(at, base + 20, x.text(value), 'class="faint" text-anchor="middle"'),
    );
  }
  return lines;
}

function shapeOf({ series, look, runs }: Drawn): string {
  const kind = series.drawn ?? 'line';
  const spots = runs.flat();
  const join = ({ x, y }: Spot, at: number): string => {
    if (at === 0) return `M${figure(x)} ${figure(y)}`;
    return kind === 'step' ? `H${figure(x)}V${figure(y)}` : `L${figure(x)} ${figure(y)}`;
  };
  const shapes: string[] = [];
  if (kind !== 'points') {
    const dash = kind === 'level' ? '5 4' : dashes[look];
    const path = runs.map((run) => run.map(join).join('')).join('');
    const dashed = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
    const weight = kind === 'level' ? 1.6 : 2.2;
    if (path !== '')
      shapes.push(
        `<path class="l${look}" fill="none" stroke-width="${weight}" stroke-linejoin="round"${dashed} d="${path}"/>`,
      );
  }
  const isMarked = kind === 'points' || (kind === 'line' && spots.length <= mostMarks);
  if (isMarked) {
    const size = kind === 'points' && spots.length > 200 ? 2 : 3.6;
    shapes.push(...spots.map(({ x, y }) => mark(markers[look] ?? 'circle', x, y, size, look)));
  }
  return shapes.join('');
}

/** Names at the ends of the lines, pushed apart where they would cover each other. */
function endNames({ right, top, base }: Frame, drawn: readonly Drawn[]): string[] {
  const names = drawn
    .map(({ series, look, runs }) => ({ name: series.name, look, from: runs.at(-1)?.at(-1) }))
    .filter((each) => each.from !== undefined)
    .map(({ name, look, from }) => ({ name, look, x: from!.x, anchor: from!.y, y: from!.y }))
    .sort((a, b) => a.anchor - b.anchor || a.look - b.look);
  const gap = lineGap - 1;
  for (let at = 1; at < names.length; at++) names[at]!.y = Math.max(names[at]!.y, names[at - 1]!.y + gap);
  let floor = base + 6;
  for (let at = names.length - 1; at >= 0; at--) {
    names[at]!.y = Math.max(top, Math.min(names[at]!.y, floor));
    floor = names[at]!.y - gap;
  }
  return names.map(({ name, look, x, anchor, y }) => {
    const isMoved = Math.abs(y - anchor) > 5 || right - x > 8;
    const lead = isMoved
      ? `<path class="lead" d="M${figure(x + 6)} ${figure(anchor)}L${figure(right + 7)} ${figure(y)}" fill="none"/>`
      : '';
    return `${lead}${text(right + 11, y + 4.5, cut(name, longestName), `class="f${look}" style="font-weight:600"`)}`;
  });
}

interface LegendItem {
  readonly series: Series;
  readonly look: number;
  readonly x: number;
}

function legendRows(series: readonly Series[], room: number): LegendItem[][] {
  const rows: LegendItem[][] = [];
  let x = Number.POSITIVE_INFINITY;
  series.forEach((each, at) => {
    const needed = 34 + widthOf(each.name, 13) + 22;
    if (x + needed > room) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ series: each, look: lookOf(each, at), x: 16 + x });
    x += needed;
  });
  return rows;
}

function legendItem({ series, look, x }: LegendItem, y: number): string {
  const spots = [
    { x, y: y - 4.5 },
    { x: x + 26, y: y - 4.5 },
  ];
  const kind = series.drawn ?? 'line';
  const line =
    kind === 'points'
      ? ''
      : shapeOf({ series: { ...series, drawn: kind === 'level' ? 'level' : 'step' }, look, runs: [spots] });
  const dot = kind === 'points' || kind === 'line' ? mark(markers[look] ?? 'circle', x + 13, y - 4.5, 3.6, look) : '';
  return `${line}${dot}${text(x + 34, y, series.name)}`;
}

function cut(name: string, room: number): string {
  if (widthOf(name, 13, true) <= room) return name;
  let kept = name;
  while (kept.length > 1 && widthOf(`${kept}…`, 13, true) > room) kept = kept.slice(0, -1);
  return `${kept.trimEnd()}…`;
}
