/** The program as people run it: real processes, exit codes, what is on stdout and what on stderr. */
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actionsOf } from '../../src/cli/command.ts';
import { commandPlans } from '../../src/cli/commands/index.ts';
import { simulateCommand } from '../../src/cli/simulate/simulate.ts';
import { topologyCommand } from '../../src/cli/topologies/topology.ts';
import { Home, parseLines } from './command-line.ts';

const noSimulator = () => Promise.reject(new Error('help needs no simulator'));
const simulations = [simulateCommand(noSimulator, null)];
const others = [...commandPlans, topologyCommand(null)];
const plans = [...others, ...simulations];

let home: Home;
beforeAll(async () => (home = await Home.make()));
afterAll(() => home.clear());

describe('help', () => {
  it.each([...actionsOf(plans).keys()])(
    'of %s shows an example, each option’s variable, and exits with 0',
    async (name) => {
      const { code, stdout, stderr } = await home.run([...name.split(' '), '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`\nExamples:\n  (npm|banyan) .*${name}|\nExamples:\n  npm start`));
      const text = stdout.replace(/\s+/g, ' ');
      for (const variable of ['BANYAN_JSON', 'BANYAN_STATE', 'BANYAN_LOG_LEVEL']) expect(text).toContain(variable);
    },
  );

  it('lists all commands, loads no library to do so, and is there without a word too', async () => {
    const { code, stdout } = await home.run(['--help']);
    expect(code).toBe(0);
    for (const { name, summary } of plans) expect(stdout).toMatch(new RegExp(`\n  ${name} .*${summary}`));
    expect(await home.run([])).toMatchObject({ code: 0, stdout });
    const traced = await home.run(['--help'], { NODE_DEBUG: 'esm' });
    for (const heavy of ['libp2p', 'better-sqlite3', 'pino', 'fast-xml-parser'])
      expect(traced.stderr + traced.stdout).not.toContain(`node_modules/${heavy}`);
  });

  it('tells the name that a service gets by default', async () => {
    expect((await home.run(['init', '--help'])).stdout.replace(/\s+/g, ' ')).toMatch(/--name <name>[^-]*my-site/);
    expect((await home.run(['serve', '--help'])).stdout.replace(/\s+/g, ' ')).toMatch(
      /--name <name>[^-]*name of the folder/,
    );
  });

  it('is in the document: docs/CLI.md tells of every command and every option', async () => {
    const text = await readFile(new URL('../../docs/CLI.md', import.meta.url), 'utf8');
    for (const { name } of plans) expect(text).toContain(`banyan ${name}`);
    for (const [path, { options }] of actionsOf(others)) {
      expect(text).toContain(path);
      for (const { flag } of Object.values(options)) expect(text).toMatch(new RegExp(`--${flag}\\b`));
    }
  });

  it('is in the document: docs/SIMULATOR.md tells of every experiment and every option', async () => {
    const text = await readFile(new URL('../../docs/SIMULATOR.md', import.meta.url), 'utf8');
    for (const [path, { options }] of actionsOf(simulations)) {
      expect(text).toContain(`banyan ${path}`);
      for (const { flag, placeholder, fallback } of Object.values(options))
        expect(text).toMatch(new RegExp(`--${placeholder === null && fallback === true ? 'no-' : ''}${flag}\\b`));
    }
  });

  it.each([
    ['topology', ['generate ', 'info [options] <topology>']],
    ['topology generate', ['transit-stub [options]', 'preset [options] <name>', 'help [command]']],
    ['simulate', ['qos [options]', 'what-if [options]', 'help [command]']],
  ])('of the group %s lists its commands, with examples', async (group, commands) => {
    const { code, stdout, stderr } = await home.run([...group.split(' '), '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of commands) expect(stdout).toContain(`\n  ${command}`);
    expect(stdout).toMatch(new RegExp(`\nExamples:\n  banyan ${group} `));
    expect(await home.run(['help', ...group.split(' ').slice(0, 1)])).toMatchObject({ code: 0 });
  });
});

describe('a command line that makes no sense', () => {
  it.each([
    [['statsu'], "unknown command 'statsu'", 'Did you mean status?'],
    [['serve', '--prot', '1'], "unknown option '--prot'", 'Did you mean --port?'],
    [['--quiet'], "unknown option '--quiet'", 'Options follow the command'],
    [['simulate', 'qso'], "unknown command 'qso'\n(Did you mean qos?)", 'See `banyan simulate --help`.'],
    [['simulate', 'qos', '--seeds', '0'], 'it must be a whole number', 'See `banyan simulate qos --help`.'],
    [['topology', 'generate', 'plan'], '(Did you mean plane?)', 'See `banyan topology generate --help`.'],
    [
      ['topology', 'generate', 'plane', '--node', '1'],
      '(Did you mean --nodes?)',
      'See `banyan topology generate plane --help`.',
    ],
    [['simulate'], 'Usage: banyan simulate', ''],
    [['status', 'now'], "too many arguments for 'status'", 'banyan status --help'],
    [['serve', '--port'], "option '--port <port>' argument missing", 'banyan serve --help'],
    [
      ['serve', '--port', '70000'],
      '--port: "70000" is not a number in range; write a whole number, from 0 to 65535.',
      '',
    ],
    [['serve', '--max-storage', 'lots'], '--max-storage: "lots" is not a size; write for example 500MB', ''],
    [['init', '--requirement', '120'], '--requirement: "120" is not a duration: the unit is missing', ''],
    [['join', 'x', '--serve', '--never-serve'], '--serve and --never-serve do not go together', ''],
    [['service'], 'Say which: --systemd or --launchd', ''],
    [['topology', 'info'], 'missing required argument', 'See `banyan topology info --help`.'],
    [['serve', '--heartbeat', '0s'], '"0s" is not a duration above zero; write a larger one', ''],
  ])('%j exits with 2 and says why', async (args, message, hint) => {
    const { code, stdout, stderr } = await home.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('    at ');
  });
});

describe('something that went wrong', () => {
  it.each([
    [['status'], 'There is no service on this machine.', 'banyan serve <folder>'],
    [['update'], 'There is no service of your own on this machine.', 'banyan init'],
    [['status', '--service', 'nope'], 'There is no service called "nope" on this machine.', 'banyan'],
    [['serve', './nowhere'], 'There is no folder ', 'Give the folder that holds the site'],
    [['join', 'hello'], 'This is not a Banyan invite', 'copy the link again'],
    [['join', 'banyan:AQ'], 'This invite was cut off', ''],
    [['status', '--config', 'none.toml'], 'cannot be read (ENOENT)', '--config'],
  ])('%j exits with 1, with a sentence and no trace', async (args, message, hint) => {
    const { code, stdout, stderr } = await home.run(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('    at ');
  });

  it('is one JSON object on stderr with --json', async () => {
    const { code, stdout, stderr } = await home.run(['status', '--json']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(parseLines(stderr)).toEqual([
      {
        kind: 'error',
        code: 'no-service',
        message: 'There is no service on this machine.',
        hint: expect.stringContaining('banyan join') as string,
      },
    ]);
  });

  it.each([
    [['serve', '--prot', '1', '--json'], "Unknown option '--prot'.", 'Did you mean --port?'],
    [['statsu', '--json'], "Unknown command 'statsu'.", 'Did you mean status?'],
    [['status', 'now', '--json'], "Too many arguments for 'status'", 'See `banyan status --help`.'],
    [['--json', 'status'], "Unknown option '--json'.", 'Options follow the command'],
    [['topology', 'info', '--json'], 'Missing required argument', 'banyan topology info --help'],
    [['topology', '--json', 'info', 'x'], "Unknown option '--json'.", 'See `banyan topology --help`.'],
    [['topology', 'generate', '--json'], "Unknown option '--json'.", 'banyan topology generate --help'],
    [
      ['simulate', 'qos', '--policy', 'best', '--json'],
      '"best" is not one of balanced, worst-qos.',
      'banyan simulate qos --help',
    ],
  ])('is one JSON object for a command line that makes no sense too: %j', async (args, message, hint) => {
    const { code, stdout, stderr } = await home.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(parseLines(stderr)).toMatchObject([
      {
        kind: 'error',
        code: 'usage',
        message: expect.stringContaining(message) as string,
        hint: expect.stringContaining(hint) as string,
      },
    ]);
  });

  it('in the folder of one service is a warning to the others, and a finding of the doctor', async () => {
    const machine = await Home.make();
    try {
      await machine.run(['init', '--name', 'good']);
      await machine.run(['init', '--name', 'bad']);
      const path = machine.file('.local/share/banyan/services/bad/service.json');
      await writeFile(path, '{');
      const { code, stdout, stderr } = await machine.run(['init', '--export', '-']);
      expect(code).toBe(0);
      expect(stdout).toContain('BANYAN CHARTER');
      expect(stderr).toContain(`warning: The file ${path} is damaged: it is not JSON. It is left out.`);
      const doctor = await machine.run(['doctor', '--json', '--port', '0']);
      expect(doctor.code).toBe(1);
      expect(parseLines(doctor.stdout)).toContainEqual(
        expect.objectContaining({ check: 'peer', verdict: 'fail', service: 'bad' }),
      );
    } finally {
      await machine.clear();
    }
  });

  it('shows where it comes from with --log-level debug', async () => {
    expect((await home.run(['status', '--log-level', 'debug'])).stderr).toMatch(/\n {4}at /);
    expect((await home.run(['status'], { BANYAN_LOG_LEVEL: 'debug' })).stderr).toMatch(/\n {4}at /);
  });
});

describe('settings from the environment and the file', () => {
  it('reach the command; the flag wins', async () => {
    await writeFile(home.file('banyan.toml'), '[init]\nname = "from-file"\n');
    const made = async (args: string[], environment: Record<string, string>): Promise<unknown> => {
      const { stdout } = await home.run(['init', '--json', ...args], environment);
      return parseLines(stdout)[0]?.['name'];
    };
    expect(await made([], {})).toBe('from-file');
    expect(await made([], { BANYAN_NAME: 'from-environment' })).toBe('from-environment');
    expect(await made(['--name', 'from-flag'], { BANYAN_NAME: 'from-environment' })).toBe('from-flag');
    await writeFile(home.file('banyan.toml'), '');
  });

  it('are refused when the file has a key that nobody knows', async () => {
    await writeFile(home.file('wrong.toml'), '[serve]\nprot = 1\n');
    const { code, stderr } = await home.run(['version'], { BANYAN_CONFIG: 'wrong.toml' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/wrong\.toml: there is no key \[serve\] prot\.\nDid you mean port\?/);
  });

  it('get a warning when a variable is misspelt', async () => {
    const { code, stderr } = await home.run(['version'], { BANYAN_MAX_UPLAOD: '1' });
    expect(code).toBe(0);
    expect(stderr).toContain('did you mean BANYAN_MAX_UPLOAD?');
  });
});

describe('--json', () => {
  it.each([
    [['version'], 'version'],
    [['paths'], 'paths'],
    [['init', '--name', 'json-site'], 'init'],
    [['service', '--systemd', '--service', 'json-site'], 'unit'],
    [['topology', 'info', 'continents-24'], 'topology'],
  ])('%j answers with one object of kind %s', async (args, kind) => {
    const { code, stdout, stderr } = await home.run([...args, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parseLines(stdout).map((object) => object['kind'])).toEqual([kind]);
  });

  it('doctor tells one finding a line, then the sum', async () => {
    const { code, stdout } = await home.run(['doctor', '--json', '--port', '0']);
    const findings = parseLines(stdout);
    expect(findings.at(-1)).toMatchObject({ kind: 'doctor', fail: 0 });
    expect(code).toBe(0);
    expect(findings.filter((finding) => finding['kind'] === 'check').map((finding) => finding['check'])).toEqual(
      expect.arrayContaining(['versions', 'disk', 'clock', 'network', 'keys', 'ports']),
    );
  });
});

describe('what comes out', () => {
  it('is not cut off in a pipe whose reader leaves, and that is no error', async () => {
    const running = home.start(['serve', '--help']);
    running.child.stdout?.destroy();
    const { stderr } = await running.ended;
    expect(stderr).toBe('');
  });
});

describe('doctor', () => {
  it('exits with 1 and says what to do when a key can be read by others', async () => {
    await home.run(['init', '--name', 'exposed']);
    const key = home.file('.local/share/banyan/services/exposed/owner-key.pem');
    await chmod(key, 0o644);
    const { code, stdout } = await home.run(['doctor', '--port', '0']);
    expect(code).toBe(1);
    expect(stdout).toContain(`FAIL  Others on this machine can read the key ${key}.\n      chmod 600 ${key}`);
    await chmod(key, 0o600);
  });

  it('finds what would keep a peer from starting: a damaged charter, root key or database', async () => {
    const machine = await Home.make();
    try {
      await machine.run(['init', '--name', 'old']);
      const file = (name: string): string => machine.file('.local/share/banyan/services/old', name);
      const failures = async (): Promise<unknown[]> => {
        const findings = parseLines((await machine.run(['doctor', '--json', '--port', '0'])).stdout);
        return findings.filter(({ verdict }) => verdict === 'fail').map(({ sentence }) => sentence);
      };
      expect(await failures()).toEqual([]);
      await writeFile(file('state.sqlite'), 'this is no database, but it is long enough to be looked at. '.repeat(20));
      expect(await failures()).toEqual([expect.stringContaining(`${file('state.sqlite')} is damaged`)]);
      await rm(file('state.sqlite'));
      await writeFile(file('root-key.pem'), 'x');
      expect(await failures()).toEqual([expect.stringContaining(`${file('root-key.pem')} is not a private key`)]);
      await writeFile(file('charter.json'), '{');
      expect(await failures()).toEqual([expect.stringContaining(`${file('charter.json')} does not hold the charter`)]);
    } finally {
      await machine.clear();
    }
  });
});

describe('the owner key', () => {
  it('is made for its user alone, can be exported once to a name, and restored after it was lost', async () => {
    await home.run(['init', '--name', 'keyed', '--requirement', '120ms']);
    const key = home.file('.local/share/banyan/services/keyed/owner-key.pem');
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const before = await readFile(key, 'utf8');
    const args = ['--service', 'keyed'];
    expect(await home.run(['init', '--export', 'k.pem', ...args])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('whoever has this file owns the service') as string,
    });
    expect((await stat(home.file('k.pem'))).mode & 0o777).toBe(0o600);
    expect((await home.run(['init', '--export', 'k.pem', ...args])).stderr).toContain(
      'exists already; it is not overwritten',
    );
    expect((await home.run(['init', '--restore', 'k.pem', ...args])).stderr).toContain('it is not overwritten');
    await rm(key);
    expect(await home.run(['init', '--restore', 'k.pem', ...args])).toMatchObject({ code: 0 });
    expect(await readFile(key, 'utf8')).toBe(before);
  });

  it('of another service is refused, with both named', async () => {
    await home.run(['init', '--name', 'other']);
    await home.run(['init', '--export', 'o.pem', '--service', 'other']);
    const state = home.file('.local/share/banyan/services/keyed');
    const { code, stderr } = await home.run(['init', '--restore', 'o.pem', '--state', state]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /This is not the owner key of the service: its charter names the owner key \S+, this one is \S+\./,
    );
  });

  it('carries the service over to a new machine, which becomes its root; a passphrase protects it on the way', async () => {
    await writeFile(home.file('pass'), 'correct horse\n');
    await home.run(['init', '--export', 'p.pem', '--service', 'keyed', '--passphrase-file', 'pass']);
    const machine = await Home.make();
    try {
      await writeFile(machine.file('p.pem'), await readFile(home.file('p.pem')));
      expect((await machine.run(['init', '--restore', 'p.pem'])).stderr).toContain('is protected by a passphrase');
      await writeFile(machine.file('pass'), 'correct horse\n');
      const { code, stdout } = await machine.run(['init', '--restore', 'p.pem', '--passphrase-file', 'pass', '--json']);
      const old = JSON.parse(
        await readFile(home.file('.local/share/banyan/services/keyed/charter.json'), 'utf8'),
      ) as Record<string, unknown>;
      const restored = parseLines(stdout)[0];
      expect(code).toBe(0);
      expect(restored).toMatchObject({
        kind: 'restored',
        serviceId: old['serviceId'],
        name: 'keyed',
        requirementMs: 120,
      });
      expect(restored?.['rootPeerId']).not.toBe(old['rootPeerId']);
    } finally {
      await machine.clear();
    }
  });

  it('is not made twice for one name', async () => {
    const { code, stderr } = await home.run(['init', '--name', 'keyed']);
    expect(code).toBe(1);
    expect(stderr).toContain('There is a service in');
  });
});

describe('several services on one machine', () => {
  it('are asked about: which one?', async () => {
    const { code, stderr } = await home.run(['init', '--export', 'x.pem']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/There are \d services that this could be about: .*keyed \("keyed", root\)/);
    expect(stderr).toContain('Say which: banyan init --service');
    expect((await home.run(['status'])).stderr).toContain('None of the services on this machine is running');
  });
});
