/** `banyan serve`: publishes a folder and runs its root. Makes the service first when there is none. */
import { basename } from 'node:path';
import type { Invitation } from '../../host/index.ts';
import { anyOwnService, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { detachOption, limitOptions, parseText, peerOptions, value } from '../settings/option.ts';
import { facts } from '../words/output.ts';
import { formatBytes, formatCount, parsePort, parseWhole } from '../words/quantities.ts';
import type { RunningDaemon } from '../daemon/daemon.ts';
import { formatRequirement, tellRequirement } from '../words/requirement.ts';
import type { Charter } from '../../service/index.ts';
import type { Session } from '../session.ts';
import { requireApart, siteFolder, tellLeftOut } from '../state/site-folder.ts';
import { type KnownState, StateFolder, meantBy } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';
import { newFolder, termsOf, termsOptions, type TermsSettings } from './init.ts';

export const serve = plan({
  name: 'serve',
  summary: 'publish a folder and run the root of its service',
  description:
    'Publishes a folder as a website and runs its root, in the foreground without --detach. Makes the service first when ' +
    'there is none for this folder. Prints an invite for volunteers and an address to open. Without a folder, the service ' +
    'continues with the release it has.',
  args: [{ name: 'folder', about: 'the site: its files, index.html among them' }],
  options: {
    ...termsOptions,
    ...peerOptions(4747, 'port'),
    httpPort: value('http-port', '<port>', 'port of the plain HTTP address on this machine', parsePort, 8080),
    httpHost: value('http-host', '<address>', 'address that this port listens on', parseText, '127.0.0.1'),
    settle: value(
      'settle',
      '<beats>',
      'heartbeats between two rounds of measuring, and after a change',
      parseWhole(2, 10_000),
      8,
    ),
    ...limitOptions,
    detach: detachOption,
  },
  examples: [
    ['banyan serve ./site --requirement 120ms', 'serve a site'],
    ['banyan serve ./site --detach', 'the same in the background'],
    ['banyan serve ./site --announce my.host.example:4747', 'behind a router that forwards port 4747'],
  ],
  run: async (session, settings, [folder]) => {
    const site = folder === undefined ? null : await siteFolder(folder);
    const known = await ownService(session, site, settings.name, settings);
    if (site !== null) await requireApart(site, known.folder);
    if (settings.detach && !(await inBackground(session))) {
      const { startInBackground } = await import('../daemon/background.ts');
      await startInBackground(session, known.folder);
      return;
    }
    const { runDaemon } = await import('../daemon/daemon.ts');
    const { readOwnCharter } = await import('../state/founding.ts');
    const { addressesOf, emulationOf, limitsOf } = await import('../daemon/peer-settings.ts');
    const { folder: state, record } = known;
    await refuseIfRunning(state);
    const charter = await readOwnCharter(state, record.serviceId);
    warnOfFixedTerms(session, charter, known, settings);
    const gift = { serving: 'at-once', limits: limitsOf(session.given, settings, record.gift) } as const;
    await runDaemon(session, {
      record: { ...record, folder: site ?? record.folder, gift },
      request: {
        part: 'root',
        serviceId: record.serviceId,
        state,
        charter,
        invite: null,
        ...gift,
        ...(await addressesOf(session, settings)),
        emulation: await emulationOf(settings),
        settleBeats: settings.settle,
      },
      http: { host: settings.httpHost, port: settings.httpPort, isStrict: settings.strictPort },
      ready: (daemon) => publish(session, daemon, site),
    });
  },
});

/** Before ports are looked for: a second daemon would only step over the first one's. */
export async function refuseIfRunning(state: StateFolder): Promise<void> {
  const { findHolder, inUse } = await import('../daemon/lock.ts');
  if ((await findHolder(state)) !== null) throw inUse(state);
}

export async function inBackground(session: Session): Promise<boolean> {
  const { isInBackground } = await import('../daemon/background.ts');
  return isInBackground(session.outside.environment);
}

/** The service that publishes this folder; made if there is none. */
async function ownService(
  session: Session,
  site: string | null,
  name: string | null,
  terms: TermsSettings,
): Promise<KnownState> {
  if (site === null) return await findState(session, anyOwnService);
  const { state, service } = session.common;
  const own = (await session.knownStates()).filter(({ record }) => record.part === 'root');
  if (state === null && service !== null && meantBy(service, own).length === 0)
    return await findState(session, anyOwnService);
  const found = state === null ? publisherOf(site, service ?? name, own) : await recordAt(new StateFolder(state));
  if (found !== undefined) return found;
  const { foundService } = await import('../state/founding.ts');
  const folder = await newFolder(session, name ?? basename(site));
  await requireApart(site, folder);
  const other = await folder.record();
  if (other !== null) {
    throw new UserError(
      `There is another service called "${other.name}" on this machine, which publishes ${other.folder ?? 'another folder'}.`,
      {
        hint: `To publish ${site} as its next release, add --service ${folder.label}; for a service of its own, add --name <name>.`,
        code: 'name-taken',
      },
    );
  }
  await foundService(folder, termsOf(name ?? basename(site), terms), site);
  const record = await folder.record();
  if (record === null) throw new Error('a service was founded and left no record');
  session.output.note(
    `Made the service "${record.name}" (${record.serviceId}). Its owner key is ${folder.file('ownerKey')}; ` +
      `keep a copy elsewhere: banyan init --export <file>`,
  );
  return { folder, record };
}

/** The service that is named; else the one that publishes this folder; else the only one that has no folder yet. */
function publisherOf(site: string, meant: string | null, own: readonly KnownState[]): KnownState | undefined {
  if (meant !== null) return meantBy(meant, own)[0];
  const waiting = own.filter(({ record }) => record.folder === null);
  return own.find(({ record }) => record.folder === site) ?? (waiting.length === 1 ? waiting[0] : undefined);
}

async function recordAt(folder: StateFolder): Promise<KnownState | undefined> {
  const record = await folder.record();
  if (record === null) return undefined;
  if (record.part === 'root') return { folder, record };
  throw new UserError(`The folder ${folder.path} is in use for "${record.name}", here as a ${record.part}.`, {
    hint: 'Use another --state folder.',
    code: 'wrong-part',
  });
}

/** What a service is founded on stands in its charter; asked for again and otherwise, it would be ignored without a word. */
function warnOfFixedTerms(
  session: Session,
  charter: Charter,
  known: KnownState,
  { name, ...terms }: TermsSettings & { readonly name: string | null },
): void {
  const { requirementMs: meanMs, quality, admission, tree } = charter;
  const tell = ({ requirement, policy, margin, admission: who, fanOut, heartbeat }: TermsSettings) => ({
    requirement: formatRequirement(requirement),
    policy,
    margin,
    admission: who,
    'fan-out': String(fanOut),
    heartbeat: `${heartbeat}ms`,
  });
  const requirement = { meanMs, ...quality };
  const fixed = tell({ ...quality, requirement, admission, fanOut: tree.fanOut, heartbeat: tree.heartbeatMs });
  const asked = tell(terms);
  const ignored = (Object.keys(fixed) as (keyof typeof fixed)[])
    .filter((option) => session.given.has(option) && asked[option] !== fixed[option])
    .map((option) => `--${option} (it is ${fixed[option]})`);
  if (name !== null && meantBy(name, [known]).length === 0) ignored.unshift(`--name (it is "${charter.name}")`);
  if (ignored.length === 0) return;
  session.output.warning(
    `Ignored: ${ignored.join(', ')}. "${charter.name}" exists already, and these were fixed in its charter when it was made. ` +
      'For a service with other terms, add a new --name and a --state of its own.',
  );
}

async function publish(session: Session, { node, info }: RunningDaemon, site: string | null): Promise<void> {
  const { output } = session;
  const release = site === null ? null : await node.update(site, (step) => output.progress(step));
  if (release !== null) tellLeftOut(output, release);
  const status = node.status();
  if (site === null && status.release.installed === 0) {
    output.warning('Nothing has been published yet: give the folder to serve, or run `banyan update <folder>`.');
  }
  const invitation = node.invite({ expiresInSeconds: null, uses: null });
  const { service, peerId, addresses } = status;
  const ready = {
    kind: 'ready',
    part: 'root',
    service,
    peerId,
    pid: info.pid,
    addresses,
    url: info.url,
    stateFolder: info.stateFolder,
    logFile: info.logFile,
    release: release ?? { number: status.release.installed },
    invite: invitation.link,
    loopbackOnly: invitation.loopbackOnly,
  };
  output.result(ready, () =>
    facts([
      [
        'Serving',
        `"${service.name}", release ` +
          (release === null
            ? String(status.release.installed)
            : `${release.number}: ${formatCount(release.files, 'file')}, ${formatBytes(release.bytes)}`),
      ],
      status.quality.requirement === null ? null : ['Requires', tellRequirement(status.quality.requirement)],
      ['Open', info.url ?? ''],
      ['Invite', `banyan join ${invitation.link}`],
      info.logFile === null ? null : ['Log', info.logFile],
    ]),
  );
  if (invitation.loopbackOnly) warnOfLoopback(session, invitation);
}

export function warnOfLoopback({ output }: Session, { loopbackOnly }: Invitation): void {
  if (!loopbackOnly) return;
  output.warning(
    'This invite names only this machine itself (127.0.0.1): it works for other programs here and for nobody else. ' +
      'Listen on all interfaces (--listen 0.0.0.0), or give the address at which others reach you (--announce <host>:<port>).',
  );
}
