/** Daemons as people run them: real processes on loopback, with the real peer inside. */
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtProgram } from '../../home.ts';
import { Home, parseLines, type Running } from '../command-line.ts';
import { until } from '../../patience.ts';

let home: Home;
const pids: number[] = [];

beforeEach(async () => {
  home = await Home.make();
  await mkdir(home.file('site'));
  await writeFile(home.file('site', 'index.html'), '<h1>one</h1>');
});
afterEach(async () => {
  for (const pid of pids.splice(0)) signal(pid, 'SIGKILL');
  await home.clear();
});

const local = ['--listen', '127.0.0.1', '--port', '0', '--json'];
const face = ['--listen', '127.0.0.1', '--peer-port', '0', '--port', '0', '--json'];

/** Sends a signal; says whether there was such a process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

async function serve(...more: readonly string[]): Promise<{ running: Running; ready: Record<string, unknown> }> {
  const running = home.start(['serve', 'site', '--http-port', '0', ...local, ...more]);
  return { running, ready: await running.line('ready') };
}

async function statusOf(state: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await home.run(['status', '--json', '--state', state]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return parseLines(stdout)[0] ?? {};
}

describe('banyan serve', () => {
  it('makes the service, publishes the folder, prints invite and address, warns that it is loopback only, and serves', async () => {
    const { running, ready } = await serve('--requirement', '120ms');
    expect(ready).toMatchObject({
      part: 'root',
      service: { name: 'site' },
      release: { number: 1, files: 1 },
      loopbackOnly: true,
    });
    expect(ready['invite']).toMatch(/^banyan:[\w-]+$/);
    await running.warning('warning: This invite names only this machine itself');
    expect(running.stderr).toContain('Its owner key is');
    expect(await (await fetch(String(ready['url']))).text()).toBe('<h1>one</h1>');
  });

  it('stops on a signal in good order: exit code 0, lock and socket gone, and goes on with the same service afterwards', async () => {
    const { running, ready } = await serve();
    running.child.kill('SIGTERM');
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(parseLines(stdout).at(-1)).toEqual({ kind: 'stopped' });
    expect(stderr).toContain('Stopping …');
    const state = String(ready['stateFolder']);
    expect(await readdir(`${state}/run`)).toEqual([]);
    await expect(stat(`${state}/daemon.json`)).rejects.toThrow('ENOENT');
    const again = await serve();
    expect(again.ready).toMatchObject({ service: ready['service'], peerId: ready['peerId'], release: { number: 1 } });
  });

  it('is refused a second time on the same folder, naming the process that runs', async () => {
    const { running } = await serve();
    const { code, stderr } = await home.run(['serve', 'site', ...local]);
    expect(code).toBe(1);
    expect(parseLines(stderr)[0]).toMatchObject({
      kind: 'error',
      code: 'state-in-use',
      message: expect.stringContaining(`the process ${running.child.pid} (banyan serve`) as string,
    });
  });

  it('starts again at once after it was killed, over the socket that was left', async () => {
    const { running, ready } = await serve();
    running.child.kill('SIGKILL');
    await running.ended;
    const idle = await home.run(['status']);
    expect(idle.stderr).toContain('Nothing is running on');
    expect(idle.stderr).toContain(`banyan serve --state ${String(ready['stateFolder'])}`);
    const again = await serve();
    expect(again.ready['peerId']).toBe(ready['peerId']);
    expect(await statusOf(String(ready['stateFolder']))).toMatchObject({ role: 'root' });
  });

  it('steps over a port in use and says so, unless the port must be that one', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    const port = String(
      await new Promise<number>((resolve) =>
        taken.once('listening', () => resolve((taken.address() as AddressInfo).port)),
      ),
    );
    try {
      const strict = await home.run([
        'serve',
        'site',
        '--listen',
        '127.0.0.1',
        '--port',
        port,
        '--strict-port',
        '--json',
      ]);
      expect(strict.code).toBe(1);
      expect(strict.stderr).toContain(`Port ${port} on 127.0.0.1 is in use by another program.`);
      const running = home.start([
        'serve',
        'site',
        '--listen',
        '127.0.0.1',
        '--port',
        port,
        '--http-port',
        port,
        '--json',
      ]);
      const ready = await running.line('ready');
      expect(running.stderr).toContain(`Port ${port} is in use; peers are served on port`);
      expect(running.stderr).toContain(`Port ${port} is in use; the site is at port`);
      expect(String(ready['addresses'])).not.toContain(`/tcp/${port}/`);
    } finally {
      taken.close();
    }
  });

  it('says what is damaged when a file of its state is', async () => {
    const { running, ready } = await serve();
    running.child.kill('SIGTERM');
    await running.ended;
    const state = String(ready['stateFolder']);
    await writeFile(`${state}/charter.json`, '{"format":1}');
    const [told] = parseLines((await home.run(['serve', 'site', ...local])).stderr);
    expect(told).toMatchObject({
      kind: 'error',
      code: 'charter-damaged',
      message: expect.stringMatching(
        /^The file .*charter\.json does not hold .* The charter has a bad field/,
      ) as string,
      hint: expect.stringContaining('Restore the state folder from a backup') as string,
    });
    await writeFile(`${state}/service.json`, '{{{');
    const { code, stderr } = await home.run(['serve', '--state', state, ...local]);
    expect(code).toBe(1);
    expect(parseLines(stderr)[0]).toMatchObject({
      code: 'state-damaged',
      message: `The file ${state}/service.json is damaged: it is not JSON.`,
    });
  });

  it('survives whatever is said on its control socket', async () => {
    const { ready } = await serve();
    const state = String(ready['stateFolder']);
    for (const noise of [Buffer.from('nonsense\n\0\xff\n{"id":1}\n'), Buffer.alloc(3_000_000, 'x')]) {
      await new Promise<void>((resolve) => {
        const socket = connect(`${state}/run/control.sock`, () => socket.end(noise));
        socket
          .resume()
          .on('error', () => undefined)
          .on('close', () => resolve());
      });
    }
    expect(await statusOf(state)).toMatchObject({ role: 'root' });
  });
});

describe('the folders of an owner', () => {
  it.each([
    [['site', '--state', 'site/state'], 'contains the state folder'],
    [['site', '--state', 'site'], 'no state folder'],
    [['site/deep', '--state', 'empty/../site/deep'], 'is the state folder'],
    [['empty/site', '--state', 'empty'], 'no state folder'],
  ])('are kept apart: serve %j', async (args, why) => {
    for (const path of ['site/deep', 'empty/site']) await mkdir(home.file(path), { recursive: true });
    const { code, stdout, stderr } = await home.run(['serve', ...args, '--http-port', '0', ...local]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(why);
    expect(await readdir(home.file('site'))).toEqual(['deep', 'index.html']);
  });

  it('are kept apart at an update too', async () => {
    const { ready } = await serve('--state', 'state');
    await mkdir(`${String(ready['stateFolder'])}/sub`);
    const { code, stderr } = await home.run(['update', `${String(ready['stateFolder'])}/sub`, '--state', 'state']);
    expect(code).toBe(1);
    expect(stderr).toContain('lies in the state folder');
    const around = await home.run(['update', '.', '--state', 'state']);
    expect(around.stderr).toContain('contains the state folder');
  });

  it('hold no private key that is published', async () => {
    await writeFile(home.file('site', 'backup.txt'), '-----BEGIN PRIVATE KEY-----\nMC4');
    const { code, stderr } = await home.run(['serve', 'site', '--http-port', '0', ...local]);
    expect(code).toBe(1);
    expect(parseLines(stderr.slice(stderr.indexOf('{')))).toMatchObject([
      { code: 'folder-unusable', message: expect.stringContaining('backup.txt is a private key') as string },
    ]);
  });

  it('may hold what is not published, which is told', async () => {
    await writeFile(home.file('site', '.env'), 'secret');
    const { running } = await serve();
    await running.warning('Left out of the release: 1 name (.env): its name begins with a dot.');
    await writeFile(home.file('site', 'more.html'), 'more');
    const { stdout, stderr } = await home.run(['update', '--json']);
    expect(stderr).toContain('(.env)');
    expect(parseLines(stdout)).toMatchObject([{ number: 2, changed: true, leftOut: [{ path: '.env' }] }]);
  });

  it('when nothing has changed in them make no release, and that is said', async () => {
    await serve();
    expect(await home.run(['update'])).toMatchObject({ code: 0, stdout: 'Nothing changed: release 1 stays.\n' });
    expect(parseLines((await home.run(['update', '--json'])).stdout)).toMatchObject([{ number: 1, changed: false }]);
  });
});

describe('a service that exists', () => {
  it('keeps the terms of its charter, and warns when other terms are asked for', async () => {
    const first = await serve('--requirement', '120ms');
    expect(first.running.stderr).not.toContain('Ignored');
    first.running.child.kill('SIGTERM');
    await first.running.ended;
    const again = await serve('--requirement', '200ms', '--admission', 'open', '--fan-out', '8');
    await again.running.warning(
      'warning: Ignored: --requirement (it is 120ms), --admission (it is invited). "site" exists already',
    );
  });

  it('goes on when nobody reads any more what it says', async () => {
    const { running, ready } = await serve();
    running.child.stdout?.destroy();
    const volunteer = home.start(['join', String(ready['invite']), '--serve', ...local]);
    const { stateFolder } = await volunteer.line('ready');
    await until('the volunteer serves', async () => (await statusOf(String(stateFolder)))['role'] === 'server');
    await until(
      'the root knows it',
      async () => ((await statusOf(String(ready['stateFolder'])))['servers'] as unknown[]).length > 1,
    );
    expect(running.child.exitCode).toBeNull();
    expect((await home.run(['stop', '--state', String(ready['stateFolder'])])).code).toBe(0);
    expect((await running.ended).code).toBe(0);
  });

  it('says in one sentence why it could not start, and shows where that comes from only when asked', async () => {
    const { running, ready } = await serve();
    running.child.kill('SIGTERM');
    await running.ended;
    const refused = ['join', String(ready['invite']), ...local];
    const { stderr } = await home.run(refused);
    expect(stderr).not.toContain('"stack"');
    expect(parseLines(stderr)).toMatchObject([{ kind: 'error' }]);
    expect((await home.run([...refused, '--log-level', 'debug'])).stderr).toContain('the daemon could not run');
  });
});

describe('in the background', () => {
  it('serve ends when the peer is up; status, update, invite and stop talk to it', async () => {
    const { code, stdout } = await home.run(['serve', 'site', '--detach', '--http-port', '0', ...local]);
    expect(code).toBe(0);
    const ready = parseLines(stdout)[0] ?? {};
    pids.push(Number(ready['pid']));
    expect(signal(Number(ready['pid']), 0)).toBe(true);
    expect(await statusOf(String(ready['stateFolder']))).toMatchObject({
      role: 'root',
      daemon: { pid: ready['pid'], logFile: ready['logFile'] },
    });
    await writeFile(home.file('site', 'index.html'), '<h1>two</h1>');
    expect(parseLines((await home.run(['update', '--json'])).stdout)).toMatchObject([{ kind: 'release', number: 2 }]);
    expect(await (await fetch(String(ready['url']))).text()).toBe('<h1>two</h1>');
    const invited = await home.run(['invite', '--expires', '7d', '--uses', '2', '--json']);
    expect(parseLines(invited.stdout)).toMatchObject([{ kind: 'invite', uses: 2, loopbackOnly: true }]);
    expect((await home.run(['invite'])).stdout).toMatch(/^banyan:\S+\n$/);
    expect(await home.run(['stop'])).toMatchObject({ code: 0, stdout: 'Stopped "site".\n' });
    expect(signal(Number(ready['pid']), 0)).toBe(false);
    expect(await readFile(String(ready['logFile']), 'utf8')).toMatch(/"msg":"up"[^]*"msg":"stopped"/);
    expect(await home.run(['stop'])).toMatchObject({ code: 0, stdout: 'Nothing is running for "site".\n' });
  });

  it('serve passes on why it could not start, with its exit code', async () => {
    const first = await serve();
    const { code, stdout, stderr } = await home.run(['serve', 'site', '--detach', ...local]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(parseLines(stderr)).toMatchObject([{ kind: 'error', code: 'state-in-use' }]);
    first.running.child.kill();
  });
});

describe('banyan join, open and gateway', () => {
  it('join by the link alone; drain keeps the peer in the farm, leave ends it and removes its folder', async () => {
    const { ready: root } = await serve();
    const volunteer = home.start(['join', String(root['invite']), '--serve', ...local]);
    const ready = await volunteer.line('ready');
    const state = String(ready['stateFolder']);
    await volunteer.line('changed');
    await until('it serves', async () => (await statusOf(state))['role'] === 'server');
    expect(await home.run(['drain', '--state', state])).toMatchObject({
      code: 0,
      stdout: 'No longer serving "site"; still a client of it.\n',
    });
    expect(await statusOf(state)).toMatchObject({ role: 'client' });
    expect(await home.run(['leave', '--state', state])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no terminal on which to ask') as string,
    });
    expect(await home.run(['leave', '--state', state, '--yes'])).toMatchObject({ code: 0 });
    expect((await volunteer.ended).code).toBe(0);
    await expect(stat(state)).rejects.toThrow('ENOENT');
  });

  it('a volunteer goes on after a restart, without the link, as the same peer', async () => {
    const { ready: root } = await serve();
    const first = home.start(['join', String(root['invite']), ...local]);
    const ready = await first.line('ready');
    first.child.kill('SIGTERM');
    await first.ended;
    const again = home.start(['join', ...local]);
    expect((await again.line('ready'))['peerId']).toBe(ready['peerId']);
  });

  it('what a volunteer gives is remembered, until it is set anew', async () => {
    const { ready: root } = await serve();
    const start = async (...args: string[]): Promise<Record<string, unknown>> => {
      const running = home.start(['join', ...args, ...local]);
      const { stateFolder } = await running.line('ready');
      running.child.kill('SIGTERM');
      await running.ended;
      const record = JSON.parse(await readFile(`${String(stateFolder)}/service.json`, 'utf8')) as Record<
        string,
        unknown
      >;
      return record['gift'] as Record<string, unknown>;
    };
    const limits = { uploadBytesPerSecond: 2_000_000, storageBytes: 500_000_000, clients: 5 };
    const given = ['--max-upload', '2MB/s', '--max-storage', '500MB', '--max-clients', '5'];
    expect(await start(String(root['invite']), '--never-serve', ...given)).toEqual({ serving: 'never', limits });
    expect(await start()).toEqual({ serving: 'never', limits });
    expect(await start(String(root['invite']))).toEqual({ serving: 'never', limits });
    const changed = { serving: 'at-once', limits: { ...limits, clients: 6 } };
    expect(await start('--serve', '--max-clients', '6')).toEqual(changed);
    expect(await start()).toEqual(changed);
  });

  it('never touch the files of a folder that is not theirs', async () => {
    const { running, ready } = await serve();
    running.child.kill('SIGTERM');
    await running.ended;
    for (const name of ['content', 'run']) {
      await mkdir(home.file('mine', name), { recursive: true });
      await writeFile(home.file('mine', name, 'diary.txt'), 'dear diary');
    }
    const invite = String(ready['invite']);
    const strange = await home.run(['join', invite, '--state', 'mine', ...local]);
    expect(strange.code).toBe(1);
    expect(parseLines(strange.stderr)).toMatchObject([{ code: 'state-strange' }]);
    expect(await readFile(home.file('mine', 'content', 'diary.txt'), 'utf8')).toBe('dear diary');
    expect(await readFile(home.file('mine', 'run', 'diary.txt'), 'utf8')).toBe('dear diary');
    await mkdir(home.file('empty'));
    expect((await home.run(['join', invite, '--state', 'empty', ...local])).code).toBe(1);
    expect(await readdir(home.file('empty'))).toEqual([]);
  });

  it('open and gateway answer HTTP from the farm, and keep their peers apart', async () => {
    const { ready: root } = await serve();
    const reader = await home.start(['open', String(root['invite']), ...face]).line('ready');
    const gateway = await home.start(['gateway', String(root['invite']), '--host', '127.0.0.1', ...face]).line('ready');
    expect(new Set([reader['peerId'], gateway['peerId'], root['peerId']]).size).toBe(3);
    for (const { url } of [reader, gateway] as { url: string }[]) {
      await until('the page is there', async () => (await fetch(url)).status === 200);
      expect(await (await fetch(url)).text()).toBe('<h1>one</h1>');
    }
  });

  it('shows a page that says so, with Retry-After, when nothing can serve', async () => {
    const { running, ready: root } = await serve();
    const { url } = (await home.start(['open', String(root['invite']), ...face]).line('ready')) as { url: string };
    await until('the page is there', async () => (await fetch(url)).status === 200);
    running.child.kill('SIGKILL');
    await running.ended;
    await until('nobody serves', async () => (await fetch(`${url}other`)).status === 503);
    const response = await fetch(url, { headers: { accept: 'text/html' } });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await response.text()).toContain('<h1>Nobody can serve this page right now</h1>');
  });

  it('leave nothing behind when the farm never let them in', async () => {
    const { running, ready } = await serve();
    running.child.kill('SIGTERM');
    await running.ended;
    const { code, stderr } = await home.run(['join', String(ready['invite']), ...local]);
    expect(code).toBe(1);
    expect(stderr).toContain('None of the peers in the invite could be reached');
    expect(await readdir(home.file('.local/share/banyan/services'))).toEqual(['site']);
  });

  it('refuse an invite that has expired, and one for another service in the same folder', async () => {
    const { ready } = await serve();
    const expiring = parseLines((await home.run(['invite', '--expires', '1ms', '--json'])).stdout)[0] ?? {};
    expect((await home.run(['join', String(expiring['link']), ...local])).stderr).toContain('This invite expired on');
    const clash = await home.run(['join', String(ready['invite']), '--state', String(ready['stateFolder']), ...local]);
    expect(parseLines(clash.stderr)[0]).toMatchObject({ code: 'state-foreign' });
  });
});

describe('the unit for systemd', () => {
  it('starts this very program on this very state folder', async () => {
    const { ready } = await serve();
    const { stdout } = await home.run(['service', '--systemd']);
    expect(stdout).toContain(
      `ExecStart="${process.execPath}" "${builtProgram}" "serve" "--state" "${String(ready['stateFolder'])}"`,
    );
  });
});

/** Asks again and again, as a person would, until it is so; the test's own time limit ends it. */
