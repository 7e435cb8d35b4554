/**
 * The doctor's examination: one finding at a time, each a sentence and, unless all is well, what to do.
 *
 * It needs no running daemon; where one runs it is asked. A check that cannot be made says so instead of guessing. `fail`
 * is what keeps a peer from running or being found at all; `warn` is what makes it less than it could be.
 */
import { execFile } from 'node:child_process';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { NodeStatus } from '../host/farm-node.ts';
import { findFreePort } from './free-port.ts';
import { isLoopback, isPrivate, readAddress } from './peer-address.ts';
import { formatBytes } from './quantities.ts';
import type { Session } from './session.ts';
import { type KnownState, StateFolder, knownStates } from './state-folder.ts';
import { UserError, tellError } from './user-error.ts';

export interface Finding {
  readonly check: 'versions' | 'disk' | 'clock' | 'ports' | 'network' | 'reachability' | 'keys' | 'peer';
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** Which peer of this machine it is about; null for the machine itself. */
  readonly service: string | null;
  readonly sentence: string;
  readonly advice: string | null;
}

const NEEDED_NODE = [20, 19] as const;
const LOW_DISK_BYTES = 1_000_000_000;
const EMPTY_DISK_BYTES = 50_000_000;
/** No clock that is right can show less: when this was written. */
const EARLIEST_TIME_MS = Date.UTC(2026, 0, 1);
const DIAL_TIMEOUT_MS = 3_000;

export async function* examine(session: Session, port: number): AsyncGenerator<Finding> {
  yield* versions();
  const states = session.common.state === null ? await knownStates(session.paths) : await stateAt(session.common.state);
  yield await disk(states[0]?.folder.path ?? session.common.state ?? session.paths.data);
  yield await clock();
  yield network();
  let anyRuns = false;
  for (const known of states) {
    for await (const finding of peer(known)) {
      anyRuns ||= finding.check === 'peer' && finding.verdict === 'ok';
      yield { ...finding, service: known.folder.label };
    }
  }
  if (!anyRuns) yield await portFree(port);
  if (states.length === 0) {
    yield ok(
      'peer',
      'There is no service on this machine yet: make one with `banyan serve <folder>`, or join one with `banyan join <link>`.',
    );
  }
}

async function* versions(): AsyncGenerator<Finding> {
  const node = process.versions.node;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [neededMajor, neededMinor] = NEEDED_NODE;
  const isEnough = major > neededMajor || (major === neededMajor && minor >= neededMinor);
  yield isEnough
    ? ok('versions', `Node ${node} runs Banyan.`)
    : fail('versions', `Node ${node} is too old.`, `Install Node ${NEEDED_NODE.join('.')} or newer.`);
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
  } catch {
    return fail(
      'disk',
      `${existing} cannot be written to.`,
      'Change its owner or permissions, or use another folder with --state.',
    );
  }
  const { bavail, bsize } = await statfs(existing);
  const freeBytes = bavail * bsize;
  const free = `${formatBytes(freeBytes)} are free where ${path} lies.`;
  if (freeBytes < EMPTY_DISK_BYTES)
    return fail('disk', `Only ${free}`, 'Free some space, or use another disk with --state.');
  if (freeBytes < LOW_DISK_BYTES) return warn('disk', `Only ${free}`, 'Releases may not fit: free some space.');
  return ok('disk', free);
}

async function clock(): Promise<Finding> {
  const now = new Date();
  if (now.getTime() < EARLIEST_TIME_MS) {
    return fail(
      'clock',
      `The clock says ${now.toISOString()}, which is in the past.`,
      'Set the clock, and keep it right with NTP: invites and credentials expire by it.',
    );
  }
  try {
    const { stdout } = await promisify(execFile)('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: 2_000,
    });
    if (stdout.trim() === 'no') {
      return warn(
        'clock',
        `The clock says ${now.toISOString()}; the system does not keep it right.`,
        'Switch on network time: timedatectl set-ntp true.',
      );
    }
    if (stdout.trim() === 'yes')
      return ok('clock', `The clock says ${now.toISOString()} and is kept right by network time.`);
  } catch (error) {
    // No systemd here, or none that answers: then nothing is known about how the clock is kept.
    if (!(error instanceof Error)) throw error;
  }
  return ok(
    'clock',
    `The clock says ${now.toISOString()}; whether it is kept right by network time cannot be seen from here.`,
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
      'This machine has no address but its own loopback.',
      'Connect it to a network; until then only programs on this machine can join.',
    );
  }
  const open = addresses.filter((address) => !isPrivate(address));
  const list = addresses.slice(0, 4).join(', ');
  if (open.length > 0) return ok('network', `This machine has a public address (${open[0]}).`);
  return warn(
    'network',
    `This machine has private addresses only (${list}): it is behind a router.`,
    'Peers on the same network reach it. For others, forward the port on the router and say the public address with --announce <host>:<port>.',
  );
}

async function portFree(port: number): Promise<Finding> {
  try {
    const { steppedOver, port: free } = await findFreePort(port, '0.0.0.0', false);
    if (steppedOver === null) return ok('ports', `Port ${port} is free.`);
    return warn(
      'ports',
      `Port ${port} is in use by another program.`,
      `A peer would take ${free} instead; choose one with --port where routers must forward it.`,
    );
  } catch (error) {
    const { message, hint } = tellError(error);
    return fail('ports', message, hint ?? 'Choose another port.');
  }
}

async function* peer({ folder, record }: KnownState): AsyncGenerator<Finding> {
  yield* keys(folder, record.part === 'root');
  const { ControlClient } = await import('./control-client.ts');
  let client;
  try {
    client = await ControlClient.find(folder);
  } catch (error) {
    const { message, hint } = tellError(error);
    yield fail('peer', message, hint ?? 'End it and start it again.');
    return;
  }
  if (client === null) {
    yield warn(
      'peer',
      `"${record.name}" (${record.part}) is not running.`,
      'Start it, or let the system start it: banyan service --systemd.',
    );
    yield* dialInvited(record.invite);
    return;
  }
  try {
    const { pid } = await client.call('info', {});
    const status = await client.call('status', {});
    yield ok('peer', `"${record.name}" runs as process ${pid}, as a ${status.role}.`);
    yield* running(status);
  } finally {
    client.close();
  }
}

function* running(status: NodeStatus): Generator<Finding> {
  if (!status.attached) {
    yield fail(
      'reachability',
      'It is not attached to the farm.',
      'Is the network up, and is any peer of the invite running? It keeps trying by itself.',
    );
  }
  if (status.addresses.every((address) => isLoopback(address))) {
    yield warn(
      'reachability',
      'It listens on this machine itself only (127.0.0.1).',
      'For other machines: --listen 0.0.0.0.',
    );
  } else if (status.reachable) {
    yield ok('reachability', 'Other peers can reach it.');
  } else {
    yield warn(
      'reachability',
      'No peer in another network has reached it yet, so it stays a leaf: it cannot serve many or be a parent.',
      `Forward its port on the router (${status.addresses[0] ?? 'see banyan status'}), or say its public address with --announce.`,
    );
  }
  const { installed, latest, installing } = status.release;
  if (installed < latest && installing === null && installed > 0) {
    yield warn(
      'peer',
      `It has release ${installed}; ${latest} is the latest.`,
      'It fetches it by itself; if it stays so, look into its log.',
    );
  }
  for (const problem of status.problems) yield warn('peer', problem, null);
}

/** Not running: can the peers that it would turn to be reached from here? */
async function* dialInvited(link: string | null): AsyncGenerator<Finding> {
  if (link === null) return;
  const { readInvite } = await import('../service/index.ts');
  const { addresses } = readInvite(link, 0);
  const results = await Promise.all(addresses.map(async (address) => ({ address, reason: await dial(address) })));
  const reached = results.find(({ reason }) => reason === null);
  if (reached !== undefined) yield ok('reachability', `The farm can be reached from here (${reached.address}).`);
  else {
    const why = results.map(({ address, reason }) => `${address}: ${reason}`).join('; ');
    yield fail(
      'reachability',
      `None of the peers in its invite can be reached (${why}).`,
      'Is this machine online? Else ask for a new invite: they may have moved.',
    );
  }
}

/** null when somebody takes the connection, else why not. */
async function dial(address: string): Promise<string | null> {
  const { host, port } = readAddress(address, 'address');
  return await new Promise((resolve) => {
    const socket = connect({ host, port: port ?? 0 });
    const end = (reason: string | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(DIAL_TIMEOUT_MS, () => end('no answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.once('connect', () => end(null));
  });
}

async function* keys(folder: StateFolder, isRoot: boolean): AsyncGenerator<Finding> {
  const wanted = isRoot ? (['rootKey', 'ownerKey'] as const) : (['peerKey'] as const);
  for (const which of wanted) {
    const path = folder.file(which);
    const mode = await stat(path).then(
      ({ mode: bits }) => bits & 0o777,
      (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
    );
    if (mode === 'ENOENT' && which === 'peerKey') continue; // it is made at the first start
    if (mode === 'ENOENT' && which === 'ownerKey') {
      yield warn(
        'keys',
        `The owner key is not at ${path}.`,
        'That is well if you keep it elsewhere; to publish, bring it back: banyan init --restore <file>.',
      );
    } else if (typeof mode === 'string') {
      yield fail('keys', `The key at ${path} cannot be read (${mode}).`, 'Restore it from a backup.');
    } else if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      yield fail('keys', `Others on this machine can read the key ${path}.`, `chmod 600 ${path}`);
    } else {
      yield ok('keys', `The key ${path} is there, for you alone.`);
    }
  }
}

async function stateAt(path: string): Promise<readonly KnownState[]> {
  const folder = new StateFolder(path);
  const record = await folder.record();
  return record === null ? [] : [{ folder, record }];
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

function ok(check: Finding['check'], sentence: string): Finding {
  return { check, verdict: 'ok', service: null, sentence, advice: null };
}

function warn(check: Finding['check'], sentence: string, advice: string | null): Finding {
  return { check, verdict: 'warn', service: null, sentence, advice };
}

function fail(check: Finding['check'], sentence: string, advice: string): Finding {
  return { check, verdict: 'fail', service: null, sentence, advice };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
