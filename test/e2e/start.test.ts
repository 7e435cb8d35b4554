/** What goes wrong at the start is told in a sentence that helps, and costs nobody else anything. */
import { existsSync } from 'node:fs';
import { copyFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { until } from '../patience.ts';
import { type Ended, linesOf } from './farm-peer.ts';
import { type Farm, untilServing, useFarm } from './farm.ts';
import { pageOf, writeSite } from './test-site.ts';
import { fetchFrom } from './visitor.ts';

const newFarm = useFarm();

/** What a command said last on stderr, with `--json`. */
function errorOf({ stderr }: Ended): Record<string, unknown> {
  return linesOf(stderr).findLast((object) => object['kind'] === 'error') ?? { stderr };
}

async function inviteOf(farm: Farm, args: readonly string[]): Promise<{ link: string; expiresAtMs: number }> {
  const { stdout } = await farm.banyan(['invite', ...args, '--state', farm.root.state.path, '--json']);
  return linesOf(stdout)[0] as unknown as { link: string; expiresAtMs: number };
}

describe('a state folder', () => {
  it('has one daemon: the second ends with a sentence that names the first', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const volunteer = await farm.volunteer('oak');
    for (const [peer, args] of [
      [root, ['serve', farm.file('site')]],
      [volunteer, ['join', root.invite]],
    ] as const) {
      const second = await farm.banyan([...args, '--state', peer.state.path, '--port', '0', '--json']);
      expect(second.code).toBe(1);
      expect(errorOf(second)).toMatchObject({
        code: 'state-in-use',
        message: expect.stringContaining(`the process ${peer.process.child.pid} `),
      });
    }
    await untilServing([root, volunteer]);
  });

  it('with a corrupt database says so, keeps the file, and starts anew the next time', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const volunteer = await farm.volunteer('oak');
    await untilServing([root, volunteer]);
    for (const peer of [volunteer, root]) {
      const { peerId, addresses } = await peer.status();
      const port = /\/tcp\/(\d+)/.exec(addresses[0] ?? '')?.[1] ?? '';
      expect((await peer.process.end('SIGTERM')).code).toBe(0);
      const database = peer.state.file('database');
      await writeFile(database, 'this is no database, '.repeat(2_000));
      const refused = await peer.launch(['--port', port]).ended;
      expect(refused.code).toBe(1);
      const { code, message } = errorOf(refused);
      expect(code).toBe('corrupt-state');
      const kept = (await readdir(peer.state.path)).find((name) => name.startsWith('state.sqlite.corrupt-'));
      expect(message).toContain(kept);
      expect(existsSync(database)).toBe(false);
      await peer.start(['--port', port]);
      expect(peer.id).toBe(peerId);
      await untilServing([root, volunteer]);
    }
  });
});

describe('a port in use', () => {
  it('is passed over with a note; with --strict-port it is an error', async () => {
    const farm = await newFarm();
    await farm.raise();
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    farm.atEnd(() => blocker.close());
    const { port } = blocker.address() as AddressInfo;
    const volunteer = await farm.volunteer('oak', { args: ['--port', String(port)] });
    expect(volunteer.process.stderr).toContain(`Port ${port} is in use`);
    expect((await volunteer.status()).addresses.join()).not.toContain(`/tcp/${port}/`);
    const reader = await farm.reader('ada', { args: ['--port', String(port)] });
    expect(reader.process.stderr).toContain(`Port ${port} is in use`);
    expect((await fetchFrom(reader.url, 'one.html')).status).toBe(200);
    const strict = await farm.candidate('elm', { args: ['--port', String(port), '--strict-port'] }).launch().ended;
    expect(strict.code).toBe(1);
    expect(errorOf(strict)).toMatchObject({ code: 'port-in-use', message: expect.stringContaining(`Port ${port} `) });
  });
});

describe('an invite', () => {
  it('that has expired, was used up, or was copied badly is refused with what to do', async () => {
    const farm = await newFarm();
    await farm.raise();
    const short = await inviteOf(farm, ['--expires', '1500ms']);
    const forOne = await inviteOf(farm, ['--uses', '1']);
    const first = await farm.volunteer('oak', { invite: forOne.link });
    await until('the first is in', async () => (await first.status()).attached);
    const usedUp = await farm.candidate('elm', { invite: forOne.link }).launch().ended;
    expect([usedUp.code, errorOf(usedUp)['message']]).toEqual([
      1,
      expect.stringContaining('was made for one peer and has been used'),
    ]);
    expect(existsSync(farm.file('elm'))).toBe(false);

    await until('the other has expired', () => Date.now() > short.expiresAtMs);
    const expired = await farm.candidate('ash', { invite: short.link }).launch().ended;
    expect([expired.code, errorOf(expired)['code']]).toEqual([1, 'invite-expired']);
    expect(errorOf(expired)['message']).toMatch(/expired on .* ask whoever sent it for a new one/);

    const at = forOne.link.length - 20;
    const letter = forOne.link[at] === 'x' ? 'y' : 'x';
    const mistyped = await farm
      .candidate('fir', { invite: forOne.link.slice(0, at) + letter + forOne.link.slice(at + 1) })
      .launch().ended;
    expect([mistyped.code, errorOf(mistyped)]).toEqual([
      1,
      expect.objectContaining({
        code: 'invite-malformed',
        message: expect.stringContaining('a character in it is wrong'),
      }),
    ]);
    const cut = await farm.candidate('yew', { invite: forOne.link.slice(0, -10) }).launch().ended;
    expect([cut.code, errorOf(cut)]).toEqual([
      1,
      expect.objectContaining({ code: 'invite-truncated', message: expect.stringContaining('cut off') }),
    ]);
  });
});

describe('the owner key', () => {
  it("that is lost or another's stops the update with a sentence, and the farm goes on with what it has", async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const key = root.state.file('ownerKey');
    await writeSite(farm.file('site-2'), 2);
    const update = async (): Promise<Ended> =>
      await farm.banyan(['update', farm.file('site-2'), '--state', root.state.path, '--json']);

    await rename(key, farm.file('safe.pem'));
    const lost = await update();
    expect([lost.code, errorOf(lost)]).toEqual([
      1,
      expect.objectContaining({ code: 'key-missing', message: expect.stringContaining(key) }),
    ]);

    await farm.banyan(['init', '--name', 'other', '--state', farm.file('other'), '--json']);
    await copyFile(farm.file('other', 'owner-key.pem'), key);
    const wrong = await update();
    expect([wrong.code, errorOf(wrong)['code']]).toEqual([1, 'key-wrong']);
    expect((await root.status()).release.installed).toBe(1);
    expect((await fetchFrom(root.url, 'one.html')).body.toString('utf8')).toBe(pageOf('one.html', 1));

    await rm(key);
    await rename(farm.file('safe.pem'), key);
    expect((await update()).code).toBe(0);
    expect((await fetchFrom(root.url, 'one.html')).body.toString('utf8')).toBe(pageOf('one.html', 2));
  });
});
