/** `banyan open` and `banyan gateway`: a client that never serves, with an HTTP face. */
import { type CommandPlan, plan } from '../command.ts';
import { detachOption, type OptionSpecs, parseText, peerOptions, type Settings, value } from '../settings/option.ts';
import { facts } from '../words/output.ts';
import { parsePort } from '../words/quantities.ts';
import type { RunningDaemon } from '../daemon/daemon.ts';
import type { Session } from '../session.ts';
import { inBackground, refuseIfRunning } from './serve.ts';

const link = [{ name: 'link', about: 'the invite: banyan:…' }] as const;

export const open: CommandPlan = plan({
  name: 'open',
  summary: 'a local address that always reaches the best server',
  description:
    'Joins a service as a client that never serves, and opens a local HTTP address. Requests to it go to the server that ' +
    'answers you fastest, and to the next one when that fails. Without a link, opens the service opened before.',
  args: link,
  options: faceOptions('127.0.0.1'),
  examples: [
    ['banyan open banyan:AQCu…', 'read a site'],
    ['banyan open banyan:AQCu… --port 9000 --detach', 'at a port of your choice, in the background'],
  ],
  run: (session, settings, [invite]) => runFace(session, settings, invite, 'reader'),
});

export const gateway: CommandPlan = plan({
  name: 'gateway',
  summary: 'a public address for visitors without Banyan',
  description:
    'Joins a service as a client that never serves, and answers plain HTTP publicly, for visitors who run nothing but a browser. ' +
    "Put it behind a reverse proxy for HTTPS. Visitors' addresses are not passed on to volunteers.",
  args: link,
  options: faceOptions('0.0.0.0'),
  examples: [
    ['banyan gateway banyan:AQCu…', 'on port 8080 of all interfaces'],
    ['banyan gateway banyan:AQCu… --host 127.0.0.1 --port 3000 --strict-port', 'behind a reverse proxy'],
  ],
  run: (session, settings, [invite]) => runFace(session, settings, invite, 'gateway'),
});

function faceOptions(host: string) {
  return {
    port: value('http-port', '<port>', 'port of the HTTP address; 0 = any free one', parsePort, 8080, { flag: 'port' }),
    host: value('http-host', '<address>', 'address to listen on', parseText, host, { flag: 'host' }),
    ...peerOptions(0, 'peer-port'),
    detach: detachOption,
  } satisfies OptionSpecs;
}

async function runFace(
  session: Session,
  settings: Settings<ReturnType<typeof faceOptions>>,
  invite: string | undefined,
  part: 'reader' | 'gateway',
): Promise<void> {
  const { joinBy } = await import('./joining.ts');
  const joined = await joinBy(session, invite, part);
  if (settings.detach && !(await inBackground(session))) {
    const { startInBackground } = await import('../daemon/background.ts');
    await startInBackground(session, joined.folder);
    return;
  }
  await refuseIfRunning(joined.folder);
  const { runDaemon } = await import('../daemon/daemon.ts');
  const { addressesOf, emulationOf } = await import('../daemon/peer-settings.ts');
  await runDaemon(session, {
    record: joined.record,
    request: {
      part,
      serviceId: joined.record.serviceId,
      state: joined.folder,
      charter: null,
      invite: joined.invite,
      serving: 'never',
      limits: { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 },
      ...(await addressesOf(session, settings)),
      emulation: await emulationOf(settings),
    },
    http: { host: settings.host, port: settings.port, isStrict: settings.strictPort },
    ready: async (daemon) => tellReady(session, daemon, part),
  });
}

function tellReady(session: Session, { node, info }: RunningDaemon, part: 'reader' | 'gateway'): void {
  const { service, peerId, attached } = node.status();
  const ready = {
    kind: 'ready',
    part,
    service,
    peerId,
    pid: info.pid,
    attached,
    url: info.url,
    stateFolder: info.stateFolder,
    logFile: info.logFile,
  };
  session.output.result(ready, () =>
    facts([
      [part === 'gateway' ? 'Gateway' : 'Reader', `of "${service.name}", ${attached ? 'joined' : 'not attached yet'}`],
      ['Open', info.url ?? ''],
      info.logFile === null ? ['End', 'Ctrl-C'] : ['Log', info.logFile],
    ]),
  );
}
