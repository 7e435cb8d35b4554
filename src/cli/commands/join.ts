/** `banyan join`: a volunteer's peer. */
import { plan } from '../command.ts';
import { detachOption, limitOptions, peerOptions, toggle } from '../settings/option.ts';
import { facts } from '../words/output.ts';
import { formatBytes } from '../words/quantities.ts';
import type { RunningDaemon } from '../daemon/daemon.ts';
import type { Session } from '../session.ts';
import type { Gift } from '../state/state-folder.ts';
import { UsageError } from '../words/user-error.ts';
import { inBackground, refuseIfRunning } from './serve.ts';

export const join = plan({
  name: 'join',
  summary: 'join a service as a volunteer',
  description:
    'Joins a service by its invite; runs in the foreground without --detach. The peer is a client until the service asks it ' +
    'to serve; --serve offers that at once. What it gives (--serve, --never-serve, the limits) is remembered for later ' +
    'starts. Without a link, the peer continues with the service joined before.',
  args: [{ name: 'link', about: 'the invite: banyan:…' }],
  options: {
    serve: toggle('serve', 'offer to serve at once'),
    neverServe: toggle('never-serve', 'stay a client, even when asked to serve'),
    ...limitOptions,
    ...peerOptions(4747, 'port'),
    detach: detachOption,
  },
  examples: [
    ['banyan join banyan:AQCu…', 'serve when asked'],
    ['banyan join banyan:AQCu… --serve --max-upload 2MB/s --max-storage 500MB', 'serve at once, within limits'],
    ['banyan join --detach', 'continue in the background with the service joined before'],
  ],
  run: async (session, settings, [link]) => {
    if (settings.serve && settings.neverServe) throw new UsageError('--serve and --never-serve do not go together.');
    const { joinBy } = await import('./joining.ts');
    const { folder: state, record, invite } = await joinBy(session, link, 'volunteer');
    if (settings.detach && !(await inBackground(session))) {
      const { startInBackground } = await import('../daemon/background.ts');
      await startInBackground(session, state);
      return;
    }
    await refuseIfRunning(state);
    const { runDaemon } = await import('../daemon/daemon.ts');
    const { addressesOf, emulationOf, limitsOf, servingOf } = await import('../daemon/peer-settings.ts');
    const gift = {
      serving: servingOf(session.given, settings, record.gift),
      limits: limitsOf(session.given, settings, record.gift),
    };
    await runDaemon(session, {
      record: { ...record, gift },
      request: {
        part: 'volunteer',
        serviceId: record.serviceId,
        state,
        charter: null,
        invite,
        ...gift,
        ...(await addressesOf(session, settings)),
        emulation: await emulationOf(settings),
      },
      http: null,
      ready: async (daemon) => tellReady(session, daemon, gift),
    });
  },
});

function tellReady(
  session: Session,
  { node, info }: RunningDaemon,
  { serving, limits: { uploadBytesPerSecond: maxUpload, storageBytes: maxStorage } }: Gift,
): void {
  const { service, peerId, addresses, attached, role } = node.status();
  const ready = {
    kind: 'ready',
    part: 'volunteer',
    service,
    peerId,
    pid: info.pid,
    addresses,
    attached,
    role,
    stateFolder: info.stateFolder,
    logFile: info.logFile,
  };
  session.output.result(ready, () =>
    facts([
      ['Volunteer', `for "${service.name}", ${attached ? 'joined' : 'not attached yet'}`],
      [
        'Serves',
        serving === 'at-once'
          ? `at once; at most ${maxStorage === 0 ? 'any storage' : formatBytes(maxStorage)}, ` +
            (maxUpload === 0 ? 'any upload' : `${formatBytes(maxUpload)}/s`)
          : serving === 'never'
            ? 'never'
            : 'when asked',
      ],
      ['Peer', peerId],
      info.logFile === null ? ['End', 'Ctrl-C'] : ['Log', info.logFile],
    ]),
  );
}
