/**
 * What keeps the source readable and no formatter sees to: lines that fit a window, folders that fit a glance, and no rule that is switched
 * off where code must be pure.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { everyFence } from './plants.ts';
import { repositoryRoot } from './scratch.ts';

const mostColumns = 140;
const mostFiles = 20;

/** Folders that hold too many files today. A name may leave this list and never come: more files ask for a room of their own. */
const crowdedFolders = ['src/service', 'src/topology'];

/** Data that tests compare with or read, written by programs: their lines are as long as they are. */
const dataFile = /^test\/(golden\/[\w-]+\.txt$|fixtures\/)/;

/** All files below a folder, as paths with forward slashes from the root of the repository. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(repositoryRoot, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(repositoryRoot, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

test(`no line of the source is longer than ${mostColumns} columns`, async () => {
  const files = (await Promise.all(['src', 'simulator', 'test', 'scripts'].map(filesIn))).flat();
  const long: string[] = [];
  for (const file of files.filter((name) => !dataFile.test(name))) {
    const lines = (await readFile(join(repositoryRoot, file), 'utf8')).split('\n');
    for (const [at, line] of lines.entries()) {
      const columns = [...line].length;
      if (columns > mostColumns) long.push(`${file}:${at + 1} has ${columns} columns`);
    }
  }
  expect(long).toEqual([]);
  expect(files.length).toBeGreaterThan(400);
});

test(`no folder of src holds more than ${mostFiles} files, but for those that still do, and each of those does`, async () => {
  const held = new Map<string, number>();
  for (const file of await filesIn('src')) {
    const folder = file.slice(0, file.lastIndexOf('/'));
    held.set(folder, (held.get(folder) ?? 0) + 1);
  }
  const crowded = [...held].flatMap(([folder, files]) => (files > mostFiles ? [folder] : []));
  expect(new Set(crowded)).toEqual(new Set(crowdedFolders));
});

test('no rule of the linter or the compiler is switched off in a pure folder', async () => {
  const off = /(?:ox|es)lint-disable|@ts-(?:ignore|expect-error|nocheck)|<reference /;
  const pure = everyFence.filter(({ isPure }) => isPure).map(({ folder }) => folder);
  const files = (await Promise.all(pure.map(filesIn))).flat();
  const switchedOff: string[] = [];
  for (const file of files) if (off.test(await readFile(join(repositoryRoot, file), 'utf8'))) switchedOff.push(file);
  expect(switchedOff).toEqual([]);
  expect(files.length).toBeGreaterThan(80);
});
