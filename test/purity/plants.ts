/**
 * What the tests plant: one violation a file, for each rule of the fences and each folder that the rule guards.
 *
 * The lists are written out here, and not read from the lint rules, so that a ban which is taken out of the rules is missed.
 */
import { posix } from 'node:path';

/** A file that must be refused. */
export interface Plant {
  readonly path: string;
  readonly text: string;
  /** The lint rule that must refuse it. */
  readonly rule: string;
}

/** A folder behind a fence, and what it may import besides itself. */
export interface Fence {
  readonly folder: string;
  readonly isPure: boolean;
  /** Folders of `src`, those still to come included. */
  readonly folders: readonly string[];
  readonly packages: 'all' | readonly string[];
}

export const everyFence: readonly Fence[] = [
  { folder: 'src/core', isPure: true, folders: [], packages: [] },
  { folder: 'src/qos', isPure: true, folders: ['core'], packages: [] },
  { folder: 'src/wire', isPure: true, folders: ['core'], packages: [] },
  { folder: 'src/topology', isPure: true, folders: [], packages: ['fast-xml-parser'] },
  { folder: 'src/network', isPure: false, folders: [], packages: 'all' },
  {
    folder: 'simulator',
    isPure: false,
    folders: ['core', 'ledger', 'qos', 'recording', 'report', 'topology', 'wire'],
    packages: 'all',
  },
];

/** Folders that others import by their `index.ts` alone. */
export const indexedFolders = ['core', 'gateway', 'host', 'network', 'qos', 'service', 'topology', 'wire'];

/** Who imports such folders, and which of them: by the files that a lint rule names. */
export const importersByGlob: Readonly<Record<string, readonly string[]>> = {
  'src/*.ts': indexedFolders,
  'src/cli/**': indexedFolders,
  'src/gateway/**': indexedFolders,
  'src/host/**': indexedFolders,
  'src/service/**': indexedFolders,
  'src/storage/**': indexedFolders,
  'src/qos/**': ['core'],
  'src/wire/**': ['core'],
  'simulator/**': ['core', 'qos', 'topology', 'wire'],
};

/** Folders of `src` that are still to come; the rules name them already. */
export const plannedFolders = ['console', 'ledger', 'metrics', 'network', 'recording', 'report'];

/** Clock, dice, I/O and what differs from machine to machine or from run to run: by name, the ways to write it. */
export const bannedGlobals: Readonly<Record<string, readonly string[]>> = {
  Date: ['Date.now()', 'new Date()'],
  performance: ['performance.now()'],
  Intl: ["new Intl.DateTimeFormat('en').format()"],
  setTimeout: ['setTimeout(() => 1, 1)'],
  setInterval: ['setInterval(() => 1, 1)'],
  setImmediate: ['setImmediate(() => 1)'],
  queueMicrotask: ['queueMicrotask(() => 1)'],
  crypto: ['crypto.randomUUID()'],
  process: ['process.hrtime()', "process.env['HOME']"],
  console: ["console.log('planted')"],
  fetch: ["fetch('http://localhost')"],
  Buffer: ['Buffer.alloc(1)'],
  require: ["require('node:fs')"],
  WeakRef: ['new WeakRef({})'],
  FinalizationRegistry: ['new FinalizationRegistry(() => 1)'],
  globalThis: ['globalThis.Date', "globalThis['Date']"],
};

/** Of the banned globals, those that belong to the language: the compiler knows them in every project. */
export const globalsOfTheLanguage = ['Date', 'FinalizationRegistry', 'Intl', 'WeakRef', 'globalThis'];

export const bannedProperties: Readonly<Record<string, readonly string[]>> = {
  random: ['Math.random()', "Math['random']()", '(({ random } = Math) => random())()'],
  localeCompare: ["'a'.localeCompare('b')"],
  toLocaleString: ['(1).toLocaleString()'],
};

/** Rules that hold everywhere: a violation of each, and where it takes two files, the second. */
const universalRules: Readonly<Record<string, readonly string[]>> = {
  'typescript(no-floating-promises)': [
    'const later = async (): Promise<void> => {};\nexport function planted(): void {\n  later();\n}',
  ],
  'typescript(no-misused-promises)': [
    'const later = async (): Promise<boolean> => true;\nexport function planted(): number {\n  return later() ? 1 : 2;\n}',
  ],
  'typescript(await-thenable)': ['export async function planted(): Promise<number> {\n  return await 1;\n}'],
  'typescript(switch-exhaustiveness-check)': [
    "export function planted(kind: 'a' | 'b'): number {\n  switch (kind) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}",
  ],
  'typescript(no-explicit-any)': ['export const planted: any = 1;'],
  'typescript(consistent-type-imports)': [
    "import { planted } from './everywhere-no-explicit-any-0.ts';\nexport const copy: typeof planted = 1;",
    "export type Planted = typeof import('./everywhere-no-explicit-any-0.ts');",
  ],
  'import(no-cycle)': [
    "import { other } from './everywhere-no-cycle-1.ts';\nexport const planted = (): number => other();",
    "import { planted } from './everywhere-no-cycle-0.ts';\nexport const other = (): number => planted();",
  ],
};

export function plantedEverywhere(): Plant[] {
  return Object.entries(universalRules).flatMap(([rule, texts]) =>
    texts.map((text, at) => ({
      path: `src/host/everywhere-${/\((.+)\)/.exec(rule)?.[1] ?? ''}-${at}.ts`,
      text,
      rule,
    })),
  );
}

/** All banned names in a folder, each directly in it and again in a room of it. */
export function plantedNames(folder: string): Plant[] {
  const uses = [
    { rule: 'eslint(no-restricted-globals)', banned: bannedGlobals },
    { rule: 'eslint(no-restricted-properties)', banned: bannedProperties },
  ].flatMap(({ rule, banned }) =>
    Object.entries(banned).flatMap(([name, expressions]) =>
      expressions.map((expression, at) => ({ rule, file: `banned-${name}-${at}.ts`, expression })),
    ),
  );
  return atBothDepths(folder).flatMap((place) =>
    uses.map(({ rule, file, expression }) => ({
      path: `${place}/${file}`,
      text: `export const planted = ${expression};`,
      rule,
    })),
  );
}

/** Imports of what is outside of the fence: of each of `allFolders` of `src` and of what is beside `src`. */
export function plantedImports(fence: Fence, allFolders: readonly string[]): Plant[] {
  const { folder, folders, isPure, packages } = fence;
  const inSource = allFolders.filter((name) => `src/${name}` !== folder && !folders.includes(name));
  const files = [
    ...inSource.map((name) => `src/${name}/index.ts`),
    ...inSource.slice(0, 1).map((name) => `src/${name}/room/index.ts`),
    'src/main.ts',
    'src/assembly.ts',
    ...(folder === 'simulator'
      ? []
      : [
          'simulator/control.ts',
          'test/control.ts',
          'scripts/control.mjs',
          'dist/control.js',
          'node_modules/marked/lib/marked.esm.js',
        ]),
  ];
  const foreign =
    packages === 'all'
      ? []
      : ['marked', 'libp2p', '@libp2p/crypto/keys', 'fast-check', 'fast-xml-parser', 'node:fs', 'fs', 'node:crypto'];
  const specifiers = (place: string): string[] => [
    ...files.map((file) => posix.relative(place, file)),
    ...foreign.filter((name) => !packages.includes(name)),
  ];
  const rule = 'eslint(no-restricted-imports)';
  const plants = atBothDepths(folder).flatMap((place) =>
    specifiers(place).map((specifier) => ({
      path: `${place}/from-${specifier.replaceAll(/[^a-z\d]+/g, '-')}.ts`,
      text: `export * from '${specifier}';`,
      rule,
    })),
  );
  const banned = posix.relative(folder, `src/${isPure || folder === 'simulator' ? 'host' : 'core'}/index.ts`);
  const forms = [
    `import { control } from '${banned}';\nexport const planted = control;`,
    `import type { control } from '${banned}';\nexport type Planted = typeof control;`,
    `import '${banned}';`,
    `export const planted = await import('${banned}');`,
    `export { control } from '${banned}';`,
  ];
  return [...plants, ...forms.map((text, at) => ({ path: `${folder}/form-${at}.ts`, text, rule }))];
}

/** Files that must pass: what each folder may do, in all the places where it may do it. Folders still to come are in `planned` files. */
export function controls(existing: readonly string[], planned: readonly string[]): Map<string, string> {
  const files = new Map([...existing, ...planned].map((name) => [`src/${name}/index.ts`, 'export const control = 1;']));
  const lines = (specifiers: readonly string[]): string =>
    specifiers.map((specifier, at) => `export * as control${at} from '${specifier}';`).join('\n');
  for (const { folder, folders, packages } of everyFence) {
    const others = (place: string, among: readonly string[]): string[] =>
      folders.filter((name) => among.includes(name)).map((name) => posix.relative(place, `src/${name}/index.ts`));
    const foreign = packages === 'all' ? ['marked', 'node:fs'] : packages;
    for (const [place, own] of [
      [folder, ['./control.ts', './room/control.ts']],
      [`${folder}/room`, ['./control.ts', '../control.ts', '../other/control.ts']],
    ] as const) {
      files.set(`${place}/control.ts`, 'export const control = 1;');
      files.set(`${place}/control-imports.ts`, lines([...own, ...foreign, ...others(place, existing)]));
      files.set(`${place}/planned.ts`, lines(['./control.ts', ...others(place, planned)]));
    }
    // One room may import another.
    files.set(`${folder}/other/control.ts`, "export { control } from '../room/control.ts';");
  }
  for (const [glob, indexed] of Object.entries(importersByGlob)) {
    const folder = glob.replace(/\/\*.*$/, '');
    files.set(`${folder}/by-index.ts`, lines(indexed.map((name) => rel(folder, `src/${name}/index.ts`))));
  }
  return files;
}

/** Imports past the index of a folder: of files with all kinds of names, and of files in its rooms. */
export function plantedPastIndex(): Plant[] {
  const files = [
    'peer.ts',
    'ids.ts',
    'invite.ts',
    'india.ts',
    'independent.ts',
    'indexes.ts',
    'room/index.ts',
    'a/b.ts',
  ];
  return Object.entries(importersByGlob).flatMap(([glob, indexed]) => {
    const folder = glob.replace(/\/\*.*$/, '');
    return indexed
      .filter((name) => `src/${name}` !== folder)
      .flatMap((name) =>
        files.map((file) => ({
          path: `${folder}/past-index-of-${name}-${file.replaceAll(/\W/g, '-')}.ts`,
          text: `export * from '${rel(folder, `src/${name}/${file}`)}';`,
          rule: 'eslint(no-restricted-imports)',
        })),
      );
  });
}

/** From files of `folder`, as an import writes it. */
function rel(folder: string, file: string): string {
  const path = posix.relative(folder, file);
  return path.startsWith('.') ? path : `./${path}`;
}

function atBothDepths(folder: string): string[] {
  return [folder, `${folder}/room`];
}
