/** `banyan init`: makes a service, or exports and restores its owner key and charter. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Requirement } from '../../qos/index.ts';
import type { Charter, QualityTerms } from '../../service/index.ts';
import { anyOwnService, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import type { Terms } from '../state/founding.ts';
import { type OptionSpec, parseChoice, parseText, value } from '../settings/option.ts';
import { parsePositiveDurationMs, parseWhole } from '../words/quantities.ts';
import { parseRequirement } from '../words/requirement.ts';
import type { Session } from '../session.ts';
import { StateFolder, labelFor, labelledFolder } from '../state/state-folder.ts';
import { UsageError, UserError } from '../words/user-error.ts';

/** Several wishes are one requirement, so the option is made by hand. */
const wish: OptionSpec<Requirement | null> = {
  name: 'requirement',
  flag: 'requirement',
  about:
    'what clients should get: 120ms (mean response delay), p95=200ms (a percentile), 99.9% (requests answered); repeat it, or use commas',
  placeholder: '<wish>',
  isList: true,
  fallback: null,
  fallbackText: 'none: volunteers serve as soon as they offer',
  parse: parseRequirement,
};
const parsePolicy = parseChoice(['balanced', 'worst-qos']);
const parseMargin = parseChoice(['lean', 'n-1']);

/** What a service is founded on; `serve` takes the same. */
export const termsOptions = {
  name: value('name', '<name>', 'what the service is called', parseText, null, {
    fallbackText: 'the name of the folder',
  }),
  requirement: wish,
  policy: value('policy', '<name>', 'how the root decides who serves: balanced or worst-qos', parsePolicy, 'balanced'),
  margin: value(
    'margin',
    '<how-much>',
    'lean (just enough servers) or n-1 (still enough when any one is lost)',
    parseMargin,
    'lean',
  ),
  admission: value(
    'admission',
    '<who>',
    'who may join: invited (holders of an invite) or open (all who know the service)',
    parseChoice(['invited', 'open']),
    'invited',
  ),
  fanOut: value('fan-out', '<count>', 'most children of one parent', parseWhole(2, 691), 8),
  heartbeat: value('heartbeat', '<duration>', 'interval of the heartbeats', parsePositiveDurationMs, 1_000, {
    fallbackText: '1s',
  }),
};

const defaultName = 'my-site';

export interface TermsSettings {
  readonly requirement: Requirement | null;
  readonly policy: QualityTerms['policy'];
  readonly margin: QualityTerms['margin'];
  readonly admission: 'invited' | 'open';
  readonly fanOut: number;
  readonly heartbeat: number;
}

export function termsOf(
  name: string,
  { requirement, policy, margin, admission, fanOut, heartbeat }: TermsSettings,
): Terms {
  const tree = { fanOut, heartbeatMs: heartbeat };
  const { meanMs = null, percentile = null, availability = null } = requirement ?? {};
  const quality = { percentile, availability, policy, margin };
  return { name, requirementMs: meanMs, quality, tree, kind: 'site', admission, gateways: [] };
}

export const init = plan({
  name: 'init',
  summary: 'make a service: its keys and its charter',
  description:
    'Makes a service: the owner key that signs charters and releases, the root key that signs day by day, and the charter. ' +
    'Export it and keep the file elsewhere: without the owner key a service can never be changed again.',
  args: [],
  options: {
    ...termsOptions,
    name: { ...termsOptions.name, fallbackText: defaultName },
    exportTo: value(
      'export',
      '<file>',
      'write owner key and charter to a file to be kept elsewhere; - for stdout',
      parseText,
      null,
    ),
    restoreFrom: value(
      'restore',
      '<file>',
      'bring a service (or its lost owner key) back from an export; - for stdin',
      parseText,
      null,
    ),
    passphraseFile: value(
      'passphrase-file',
      '<file>',
      'file whose first line protects the exported key',
      parseText,
      null,
    ),
  },
  examples: [
    ['banyan init --name my-site --requirement 120ms', 'make a service'],
    ['banyan init --name my-site --requirement p95=200ms,99.9% --margin n-1', 'one that asks for more'],
    ['banyan init --export my-site.key', 'keep its key in a safe place'],
    ['banyan init --restore my-site.key', 'continue on another machine'],
  ],
  run: async (session, settings) => {
    const { exportTo, restoreFrom, passphraseFile, name } = settings;
    if (exportTo !== null && restoreFrom !== null) throw new UsageError('--export and --restore do not go together.');
    const passphrase = passphraseFile === null ? undefined : await firstLineOf(passphraseFile);
    if (exportTo !== null) await exportKey(session, exportTo, passphrase);
    else if (restoreFrom !== null) await restore(session, restoreFrom, passphrase);
    else await found(session, name ?? defaultName, settings);
  },
});

async function found(session: Session, name: string, settings: TermsSettings): Promise<void> {
  const { foundService } = await import('../state/founding.ts');
  const state = await newFolder(session, name);
  const before = await state.record();
  if (before !== null) {
    throw new UserError(`There is a service in ${state.path} already: "${before.name}" (${before.serviceId}).`, {
      hint: `Serve it with \`banyan serve <folder>\`, or choose another --name or --state for a new one.`,
      code: 'service-exists',
    });
  }
  const charter = await foundService(state, termsOf(name, settings), null);
  tell(session, 'init', state, charter, `Made the service "${charter.name}" (${charter.serviceId}).`);
}

async function exportKey(session: Session, file: string, passphrase: string | undefined): Promise<void> {
  const { exportService, readOwnCharter } = await import('../state/founding.ts');
  const { folder, record } = await findState(session, anyOwnService);
  const text = await exportService(folder, await readOwnCharter(folder, record.serviceId), passphrase);
  if (file === '-') {
    session.outside.stdout.write(text);
    return;
  }
  await writeFile(file, text, { mode: 0o600, flag: 'wx', flush: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new UserError(`The file ${file} exists already; it is not overwritten.`, {
      hint: 'Choose another name.',
      code: 'file-exists',
    });
  });
  const result = { kind: 'exported', serviceId: record.serviceId, file, isProtected: passphrase !== undefined };
  session.output.result(result, () =>
    [
      `Wrote the owner key of "${record.name}" to ${file}.`,
      passphrase === undefined
        ? 'It is not protected by a passphrase: whoever has this file owns the service.'
        : 'It opens with the passphrase only.',
      'Keep it away from this machine.',
    ].join('\n'),
  );
}

async function restore(session: Session, file: string, passphrase: string | undefined): Promise<void> {
  const { charterIn, restoreService } = await import('../state/founding.ts');
  const text = file === '-' ? await readStdin() : await readFile(file, 'utf8');
  const charterBefore = text.includes('BANYAN CHARTER') ? await charterIn(text) : null;
  const state = await restoreTarget(session, charterBefore);
  const { charter, isNewRoot } = await restoreService(state, text, passphrase);
  const what = isNewRoot
    ? `Restored "${charter.name}" (${charter.serviceId}); this machine is its new root. ` +
      `Publish its content with \`banyan serve <folder>\` and send out new invites.`
    : `Put the owner key of "${charter.name}" back in its place.`;
  tell(session, 'restored', state, charter, what);
}

/** The folder of this very service, if there is one here; else a new one. */
async function restoreTarget(
  session: Session,
  charter: { name: string; serviceId: string } | null,
): Promise<StateFolder> {
  if (session.common.state !== null) return await newFolder(session, '');
  if (charter === null) return (await findState(session, anyOwnService)).folder;
  const known = await session.knownStates();
  const own = known.find(({ record }) => record.part === 'root' && record.serviceId === charter.serviceId);
  return own?.folder ?? (await newFolder(session, charter.name));
}

/** The folder that `--state` names, else one in the usual place. @throws UserError when it holds other people's files */
export async function newFolder(session: Session, name: string): Promise<StateFolder> {
  const { state } = session.common;
  if (state === null) return labelledFolder(session.paths, labelFor(name, null, 'root'));
  const folder = new StateFolder(state);
  await folder.requireOwn();
  return folder;
}

function tell(session: Session, kind: string, state: StateFolder, charter: Charter, text: string): void {
  const { serviceId, name, requirementMs, quality, rootPeerId } = charter;
  const result = {
    kind,
    serviceId,
    name,
    requirementMs,
    ...quality,
    rootPeerId,
    stateFolder: state.path,
    ownerKey: state.file('ownerKey'),
  };
  session.output.result(result, () =>
    [
      text,
      `Its owner key is ${state.file('ownerKey')}. Keep a copy elsewhere: banyan init --export <file>`,
      kind === 'init' ? 'Next: banyan serve <folder>' : '',
    ]
      .filter((line) => line !== '')
      .join('\n'),
  );
}

async function firstLineOf(path: string): Promise<string> {
  const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/);
  if (line === '')
    throw new UserError(`The passphrase file ${path} begins with an empty line.`, {
      hint: 'Write the passphrase on its first line.',
    });
  return line;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
