/**
 * Every link inside the documentation leads somewhere: file to file on disk, and page to page on the site that the demonstration
 * makes of it. Addresses on the web are not asked: tests talk to this machine alone.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { marked } from 'marked';
import { expect, test } from 'vitest';
import { buildDemoSite } from '../../src/cli/demonstration/demo-site.ts';
import { afterwards } from '../service/workshop.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where the links and pictures of a page lead, as they are written; what leads out into the web is left out. */
function targetsOf(html: string): string[] {
  return [...html.matchAll(/<(?:a|img|link)\b[^>]*?\s(?:href|src)="([^"]*)"/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target));
}

/** The names by which a heading can be linked to, as GitHub makes them. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const outsideCode = markdown.replace(/^```[\s\S]*?^```/gm, '');
  return new Set(
    [...outsideCode.matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('each relative link of the documentation leads to a file that is there, and to a heading that is in it', async () => {
  const docs = (await readdir(join(root, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md'));
  const front = (await readdir(root)).filter((name) => name.endsWith('.md'));
  const pages = [...front, ...docs.map((name) => join('docs', name))];
  expect(front).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']));
  const dead: string[] = [];
  let followed = 0;
  for (const page of pages) {
    for (const target of targetsOf(await marked.parse(await readFile(join(root, page), 'utf8')))) {
      const [path, anchor] = decodeURIComponent(target).split('#') as [string, string?];
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      const isThere =
        existsSync(file) &&
        (anchor === undefined || !file.endsWith('.md') || anchorsOf(await readFile(file, 'utf8')).has(anchor));
      if (!isThere) dead.push(`${page} -> ${target}`);
      followed += 1;
    }
  }
  expect(dead).toEqual([]);
  expect(followed).toBeGreaterThan(20);
});

test('each link on the site of the demonstration leads to a page of it', async () => {
  const site = await mkdtemp(join(tmpdir(), 'banyan-test-'));
  afterwards(() => rm(site, { recursive: true }));
  const pages = await buildDemoSite(site, 'Edition 1');
  const dead: string[] = [];
  let followed = 0;
  for (const page of [...pages, '404.html']) {
    for (const target of targetsOf(await readFile(join(site, page), 'utf8'))) {
      const path = decodeURIComponent(target).replace(/[?#].*$/, '');
      // The 404 page stands under any address.
      const at = page === '404.html' ? 'no/such/place/page.html' : page;
      const file = path.startsWith('/')
        ? join(site, path)
        : path === ''
          ? join(site, at)
          : resolve(site, dirname(at), path);
      if (!existsSync(file) || relative(site, file).startsWith('..')) dead.push(`${page} -> ${target}`);
      followed += 1;
    }
  }
  expect(dead).toEqual([]);
  expect(followed).toBeGreaterThan(pages.length);
});
