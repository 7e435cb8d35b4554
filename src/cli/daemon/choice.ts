/**
 * Which peer of this machine a command is about.
 *
 * `--state` names a folder, `--service` a service. Without either: the only one there is; else the only one that runs;
 * else the person is asked, or, where there is nobody to ask, told what to write.
 */
import type { Session } from '../session.ts';
import { type KnownState, type Part, StateFolder, meantBy } from '../state/state-folder.ts';
import { UsageError, UserError } from '../words/user-error.ts';

export interface Wanted {
  /** Parts that the command makes sense for; null for all. */
  readonly parts: readonly Part[] | null;
  /** What the error says is missing: "service of your own". */
  readonly what: string;
  /** How to get one. */
  readonly hint: string;
  /** The command talks to a daemon: where several could be meant and none runs, there is nothing to choose. */
  readonly mustRun?: boolean;
}

export const anyPeer: Wanted = {
  parts: null,
  what: 'service',
  hint: 'Make one with `banyan serve <folder>`, or join one with `banyan join <link>`.',
};

export const anyOwnService: Wanted = {
  parts: ['root'],
  what: 'service of your own',
  hint: 'Make one with `banyan init`, or with `banyan serve <folder>`.',
};

/** @throws UserError when there is none; UsageError when there are several and nobody can be asked */
export async function findState(session: Session, wanted: Wanted): Promise<KnownState> {
  const { state, service } = session.common;
  if (state !== null) return await stateAt(new StateFolder(state), wanted);
  const known = await session.knownStates();
  const all = service === null ? known : meantBy(service, known);
  const fitting = all.filter(({ record }) => wanted.parts === null || wanted.parts.includes(record.part));
  const [only] = fitting;
  if (only === undefined) throw nothing(session, all, wanted);
  if (fitting.length === 1) return only;
  const running = await runningOf(fitting);
  const [onlyRunning] = running;
  if (running.length === 1 && onlyRunning !== undefined) return onlyRunning;
  if (running.length === 0 && wanted.mustRun === true) {
    const labels = fitting.map(({ folder }) => folder.label).join(', ');
    throw new UserError(`None of the services on this machine is running (${labels}).`, {
      hint: 'Start one, or name one with --service.',
      code: 'not-running',
    });
  }
  return await ask(session, running.length > 1 ? running : fitting);
}

async function stateAt(folder: StateFolder, wanted: Wanted): Promise<KnownState> {
  const record = await folder.record();
  if (record === null) {
    throw new UserError(`The folder ${folder.path} holds no ${wanted.what}.`, {
      hint: wanted.hint,
      code: 'no-service',
    });
  }
  if (wanted.parts !== null && !wanted.parts.includes(record.part)) throw unfit([{ folder, record }], wanted);
  return { folder, record };
}

async function runningOf(states: readonly KnownState[]): Promise<readonly KnownState[]> {
  const { findHolder } = await import('./lock.ts');
  const running: KnownState[] = [];
  for (const known of states) if ((await findHolder(known.folder)) !== null) running.push(known);
  return running;
}

async function ask(session: Session, states: readonly KnownState[]): Promise<KnownState> {
  const lines = states.map(({ folder, record }) => `${folder.label} ("${record.name}", ${record.part})`);
  if (session.output.isInteractive) {
    const { choose } = await import('../words/question.ts');
    const chosen = states[await choose(`Which of these is meant by \`banyan ${session.command}\`?`, lines)];
    if (chosen !== undefined) return chosen;
  }
  throw new UsageError(`There are ${states.length} services that this could be about: ${lines.join(', ')}.`, {
    hint: `Say which: banyan ${session.command} --service ${states[0]?.folder.label ?? '<name>'}`,
    code: 'which-service',
  });
}

function nothing(session: Session, all: readonly KnownState[], wanted: Wanted): UserError {
  if (all.length > 0) return unfit(all, wanted);
  const { service } = session.common;
  const called = service === null ? '' : ` called "${service}"`;
  return new UserError(`There is no ${wanted.what}${called} on this machine.`, {
    hint: wanted.hint,
    code: 'no-service',
  });
}

function unfit(states: readonly KnownState[], wanted: Wanted): UserError {
  const list = states.map(({ record }) => `"${record.name}" (here as a ${record.part})`).join(', ');
  return new UserError(`This needs a ${wanted.what}; on this machine there is ${list}.`, {
    hint: wanted.hint,
    code: 'wrong-part',
  });
}
