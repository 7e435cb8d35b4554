import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  stateFiles,
  type ServiceRecord,
  StateFolder,
  knownStates,
  labelFor,
  labelledFolder,
  meantBy,
} from '../../../src/cli/state/state-folder.ts';
import { tellError } from '../../../src/cli/words/user-error.ts';
import { itNeeds } from '../../programs.ts';
import { canMountDisks, fillDisk, mountSmallDisk } from '../../small-disk.ts';

const record: ServiceRecord = {
  format: 1,
  serviceId: 'abcdefgh',
  name: 'My Site',
  part: 'volunteer',
  folder: null,
  invite: 'banyan:x',
};
let home = '';

beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'by-'))));
afterEach(() => rm(home, { recursive: true, force: true }));

describe('a state folder', () => {
  it('remembers what it is for, for its user alone', async () => {
    const folder = new StateFolder(join(home, 'a', 'b'));
    expect(await folder.record()).toBeNull();
    await folder.writeRecord(record);
    expect(await folder.record()).toEqual(record);
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
    expect((await stat(folder.file('service'))).mode & 0o777).toBe(0o600);
    expect((await stat(folder.file('run'))).mode & 0o777).toBe(0o700);
  });

  it.each(['', 'not json', '{}', '[]', 'null', '{"format":1,"serviceId":"x","name":"n","part":"king"}'])(
    'says so when its record is damaged: %j',
    async (text) => {
      const folder = new StateFolder(home);
      await writeFile(folder.file('service'), text);
      await expect(folder.record()).rejects.toMatchObject({
        code: 'state-damaged',
        message: expect.stringContaining(folder.file('service')) as string,
      });
    },
  );

  itNeeds(canMountDisks, 'the right to mount a small disk')(
    'names its record when the disk is too full to write it, and keeps the old one',
    async () => {
      const folder = new StateFolder(home);
      const unmount = mountSmallDisk(home, 1_000_000);
      try {
        await folder.writeRecord(record);
        fillDisk(home);
        const error: unknown = await folder.writeRecord(record).catch((caught: unknown) => caught);
        expect(tellError(error).message).toBe(`The disk that holds ${folder.file('service')} is full.`);
        expect(await folder.record()).toEqual(record);
      } finally {
        unmount();
      }
    },
  );

  it('says so when a newer program wrote it', async () => {
    const folder = new StateFolder(home);
    await writeFile(folder.file('service'), JSON.stringify({ ...record, format: 2 }));
    await expect(folder.record()).rejects.toThrow('written by a newer Banyan (format 2)');
  });

  it('goes away with everything that Banyan put there', async () => {
    const folder = new StateFolder(join(home, 'state'));
    await folder.writeRecord(record);
    await mkdir(join(folder.file('content'), 'packs'), { recursive: true });
    const companions = [
      'state.sqlite-wal',
      'state.sqlite-shm',
      'state.sqlite.corrupt-2026-01-01T00-00-00Z',
      'peer.key.0a1b2c.tmp',
      'daemon.log.1',
    ];
    for (const name of [
      ...Object.values(stateFiles).filter((each) => !['run', 'content'].includes(each)),
      ...companions,
    ])
      await writeFile(join(folder.path, name), 'x');
    expect(await folder.remove()).toEqual([]);
    expect(await readdir(home)).toEqual([]);
  });

  it('remembers what its peer gives, and refuses a gift that makes no sense', async () => {
    const gift = { serving: 'at-once', limits: { uploadBytesPerSecond: 5, storageBytes: 0, clients: 3 } } as const;
    const folder = new StateFolder(home);
    await folder.writeRecord({ ...record, gift });
    expect(await folder.record()).toEqual({ ...record, gift });
    for (const wrong of [null, 'x', { ...gift, serving: 'maybe' }, { ...gift, limits: { clients: -1 } }]) {
      await writeFile(folder.file('service'), JSON.stringify({ ...record, gift: wrong }));
      await expect(folder.record()).rejects.toMatchObject({ code: 'state-damaged' });
    }
  });

  it('has a log file whose path holds anywhere', () => {
    expect(isAbsolute(new StateFolder('some/where').logFile)).toBe(true);
  });

  it('may be made where nothing is, where it was begun, and nowhere else', async () => {
    const folder = new StateFolder(join(home, 'new'));
    await expect(folder.requireOwn()).resolves.toBeUndefined();
    await folder.make();
    await writeFile(folder.file('lock'), '');
    await writeFile(folder.file('ownerKey'), '');
    await writeFile(folder.file('charter'), '');
    await expect(folder.requireOwn()).resolves.toBeUndefined();
    await writeFile(join(folder.file('run'), 'mine'), '');
    await expect(folder.requireOwn()).rejects.toMatchObject({ code: 'state-strange' });
    for (const name of ['content', 'charter.json', 'index.html', '.git']) {
      const strange = new StateFolder(join(home, `with-${name}`));
      await mkdir(join(strange.path, name), { recursive: true });
      await expect(strange.requireOwn()).rejects.toThrow(`it has no service.json, but other files (${name}).`);
    }
  });

  it('goes away but for what was there before, and then stays itself', async () => {
    const folder = new StateFolder(home);
    await mkdir(join(home, 'content'));
    await folder.writeRecord(record);
    expect(await folder.remove(['content'])).toEqual(['content']);
    expect(await readdir(home)).toEqual(['content']);
  });

  it('keeps what is not Banyan’s, and says what', async () => {
    const folder = new StateFolder(home);
    await folder.writeRecord(record);
    await mkdir(join(home, 'content-of-mine'));
    await writeFile(join(home, 'peer.key.txt'), 'x');
    expect([...(await folder.remove())].sort()).toEqual(['content-of-mine', 'peer.key.txt']);
  });
});

describe('the usual place', () => {
  it('lists all state folders and nothing else', async () => {
    const paths = { data: home, config: home, state: join(home, 'logs'), runtime: home };
    const damaged: string[] = [];
    const note = (error: Error, { label }: StateFolder): void => void damaged.push(`${label}: ${error.message}`);
    expect(await knownStates(paths, note)).toEqual([]);
    await labelledFolder(paths, 'b').writeRecord(record);
    await labelledFolder(paths, 'a').writeRecord({ ...record, part: 'root' });
    await mkdir(join(home, 'services', 'empty'));
    await writeFile(join(home, 'services', 'file'), '');
    await mkdir(join(home, 'services', 'broken'));
    await writeFile(join(home, 'services', 'broken', stateFiles.service), '{');
    const states = await knownStates(paths, note);
    expect(states.map(({ folder }) => folder.label)).toEqual(['a', 'b']);
    expect(damaged).toEqual([expect.stringMatching(/^broken: The file .* is damaged/)]);
    expect(states[0]?.folder.logFile).toBe(join(home, 'logs', 'a.log'));
  });

  it('finds what is meant by label first, then by name and the beginning of the id', () => {
    const known = [
      { folder: new StateFolder('/x/my-site'), record: { ...record, part: 'root' as const } },
      { folder: new StateFolder('/x/my-site-abcdef'), record },
      { folder: new StateFolder('/x/other'), record: { ...record, name: 'my-site', serviceId: 'zzzzzz' } },
    ];
    const labels = (wanted: string): readonly string[] => meantBy(wanted, known).map(({ folder }) => folder.label);
    expect(labels('my-site')).toEqual(['my-site']);
    expect(labels('My Site')).toEqual(['my-site', 'my-site-abcdef']);
    expect(labels('zzzz')).toEqual(['other']);
    expect(labels('z')).toEqual([]);
  });

  it('gives labels that any file system takes', () => {
    expect(labelFor('My Site!', null, 'root')).toBe('my-site');
    expect(labelFor('Crème brûlée', 'abcdefgh', 'volunteer')).toBe('creme-brulee-abcdef');
    expect(labelFor('../../etc', 'abcdefgh', 'gateway')).toBe('etc-abcdef-gateway');
    expect(labelFor('日本', 'abcdefgh', 'reader')).toBe('service-abcdef-reader');
  });
});
