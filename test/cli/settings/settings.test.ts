import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { list, toggle, value } from '../../../src/cli/settings/option.ts';
import { parseSize, parseWhole } from '../../../src/cli/words/quantities.ts';
import {
  type ConfigFile,
  writtenOptions,
  resolveSettings,
  strayVariables,
  variableOf,
} from '../../../src/cli/settings/settings.ts';

const specs = {
  size: value('max-size', '<size>', 'a size', parseSize, 7),
  quick: toggle('quick', 'a switch'),
  names: list('name-of', '<name>', 'a list', (text) => text, { flag: 'name' }),
};

function fileOf(common: ConfigFile['common'], own: ConfigFile['common'] = {}): ConfigFile {
  return { path: 'banyan.toml', common, tables: { serve: own } };
}

const nothing = { flags: {}, environment: {}, file: null, command: 'serve' };

describe('a setting', () => {
  it('is known to be set or left at its default, whatever its value', () => {
    const environment = { BANYAN_QUICK: 'false', BANYAN_MAX_SIZE: '' };
    const spoken = writtenOptions(specs, { ...nothing, environment, flags: { name: ['x'] } });
    expect([...spoken.keys()].toSorted()).toEqual(['name-of', 'quick']);
    expect([...spoken.values()].map(({ source }) => source)).toEqual(['flag', 'environment']);
    expect([...writtenOptions(specs, { ...nothing, file: fileOf({ 'max-size': '7' }) }).keys()]).toEqual(['max-size']);
  });

  it('comes from the first that has it: flag, environment, own table, top of the file, default', () => {
    const voice = fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined });
    fc.assert(
      fc.property(voice, voice, voice, voice, (flag, variable, own, common) => {
        const { size } = resolveSettings(specs, {
          flags: flag === undefined ? {} : { 'max-size': String(flag) },
          environment: variable === undefined ? {} : { BANYAN_MAX_SIZE: String(variable) },
          file: fileOf(
            common === undefined ? {} : { 'max-size': common },
            own === undefined ? {} : { 'max-size': own },
          ),
          command: 'serve',
        });
        expect(size).toBe(flag ?? variable ?? own ?? common ?? 7);
      }),
    );
  });

  it('in the file comes from the command’s own table, then its group’s, then the top', () => {
    const sizes = (tables: ConfigFile['tables']): number =>
      resolveSettings(specs, {
        ...nothing,
        file: { path: 'banyan.toml', common: { 'max-size': 1 }, tables },
        command: 'simulate qos',
      }).size;
    const [group, own] = [{ 'max-size': 2 }, { 'max-size': 3 }];
    expect(sizes({ simulate: group, 'simulate qos': own, 'simulate churn': { 'max-size': 4 } })).toBe(3);
    expect(sizes({ simulate: group, 'simulate churn': own })).toBe(2);
    expect(sizes({ qos: own, serve: own })).toBe(1);
    expect(() => sizes({ simulate: { 'max-size': 'much' } })).toThrow('banyan.toml, [simulate] max-size: ');
    expect(() => sizes({ 'simulate qos': { 'max-size': 'much' } })).toThrow('banyan.toml, [simulate.qos] max-size: ');
  });

  it('that is a switch follows the same order, so that --no-quick undoes what the file says', () => {
    const voice = fc.option(fc.boolean(), { nil: undefined });
    fc.assert(
      fc.property(voice, voice, voice, (flag, variable, common) => {
        const { quick } = resolveSettings(specs, {
          flags: flag === undefined ? {} : { quick: flag },
          environment: variable === undefined ? {} : { BANYAN_QUICK: variable ? 'yes' : '0' },
          file: fileOf(common === undefined ? {} : { quick: common }),
          command: 'serve',
        });
        expect(quick).toBe(flag ?? variable ?? common ?? false);
      }),
    );
  });

  it('is not read from the table of another command', () => {
    expect(resolveSettings(specs, { ...nothing, command: 'join', file: fileOf({}, { 'max-size': 5 }) }).size).toBe(7);
  });

  it('is not set by an empty variable', () => {
    expect(
      resolveSettings(specs, { ...nothing, environment: { BANYAN_MAX_SIZE: '' }, file: fileOf({ 'max-size': 3 }) })
        .size,
    ).toBe(3);
  });
});

describe('lists', () => {
  it('come from repeated flags, commas in the environment, or arrays in the file', () => {
    expect(resolveSettings(specs, { ...nothing, flags: { name: ['a', 'b'] } }).names).toEqual(['a', 'b']);
    expect(resolveSettings(specs, { ...nothing, environment: { BANYAN_NAME_OF: 'a, b,' } }).names).toEqual(['a', 'b']);
    expect(resolveSettings(specs, { ...nothing, file: fileOf({ 'name-of': ['a', 'b'] }) }).names).toEqual(['a', 'b']);
    expect(resolveSettings(specs, { ...nothing, file: fileOf({ 'name-of': 'a' }) }).names).toEqual(['a']);
  });
});

describe('a value that makes no sense', () => {
  it.each([
    ['--max-size', { ...nothing, flags: { 'max-size': 'big' } }],
    ['BANYAN_MAX_SIZE', { ...nothing, environment: { BANYAN_MAX_SIZE: 'big' } }],
    ['banyan.toml, [serve] max-size', { ...nothing, file: fileOf({}, { 'max-size': 'big' }) }],
    ['banyan.toml, max-size', { ...nothing, file: fileOf({ 'max-size': 'big' }) }],
  ])('is complained about where it was written: %s', (where, sources) => {
    expect(() => resolveSettings(specs, sources)).toThrow(`${where}: "big" is not a size`);
  });

  it('includes a text for a switch, a switch for a text and a list for one value', () => {
    expect(() => resolveSettings(specs, { ...nothing, file: fileOf({ quick: 'yes' }) })).toThrow(
      'banyan.toml, quick: write true or false',
    );
    expect(() => resolveSettings(specs, { ...nothing, file: fileOf({ 'max-size': true }) })).toThrow(
      'true is no value for it',
    );
    expect(() => resolveSettings(specs, { ...nothing, file: fileOf({ 'max-size': [1, 2] }) })).toThrow(
      'one value is needed',
    );
    expect(() => resolveSettings(specs, { ...nothing, environment: { BANYAN_QUICK: 'perhaps' } })).toThrow(
      'BANYAN_QUICK: "perhaps" is neither yes nor no',
    );
  });

  it('exits with 2', () => {
    const port = { port: value('port', '<port>', '', parseWhole(0, 65_535), 1) };
    expect(() => resolveSettings(port, { ...nothing, flags: { port: '70000' } })).toThrow(
      expect.objectContaining({ exitCode: 2 }) as Error,
    );
  });
});

describe('stray variables', () => {
  it('get a warning when they resemble a known one, and none otherwise', () => {
    const names = ['max-upload', 'state'];
    expect(strayVariables({ BANYAN_MAX_UPLAOD: '1' }, names)).toEqual([
      'The environment variable BANYAN_MAX_UPLAOD is not used; did you mean BANYAN_MAX_UPLOAD?',
    ]);
    expect(
      strayVariables({ BANYAN_STATE: '/x', BANYAN_COMPANY_PREFIX_FOR_SOMETHING: '1', PATH: '/bin' }, names),
    ).toEqual([]);
    expect(variableOf('max-upload')).toBe('BANYAN_MAX_UPLOAD');
  });
});
