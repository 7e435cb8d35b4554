/**
 * The fences hold: what a folder must not do is refused, for each rule and each folder, and what it may do passes.
 *
 * A lint rule that matches nothing looks like one that nobody breaks. So each is broken here on purpose, in a scratch copy.
 */
import { existsSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bannedGlobals,
  bannedProperties,
  everyFence,
  globalsOfTheLanguage,
  importersByGlob,
  indexedFolders,
  plannedFolders,
  type Plant,
  controls,
  plantedEverywhere,
  plantedImports,
  plantedNames,
  plantedPastIndex,
} from './plants.ts';
import { repositoryRoot, type Refusals, compile, lint, scratchCopy } from './scratch.ts';

const existing = (await readdir(join(repositoryRoot, 'src'), { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const planned = plannedFolders.filter((name) => !existing.includes(name));
const allFolders = [...existing, ...planned];
const pure = everyFence.filter(({ isPure }) => isPure).map(({ folder }) => folder);
const compiled = everyFence
  .map(({ folder }) => folder)
  .filter((folder) => existsSync(join(repositoryRoot, folder, 'tsconfig.json')));

const names = new Map(pure.map((folder) => [folder, plantedNames(folder)]));
const imports = new Map(everyFence.map((fence) => [fence.folder, plantedImports(fence, allFolders)]));
const passing = controls(existing, planned);
const all = [...plantedEverywhere(), ...plantedPastIndex(), ...names.values(), ...imports.values()].flat();

let folder: string;
let refusedByLint: Refusals;
let refusedByCompiler: Refusals;

beforeAll(async () => {
  folder = await scratchCopy(new Map([...passing, ...all.map(({ path, text }) => [path, text] as const)]));
  refusedByLint = lint(folder);
  refusedByCompiler = compile(folder, compiled);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The plants that got past the linter, or that it refused for another reason only. */
const unnoticed = (plants: readonly Plant[]): string[] =>
  plants
    .filter(({ path, rule }) => refusedByLint.get(path)?.has(rule) !== true)
    .map(({ path, text }) => `${path}: ${text}`);

describe('lint', () => {
  test.each(pure)('refuses clock, dice, I/O and the like in %s, each by its name', (name) => {
    const plants = names.get(name) ?? [];
    expect(unnoticed(plants)).toEqual([]);
    expect(plants.length).toBeGreaterThan(2 * Object.keys(bannedGlobals).length);
  });

  test.each(everyFence)('refuses each import that leads out of $folder', (fence) => {
    const plants = imports.get(fence.folder) ?? [];
    expect(unnoticed(plants)).toEqual([]);
    expect(plants.length).toBeGreaterThan(2 * (allFolders.length - fence.folders.length - 1));
  });

  test('refuses each import past the index of a folder', () => {
    expect(unnoticed(plantedPastIndex())).toEqual([]);
    expect(indexedFolders).toEqual(
      existing.filter((name) => existsSync(join(repositoryRoot, 'src', name, 'index.ts'))).sort(),
    );
  });

  test('refuses what is wrong everywhere: promises that nobody waits for, cases left out, cycles', () => {
    expect(unnoticed(plantedEverywhere())).toEqual([]);
  });

  test('lets pass what each folder may import, at the top of the folder and in its rooms', () => {
    expect([...passing.keys()].filter((path) => refusedByLint.has(path))).toEqual([]);
  });

  test('has no rule that is not tried here', async () => {
    const text = await readFile(join(repositoryRoot, '.oxlintrc.json'), 'utf8');
    const config = JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, '')) as {
      rules: Record<string, unknown>;
      overrides: { files: string[]; rules: Record<string, unknown> }[];
    };
    const rules = [config, ...config.overrides].flatMap((part) =>
      Object.entries(part.rules).flatMap(([rule, setting]) => (setting === 'off' ? [] : [rule.replace(/^.*\//, '')])),
    );
    const tried = all.map(({ rule }) => /\((.+)\)/.exec(rule)?.[1]);
    expect(new Set(rules)).toEqual(new Set(tried));
    expect(
      config.overrides
        .flatMap(({ files }) => files)
        .filter((glob) => !(glob in importersByGlob) && !everyFence.some((fence) => glob === `${fence.folder}/**`)),
    ).toEqual([]);
    const bans = [...text.matchAll(/"(?:name|property)": "(\w+)"/g)].map(([, name]) => name);
    expect(new Set(bans)).toEqual(new Set([...Object.keys(bannedGlobals), ...Object.keys(bannedProperties)]));
  });
});

describe('the compiler', () => {
  const nodes = Object.keys(bannedGlobals).filter((name) => !globalsOfTheLanguage.includes(name));

  test.each(pure)('knows nothing of Node in %s', (name) => {
    const globals = nodes.map((banned) => `${name}/banned-${banned}-0.ts`);
    const packages = ['node-fs', 'fs', 'node-crypto'].map((from) => `${name}/from-${from}.ts`);
    // "Cannot find name …", with and without advice on what to install.
    const unknown = ['TS2304', 'TS2584', 'TS2591'];
    expect(
      [...globals, ...packages].filter((path) => !unknown.some((code) => refusedByCompiler.get(path)?.has(code))),
    ).toEqual([]);
  });

  test.each(everyFence.filter((fence) => compiled.includes(fence.folder)))(
    'refuses each import of another project into $folder',
    (fence) => {
      const refused = [...refusedByCompiler].flatMap(([path, codes]) =>
        path.startsWith(`${fence.folder}/`) ? [...codes] : [],
      );
      const banned = existing.filter((name) => `src/${name}` !== fence.folder && !fence.folders.includes(name));
      const files = banned.map((name) => `src/${name}/index.ts`);
      // "File … is not listed within the file list of project …"
      expect(files.filter((file) => !refused.includes(`TS6307 ${file}`))).toEqual([]);
      expect(banned.length).toBeGreaterThan(3);
    },
  );

  test('lets pass what each folder may import', () => {
    const tried = [...passing.keys()].filter((path) => compiled.some((name) => path.startsWith(`${name}/`)));
    const refused = tried.filter((path) => refusedByCompiler.has(path) && !path.endsWith('/planned.ts'));
    expect(refused.map((path) => [path, ...(refusedByCompiler.get(path) ?? [])])).toEqual([]);
    expect(tried.length).toBeGreaterThan(5 * compiled.length);
  });
});
