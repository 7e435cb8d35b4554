/** `banyan paths`: where everything lies. */
import { plan } from '../command.ts';
import { facts } from '../words/output.ts';
import { StateFolder } from '../state/state-folder.ts';

export const paths = plan({
  name: 'paths',
  summary: 'where everything lies on this machine',
  description: 'Prints the folders that Banyan uses, and one for each service on this machine.',
  args: [],
  options: {},
  examples: [
    ['banyan paths', 'for people'],
    ['banyan paths --json', 'for scripts'],
  ],
  run: async (session) => {
    const { data, config, state, runtime } = session.paths;
    const { common, configPath } = session;
    const here = common.state === null ? await session.knownStates() : await single(common.state);
    const services = here.map(({ folder, record }) => ({
      label: folder.label,
      name: record.name,
      serviceId: record.serviceId,
      part: record.part,
      stateFolder: folder.path,
      site: record.folder,
      ownerKey: record.part === 'root' ? folder.file('ownerKey') : null,
      database: folder.file('database'),
      content: folder.file('content'),
      log: folder.logFile,
    }));
    session.output.result({ kind: 'paths', data, config, state, runtime, configFile: configPath, services }, () =>
      [
        facts([
          ['data', data],
          ['config', configPath ?? `${config} (no banyan.toml)`],
          ['logs', state],
          ['runtime', runtime],
        ]),
        ...services.map(({ label, part, stateFolder, site, ownerKey, database, content, log }) =>
          facts([
            [label, part],
            ['  state folder', stateFolder],
            site === null ? null : ['  site', site],
            ownerKey === null ? null : ['  owner key', ownerKey],
            ['  database', database],
            ['  content', content],
            ['  log', log],
          ]),
        ),
      ].join('\n\n'),
    );
  },
});

async function single(path: string) {
  const folder = new StateFolder(path);
  const record = await folder.record();
  return record === null ? [] : [{ folder, record }];
}
