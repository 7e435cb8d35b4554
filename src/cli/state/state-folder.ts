/**
 * State folders: what one peer of one service keeps on this machine, and which of several is meant.
 *
 * A machine may own one service, carry two others and read a fourth; each has a folder of its own with a *label* for a name.
 * Folders lie together in the data folder, unless `--state` (BANYAN_STATE) names one directly. `service.json` in it says what
 * it is for. Everything else in it belongs to the running peer; `stateFiles` is the whole list, so that `leave` can take away
 * exactly what Banyan put there and nothing of anybody else's.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Paths } from './paths.ts';
import { UserError } from '../words/user-error.ts';

/** What the peer in a folder is for. A gateway and a reader are clients that never serve. */
export type Part = 'root' | 'volunteer' | 'reader' | 'gateway';

/** What a peer was told to give, so that it gives the same after a restart that says nothing of it. */
export interface Gift {
  /** Whether it offers itself (`at-once`), consents when asked, or neither. A root serves anyway. */
  readonly serving: 'at-once' | 'if-asked' | 'never';
  /** What it gives at most; 0 = no limit. */
  readonly limits: { readonly uploadBytesPerSecond: number; readonly storageBytes: number; readonly clients: number };
}

export interface ServiceRecord {
  readonly format: 1;
  readonly serviceId: string;
  readonly name: string;
  readonly part: Part;
  /** The folder a root publishes; null for all others. */
  readonly folder: string | null;
  /** The link that was joined with; null for a root. */
  readonly invite: string | null;
  /** Absent before a root or volunteer has run. */
  readonly gift?: Gift;
}

/** Every name that Banyan makes in a state folder. */
export const stateFiles = {
  service: 'service.json',
  charter: 'charter.json',
  ownerKey: 'owner-key.pem',
  rootKey: 'root-key.pem',
  peerKey: 'peer.key',
  database: 'state.sqlite',
  content: 'content',
  lock: 'lock.sqlite',
  holder: 'daemon.json',
  run: 'run',
  log: 'daemon.log',
} as const;

/** What a start leaves that ended before it got to `service.json`, and what `init` makes before. */
const earlyFiles = ['service', 'charter', 'ownerKey', 'rootKey', 'lock', 'holder', 'run', 'log'] as const;

/** What may follow such a name: SQLite's companions, half-written and set-aside files. */
const companionSuffix = /^(-wal|-shm|-journal|(\.[0-9a-f]+)?\.tmp|\.\d|\.corrupt-[^/]*)?$/;

export class StateFolder {
  readonly path: string;
  /** The last part of the path: what `--service` may name. */
  readonly label: string;
  readonly logFile: string;

  constructor(path: string, logFile: string = join(resolve(path), stateFiles.log)) {
    this.path = resolve(path);
    this.label = this.path.split(/[\\/]/).at(-1) ?? this.path;
    this.logFile = logFile;
  }

  file(name: keyof typeof stateFiles): string {
    return join(this.path, stateFiles[name]);
  }

  /** Makes it, for its user alone. A folder that is there already keeps its permissions. */
  async make(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await mkdir(this.file('run'), { recursive: true, mode: 0o700 });
    if (process.platform !== 'win32') await chmod(this.file('run'), 0o700);
  }

  /** What lies in it; null when there is no such folder. */
  async names(): Promise<readonly string[] | null> {
    try {
      return await readdir(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /**
   * For a folder that somebody has named, before anything is made in it: other people's files and Banyan's must never mix.
   * @throws UserError when there is something in it, and it is neither a state folder nor one that was begun
   */
  async requireOwn(): Promise<void> {
    const names = (await this.names()) ?? [];
    if (names.length === 0 || names.includes(stateFiles.service)) return;
    const early = earlyFiles.map((name) => stateFiles[name]);
    const run = names.includes(stateFiles.run) ? await readdir(this.file('run')) : [];
    const strange =
      names.find((name) => !early.some((own) => isNamedAfter(own, name))) ??
      run.find((name) => !/^control\.(sock|path)$/.test(name)) ??
      names.find(
        (name) =>
          [stateFiles.charter, stateFiles.rootKey].some((own) => own === name) && !names.includes(stateFiles.ownerKey),
      );
    if (strange === undefined) return;
    throw new UserError(
      `The folder ${this.path} is no state folder: it has no ${stateFiles.service}, but other files (${strange}).`,
      { hint: 'Give --state a folder that is empty or not there yet; Banyan keeps keys in it.', code: 'state-strange' },
    );
  }

  /** What it is for; null when nothing is there yet. @throws UserError when the record is damaged */
  async record(): Promise<ServiceRecord | null> {
    const path = this.file('service');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    }
    return parseRecord(text, path);
  }

  async writeRecord(record: ServiceRecord): Promise<void> {
    await this.make();
    const path = this.file('service');
    try {
      await writeFile(`${path}.tmp`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flush: true });
      await rename(`${path}.tmp`, path);
    } catch (error) {
      // What fails on an open file does not say which.
      throw Object.assign(error as NodeJS.ErrnoException, { path });
    }
  }

  /**
   * Takes away what Banyan keeps here, and the folder when nothing is left in it; but what is named in `before`, and with it
   * the folder, was there already and stays. Returns the names of what stays.
   */
  async remove(before: readonly string[] | null = null): Promise<readonly string[]> {
    const isOurs = (name: string): boolean => Object.values(stateFiles).some((own) => isNamedAfter(own, name));
    for (const name of (await readdir(this.path)).filter((each) => isOurs(each) && before?.includes(each) !== true))
      await rm(join(this.path, name), { recursive: true, force: true });
    for (const more of ['', '.1', '.2', '.3']) await rm(this.logFile + more, { force: true });
    const left = await readdir(this.path);
    if (left.length === 0 && before === null) await rmdir(this.path);
    return left;
  }
}

function isNamedAfter(own: string, name: string): boolean {
  return name.startsWith(own) && companionSuffix.test(name.slice(own.length));
}

function parseRecord(text: string, path: string): ServiceRecord {
  const damaged = (what: string, cause?: unknown): UserError =>
    new UserError(`The file ${path} is damaged: ${what}.`, {
      hint: 'Restore it from a backup; or move the folder away and join (or init) again.',
      code: 'state-damaged',
      cause,
    });
  let parsed: Partial<Record<keyof ServiceRecord, unknown>> | null;
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch (error) {
    throw damaged('it is not JSON', error);
  }
  const { format, serviceId, name, part, folder, invite, gift } = parsed ?? {};
  if (typeof format === 'number' && format > 1) {
    throw new UserError(`The folder of ${path} was written by a newer Banyan (format ${format}).`, {
      hint: 'Update Banyan.',
    });
  }
  const parts: readonly unknown[] = ['root', 'volunteer', 'reader', 'gateway'] satisfies Part[];
  if (format !== 1 || typeof serviceId !== 'string' || typeof name !== 'string' || !parts.includes(part)) {
    throw damaged('a field is missing or wrong');
  }
  return {
    format: 1,
    serviceId,
    name,
    part: part as Part,
    folder: typeof folder === 'string' ? folder : null,
    invite: typeof invite === 'string' ? invite : null,
    ...(gift === undefined ? {} : { gift: parseGift(gift) ?? fail(damaged('its "gift" is wrong')) }),
  };
}

function parseGift(value: unknown): Gift | null {
  const { serving, limits } = (value ?? {}) as { readonly [Key in keyof Gift]?: unknown };
  const modes: readonly unknown[] = ['at-once', 'if-asked', 'never'] satisfies Gift['serving'][];
  const { uploadBytesPerSecond, storageBytes, clients } = (limits ?? {}) as Record<keyof Gift['limits'], unknown>;
  const isLimit = (amount: unknown): boolean => typeof amount === 'number' && amount >= 0;
  if (!modes.includes(serving) || ![uploadBytesPerSecond, storageBytes, clients].every(isLimit)) return null;
  return value as Gift;
}

function fail(error: Error): never {
  throw error;
}

export interface KnownState {
  readonly folder: StateFolder;
  readonly record: ServiceRecord;
}

export function servicesFolder(paths: Paths): string {
  return join(paths.data, 'services');
}

export function labelledFolder(paths: Paths, label: string): StateFolder {
  return new StateFolder(join(servicesFolder(paths), label), join(paths.state, `${label}.log`));
}

/** All state folders in the usual place, by label. `onDamaged` is told of those whose record cannot be read; they are left out. */
export async function knownStates(
  paths: Paths,
  onDamaged: (error: UserError, folder: StateFolder) => void,
): Promise<readonly KnownState[]> {
  const entries = await readdir(servicesFolder(paths), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  const states: KnownState[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory()).sort((a, b) => a.name.localeCompare(b.name))) {
    const folder = labelledFolder(paths, name);
    try {
      const record = await folder.record();
      if (record !== null) states.push({ folder, record });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onDamaged(error, folder);
    }
  }
  return states;
}

/** A label for a new folder: the service's name made plain, what the peer is, and a part of the id against namesakes. */
export function labelFor(name: string, serviceId: string | null, part: Part): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32);
  const stem = plain === '' ? 'service' : plain;
  if (part === 'root' || serviceId === null) return stem;
  return [stem, serviceId.slice(0, 6), ...(part === 'volunteer' ? [] : [part])].join('-');
}

/** The peers that `wanted` may mean: the one of this label, else all of this name or with an id that begins so. */
export function meantBy(wanted: string, states: readonly KnownState[]): readonly KnownState[] {
  const labelled = states.filter(({ folder }) => folder.label === wanted);
  if (labelled.length > 0) return labelled;
  return states.filter(
    ({ record }) => record.name === wanted || (wanted.length >= 4 && record.serviceId.startsWith(wanted)),
  );
}

/** Sixteen characters that stand for a path, where the path itself is too long. */
export function shortNameOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}
