/**
 * Where a daemon's control socket lies: in `run/` of its state folder, which only its user may enter.
 *
 * The path of a unix socket may not be longer than about a hundred bytes (108 on Linux, 104 on macOS, the end mark included). Where the
 * state folder's is, the socket gets a short name in the runtime folder instead, and a file in `run/` points there. On Windows it is a
 * named pipe, whose name is made from the folder's path; its access is the system's default for pipes.
 */
import { chmod, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type StateFolder, shortNameOf } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';

const maxPathBytes = 100;
const socketName = 'control.sock';
const pointerName = 'control.path';

/** For the daemon, which holds the lock: clears away what a crash left and says where to listen. */
export async function prepareControlAddress(folder: StateFolder, runtime: string): Promise<string> {
  if (process.platform === 'win32') return pipeOf(folder);
  await folder.make();
  const usual = join(folder.file('run'), socketName);
  const pointer = join(folder.file('run'), pointerName);
  await rm(pointer, { force: true });
  await rm(usual, { force: true });
  if (Buffer.byteLength(usual) <= maxPathBytes) return usual;
  const elsewhere = join(await privateFolder(runtime), `${shortNameOf(folder.path)}.sock`);
  if (Buffer.byteLength(elsewhere) > maxPathBytes) {
    throw new UserError(`Neither ${usual} nor ${elsewhere} is short enough for a socket (${maxPathBytes} bytes).`, {
      hint: 'Set XDG_RUNTIME_DIR to a short path, or use another --state folder.',
      code: 'socket-path',
    });
  }
  await rm(elsewhere, { force: true });
  await writeFile(pointer, elsewhere, { mode: 0o600 });
  return elsewhere;
}

/** For everybody else: where the daemon of this folder listens, if it runs. */
export async function findControlAddress(folder: StateFolder): Promise<string> {
  if (process.platform === 'win32') return pipeOf(folder);
  try {
    return (await readFile(join(folder.file('run'), pointerName), 'utf8')).trim();
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return join(folder.file('run'), socketName);
  }
}

/** After the daemon has stopped listening. */
export async function clearControlAddress(folder: StateFolder): Promise<void> {
  if (process.platform === 'win32') return;
  await rm(await findControlAddress(folder), { force: true });
  await rm(join(folder.file('run'), pointerName), { force: true });
}

function pipeOf(folder: StateFolder): string {
  return `\\\\.\\pipe\\banyan-${shortNameOf(folder.path.toLowerCase())}`;
}

/** Under a folder that all may write to (/tmp), somebody else could have made it first. */
async function privateFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(path);
  if (!(await lstat(path)).isDirectory() || uid !== process.getuid?.()) {
    throw new UserError(`The runtime folder ${path} belongs to somebody else.`, {
      hint: 'Set XDG_RUNTIME_DIR to a folder of your own.',
      code: 'runtime-foreign',
    });
  }
  await chmod(path, 0o700);
  return path;
}
