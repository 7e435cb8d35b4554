/**
 * From an invite link to a state folder: a new one for a new service, the same one when the link is used again.
 *
 * Without a link the peer that was joined before is taken up again, which is what a service manager does at every start.
 */
import type { Invite } from '../../service/index.ts';
import { findState } from '../daemon/choice.ts';
import type { Session } from '../session.ts';
import { type Part, type ServiceRecord, StateFolder, labelFor, labelledFolder } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';

export interface Joined {
  readonly folder: StateFolder;
  readonly record: ServiceRecord;
  readonly invite: Invite;
}

/** @throws ServiceError for a bad or expired link; UserError when the folder is another service's */
export async function joinBy(session: Session, link: string | undefined, part: Exclude<Part, 'root'>): Promise<Joined> {
  const { readInvite } = await import('../../service/index.ts');
  if (link === undefined) {
    const { folder, record } = await findState(session, {
      parts: [part],
      what: `service joined as a ${part}`,
      hint: `Give the link: banyan ${session.command} <link>.`,
    });
    if (record.invite === null)
      throw new UserError(`The folder ${folder.path} remembers no invite.`, {
        hint: `Give the link: banyan ${session.command} <link>.`,
      });
    // It may have expired: it has been used already, and its addresses are still good to begin with.
    return { folder, record, invite: readInvite(record.invite, 0) };
  }
  const invite = readInvite(link, Date.now());
  const { state } = session.common;
  const folder =
    state === null
      ? labelledFolder(session.paths, labelFor(invite.name, invite.serviceId, part))
      : new StateFolder(state);
  if (state !== null) await folder.requireOwn();
  const before = await folder.record();
  if (before !== null && (before.serviceId !== invite.serviceId || before.part !== part)) {
    throw new UserError(
      `The folder ${folder.path} belongs to "${before.name}" (${before.serviceId}), here as a ${before.part}; ` +
        `the invite is for "${invite.name}" (${invite.serviceId}), to be joined as a ${part}.`,
      { hint: 'Use another --state folder, or leave that service first: banyan leave.', code: 'state-foreign' },
    );
  }
  const record: ServiceRecord = {
    format: 1,
    serviceId: invite.serviceId,
    name: invite.name,
    part,
    folder: null,
    invite: link.replace(/\s+/g, ''),
    ...(before?.gift === undefined ? {} : { gift: before.gift }),
  };
  return { folder, record, invite };
}
