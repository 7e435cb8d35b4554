import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, readConfigFile } from '../../../src/cli/settings/config-file.ts';
import { nearestWord } from '../../../src/cli/words/suggestion.ts';

const known = {
  serve: ['port', 'max-upload', 'announce'],
  join: ['max-storage', 'max-upload'],
  status: ['watch'],
  simulate: ['seeds', 'kill'],
  'simulate qos': ['seeds'],
};

describe('banyan.toml', () => {
  it('holds settings for all commands and tables for single ones', async () => {
    const text = 'max-upload = "5MB/s"\n[serve]\nport = 4000\nannounce = ["a:1", "b:2"]\n[status]\nwatch = true\n';
    expect(await parseConfig(text, 'banyan.toml', known)).toEqual({
      path: 'banyan.toml',
      common: { 'max-upload': '5MB/s' },
      tables: { serve: { port: 4000, announce: ['a:1', 'b:2'] }, status: { watch: true } },
    });
  });

  it('holds tables for a group, and within it for each of its commands', async () => {
    const text = '[simulate]\nkill = "20%"\nseeds = 5\n[simulate.qos]\nseeds = 7\n';
    expect(await parseConfig(text, 'banyan.toml', known)).toMatchObject({
      tables: { simulate: { kill: '20%', seeds: 5 }, 'simulate qos': { seeds: 7 } },
    });
  });

  it.each([
    ['[simulate.qos]\nkill = 1', 'there is no key [simulate.qos] kill', 'docs/CLI.md lists them all.'],
    ['[simulate.qso]\nseeds = 1', 'there is no table [simulate.qso]', 'Did you mean simulate.qos?'],
    ['max-uplaod = 1', 'there is no key max-uplaod', 'Did you mean max-upload?'],
    ['[serve]\nmax-storage = 1', 'there is no key [serve] max-storage', 'docs/CLI.md lists them all.'],
    ['[sreve]\nport = 1', 'there is no table [sreve]', 'Did you mean serve?'],
    ['utterly-unlike-anything = 1', 'there is no key utterly-unlike-anything', 'docs/CLI.md lists them all.'],
  ])('refuses what it does not know: %j', async (text, message, hint) => {
    await expect(parseConfig(text, 'banyan.toml', known)).rejects.toMatchObject({
      message: `banyan.toml: ${message}.`,
      hint,
      exitCode: 2,
    });
  });

  it('names the line that is not TOML', async () => {
    await expect(parseConfig('max-upload = 1\nport = \n', 'banyan.toml', known)).rejects.toMatchObject({
      message: expect.stringMatching(/^banyan\.toml, line 2, column \d+: /) as string,
      exitCode: 2,
    });
  });

  it('takes no dates and no tables for values', async () => {
    await expect(parseConfig('max-upload = 2026-01-01', 'banyan.toml', known)).rejects.toThrow(
      'max-upload: a text, a number',
    );
    await expect(parseConfig('[serve]\nport = { a = 1 }', 'banyan.toml', known)).rejects.toThrow(
      '[serve] port: a text, a number',
    );
  });
});

describe('which file is read', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'by-'));
    await writeFile(join(folder, 'second.toml'), 'max-upload = 2');
    await writeFile(join(folder, 'third.toml'), 'max-upload = 3');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is the first of the usual ones that exists, and none where none does', async () => {
    const usual = ['first.toml', 'second.toml', 'third.toml'].map((name) => join(folder, name));
    expect((await readConfigFile({ explicit: undefined, usual }, known))?.common).toEqual({ 'max-upload': 2 });
    expect(await readConfigFile({ explicit: undefined, usual: usual.slice(0, 1) }, known)).toBeNull();
  });

  it('is the explicit one, which must exist', async () => {
    const usual = [join(folder, 'second.toml')];
    expect((await readConfigFile({ explicit: join(folder, 'third.toml'), usual }, known))?.common).toEqual({
      'max-upload': 3,
    });
    await expect(readConfigFile({ explicit: join(folder, 'none.toml'), usual }, known)).rejects.toThrow(
      /none\.toml cannot be read \(ENOENT\)/,
    );
  });
});

describe('the nearest word', () => {
  it('forgives a missing, added, changed or swapped letter, and suggests nothing for what is far away', () => {
    const words = ['status', 'serve', 'service', 'stop', 'max-upload'];
    expect(['statsu', 'sereve', 'srop', 'max-uplod', 'SERVE'].map((word) => nearestWord(word, words))).toEqual([
      'status',
      'serve',
      'stop',
      'max-upload',
      'serve',
    ]);
    expect(nearestWord('banana', words)).toBeUndefined();
  });
});
