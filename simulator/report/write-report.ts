/**
 * A report as a folder: `report.html`, the result as `result.json`, each chart as SVG and CSV, each table as CSV.
 *
 * A reader of the folder sees whole files only: each is written under a temporary name first, and all are renamed together at the end. When
 * a step fails or the run is aborted, nothing half-written stays.
 */
import { constants } from 'node:fs';
import { access, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartCsv, tableCsv } from './csv.ts';
import { htmlReport } from './html-report.ts';
import type { ReportContent } from './html-report.ts';
import { svgChart } from './svg-chart.ts';

/** The folder cannot hold the report; the message says why and what to do. */
export class ReportError extends Error {
  override readonly name = 'ReportError';
}

/** Makes sure that a report can be written there, before hours of work on it. @throws ReportError */
export async function prepareFolder(folder: string): Promise<void> {
  await explained(folder, async () => {
    await mkdir(folder, { recursive: true });
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(folder, constants.W_OK | constants.X_OK);
  });
}

/** Writes all files; returns their names within the folder. @throws ReportError */
export async function writeReport(folder: string, content: ReportContent, signal?: AbortSignal): Promise<string[]> {
  await prepareFolder(folder);
  const files = [...filesOf(content)];
  const beside = (name: string): string => join(folder, `.${name}.${process.pid}.tmp`);
  await explained(folder, async () => {
    try {
      for (const [name, text] of files) {
        signal?.throwIfAborted();
        await writeFile(beside(name), text);
      }
      for (const [name] of files) await rename(beside(name), join(folder, name));
    } finally {
      for (const [name] of files) await rm(beside(name), { force: true });
    }
  });
  return files.map(([name]) => name);
}

/** Name and text of each file. */
export function filesOf(content: ReportContent): ReadonlyMap<string, string> {
  const files = new Map([
    ['report.html', htmlReport(content)],
    ['result.json', `${JSON.stringify(content.result, null, 2)}\n`],
  ]);
  for (const chart of content.charts) {
    files.set(`${chart.id}.svg`, svgChart(chart));
    files.set(`${chart.id}.csv`, chartCsv(chart));
  }
  content.tables.forEach((table, at) => {
    const name = `${slug(table.title) || `table-${at + 1}`}.csv`;
    files.set(files.has(name) ? `table-${at + 1}-${name}` : name, tableCsv(table));
  });
  return files;
}

/** A title as the name of a file, without what stands in brackets: `Table 4-2: servers (20 seeds)` is `table-4-2-servers`. */
function slug(title: string): string {
  return title
    .replace(/\(.*?\)/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60)
    .replace(/-$/, '');
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission was denied',
  EPERM: 'the system does not permit it',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your share of the disk is used up',
  ENOTDIR: 'it is not a folder, or a part of its path is not',
  EEXIST: 'there is a file of that name',
  EISDIR: 'there is a folder where a file of the report belongs',
};

async function explained(folder: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    const reason = reasons[code] ?? (error as Error).message;
    throw new ReportError(`cannot write a report to ${folder}: ${reason}; choose another folder`, { cause: error });
  }
}
