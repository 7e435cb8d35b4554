/**
 * The doctor's examination: one finding at a time, each a sentence and, unless all is well, what to do.
 *
 * It needs no running daemon; where one runs it is asked. A check that cannot be made says so instead of guessing. `fail`
 * is what keeps a peer from running or being found at all; `warn` is what makes it less than it could be.
 */
import { execFile } from 'node:child_process';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { type Finding, fail, ok, warn } from './finding.ts';
import { findFreePort } from '../daemon/free-port.ts';
import { isPrivate } from '../settings/peer-address.ts';
import { examinePeer } from './peer-examination.ts';
import { formatBytes } from '../words/quantities.ts';
import type { Session } from '../session.ts';
import { type KnownState, StateFolder, knownStates } from '../state/state-folder.ts';
import { UserError, tellError } from '../words/user-error.ts';

const neededNode = [20, 19] as const;
const lowDiskBytes = 1_000_000_000;
const emptyDiskBytes = 50_000_000;
/** No clock that is right can show less: when this was written. */
const earliestTimeMs = Date.UTC(2026, 0, 1);

export async function* examine(session: Session, port: number): AsyncGenerator<Finding> {
  yield* versions();
  const damaged: Finding[] = [];
  const note = ({ message, hint }: UserError, { label }: StateFolder): void =>
    void damaged.push({ ...fail('peer', message, hint ?? 'Restore it from a backup.'), service: label });
  const { state } = session.common;
  const states = state === null ? await knownStates(session.paths, note) : await stateAt(new StateFolder(state), note);
  yield await disk(states[0]?.folder.path ?? session.common.state ?? session.paths.data);
  yield await clock();
  yield network();
  yield* damaged;
  let anyRuns = false;
  for (const known of states) {
    for await (const finding of examinePeer(known)) {
      anyRuns ||= finding.check === 'peer' && finding.verdict === 'ok';
      yield { ...finding, service: known.folder.label };
    }
  }
  if (!anyRuns) yield await portFree(port);
  if (states.length === 0 && damaged.length === 0) {
    yield ok(
      'peer',
      'There is no service on this machine yet: make one with `banyan serve <folder>`, or join one with `banyan join <link>`.',
    );
  }
}

async function* versions(): AsyncGenerator<Finding> {
  const node = process.versions.node;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [neededMajor, neededMinor] = neededNode;
  const isEnough = major > neededMajor || (major === neededMajor && minor >= neededMinor);
  yield isEnough
    ? ok('versions', `Node ${node} runs Banyan.`)
    : fail('versions', `Node ${node} is too old.`, `Install Node ${neededNode.join('.')} or newer.`);
  try {
    const { default: Database } = await import('better-sqlite3');
    new Database(':memory:').close();
    yield ok('versions', 'The database library works.');
  } catch (error) {
    yield fail(
      'versions',
      `The database library does not load: ${messageOf(error)}`,
      'Install again for this Node: npm rebuild better-sqlite3.',
    );
  }
}

async function disk(path: string): Promise<Finding> {
  const existing = await nearestExisting(path);
  try {
    await access(existing, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return fail(
      'disk',
      `${existing} cannot be written to (${code ?? String(error)}).`,
      'Change its owner or permissions, or use another folder with --state.',
    );
  }
  const { bavail, bsize } = await statfs(existing);
  const freeBytes = bavail * bsize;
  const free = `${formatBytes(freeBytes)} are free on the disk that holds ${path}.`;
  if (freeBytes < emptyDiskBytes)
    return fail('disk', `Only ${free}`, 'Free some space, or use another disk with --state.');
  if (freeBytes < lowDiskBytes) return warn('disk', `Only ${free}`, 'Releases may not fit: free some space.');
  return ok('disk', free);
}

async function clock(): Promise<Finding> {
  const now = new Date();
  if (now.getTime() < earliestTimeMs) {
    return fail(
      'clock',
      `The clock says ${now.toISOString()}, which is before this program was written.`,
      'Set the clock, and switch on network time (NTP): invites and credentials expire by it.',
    );
  }
  try {
    const { stdout } = await promisify(execFile)('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: 2_000,
    });
    if (stdout.trim() === 'no') {
      return warn(
        'clock',
        `The clock says ${now.toISOString()}; the system does not synchronise it.`,
        'Switch on network time: timedatectl set-ntp true.',
      );
    }
    if (stdout.trim() === 'yes')
      return ok('clock', `The clock says ${now.toISOString()} and is synchronised by network time (NTP).`);
  } catch (error) {
    // No systemd here, or none that answers: then nothing is known about how the clock is kept.
    if (!(error instanceof Error)) throw error;
  }
  return ok(
    'clock',
    `The clock says ${now.toISOString()}; the system does not tell whether it is synchronised by network time (NTP).`,
  );
}

function network(): Finding {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ address }) => address);
  if (addresses.length === 0) {
    return warn(
      'network',
      'This machine has a loopback address only.',
      'Connect it to a network; until then only programs on this machine can join.',
    );
  }
  const open = addresses.filter((address) => !isPrivate(address));
  const list = addresses.slice(0, 4).join(', ');
  if (open.length > 0) return ok('network', `This machine has a public address (${open[0]}).`);
  return warn(
    'network',
    `This machine has private addresses only (${list}): it is behind a router.`,
    'Peers on the same network reach it. For others, forward the port on the router ' +
      'and give the public address with --announce <host>:<port>.',
  );
}

async function portFree(port: number): Promise<Finding> {
  try {
    const { steppedOver, port: free } = await findFreePort(port, '0.0.0.0', false);
    if (steppedOver === null) return ok('ports', `Port ${port} is free.`);
    return warn(
      'ports',
      `Port ${port} is in use by another program.`,
      `A peer would take ${free} instead. Behind a router, choose a port with --port and forward it.`,
    );
  } catch (error) {
    const { message, hint } = tellError(error);
    return fail('ports', message, hint ?? 'Choose another port.');
  }
}

async function stateAt(
  folder: StateFolder,
  onDamaged: (error: UserError, folder: StateFolder) => void,
): Promise<readonly KnownState[]> {
  try {
    const record = await folder.record();
    return record === null ? [] : [{ folder, record }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    onDamaged(error, folder);
    return [];
  }
}

async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      await stat(at);
      return at;
    } catch (error) {
      if (dirname(at) === at) throw new UserError(`There is no ${path}.`, { cause: error });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
