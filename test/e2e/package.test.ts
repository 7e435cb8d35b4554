/**
 * The tarball that `npm pack` makes is the whole program: it runs where there is neither the repository nor a compiler.
 *
 * It is unpacked where `npm install` would put it. The libraries it names (those, and no others) are linked from this
 * clone instead of being fetched and compiled once more, so the test needs no registry.
 */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Farm, untilServing, useFarm } from './farm.ts';
import { pageOf } from './test-site.ts';
import { fetchFrom } from './visitor.ts';

const newFarm = useFarm();
const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Installs the tarball into an empty folder; gives the folder of the package. */
async function install(farm: Farm): Promise<string> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const said = execFileSync(npm, ['pack', '--ignore-scripts', '--json', '--pack-destination', farm.path], {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [{ filename }] = JSON.parse(said) as [{ filename: string }];
  const modules = farm.file('elsewhere', 'node_modules');
  await mkdir(join(modules, 'banyan'), { recursive: true });
  execFileSync('tar', ['-xzf', farm.file(filename), '--strip-components', '1', '-C', join(modules, 'banyan')]);
  const { dependencies, bin } = JSON.parse(await readFile(join(modules, 'banyan', 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    bin: { banyan: string };
  };
  for (const name of Object.keys(dependencies)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(repository, 'node_modules', name), join(modules, name));
  }
  await mkdir(join(modules, '.bin'));
  await symlink(join('..', 'banyan', bin.banyan), join(modules, '.bin', 'banyan'));
  await chmod(join(modules, 'banyan', bin.banyan), 0o755);
  return join(modules, 'banyan');
}

it('holds the program without sources and tests, and runs a farm and the commands, through npx and by itself', async () => {
  const farm = await newFarm();
  const folder = await install(farm);
  const files = (await readdir(folder, { recursive: true })).map((name) => name.replaceAll('\\', '/'));
  for (const needed of [
    'README.md',
    'LICENSE',
    'dist/src/main.js',
    'dist/simulator/experiments/index.js',
    'docs/CLI.md',
    'topologies/continents-24.csv',
  ]) {
    expect(files).toContain(needed);
  }
  const isStray = (name: string): boolean =>
    /^(src|test|dist\/test)\//.test(name) || (name.endsWith('.ts') && !name.endsWith('.d.ts'));
  expect(files.filter(isStray)).toEqual([]);

  const npx = (...args: string[]): string =>
    execFileSync('npx', ['--no', '--offline', 'banyan', ...args], {
      cwd: farm.file('elsewhere'),
      env: farm.environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as { version: string };
  expect(npx('--version')).toContain(version);
  expect(npx('topology', 'info', 'continents-24')).toContain('24');

  const program = join(folder, 'dist', 'src', 'main.js');
  const root = await farm.raise({ program });
  const volunteer = await farm.volunteer('oak', { program });
  await untilServing([root, volunteer]);
  const reader = await farm.reader('ada', { program });
  expect((await fetchFrom(reader.url, 'two.html')).body.toString('utf8')).toBe(pageOf('two.html', 1));
});
