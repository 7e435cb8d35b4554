/**
 * The doctor's look at one peer of this machine: its keys, whether it runs, and what it says; or, when it does not run,
 * whether the peers that it would turn to can be reached from here.
 */
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { NodeStatus } from '../../host/index.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { isLoopback, readAddress } from '../settings/peer-address.ts';
import type { KnownState, StateFolder } from '../state/state-folder.ts';
import { tellError } from '../words/user-error.ts';

const dialTimeoutMs = 3_000;

export async function* examinePeer({ folder, record }: KnownState): AsyncGenerator<Finding> {
  yield* keys(folder, record.part === 'root');
  const { ControlClient } = await import('../daemon/control-client.ts');
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
    yield* files(folder, record);
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
      'It keeps trying. Check that this machine is online and that a peer named in the invite is running.',
    );
  }
  if (status.addresses.every((address) => isLoopback(address))) {
    yield warn(
      'reachability',
      'It listens on 127.0.0.1 only, which other machines cannot reach.',
      'To let other machines in, start it with --listen 0.0.0.0.',
    );
  } else if (status.reachable) {
    yield ok('reachability', 'Other peers can reach it.');
  } else {
    yield warn(
      'reachability',
      'No peer in another network has reached it yet, so it stays a leaf: it cannot serve many or be a parent.',
      `Forward its port on the router (${status.addresses[0] ?? 'see banyan status'}), or give its public address with --announce.`,
    );
  }
  const { installed, latest, installing } = status.release;
  if (installed < latest && installing === null && installed > 0) {
    yield warn(
      'peer',
      `It has release ${installed}; ${latest} is the latest.`,
      'It fetches the latest by itself; if it does not, read its log.',
    );
  }
  for (const problem of status.problems) yield warn('peer', problem, null);
}

/** Not running: can the peers that it would turn to be reached from here? */
async function* dialInvited(link: string | null): AsyncGenerator<Finding> {
  if (link === null) return;
  const { readInvite } = await import('../../service/index.ts');
  const { addresses } = readInvite(link, 0);
  const results = await Promise.all(addresses.map(async (address) => ({ address, reason: await dial(address) })));
  const reached = results.find(({ reason }) => reason === null);
  if (reached !== undefined) yield ok('reachability', `The farm can be reached from here (${reached.address}).`);
  else {
    const why = results.map(({ address, reason }) => `${address}: ${reason}`).join('; ');
    yield fail(
      'reachability',
      `None of the peers in its invite can be reached (${why}).`,
      'Check that this machine is online. If it is, ask for a new invite: those peers may have moved.',
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
    socket.setTimeout(dialTimeoutMs, () => end('no answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.once('connect', () => end(null));
  });
}

/** Not running: would what lies here let it start? */
async function* files(folder: StateFolder, { part, serviceId }: KnownState['record']): AsyncGenerator<Finding> {
  try {
    if (part === 'root') {
      const { readOwnCharter } = await import('../state/founding.ts');
      const { readKeyFile } = await import('../../service/index.ts');
      await readOwnCharter(folder, serviceId);
      await readKeyFile(folder.file('rootKey'), 'root');
    }
    const { damageIn } = await import('../../storage/sqlite-file.ts');
    const path = folder.file('database');
    const damage = damageIn(path);
    if (damage !== null)
      yield fail(
        'peer',
        `The state database ${path} is damaged (${damage}).`,
        'Put a backup in its place. Without one, start the peer twice: ' +
          'the damaged file is moved aside, and it begins again with an empty state.',
      );
  } catch (error) {
    const { message, hint, code } = tellError(error);
    // A key that is missing, or that others can read, has been told.
    if (code !== 'key-missing' && code !== 'key-exposed')
      yield fail('peer', message, hint ?? 'Restore it from a backup.');
  }
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
        'That is fine if you keep it elsewhere. To publish, restore it: banyan init --restore <file>.',
      );
    } else if (typeof mode === 'string') {
      yield fail('keys', `The key at ${path} cannot be read (${mode}).`, 'Restore it from a backup.');
    } else if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      yield fail('keys', `Others on this machine can read the key ${path}.`, `chmod 600 ${path}`);
    } else {
      yield ok('keys', `Only you can read the key ${path}.`);
    }
  }
}
