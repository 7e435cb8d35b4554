// `npm run check`: types, lint, format, dead code. Runs all of them and says at the end what failed.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

await import('./ready.mjs');
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const checks = [
  { title: 'types', program: ['tsc', '-b'] },
  { title: 'lint', program: ['oxlint', '--type-aware', '--deny-warnings'] },
  { title: 'format', program: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { title: 'dead code', program: ['knip', '--no-progress'] },
];
const failed = checks.filter(({ title, program }) => {
  console.error(`${title} …`);
  const { status } = spawnSync('npx', ['--no-install', ...program], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return status !== 0;
});
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.map(({ title }) => title).join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
