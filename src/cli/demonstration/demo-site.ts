/**
 * The site that the demonstration serves: the project's own documentation, as a reader would like to have it.
 *
 * Every markdown file of the project becomes a page; the release's name stands on each, so that a visitor sees a new release
 * arrive.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { marked } from 'marked';

/** The nearest folder above that is a package: the compiled file lies deeper than its source. */
const projectRoot = packageFolder(dirname(fileURLToPath(import.meta.url)));

interface Page {
  readonly source: string;
  readonly path: string;
  readonly title: string;
  readonly html: string;
}

/** Writes the site into a folder; returns the paths of its pages, the first being the front page. */
export async function buildDemoSite(folder: string, edition: string): Promise<string[]> {
  const sources = await markdownFiles();
  const pages = await Promise.all(sources.map((source) => readPage(source, sources)));
  const [front] = pages;
  if (front === undefined) throw new Error('the documentation that the demonstration serves was not found');
  for (const page of pages) {
    const path = join(folder, page.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, render(page, pages, edition));
  }
  await cp(join(projectRoot, 'docs', 'images'), join(folder, 'docs', 'images'), { recursive: true });
  await writeFile(join(folder, 'style.css'), style);
  await writeFile(
    join(folder, '404.html'),
    render(
      {
        ...front,
        path: '404.html',
        title: 'Not here',
        html: '<h1>Not here</h1><p>This page is not part of the site.</p>',
      },
      pages,
      edition,
    ),
  );
  return pages.map((page) => page.path);
}

function packageFolder(folder: string): string {
  const isIt = existsSync(join(folder, 'package.json'));
  return isIt || dirname(folder) === folder ? folder : packageFolder(dirname(folder));
}

/** README first, then docs/, by name; with slashes, from the project's root. */
async function markdownFiles(): Promise<string[]> {
  const found = await readdir(join(projectRoot, 'docs'), { recursive: true });
  const docs = found.filter((name) => name.endsWith('.md')).sort((a, b) => a.localeCompare(b, 'en'));
  return ['README.md', ...docs.map((name) => `docs/${name.replaceAll('\\', '/')}`)];
}

async function readPage(source: string, sources: readonly string[]): Promise<Page> {
  const text = await readFile(join(projectRoot, source), 'utf8');
  const html = relink(await marked.parse(text), source, sources);
  const title = /^#\s+(.+)$/m.exec(text)?.[1] ?? source;
  return { source, path: pathOf(source), title, html };
}

function pathOf(source: string): string {
  return source === 'README.md' ? 'index.html' : source.replace(/\.md$/, '.html');
}

/** Makes links between files into links between pages. What is no part of the site (the source code) keeps its words and loses its link. */
function relink(html: string, source: string, sources: readonly string[]): string {
  return html.replace(/<a href="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g, (link: string, href: string, words: string) => {
    if (/^[a-z]+:|^#/i.test(href)) return link;
    const [path, anchor] = href.split('#') as [string, string?];
    const target = posix.join(posix.dirname(source), path);
    if (target.startsWith('docs/images/')) return link;
    const page = [target, posix.join(target, 'README.md')].find((one) => sources.includes(one));
    if (page === undefined) return words;
    const way = posix.relative(posix.dirname(pathOf(source)), pathOf(page));
    return `<a href="${way}${anchor === undefined ? '' : `#${anchor}`}">${words}</a>`;
  });
}

function render(page: Page, pages: readonly Page[], edition: string): string {
  const up = posix.relative(posix.dirname(page.path), '.');
  // The page for what is not there is shown under any address: only links from the top hold everywhere.
  const base = page.path === '404.html' ? '/' : up === '' ? '' : `${up}/`;
  const links = pages
    .map(
      (other) =>
        `<li><a href="${base}${other.path}"${other.path === page.path ? ' aria-current="page"' : ''}>${escaped(other.title)}</a></li>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(page.title)}</title>
<link rel="stylesheet" href="${base}style.css">
</head>
<body>
<p class="edition">Served by a farm of volunteers · ${escaped(edition)}</p>
<nav><ul>
${links}
</ul></nav>
<main>
${page.html}
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const style = `body { margin: 0; font: 1rem/1.6 system-ui, sans-serif; color: #23291f; background: #fbfaf7;
  display: grid; grid-template: auto 1fr / 16rem minmax(0, 48rem) 1fr; column-gap: 2.5rem; }
.edition { grid-column: 1 / -1; margin: 0; padding: .5rem 1.5rem; background: #2f5d3a; color: #fff; font-size: .9rem; }
nav { padding: 1.5rem; border-right: 1px solid #e3e0d6; font-size: .92rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { color: #2f5d3a; text-decoration: none; }
nav a[aria-current] { font-weight: 600; }
main { padding: 1rem 1.5rem 4rem 0; overflow-wrap: anywhere; }
pre { background: #f0eee6; padding: 1rem; overflow-x: auto; border-radius: 6px; }
code { background: #f0eee6; padding: .1em .3em; border-radius: 4px; font-size: .9em; }
pre code { padding: 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #e3e0d6; padding: .35rem .6rem; text-align: left; vertical-align: top; }
img { max-width: 100%; }
@media (max-width: 50rem) { body { display: block; } nav { border: 0; } main { padding: 0 1.5rem 3rem; } }
@media (prefers-color-scheme: dark) { body { color: #dfe3da; background: #191c18; } nav, th, td { border-color: #33382f; }
  nav a { color: #9fd0a8; } pre, code { background: #252a23; } a { color: #9fd0a8; } }
`;
