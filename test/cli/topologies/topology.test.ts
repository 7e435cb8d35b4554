import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { topologyCommand } from '../../../src/cli/topologies/topology.ts';
import { presetTopology, readTopology } from '../../../src/topology/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'banyan-topology-'));
const shipped = new URL('../../../topologies/', import.meta.url);

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs `banyan topology …` in this process and gives what it said. */
async function run(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => (out += String(chunk)) !== '');
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => (err += String(chunk)) !== '');
  try {
    await new Command('banyan').addCommand(topologyCommand()).parseAsync(['topology', ...args], { from: 'user' });
    return { exitCode: 0, out, err };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { exitCode: error.exitCode, out, err };
  } finally {
    vi.restoreAllMocks();
  }
}

describe('the shipped topologies', () => {
  const commands = readFileSync(new URL('README.md', shipped), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('banyan topology generate '));
  const fileOf = (command: string): string => basename(command.split(' ').at(-1)!);

  test('each have their command in the README', () => {
    expect(commands.map(fileOf).sort()).toEqual(
      readdirSync(shipped)
        .filter((file) => file !== 'README.md')
        .sort(),
    );
  });

  test.each(commands.map((command) => [fileOf(command), command]))(
    '%s comes out byte for byte from its command',
    async (file, command) => {
      const words = command.split(' ').slice(2, -1);
      const { exitCode, err } = await run(...words, join(folder, file));
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      expect(readFileSync(join(folder, file), 'utf8')).toBe(readFileSync(new URL(file, shipped), 'utf8'));
    },
  );

  test.each(commands.map(fileOf))('%s is the ready-made topology of that name, to the microsecond', (file) => {
    const fromFile = readTopology(readFileSync(new URL(file, shipped), 'utf8'));
    const byName = presetTopology(file.replace(/\.\w+$/, ''));
    expect(fromFile.names).toEqual(byName.names);
    for (let node = 0; node < byName.size; node++)
      expect(Math.abs(fromFile.rttMs(0, node) - byName.rttMs(0, node))).toBeLessThan(0.003);
  });
});

describe('banyan topology generate', () => {
  test('writes the topology to standard output, ready to be read', async () => {
    const { out, exitCode } = await run(
      'generate',
      'transit-stub',
      '--transit-domains',
      '2',
      '--seed',
      '3',
      '--mean-rtt',
      '90ms',
    );
    expect(exitCode).toBe(0);
    expect(readTopology(out).size).toBe(200);
  });

  test('tells what it wrote, as one line of JSON when asked', async () => {
    const file = join(folder, 'w.csv');
    const { out } = await run(
      'generate',
      'waxman',
      '--nodes',
      '20',
      '--format',
      'matrix',
      '--scale',
      '0.1',
      '--out',
      file,
      '--json',
    );
    expect(JSON.parse(out)).toMatchObject({ kind: 'topology', nodes: 20 });
    expect(readTopology(readFileSync(file, 'utf8')).size).toBe(20);
  });

  test.each([
    ['a word for a number', ['plane', '--nodes', 'many'], "'many' is invalid"],
    ['a number out of bounds', ['plane', '--nodes', '0'], 'not 0'],
    ['two scales at once', ['plane', '--scale', '2', '--mean-rtt', '5'], 'cannot be used with'],
    ['a mean of 0', ['plane', '--mean-rtt', '0'], 'above 0, not 0'],
    ['JSON on top of the topology', ['plane', '--json'], '--json needs --out'],
    ['a matrix as a graph', ['cities', '--format', 'alt'], 'write this topology as a matrix'],
    ['an option that does not exist', ['plane', '--wings', '2'], 'unknown option'],
    [
      'a ready-made topology that does not exist',
      ['preset', 'atlantis'],
      'there are transit-stub-10, transit-stub-100',
    ],
  ])('refuses %s with exit code 2', async (_, args, words) => {
    const { exitCode, err, out } = await run('generate', ...args);
    expect(err).toContain(words);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  });

  test('ends with exit code 1 when the file cannot be written', async () => {
    const { exitCode, err } = await run('generate', 'plane', '--out', join(folder, 'no', 'such', 'folder'));
    expect(exitCode).toBe(1);
    expect(err).toContain('cannot write');
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  test.each([['generate'], ['generate', 'transit-stub'], ['generate', 'preset'], ['info']])(
    'explains itself with examples: %s %s',
    async (...args) => {
      const { exitCode, out } = await run(...args.filter((word) => word !== undefined), '--help');
      expect(exitCode).toBe(0);
      expect(out).toMatch(/Examples:\n {2}banyan topology /);
    },
  );
});

describe('banyan topology info', () => {
  test('prints the figures for a person, and one line of JSON for a program', async () => {
    const file = join(folder, 'm.txt');
    writeFileSync(file, '0 10\n30 0\n');
    expect((await run('info', file)).out).toContain('mean RTT     20.00 ms');
    expect(JSON.parse((await run('info', file, '--json', '--scale', '2')).out)).toMatchObject({
      nodes: 2,
      rttMs: { mean: 40 },
    });
  });

  test('knows the ready-made topologies by name', async () => {
    expect(JSON.parse((await run('info', 'continents-24', '--json')).out)).toMatchObject({ nodes: 24, edges: null });
  });

  test('names the file, the line and the value of a damaged one, with exit code 1', async () => {
    const file = join(folder, 'damaged.csv');
    writeFileSync(file, '0,1\nx,0\n');
    const { exitCode, err } = await run('info', file);
    expect(exitCode).toBe(1);
    expect(err).toContain(`${file}: line 2: the RTT from "1" to "0" is "x"`);
  });

  test('says so when there is no such file', async () => {
    const { exitCode, err } = await run('info', join(folder, 'absent.alt'));
    expect(exitCode).toBe(1);
    expect(err).toContain('there is no file');
    expect(err).toContain('continents-24');
  });
});
