/** A home with nothing in it, for processes that tests start: no settings, no daemons, and nothing of the person who runs the tests. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const builtProgram = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));

/** Makes the folder of a home. @throws Error when the program has not been built */
export async function newHome(): Promise<string> {
  if (!existsSync(builtProgram)) throw new Error(`there is no ${builtProgram}: build first (npm run build)`);
  // A short name: what lies in it has a socket, and the paths of those are short.
  const path = await mkdtemp(join(tmpdir(), 'by-'));
  await mkdir(join(path, 'run'), { mode: 0o700 });
  return path;
}

export async function removeHome(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** What a process needs to live there. */
export function homeEnvironment(path: string): Readonly<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: path,
    XDG_RUNTIME_DIR: join(path, 'run'),
    NO_COLOR: '1',
  };
}
