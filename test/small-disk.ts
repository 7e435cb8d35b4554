/** A disk of a few megabytes that can really be filled: a tmpfs, where mounting is allowed. */
import { execFileSync, spawnSync } from 'node:child_process';

const isRoot = process.getuid?.() === 0;

export const canMountDisks = ((): boolean => {
  if (!isRoot || process.platform !== 'linux') return false;
  return spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }).status === 0;
})();

/** Puts a disk of so many bytes at a folder; returns how to take it away. @throws Error when it may not */
export function mountSmallDisk(folder: string, bytes: number): () => void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
  return () => {
    execFileSync('umount', [folder]);
  };
}

/** Fills what is left of a disk with one file, whose path it returns. */
export function fillDisk(folder: string): string {
  const hog = `${folder}/hog`;
  spawnSync('dd', ['if=/dev/zero', `of=${hog}`, 'bs=1k'], { stdio: 'ignore' });
  return hog;
}
