/**
 * `banyan simulate`: flags and units, what goes where, what is left behind. With the real simulator, and one that writes down what it was
 * asked.
 */
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProgressBar } from '../../../src/cli/simulate/progress-bar.ts';
import { experiments } from '../../../src/cli/simulate/experiments.ts';
import type { Simulator } from '../../../src/cli/simulate/simulation.ts';
import { Home, parseLines } from '../command-line.ts';
import { runHere } from '../in-process.ts';

/** A simulator that finds nothing, and remembers what it was asked. */
function listening(names: readonly string[] = experiments.map(({ name }) => name)) {
  const asked: { name: string; options: object }[] = [];
  const reports: { folder: string; command: string }[] = [];
  const simulator: Simulator = {
    experimentNames: names,
    runExperiment: async (name, options) => {
      asked.push({ name, options });
      return { result: { found: 1 }, tables: [], charts: [] };
    },
    findingsText: () => 'a table',
    prepareFolder: async () => {},
    writeReport: async (folder, { command }) => {
      reports.push({ folder, command });
      return ['report.html'];
    },
  };
  return { simulator, asked, reports };
}

const run = (words: string, simulator: Simulator, environment: Readonly<Record<string, string>> = {}) =>
  runHere(words.split(' '), { loadSimulator: async () => simulator }, environment);

describe('the flags', () => {
  it.each([
    [
      'qos --topology plane-100 --mean-rtt 47 --server-time 0.1s --requirement 115.5ms --policy worst-qos ' +
        '--margin n-1 --seeds 30 --seed 7 --jobs 1',
      {
        topology: 'plane-100',
        meanRttMs: 47,
        serverTimeMs: 100,
        requirementMs: 115.5,
        policy: 'worst-qos',
        margin: 'n-1',
        seeds: 30,
        firstSeed: 7,
        jobs: 1,
      },
    ],
    [
      'qos',
      { topology: 'transit-stub-100', serverTimeMs: 100, requirementMs: 120, policy: 'balanced', margin: 'lean' },
    ],
    ['paper --seeds 2', { seeds: 2, firstSeed: 1 }],
    ['attack --kill 30% --mode domain', { kill: 0.3, mode: 'domain', margin: 'lean', seeds: 20 }],
    ['churn --median-session 1h --heartbeat 500ms', { medianSessionMin: 60, heartbeatS: 0.5, trace: null }],
    [
      'churn --median-session 5 --peers 1k --sessions weibull',
      { medianSessionMin: 5, peers: 1_000, distribution: 'weibull' },
    ],
    ['faults --seeds 300 --seconds 2m', { seeds: 300, firstSeed: 1, seconds: 120 }],
    ['faults --seconds 2m --seed 9', { firstSeed: 9, seconds: 120 }],
    ['scale --peers 1M --seconds 20 --seed 3', { peers: 1_000_000, seconds: 20, seed: 3 }],
    [
      'what-if --clients 40 --topology continents-24 --requirement 0.12s --kill .5 --mode root',
      { clients: 40, topology: 'continents-24', requirementMs: 120, kill: 0.5, mode: 'root', policy: 'balanced' },
    ],
  ])('of %s reach the experiment, in its units', async (words, options) => {
    const { simulator, asked } = listening();
    expect(await run(`simulate ${words}`, simulator)).toMatchObject({ code: 0, stdout: 'a table\n' });
    expect(asked).toMatchObject([{ name: words.split(' ')[0], options }]);
  });

  it.each([
    [
      'qos --requirement many',
      '--requirement: "many" is invalid; it must be a time above 0, such as 120, 120ms or 0.12s.',
    ],
    ['qos --requirement 0', 'must be a time above 0'],
    ['qos --policy best', '"best" is not one of balanced, worst-qos'],
    ['attack --kill 1.2', 'must be a share from 0 to 1'],
    ['attack --mode all', '"all" is not one of random, heaviest, domain, root'],
    ['churn --median-session 0', 'must be a time above 0'],
    ['churn --seeds 1.5', 'must be a whole number from 1'],
    ['scale --peers 1G', 'must be a whole number from 2 to 4000000'],
    ['scale --seconds 10x', 'must be a time of 1 s or more'],
    ['qos extra', 'too many arguments'],
    ['qos --wings 2', 'unknown option'],
    ['flight', "unknown command 'flight'"],
  ])('that make no sense end with exit code 2: %s', async (words, told) => {
    const { simulator, asked } = listening();
    const { code, stdout, stderr } = await run(`simulate ${words}`, simulator);
    expect({ code, stdout, asked }).toEqual({ code: 2, stdout: '', asked: [] });
    expect(stderr).toContain(told);
  });

  it('that name a topology which cannot be read end with exit code 1', async () => {
    const { simulator, asked } = listening();
    const { code, stderr } = await run('simulate qos --topology atlantis', simulator);
    expect({ code, asked }).toEqual({ code: 1, asked: [] });
    expect(stderr).toMatch(/There is no file atlantis\.\nReady-made topologies are transit-stub-/);
  });
});

describe('what the environment says', () => {
  const environment = { BANYAN_SIMULATE_SEEDS: '3', BANYAN_SIMULATE_REQUIREMENT: '90', BANYAN_POLICY: 'worst-qos' };

  it('counts under a name of its own, unless a flag says otherwise', async () => {
    const { simulator, asked } = listening();
    expect(await run('simulate qos --seeds 4', simulator, environment)).toMatchObject({ code: 0, stderr: '' });
    expect(asked).toMatchObject([{ options: { seeds: 4, requirementMs: 90, policy: 'balanced' } }]);
  });

  it('is in the line that repeats the run', async () => {
    const { simulator, reports } = listening();
    const switches = { ...environment, BANYAN_SIMULATE_DECLARED: '1', BANYAN_SIMULATE_SHEDDING: 'false' };
    await run('simulate attack --kill 0.1 --out o', simulator, switches);
    expect(reports).toMatchObject([
      { command: 'banyan simulate attack --kill 0.1 --requirement 90 --declared --no-shedding --seeds 3' },
    ]);
  });

  it('asks for JSON', async () => {
    const { stdout } = await run('simulate paper', listening().simulator, { BANYAN_JSON: '1' });
    expect(parseLines(stdout)).toMatchObject([{ kind: 'simulation', experiment: 'paper' }]);
  });
});

describe('full servers', () => {
  it.each([
    ['attack', { shedding: true }],
    ['attack --no-shedding', { shedding: false }],
    ['attack --shedding', { shedding: true }],
  ])('send clients on unless told otherwise: %s', async (words, options) => {
    const { simulator, asked } = listening();
    await run(`simulate ${words}`, simulator);
    expect(asked).toMatchObject([{ options }]);
  });
});

describe('an experiment that finds what must not be', () => {
  it('shows its result and ends with exit code 1', async () => {
    const found = { result: { violations: [{ seed: 7 }] }, tables: [], charts: [], failed: true };
    const { simulator } = listening();
    const { code, stdout } = await run('simulate faults --json', {
      ...simulator,
      runExperiment: () => Promise.resolve(found),
    });
    expect(code).toBe(1);
    expect(parseLines(stdout)).toMatchObject([{ experiment: 'faults', violations: [{ seed: 7 }] }]);
  });
});

describe('help', () => {
  it.each(experiments.map(({ name }) => name))('of %s shows examples that are understood', async (name) => {
    const { simulator, asked } = listening();
    const { code, stdout } = await run(`simulate ${name} --help`, simulator);
    expect(code).toBe(0);
    const examples = stdout
      .slice(stdout.indexOf('Examples:'))
      .split('\n')
      .slice(1)
      .filter((line) => line !== '');
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const words = example
        .trim()
        .replace(/^banyan /, '')
        .replace(/--topology my\.\w+/, '--topology plane-50');
      expect(await run(words, simulator), example).toMatchObject({ code: 0 });
    }
    expect(asked).toHaveLength(examples.length);
  });

  it('shows each option with its variable, and the flag that changes a switch', async () => {
    const text = (await run('simulate what-if --help', listening().simulator)).stdout.replace(/\s+/g, ' ');
    expect(text).toContain('--seeds <count> how many runs (default: 20; BANYAN_SIMULATE_SEEDS)');
    expect(text).toMatch(/--declared [^-]*--max-clients \(BANYAN_SIMULATE_DECLARED\)/);
    expect(text).toMatch(/--no-shedding .*\(BANYAN_SIMULATE_SHEDDING=false\)/);
    expect(text).not.toMatch(/ --shedding| --no-declared/);
  });

  it('lists only the experiments that there are', async () => {
    const { stdout } = await run('simulate --help', listening(['churn', 'scale']).simulator);
    expect(stdout).toMatch(/churn \[options\][^]*scale \[options\]/);
    expect(stdout).not.toMatch(/attack|what-if/);
  });
});

describe('a report', () => {
  it('has the line that repeats the run, without the options for where the answer goes', async () => {
    const { simulator, reports } = listening();
    const { stdout, stderr } = await run('simulate paper --seeds 3 --jobs 2 --out o --json', simulator);
    expect(reports).toEqual([{ folder: 'o', command: 'banyan simulate paper --seeds 3' }]);
    expect(stderr).toBe('Wrote 1 file to o; open report.html in it.\n');
    expect(parseLines(stdout)).toEqual([{ kind: 'simulation', experiment: 'paper', found: 1 }]);
  });
});

describe('a run that fails', () => {
  it('is told with its seed and the line that plays it alone', async () => {
    const { simulator } = listening();
    const failure = Object.assign(new Error('seed 7: the sky fell'), { name: 'TaskError' });
    const failing = { ...simulator, runExperiment: () => Promise.reject(failure) };
    const { code, stdout, stderr } = await run('simulate attack --kill 0.1 --seeds=20 --seed 3 --jobs 2', failing);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      'error: Seed 7: the sky fell.\nTo repeat that run alone: banyan simulate attack --kill 0.1 --seed 7 --seeds 1\n',
    );
  });
});

describe('a bar', () => {
  /** What is written by a bar that is told of every percent, one each second. */
  function written(isTTY: boolean): string[] {
    const texts: string[] = [];
    let nowMs = 0;
    const bar = new ProgressBar({ isTTY, columns: 60, write: (text) => texts.push(text) }, 'churn', () => nowMs);
    for (let percent = 0; percent <= 100; percent++, nowMs += 1_000) bar.step(percent, 100, `seed ${percent}`);
    bar.end();
    return texts;
  }

  it('is drawn in one line of a terminal, and wiped away', () => {
    const texts = written(true);
    expect(texts[50]).toBe('\r\u001b[Kchurn [############............] 50%  seed 50  about 50 s l');
    expect(texts.at(-1)).toBe('\r\u001b[K');
    expect(texts.every((text) => !text.includes('\n'))).toBe(true);
  });

  it('elsewhere is a plain line at most every 15 s', () => {
    expect(written(false).slice(0, 2)).toEqual([
      'churn: 15%  seed 15  about 1 min 25 s left\n',
      'churn: 30%  seed 30  about 1 min 10 s left\n',
    ]);
    expect(written(false)).toHaveLength(6);
  });
});

describe('the program', () => {
  let home: Home;
  let folder: string;
  const small = ['--peers', '40', '--seeds', '2', '--settle', '1', '--watch', '2', '--median-session', '5'];
  beforeAll(async () => {
    home = await Home.make();
    folder = await mkdtemp(join(tmpdir(), 'banyan-simulate-'));
  });
  afterAll(async () => {
    await home.clear();
    await rm(folder, { recursive: true });
  });

  it('answers with one JSON object on stdout and nothing else, and leaves a report', async () => {
    const out = join(folder, 'report');
    const { code, stdout, stderr } = await home.run(['simulate', 'churn', ...small, '--json', '--out', out]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(churn: .*\n)*Wrote \d+ files to .*report; open report.html in it.\n$/);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toMatchObject({ medianSessionMin: 5, heartbeatS: 1, peers: 40, seeds: 2, loops: 0 });
    expect(JSON.parse(await readFile(join(out, 'result.json'), 'utf8'))).toEqual(result);
    const names = await readdir(out);
    expect(names).toContain('repair.svg');
    expect(names).toContain('what-the-trees-reach.csv');
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    const html = await readFile(join(out, 'report.html'), 'utf8');
    expect(html).toContain(`banyan simulate churn ${small.join(' ')}</code>`);
  });

  it('gives the same figures with one job as with two, and a table to people', async () => {
    const runs = [['--jobs', '1'], ['--jobs', '2']].map((jobs) => home.run(['simulate', 'churn', ...small, ...jobs])); // prettier-ignore
    const [one, two] = await Promise.all(runs);
    expect(one?.stdout).toBe(two?.stdout);
    expect(one?.stdout).toMatch(/^What the trees reach \(40 peers.*\n\nwhat +reached +unit\n/);
  });

  it('ends at once with 130 when it is interrupted, and writes nothing', async () => {
    const out = join(folder, 'interrupted');
    const running = home.start(['simulate', 'churn', '--seeds', '50', '--out', out]);
    // The folder is made right before the work begins.
    for (;;) {
      const isThere = await stat(out).then(
        () => true,
        () => false,
      );
      if (isThere) break;
    }
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toContain('Stopped; nothing was written.');
    expect(await readdir(out)).toEqual([]);
  });

  it('says what is wrong with a trace, or a folder, with exit code 1', async () => {
    const trace = join(folder, 'trace.csv');
    await writeFile(trace, 'peer,arriveS,leaveS\nanna,0,60\nben,90,30\n');
    const damaged = await home.run(['simulate', 'churn', '--trace', trace]);
    expect(damaged).toMatchObject({ code: 1, stdout: '' });
    expect(damaged.stderr).toContain(`${trace}: line 3: ben leaves at 30 s, before it arrives at 90 s`);
    const taken = await home.run(['simulate', 'churn', '--out', trace, '--json']);
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(taken.stderr)).toMatchObject({ kind: 'error', message: /there is a file of that name/ });
  });
});
