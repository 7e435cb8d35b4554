import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { type UnitProgram, launchdList, systemdUnit } from '../../../src/cli/daemon/service-unit.ts';
import { itNeeds } from '../../programs.ts';

const program: UnitProgram = {
  name: 'My 100% "site"',
  label: 'my-site',
  command: [process.execPath, '/opt/my $HOME/banyan\\x/100%/main.js', 'serve', '--state', '/srv/a "b" & <c>'],
  stateFolder: '/srv/a "b" & <c>',
  logFile: '/var/log/a & b.log',
  user: null,
};

const hasSystemd = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0;

describe('a systemd unit', () => {
  it('starts the program with its words as they are, whatever is in them', () => {
    const lines = systemdUnit(program).split('\n');
    expect(lines).toContain('Description=Banyan: My 100%% "site"');
    expect(lines).toContain(
      `ExecStart="${process.execPath}" "/opt/my $$HOME/banyan\\\\x/100%%/main.js" "serve" "--state" "/srv/a \\"b\\" & <c>"`,
    );
    expect(lines).toContain('Restart=on-failure');
    expect(lines).toContain('WantedBy=default.target');
    expect(lines.filter((line) => !/^(\[\w+\]|\w+=.+|)$/.test(line))).toEqual([]);
  });

  it('of the system runs as a user and may write to its state folder only', () => {
    const lines = systemdUnit({ ...program, user: 'ada' }).split('\n');
    expect(lines).toContain('User=ada');
    expect(lines).toContain('ProtectSystem=strict');
    expect(lines).toContain('ReadWritePaths="/srv/a \\"b\\" & <c>"');
    expect(lines).toContain('WantedBy=multi-user.target');
  });

  itNeeds(hasSystemd, 'systemd-analyze (package systemd)')(
    'has nothing to complain about for systemd itself',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'by-'));
      for (const user of [null, 'root']) {
        const path = join(folder, `banyan-${user ?? 'own'}.service`);
        await writeFile(
          path,
          systemdUnit({ ...program, user, command: [process.execPath, ...program.command.slice(1)] }),
        );
        const { stderr } = await verify(user === null ? '--user' : '--system', path, folder);
        expect(stderr.split('\n').filter((line) => line.includes('banyan'))).toEqual([]);
      }
      const broken = join(folder, 'banyan-broken.service');
      await writeFile(broken, systemdUnit(program).replace('Type=exec', 'Type=whatever'));
      const { stderr } = await verify('--user', broken, folder);
      expect(stderr).toContain('banyan-broken.service');
      await rm(folder, { recursive: true });
    },
  );
});

async function verify(scope: '--user' | '--system', path: string, folder: string): Promise<{ stderr: string }> {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder };
  // It ends with an error code when it complains; what it says is what counts.
  return await promisify(execFile)('systemd-analyze', ['verify', scope, '--man=no', path], { env }).catch(
    (error: { stderr: string }) => error,
  );
}

describe('a launchd list', () => {
  it('is XML that gives the program its words back', () => {
    const parsed = new XMLParser({ ignoreDeclaration: true }).parse(launchdList(program)) as {
      plist: { dict: { array: { string: string[] } } };
    };
    expect(parsed.plist.dict.array.string).toEqual(program.command);
  });
});
