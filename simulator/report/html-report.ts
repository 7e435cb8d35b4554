/**
 * A report: one HTML file that holds all there is to say about a run, and can be mailed, archived, and opened in ten years. Nothing
 * in it comes from elsewhere: no script, no font, no picture but its own. It reads in light and dark, on paper, and aloud.
 */
import type { Chart, Table } from '../experiments/experiment.ts';
import { svgChart } from './svg-chart.ts';
import { escaped } from './svg-shapes.ts';
import { cellText } from './text-table.ts';

export interface ReportContent {
  readonly title: string;
  /** One or two sentences: what was tried. */
  readonly summary: string;
  /** The command line that does it again. */
  readonly command: string;
  /** Which program wrote it: name and version. */
  readonly program: string;
  readonly result: unknown;
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
}

const style = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2329;--faint:#56606a;--line:#d5dade;--stripe:#f5f7f8;--code:#f0f2f4}
@media (prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e6eaee;--faint:#a3adb6;--line:#343c44;--stripe:#1a1f24;--code:#20262c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.25rem 4rem;max-width:52rem;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .5rem}h2{font-size:1.2rem;margin:2.5rem 0 .75rem}
p{margin:.5rem 0}.faint,figcaption,footer{color:var(--faint)}
pre{background:var(--code);padding:.75rem 1rem;border-radius:6px;overflow-x:auto;
  font:13.5px/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0}
caption{text-align:left;font-weight:600;padding:0 0 .5rem}
th,td{padding:.35rem .9rem .35rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:baseline}
thead th{color:var(--faint);font-weight:500;border-bottom-width:2px}tbody th{font-weight:500}
th.n,td.n{text-align:right}
figure{margin:2rem 0}figure svg{display:block;width:100%;height:auto}figcaption{margin:.25rem 0 0;padding:0 1rem}
details{margin:2rem 0}summary{cursor:pointer}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.75rem;font-size:.9rem}
@media print{body{max-width:none;padding:0}figure,table{break-inside:avoid}details{display:none}}
`;

export function htmlReport({ title, summary, command, program, result, tables, charts }: ReportContent): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${escaped(program)}">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p>${escaped(summary)}</p>
<p class="faint">To do it again:</p>
<pre><code>${escaped(command)}</code></pre>
</header>
<main>
${tables.length === 0 ? '' : `<section aria-label="Tables"><h2>Results</h2>\n${tables.map(tableHtml).join('\n')}\n</section>`}
${charts.length === 0 ? '' : `<section aria-label="Charts"><h2>Charts</h2>\n${charts.map(figureHtml).join('\n')}\n</section>`}
<details><summary>The result as JSON</summary>
<pre><code>${escaped(JSON.stringify(result, null, 2))}</code></pre>
</details>
</main>
<footer>Written by ${escaped(program)}. The same command gives the same report.</footer>
</body>
</html>
`;
}

function tableHtml({ title, columns, rows }: Table): string {
  const isNumber = columns.map(
    ({ digits }, at) => digits !== undefined || rows.some((row) => typeof row[at] === 'number'),
  );
  const of = (at: number): string => (isNumber[at] === true ? ' class="n"' : '');
  const head = columns.map(({ name }, at) => `<th scope="col"${of(at)}>${escaped(name)}</th>`).join('');
  const body = rows.map((row) => {
    const cells = columns.map((column, at) => {
      const words = escaped(cellText(row[at] ?? '', column));
      return at === 0 ? `<th scope="row"${of(at)}>${words}</th>` : `<td${of(at)}>${words}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return (
    `<div class="wide"><table>\n<caption>${escaped(title)}</caption>\n<thead><tr>${head}</tr></thead>\n` +
    `<tbody>\n${body.join('\n')}\n</tbody>\n</table></div>`
  );
}

function figureHtml(chart: Chart): string {
  const picture = svgChart(chart, { hasCaption: false }).trimEnd();
  return `<figure id="${escaped(chart.id)}">${picture}<figcaption>${escaped(chart.caption)}</figcaption></figure>`;
}
