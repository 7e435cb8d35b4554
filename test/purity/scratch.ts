/**
 * A scratch copy of the repository's fences: its lint rules and its compiler projects, around files that a test plants.
 *
 * One run of the linter and one of the compiler judge all plants together, which takes a few seconds for hundreds of files; a test then
 * asks for each plant whether it was refused, and by which rule. The libraries are the repository's own, by a link.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The rules or error codes that a file was refused for, by its path with forward slashes; a file that passed is not in it. */
export type Refusals = ReadonlyMap<string, ReadonlySet<string>>;

/** Makes the copy, with `plants` in it: path to text. Whoever asks removes the folder. */
export async function scratchCopy(plants: ReadonlyMap<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-test-'));
  for (const name of ['.oxlintrc.json', 'package.json', 'tsconfig.base.json'])
    await cp(join(repositoryRoot, name), join(folder, name));
  for (const project of await projects()) {
    await mkdir(join(folder, project), { recursive: true });
    await cp(join(repositoryRoot, project, 'tsconfig.json'), join(folder, project, 'tsconfig.json'));
  }
  for (const [path, text] of plants) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await symlink(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

/** The folders of the repository that are a compiler project: `src/core`, …, `simulator`. */
async function projects(): Promise<string[]> {
  const files = await readdir(join(repositoryRoot, 'src'), { recursive: true });
  const inSource = files.filter((file) => /^\w+[/\\]tsconfig\.json$/.test(file)).map((file) => `src/${dirname(file)}`);
  return [...inSource, 'simulator'];
}

/** What the linter refuses in the copy, by names such as `eslint(no-restricted-imports)`. */
export function lint(folder: string): Refusals {
  const output = run(folder, 'oxlint/bin/oxlint', ['--type-aware', '--format', 'json']);
  const { diagnostics } = JSON.parse(output) as { diagnostics: { code: string; filename: string }[] };
  return grouped(diagnostics.map(({ code, filename }) => [filename, code]));
}

/**
 * What the compiler refuses in these projects of the copy, by codes such as `TS2304`. Where it refuses a file of another project
 * (`TS6307`), which it does once a project, the code is followed by that file: `TS6307 src/host/index.ts`.
 */
export function compile(folder: string, compiled: readonly string[]): Refusals {
  const output = run(folder, 'typescript/bin/tsc', ['-b', ...compiled, '--pretty', 'false']);
  const errors = output.matchAll(
    /^(\S+)\(\d+,\d+\): error (?:(TS6307): File '[^']*\/((?:src|simulator)\/[^']*)'|(TS\d+))/gm,
  );
  return grouped(
    [...errors].map(([, path = '', foreign, file = '', code]) => [
      path,
      foreign === undefined ? (code ?? '') : `${foreign} ${file}`,
    ]),
  );
}

function run(folder: string, program: string, args: readonly string[]): string {
  const script = join(repositoryRoot, 'node_modules', program);
  const { stdout, stderr, error } = spawnSync(process.execPath, [script, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (stdout === '') throw new Error(`${program} said nothing in ${folder}; on its error output: ${stderr}`);
  return stdout;
}

function grouped(findings: readonly (readonly [path: string, code: string])[]): Refusals {
  const byPath = new Map<string, Set<string>>();
  for (const [path, code] of findings) {
    const key = path.replaceAll('\\', '/');
    byPath.set(key, (byPath.get(key) ?? new Set()).add(code));
  }
  return byPath;
}
