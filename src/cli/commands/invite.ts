/** `banyan invite`: a link for volunteers and readers. */
import { anyOwnService, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { value } from '../settings/option.ts';
import { parsePositiveDurationMs, parseWhole } from '../words/quantities.ts';
import { warnOfLoopback } from './serve.ts';

export const invite = plan({
  name: 'invite',
  summary: 'print a link by which others join',
  description:
    'Prints a link by which others join the service whose root runs on this machine. Whoever has the link can join, and can pass it on.',
  args: [],
  options: {
    expires: value('expires', '<duration>', 'how long it is valid', parsePositiveDurationMs, null, {
      fallbackText: 'for ever',
    }),
    uses: value('uses', '<count>', 'how many peers it lets in', parseWhole(1, 1_000_000), null, {
      fallbackText: 'any number',
    }),
  },
  examples: [
    ['banyan invite', 'for everybody, for ever'],
    ['banyan invite --expires 7d --uses 5', 'for five, within a week'],
  ],
  run: async (session, { expires, uses }) => {
    const { folder } = await findState(session, { ...anyOwnService, mustRun: true });
    const { callControl } = await import('../daemon/control-client.ts');
    const params = { expiresInSeconds: expires === null ? null : expires / 1000, uses };
    const invitation = await callControl(folder, 'invite', params, { toStart: 'banyan serve' });
    session.output.result({ kind: 'invite', ...invitation }, () => invitation.link);
    warnOfLoopback(session, invitation);
  },
});
