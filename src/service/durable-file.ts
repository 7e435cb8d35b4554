/**
 * Files that are either the old one or the new one, whatever happens in between.
 *
 * The usual dance: write beside, fsync, rename over, fsync the folder. Without the first fsync a crash may leave an
 * empty file under the right name; without the second the name may still be the old one's after "done" was said.
 */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Puts `bytes` at `path` in one step that survives a crash. What was there before stays until the very end. */
export async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const beside = `${path}.tmp`;
  try {
    const file = await open(beside, 'w', 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes the names in a folder durable. Windows has no such call and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
