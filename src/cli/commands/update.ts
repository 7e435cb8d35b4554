/** `banyan update`: the next release. */
import { anyOwnService, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { formatBytes, formatCount } from '../words/quantities.ts';
import { UserError } from '../words/user-error.ts';
import { requireApart, siteFolder, tellLeftOut } from '../state/site-folder.ts';

export const update = plan({
  name: 'update',
  summary: 'publish a folder as the next release',
  description:
    'Publishes a folder as the next release of the service whose root runs on this machine; it reaches every server through ' +
    'the tree. Without a folder, the one published last. A folder in which nothing has changed makes no new release.',
  args: [{ name: 'folder', about: 'the site' }],
  options: {},
  examples: [
    ['banyan update ./site', 'publish what changed'],
    ['banyan update --json', 'the same folder as before, for a script'],
  ],
  run: async (session, _, [folder]) => {
    const { folder: state, record } = await findState(session, { ...anyOwnService, mustRun: true });
    const given = folder ?? record.folder;
    if (given === null)
      throw new UserError(`"${record.name}" has published no folder yet.`, {
        hint: 'Give the folder: banyan update <folder>.',
        code: 'no-folder',
      });
    const site = await siteFolder(given);
    await requireApart(site, state);
    const { callControl } = await import('../daemon/control-client.ts');
    const onProgress = session.output.progress.bind(session.output);
    const release = await callControl(
      state,
      'update',
      { folder: site },
      { toStart: `banyan serve ${given}`, onProgress },
    );
    const { number, files, bytes, changed } = release;
    tellLeftOut(session.output, release);
    session.output.result({ kind: 'release', ...release, folder: site }, () =>
      changed
        ? `Release ${number} is out: ${formatCount(files, 'file')}, ${formatBytes(bytes)}.`
        : `Nothing changed: release ${number} stays.`,
    );
  },
});
