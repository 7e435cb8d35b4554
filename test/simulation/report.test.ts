/** The output of a run: charts, tables and files for people and programs, with the same bytes each time. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chart, Series, Table } from '../../simulator/experiments/experiment.ts';
import { axisFor } from '../../simulator/report/axis.ts';
import { chartCsv, tableCsv } from '../../simulator/report/csv.ts';
import { htmlReport } from '../../simulator/report/html-report.ts';
import type { ReportContent } from '../../simulator/report/html-report.ts';
import { svgChart } from '../../simulator/report/svg-chart.ts';
import { textTable } from '../../simulator/report/text-table.ts';
import { prepareFolder, writeReport } from '../../simulator/report/write-report.ts';

const table: Table = {
  title: 'Servers, by policy & requirement',
  columns: [{ name: 'policy' }, { name: 'servers', digits: 2 }, { name: 'bytes', digits: 0 }],
  rows: [
    ['balanced', 4.05, 1_234_567],
    ['"worst", <qos>', Number.NaN, 12],
  ],
};

function chartOf(series: readonly Series[], more: Partial<Chart> = {}): Chart {
  return { id: 'delay', title: 'Delay < 120 & falling', caption: 'It falls.', x: 'round', y: 'ms', series, ...more };
}

const falling = chartOf([
  { name: 'balanced', points: [[0, 147], [1, 121], [2, 118]] }, // prettier-ignore
  { name: 'requirement', drawn: 'level', points: [[0, 120]] },
]);

const content: ReportContent = {
  title: 'Placement <balanced>',
  summary: 'Two seeds.',
  command: "banyan simulate qos --topology 'my file.alt'",
  program: 'banyan 0.1.0',
  result: { servers: { mean: 4.05 } },
  tables: [table],
  charts: [falling],
};

describe('an axis', () => {
  it.each([
    [[3, 97], [0, 20, 40, 60, 80, 100]], // prettier-ignore
    [[115.2, 146], [110, 120, 130, 140, 150]], // prettier-ignore
    [[-0.3, 0.2], [-0.3, -0.2, -0.1, 0, 0.1, 0.2]], // prettier-ignore
    [[0, 0], [0, 0.2, 0.4, 0.6, 0.8, 1]], // prettier-ignore
    [[], [0, 0.2, 0.4, 0.6, 0.8, 1]], // prettier-ignore
  ])('for %j has marks at round numbers around them', (values, marks) => {
    expect(axisFor(values).marks).toEqual(marks);
  });

  it('in powers of ten has its marks there', () => {
    const axis = axisFor([1_000, 900_000], true);
    expect(axis.marks).toEqual([1_000, 10_000, 100_000, 1_000_000]);
    expect(axis.marks.map((mark) => axis.text(mark))).toEqual(['1,000', '10,000', '100,000', '1 M']);
    expect(axis.at(10_000)).toBeCloseTo(1 / 3);
    expect(axisFor([20, 80], true).marks).toEqual([10, 20, 50, 100]);
  });

  it('shows all values between its ends, of any size', () => {
    for (const scale of [1e-7, 0.003, 1, 77, 1e6, 3e10]) {
      const axis = axisFor([scale, 1.3 * scale, 3.9 * scale]);
      expect(axis.low).toBeLessThanOrEqual(scale);
      expect(axis.high).toBeGreaterThanOrEqual(3.9 * scale);
      expect(new Set(axis.marks.map((mark) => axis.text(mark))).size).toBe(axis.marks.length);
    }
  });
});

describe('a chart', () => {
  it('is well-formed, says aloud what it shows, and is the same each time', () => {
    const svg = svgChart(falling);
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).toContain('role="img" aria-label="Delay &lt; 120 &amp; falling. It falls."');
    expect(svgChart(falling)).toBe(svg);
  });

  it('puts high values above low ones and later ones to the right, and a level straight across', () => {
    const paths = [...svgChart(falling).matchAll(/<path class="l\d"[^>]* d="([^"]+)"/g)].map(([, path = '']) =>
      [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const),
    );
    const [line = [], level = []] = paths;
    expect(line).toHaveLength(3);
    expect(line.map(([x]) => x)).toEqual(line.map(([x]) => x).toSorted((a, b) => a - b));
    expect(line.map(([, y]) => y)).toEqual(line.map(([, y]) => y).toSorted((a, b) => a - b));
    expect(level[0]?.[1]).toBe(level[1]?.[1]);
    expect(level[0]?.[1]).toBeGreaterThan(line[1]?.[1] ?? 0);
    expect(level[0]?.[1]).toBeLessThan(line[2]?.[1] ?? 0);
  });

  it('names each series, at its end or in a legend, and breaks a line where a value is missing', () => {
    const gaps = chartOf([
      { name: 'up', points: [[0, 1], [1, Number.NaN], [2, 3]] }, // prettier-ignore
      { name: 'spots', drawn: 'points', points: [[0.5, 2]] },
      { name: 'stairs', drawn: 'step', points: [[0, 1], [2, 2]] }, // prettier-ignore
    ]);
    const svg = svgChart(gaps);
    for (const { name } of gaps.series) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toMatch(/d="M[\d. ]+M[\d. ]+"/);
    expect(svg).toMatch(/d="M[\d. ]+H[\d.]+V[\d.]+"/);
  });

  it('keeps names at the ends of lines apart', () => {
    const close = chartOf(
      Array.from({ length: 6 }, (_, n) => ({ name: `series ${n}`, points: [[0, n], [1, 100 + n / 10]] as const })), // prettier-ignore
    );
    const heights = [...svgChart(close).matchAll(/y="([\d.]+)" class="f\d"/g)].map(([, y]) => Number(y));
    expect(heights).toHaveLength(6);
    const sorted = heights.toSorted((a, b) => a - b);
    for (let at = 1; at < sorted.length; at++) expect((sorted[at] ?? 0) - (sorted[at - 1] ?? 0)).toBeGreaterThan(14);
  });

  it('without data says so', () => {
    expect(svgChart(chartOf([]))).toContain('>no data</text>');
    expect(svgChart(chartOf([{ name: 'x', points: [[-1, 2]] }], { logarithmic: true }))).toContain('>no data</text>');
  });
});

describe('tables', () => {
  it('are aligned for a terminal', () => {
    expect(textTable(table).split('\n')).toEqual([
      'Servers, by policy & requirement',
      '',
      'policy          servers      bytes',
      '--------------  -------  ---------',
      'balanced           4.05  1,234,567',
      '"worst", <qos>        –         12',
    ]);
  });

  it('are comma-separated values as RFC 4180 has them, numbers in full', () => {
    expect(tableCsv(table)).toBe('policy,servers,bytes\r\nbalanced,4.05,1234567\r\n"""worst"", <qos>",,12\r\n');
    expect(chartCsv(falling)).toBe(
      'series,round,ms\r\nbalanced,0,147\r\nbalanced,1,121\r\nbalanced,2,118\r\nrequirement,0,120\r\n',
    );
  });
});

describe('the report', () => {
  const html = htmlReport(content);

  it('holds everything itself: nothing is loaded, nothing is run', () => {
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|<link|@import|url\(|src=/i);
  });

  it('can be read without sight: headed tables, charts with words', () => {
    expect(html).toContain('<html lang="en">');
    expect(html).toContain('<caption>Servers, by policy &amp; requirement</caption>');
    expect(html).toContain('<th scope="col">policy</th><th scope="col" class="n">servers</th>');
    expect(html).toContain('<th scope="row">balanced</th>');
    expect(html.match(/role="img" aria-label="[^"]+"/g)).toHaveLength(1);
    expect(html).toContain('<figcaption>It falls.</figcaption>');
  });

  it('escapes its input and names the command that repeats the run', () => {
    expect(html).toContain('<h1>Placement &lt;balanced&gt;</h1>');
    expect(html).toContain("banyan simulate qos --topology 'my file.alt'");
    expect(html).toContain('prefers-color-scheme:dark');
    const body = html.slice(html.indexOf('<body>'), html.indexOf('</html>'));
    expect(XMLValidator.validate(body)).toBe(true);
    expect(new XMLParser().parse(body)).toHaveProperty('body.main');
  });
});

describe('a folder with a report', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'banyan-report-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('is made when it is not there, and has tables, charts and the result', async () => {
    const out = join(folder, 'deep', 'er');
    const names = ['delay.csv', 'delay.svg', 'report.html', 'result.json', 'servers-by-policy-requirement.csv'];
    expect((await writeReport(out, content)).sort()).toEqual(names);
    expect((await readdir(out)).sort()).toEqual(names);
    expect(JSON.parse(await readFile(join(out, 'result.json'), 'utf8'))).toEqual(content.result);
    await writeReport(out, { ...content, result: 2 });
    expect(await readFile(join(out, 'result.json'), 'utf8')).toBe('2\n');
  });

  it('has nothing in it when the writing is given up', async () => {
    const out = join(folder, 'given-up');
    await prepareFolder(out);
    await expect(writeReport(out, content, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(await readdir(out)).toEqual([]);
  });

  it('is refused with a reason when it cannot be', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(prepareFolder(file)).rejects.toThrow(`cannot write a report to ${file}: there is a file of that name`);
    await expect(prepareFolder(join(file, 'below'))).rejects.toThrow('it is not a folder');
  });
});
