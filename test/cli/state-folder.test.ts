import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FILES,
  type ServiceRecord,
  StateFolder,
  knownStates,
  labelFor,
  labelledFolder,
  meantBy,
} from '../../src/cli/state-folder.ts';

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
    for (const name of [...Object.values(FILES).filter((each) => !['run', 'content'].includes(each)), ...companions])
      await writeFile(join(folder.path, name), 'x');
    expect(await folder.remove()).toEqual([]);
    expect(await readdir(home)).toEqual([]);
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
    expect(await knownStates(paths)).toEqual([]);
    await labelledFolder(paths, 'b').writeRecord(record);
    await labelledFolder(paths, 'a').writeRecord({ ...record, part: 'root' });
    await mkdir(join(home, 'services', 'empty'));
    await writeFile(join(home, 'services', 'file'), '');
    const states = await knownStates(paths);
    expect(states.map(({ folder }) => folder.label)).toEqual(['a', 'b']);
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
