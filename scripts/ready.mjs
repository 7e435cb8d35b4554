// Makes a clone ready to run: installs what is missing, builds what is stale.
//
// Uses Node built-ins alone, because it runs before anything is installed. All of npm's and the compiler's words go to
// stderr, so that `npm start -- --json` keeps stdout for itself. `--force` builds even when nothing seems stale.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const force = process.argv.includes('--force');
const needed = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(`Banyan needs Node ${needed.join('.')} or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}
// Closed databases abort the process there; see docs/decisions/0004-node-20.md.
if (major === 24 && minor >= 19) {
  console.error(
    `Banyan does not run on Node 24.19 or later 24s; this is ${process.versions.node}: use Node 20, 22 or 26.`,
  );
  process.exit(1);
}

const changedAt = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);

function newestUnder(folder) {
  let newest = 0;
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return newest;
}

function run(title, command, args) {
  const startedAt = Date.now();
  console.error(`${title} …`);
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status !== 0) {
    console.error(
      `${title} failed (${command} ${args.join(' ')}: ${result.error?.message ?? `exit ${result.status ?? result.signal}`}).`,
    );
    process.exit(1);
  }
  console.error(`${title}: done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

// When node_modules is a link to another clone's, npm is not run: it would empty the folder behind the link.
const isBorrowed = lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
if (
  !isBorrowed &&
  existsSync(join(root, 'package-lock.json')) &&
  changedAt('package-lock.json') > changedAt('node_modules/.package-lock.json')
) {
  run('Installing the libraries (once; about a minute)', 'npm', [
    'ci',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
}
const stamp = 'dist/.info/built';
const sources = () =>
  Math.max(
    ...['src', 'simulator', 'test'].map(newestUnder),
    changedAt('tsconfig.base.json'),
    changedAt('package-lock.json'),
  );
if (force || sources() > changedAt(stamp)) {
  run('Building', process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b']);
  const { mkdirSync, writeFileSync } = await import('node:fs');
  mkdirSync(join(root, dirname(stamp)), { recursive: true });
  writeFileSync(join(root, stamp), '');
}
