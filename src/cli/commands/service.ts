/** `banyan service`: a unit for the system's service manager. */
import { anyPeer, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { toggle } from '../settings/option.ts';
import type { UnitProgram } from '../daemon/service-unit.ts';
import { UsageError } from '../words/user-error.ts';

export const service = plan({
  name: 'service',
  summary: 'print a unit for systemd or launchd',
  description:
    'Prints a unit that starts the peer on this machine at every start of the system, and again when it fails. The unit names the ' +
    'state folder; all other settings come from the config file. Nothing is installed: write the text to the file that the examples show.',
  args: [],
  options: {
    systemd: toggle('systemd', 'a systemd unit for your own services (systemctl --user)'),
    system: toggle('system', 'with --systemd: a unit for the system, run as your user'),
    launchd: toggle('launchd', 'a launchd property list (macOS)'),
  },
  examples: [
    ['banyan service --systemd > ~/.config/systemd/user/banyan.service', 'then: systemctl --user enable --now banyan'],
    ['banyan service --launchd > ~/Library/LaunchAgents/banyan.plist', 'then: launchctl load that file'],
  ],
  run: async (session, { systemd, system, launchd }) => {
    if (systemd === launchd) throw new UsageError('Say which: --systemd or --launchd.');
    const { folder, record } = await findState(session, anyPeer);
    const { launchdList, systemdUnit } = await import('../daemon/service-unit.ts');
    const commands = { root: 'serve', volunteer: 'join', reader: 'open', gateway: 'gateway' } as const;
    const program: UnitProgram = {
      name: record.name,
      label: folder.label,
      command: [
        process.execPath,
        session.adapters.programPath,
        commands[record.part],
        '--state',
        folder.path,
        ...configArgs(session.configPath),
      ],
      stateFolder: folder.path,
      logFile: folder.logFile,
      user: system ? (await import('node:os')).userInfo().username : null,
    };
    const text = systemd ? systemdUnit(program) : launchdList(program);
    session.output.result({ kind: 'unit', manager: systemd ? 'systemd' : 'launchd', label: folder.label, text }, () =>
      text.trimEnd(),
    );
  },
});

function configArgs(path: string | null): readonly string[] {
  return path === null ? [] : ['--config', path];
}
