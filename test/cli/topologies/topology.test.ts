import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { presetTopology, readTopology } from '../../../src/topology/index.ts';
import { runHere } from '../in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'banyan-topology-'));
const shipped = new URL('../../../topologies/', import.meta.url);

afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) => runHere(['topology', ...args]);

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
      const { code, stderr } = await run(...words, join(folder, file));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
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
    const { code, stdout } = await run(
      'generate',
      'transit-stub',
      '--transit-domains',
      '2',
      '--seed',
      '3',
      '--mean-rtt',
      '90ms',
    );
    expect(code).toBe(0);
    expect(readTopology(stdout).size).toBe(200);
  });

  test('tells what it wrote, as one line of JSON when asked', async () => {
    const file = join(folder, 'w.csv');
    const { stdout } = await run(
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
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'topology', nodes: 20 });
    expect(readTopology(readFileSync(file, 'utf8')).size).toBe(20);
  });

  test.each([
    ['a word for a number', ['plane', '--nodes', 'many'], '--nodes: "many" is invalid; it must be a whole number'],
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
    const { code, stdout, stderr } = await run('generate', ...args);
    expect(stderr).toContain(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('refuses in one JSON object when asked for JSON, with the command whose help says more', async () => {
    const { code, stdout, stderr } = await run(
      'generate',
      'plane',
      '--nodes',
      '0',
      '--out',
      join(folder, 'none'),
      '--json',
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      kind: 'error',
      code: 'usage',
      hint: 'See `banyan topology generate plane --help`.',
    });
  });

  test('writes the topology for those too who have all answers in JSON by their environment', async () => {
    const { code, stdout } = await runHere(['topology', 'generate', 'plane'], {}, { BANYAN_JSON: '1' });
    expect(code).toBe(0);
    expect(readTopology(stdout).size).toBe(100);
  });

  test('takes what the environment says, under a name of its own; the flag wins', async () => {
    const environment = { BANYAN_TOPOLOGY_NODES: '7', BANYAN_NODES: '8' };
    const sized = async (...flags: string[]): Promise<number> =>
      readTopology((await runHere(['topology', 'generate', 'plane', ...flags], {}, environment)).stdout).size;
    expect([await sized(), await sized('--nodes', '9')]).toEqual([7, 9]);
  });

  test('ends with exit code 1 when the file cannot be written', async () => {
    const { code, stderr } = await run('generate', 'plane', '--out', join(folder, 'no', 'such', 'folder'));
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot write');
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  test.each([['generate'], ['generate', 'transit-stub'], ['generate', 'preset'], ['info']])(
    'explains itself with examples: %s %s',
    async (...args) => {
      const { code, stdout } = await run(...args.filter((word) => word !== undefined), '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples:\n {2}banyan topology /);
    },
  );
});

describe('banyan topology info', () => {
  test('prints the figures for a person, and one line of JSON for a program', async () => {
    const file = join(folder, 'm.txt');
    writeFileSync(file, '0 10\n30 0\n');
    expect((await run('info', file)).stdout).toContain('mean RTT     20.00 ms');
    expect(JSON.parse((await run('info', file, '--json', '--scale', '2')).stdout)).toMatchObject({
      nodes: 2,
      rttMs: { mean: 40 },
    });
  });

  test('refuses a topology of one node, with exit code 1', async () => {
    const file = join(folder, 'one.csv');
    writeFileSync(file, '0\n');
    const { code, stderr } = await run('info', file);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}: the topology has one node, and so no RTT to describe.`);
  });

  test('knows the ready-made topologies by name', async () => {
    expect(JSON.parse((await run('info', 'continents-24', '--json')).stdout)).toMatchObject({ nodes: 24, edges: null });
  });

  test('names the file, the line and the value of a damaged one, with exit code 1', async () => {
    const file = join(folder, 'damaged.csv');
    writeFileSync(file, '0,1\nx,0\n');
    const { code, stderr } = await run('info', file);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}: line 2: the RTT from "1" to "0" is "x"`);
  });

  test('says so when there is no such file', async () => {
    const { code, stderr } = await run('info', join(folder, 'absent.alt'));
    expect(code).toBe(1);
    expect(stderr).toContain('There is no file');
    expect(stderr).toContain('continents-24');
  });
});
