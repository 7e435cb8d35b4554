/** `banyan drain`, `banyan leave` and `banyan stop`: three ways to do less. */
import { anyPeer, type Wanted, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { toggle } from '../settings/option.ts';
import type { ControlClient } from '../daemon/control-client.ts';
import type { Session } from '../session.ts';
import type { StateFolder } from '../state/state-folder.ts';
import { UsageError, UserError } from '../words/user-error.ts';

const anyVolunteer: Wanted = {
  parts: ['volunteer'],
  what: 'service joined as a volunteer',
  hint: 'Join one with `banyan join <link>`.',
};
const anyJoinedPeer: Wanted = {
  parts: ['volunteer', 'reader', 'gateway'],
  what: 'service joined from this machine',
  hint: 'Join one with `banyan join <link>`.',
};

export const drain = plan({
  name: 'drain',
  summary: 'stop serving, stay a client',
  description:
    'Stops serving without losing a request: clients are sent to other servers first. The peer stays in the farm as a client.',
  args: [],
  options: {},
  examples: [['banyan drain', 'returns when the last client has moved on']],
  run: async (session) => {
    const { folder, record } = await findState(session, { ...anyVolunteer, mustRun: true });
    const { callControl } = await import('../daemon/control-client.ts');
    session.output.progress({ step: 'Draining', done: 0, total: 0 });
    await callControl(folder, 'drain', {}, { toStart: 'banyan join' });
    session.output.result(
      { kind: 'drained', serviceId: record.serviceId },
      () => `No longer serving "${record.name}"; still a client of it.`,
    );
  },
});

export const stop = plan({
  name: 'stop',
  summary: 'end the peer that runs in the background',
  description: 'Ends the running peer. It keeps what it stored, and continues from there when it is started again.',
  args: [],
  options: {},
  examples: [['banyan stop', 'returns when the peer has ended']],
  run: async (session) => {
    const { folder, record } = await findState(session, { ...anyPeer, mustRun: true });
    const { ControlClient } = await import('../daemon/control-client.ts');
    const client = await ControlClient.find(folder);
    if (client !== null) await end(folder, () => client.call('stop', {}), client);
    const text = client === null ? `Nothing is running for "${record.name}".` : `Stopped "${record.name}".`;
    session.output.result({ kind: 'stopped', serviceId: record.serviceId, wasRunning: client !== null }, () => text);
  },
});

export const leave = plan({
  name: 'leave',
  summary: 'leave a service and remove what was stored of it',
  description:
    'Leaves a service: the peer tells its neighbours and ends, and what it stored here (its copy of the content, its keys, its ' +
    'records) is removed. To come back, you need an invite.',
  args: [],
  options: { yes: toggle('yes', 'do not ask', { short: 'y' }) },
  examples: [
    ['banyan leave', 'asks first'],
    ['banyan leave --service my-site --yes', 'for a script'],
  ],
  run: async (session, { yes }) => {
    const { folder, record } = await findState(session, anyJoinedPeer);
    if (!yes) await askToLeave(session, record.name, folder);
    const { ControlClient } = await import('../daemon/control-client.ts');
    const client = await ControlClient.find(folder);
    if (client !== null) await end(folder, () => client.call('leave', {}), client);
    const kept = await folder.remove();
    const result = {
      kind: 'left',
      serviceId: record.serviceId,
      wasRunning: client !== null,
      removed: folder.path,
      kept,
    };
    session.output.result(result, () =>
      [
        `Left "${record.name}" and removed what was stored in ${folder.path}.`,
        client === null ? 'The peer was not running, so its neighbours will notice by themselves.' : '',
        kept.length === 0 ? '' : `The folder stays, as it holds files that are not Banyan's: ${kept.join(', ')}.`,
      ]
        .filter((line) => line !== '')
        .join('\n'),
    );
  },
});

async function askToLeave(session: Session, name: string, folder: StateFolder): Promise<void> {
  if (!session.output.isInteractive)
    throw new UsageError('Leaving removes what was stored, and there is no terminal on which to ask.', {
      hint: 'Add --yes to go ahead.',
    });
  const { confirm } = await import('../words/question.ts');
  if (await confirm(`Leave "${name}" and remove ${folder.path}?`)) return;
  throw new UserError('Nothing was done.', { code: 'declined' });
}

/** Gives the order and waits until the process has let go of its folder. */
async function end(folder: StateFolder, order: () => Promise<unknown>, client: ControlClient): Promise<void> {
  const { findHolder } = await import('../daemon/lock.ts');
  const { pid } = await client.call('info', {});
  await order();
  await client.closed;
  const untilMs = performance.now() + 30_000;
  while ((await findHolder(folder)) !== null || isAlive(pid)) {
    if (performance.now() > untilMs)
      throw new UserError(`The process on ${folder.path} has not ended within 30 s.`, {
        hint: 'End it yourself; `banyan status` shows its process id.',
        code: 'no-end',
      });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}
