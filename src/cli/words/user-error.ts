/**
 * Mistakes and misfortunes that a person can do something about, and how any error is told to a person.
 *
 * A `UserError` is a sentence: what happened, with which value; its hint says what to do. It is printed without a stack
 * trace, because the trace of a typing error helps nobody. Everything else is a fault of ours or of the machine: it is told
 * by its message and the way to learn more. The services below have error classes of their own whose messages are
 * sentences already; they are known here by name, so that telling an error loads none of their modules.
 */

export interface UserErrorOptions {
  /** What to do now: one or more sentences, or a command. */
  readonly hint?: string | undefined;
  /** For programs that read `--json`. */
  readonly code?: string;
  readonly cause?: unknown;
}

export class UserError extends Error {
  override readonly name: string = 'UserError';
  readonly hint: string | undefined;
  readonly code: string;
  /** The process's exit code: 1, or 2 for a command line (or setting) that makes no sense. */
  readonly exitCode: 1 | 2 = 1;

  constructor(message: string, { hint, code = 'failed', cause }: UserErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
    this.code = code;
  }
}

/** The command line, an environment variable or the config file asks for something that makes no sense: exit code 2. */
export class UsageError extends UserError {
  override readonly name = 'UsageError';
  override readonly exitCode = 2;

  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, { code: 'usage', ...options });
  }
}

/** What a person, and a program, is told of an error. */
export interface ToldError {
  readonly message: string;
  readonly hint: string | undefined;
  readonly code: string;
  readonly exitCode: 1 | 2;
  /** True when the sentence stands for itself; false when only the trace could explain it. */
  readonly isExpected: boolean;
}

const sentenceClasses: ReadonlySet<string> = new Set([
  'ServiceError',
  'QuotaError',
  'DiskFullError',
  'BlockDamagedError',
  'BlockMismatchError',
  'LieError',
  'TopologyError',
  'EmulationError',
  'TransferRefusedError',
  'StorageError',
  'CorruptStateError',
  'NewerStateError',
  'StateBusyError',
  'IdentityError',
  'NodeError',
  'TraceError',
  'ReportError',
]);

const systemSentences: Readonly<Record<string, (path: string, port: string) => readonly [string, string]>> = {
  EACCES: (path, port) =>
    port === ''
      ? [`Permission was denied for ${path}.`, 'Check who owns it (ls -ld), or use another folder with --state.']
      : [`Permission was denied to listen on port ${port}.`, 'Ports below 1024 need privileges: choose a higher one.'],
  EPERM: (path) => [`The system does not permit this for ${path}.`, 'Check who owns it, and run as that user.'],
  EROFS: (path) => [`${path} is on a read-only file system.`, 'Use another folder with --state.'],
  ENOSPC: (path) => [`The disk that holds ${path} is full.`, 'Free some space, or use another disk with --state.'],
  EDQUOT: (path) => [
    `Your quota on the disk that holds ${path} is used up.`,
    'Free some space, or use another disk with --state.',
  ],
  ENOENT: (path) => [`There is no ${path}.`, 'Check the spelling.'],
  ENOTDIR: (path) => [`${path} is not a folder, or a part of it is not.`, 'Check the path.'],
  EISDIR: (path) => [`${path} is a folder; a file is needed.`, 'Check the path.'],
  EMFILE: () => ['This process has too many open files.', 'Raise the limit: ulimit -n 65536.'],
  ENFILE: () => ['This machine has too many open files.', 'Close some programs, or raise fs.file-max.'],
  EADDRINUSE: (_, port) => [`Port ${port} is in use by another program.`, 'Choose another port.'],
  EADDRNOTAVAIL: (path) => [
    `The address ${path} does not belong to this machine.`,
    'Choose one that `banyan doctor` lists.',
  ],
};

/** Turns whatever was thrown into sentences. */
export function tellError(error: unknown): ToldError {
  if (error instanceof UserError) {
    const { message, hint, code, exitCode } = error;
    return { message, hint, code, exitCode, isExpected: true };
  }
  if (!(error instanceof Error)) return unexpected(String(error), 'unknown');
  const { code, path, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (sentenceClasses.has(error.name)) {
    return { message: capital(error.message), hint: undefined, code: code ?? 'failed', exitCode: 1, isExpected: true };
  }
  const sentence = code === undefined ? undefined : systemSentences[code];
  if (code !== undefined && sentence !== undefined && 'syscall' in error) {
    const [message, hint] = sentence(path ?? address ?? 'a file', port === undefined ? '' : String(port));
    return { message, hint, code, exitCode: 1, isExpected: true };
  }
  return unexpected(error.message === '' ? error.name : error.message, code ?? error.name);
}

function unexpected(message: string, code: string): ToldError {
  const hint = 'Run it again with --log-level debug to see where it comes from.';
  return { message: capital(message), hint, code, exitCode: 1, isExpected: false };
}

/** As a sentence: begun in capitals, and ended. */
export function capital(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
