/**
 * The folder that an owner publishes: that it is one, and that it is kept apart from the state folder.
 *
 * The state folder holds the keys that make the service its owner's. Were one inside the other, a release could carry them to
 * everybody, or publishing would swallow the service's own copy of what was published before.
 */
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, basename, relative, resolve, isAbsolute } from 'node:path';
import type { UpdateResult } from '../../host/index.ts';
import type { Output } from '../words/output.ts';
import { formatCount } from '../words/quantities.ts';
import type { StateFolder } from './state-folder.ts';
import { UserError } from '../words/user-error.ts';

/** How many names of files that were left out are told. */
const toldNames = 5;

/** The whole path of a folder to publish. @throws UserError when there is none */
export async function siteFolder(folder: string): Promise<string> {
  const path = resolve(folder);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const message =
      error.code === 'ENOENT'
        ? `There is no folder ${path}.`
        : `The folder ${path} cannot be read (${error.code ?? error.message}).`;
    throw new UserError(message, {
      hint: 'Give the folder that holds the site.',
      code: 'folder-unusable',
    });
  });
  if (found.isDirectory()) return path;
  throw new UserError(`${path} is a file; a folder is needed.`, {
    hint: 'Give the folder that holds the site.',
    code: 'folder-unusable',
  });
}

/** @throws UserError when one of the two folders lies in the other */
export async function requireApart(site: string, state: StateFolder): Promise<void> {
  const [siteAt, stateAt] = await Promise.all([trueWay(site), trueWay(state.path)]);
  const how =
    siteAt === stateAt
      ? 'is the state folder'
      : contains(siteAt, stateAt)
        ? `contains the state folder ${state.path}`
        : contains(stateAt, siteAt)
          ? `lies in the state folder ${state.path}`
          : null;
  if (how === null) return;
  throw new UserError(`The site ${site} ${how}: its private keys could be published with it.`, {
    hint: 'Keep the two apart: choose another folder with --state, or put the site into a folder of its own.',
    code: 'site-holds-state',
  });
}

/** Tells what of the folder is not in the release, so that nobody looks for it there. */
export function tellLeftOut(output: Output, { leftOut }: UpdateResult): void {
  if (leftOut.length === 0) return;
  const names = leftOut.slice(0, toldNames).map(({ path }) => path);
  const more = leftOut.length > names.length ? ` and ${leftOut.length - names.length} more` : '';
  const reasons = [...new Set(leftOut.map(({ reason }) => reason))].join('; ');
  output.note(
    `Left out of the release: ${formatCount(leftOut.length, 'name')} (${names.join(', ')}${more}): ${reasons}.`,
  );
}

/** Without links, as far as the path is there. */
async function trueWay(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await trueWay(dirname(path)), basename(path));
  }
}

function contains(outer: string, inner: string): boolean {
  const way = relative(outer, inner);
  return way !== '' && way !== '..' && !/^\.\.[\\/]/.test(way) && !isAbsolute(way);
}
