/**
 * `banyan topology`: makes delay graphs and says what is in them.
 *
 * A topology tells delay emulation and the simulator how far nodes are from each other. `generate` writes a new one from
 * a model, parameters and a seed (the same command gives the same bytes anywhere); `info` reads any format and prints the
 * figures one needs to choose a requirement. The models live in `src/topology`; here is only the talking.
 *
 * Mistakes in the command line end with exit code 2, files that cannot be read or written with 1; both are thrown as
 * commander's `CommanderError` after the message has been printed, for the caller of `parseAsync` to turn into an exit code.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  citiesDefaults,
  describeTopology,
  generateCities,
  generatePlane,
  generateTransitStub,
  generateWaxman,
  PlaneTopology,
  GraphTopology,
  planeDefaults,
  presets,
  presetTopology,
  readTopology,
  scale,
  scaleToMeanRtt,
  type Topology,
  TopologyError,
  type TopologyFormat,
  topologyFormats,
  type TopologySummary,
  transitStubDefaults,
  waxmanDefaults,
  writeAlt,
  writeMatrix,
} from '../../topology/index.ts';

interface OutputOptions {
  readonly meanRtt?: number;
  readonly scale?: number;
  readonly format?: 'alt' | 'matrix';
  readonly out?: string;
  readonly json?: boolean;
}

export function topologyCommand(): Command {
  const command = speaking(new Command('topology')).description('delay graphs: make them, look into them');
  return command.addCommand(generateCommand()).addCommand(infoCommand());
}

function generateCommand(): Command {
  const command = speaking(new Command('generate')).description(
    'write a new topology; the same command gives the same bytes',
  );
  command
    .addCommand(transitStubCommand())
    .addCommand(waxmanCommand())
    .addCommand(planeCommand())
    .addCommand(citiesCommand());
  command.addCommand(presetCommand());
  return examples(command, [
    'banyan topology generate transit-stub --seed 47 --mean-rtt 47 --out my.alt',
    'banyan topology generate cities --out cities.csv',
  ]);
}

function transitStubCommand(): Command {
  const defaults = transitStubDefaults;
  const command = speaking(new Command('transit-stub'))
    .description("GT-ITM's model: backbones with edge networks hanging from them; T x Nt x (1 + K x Ns) nodes")
    .option('--transit-domains <T>', 'transit domains', wholeNumber, defaults.transitDomains)
    .option('--transit-nodes <Nt>', 'nodes per transit domain, on average', wholeNumber, defaults.transitNodes)
    .option('--stubs <K>', 'stub domains per transit node, on average', wholeNumber, defaults.stubs)
    .option('--stub-nodes <Ns>', 'nodes per stub domain, on average', wholeNumber, defaults.stubNodes)
    .option('--top-probability <p>', 'that two transit domains are adjacent', number, defaults.topProbability)
    .option('--transit-probability <p>', 'of a link within a transit domain', number, defaults.transitProbability)
    .option('--stub-probability <p>', 'of a link within a stub', number, defaults.stubProbability)
    .option(
      '--extra-transit-stub <n>',
      'links from stubs to further transit nodes',
      wholeNumber,
      defaults.extraTransitStub,
    )
    .option('--extra-stub-stub <n>', 'links between stubs', wholeNumber, defaults.extraStubStub);
  return writing(command, defaults.seed, generateTransitStub, [
    'banyan topology generate transit-stub --transit-domains 1 --transit-nodes 4 --stubs 3 --stub-nodes 8 ' +
      '--seed 47 --mean-rtt 47 --out f.alt',
    'banyan topology generate transit-stub --transit-domains 10 --stub-nodes 20 --out large.alt --json',
  ]);
}

function waxmanCommand(): Command {
  const command = speaking(new Command('waxman'))
    .description('a random graph: links the likelier the shorter, no hierarchy')
    .option('--nodes <n>', 'nodes', wholeNumber, waxmanDefaults.nodes)
    .option('--alpha <a>', 'how many links', number, waxmanDefaults.alpha)
    .option('--beta <b>', 'how many of them are long', number, waxmanDefaults.beta);
  return writing(command, waxmanDefaults.seed, generateWaxman, [
    'banyan topology generate waxman --nodes 200 --seed 3 --mean-rtt 80 --out w.alt',
  ]);
}

function planeCommand(): Command {
  const command = speaking(new Command('plane'))
    .description('points in a square; RTT in proportion to distance')
    .option('--nodes <n>', 'points', wholeNumber, planeDefaults.nodes);
  return writing(command, planeDefaults.seed, generatePlane, [
    'banyan topology generate plane --nodes 50 --seed 3 --mean-rtt 100 --out p.alt',
  ]);
}

function citiesCommand(): Command {
  const command = speaking(new Command('cities'))
    .description('24 cities on six continents: light in glass, times an inflation, plus a last mile')
    .option('--inflation <factor>', 'how much longer paths are than the great circle', number, citiesDefaults.inflation)
    .option('--last-mile-ms <ms>', 'added to every RTT', milliseconds, citiesDefaults.lastMileMs);
  return writing(command, undefined, generateCities, ['banyan topology generate cities --out cities.csv']);
}

function presetCommand(): Command {
  const names = [...presets].map(([name, preset]) => `  ${name.padEnd(20)}${preset.purpose}`).join('\n');
  const command = speaking(new Command('preset'))
    .description('one of the ready-made topologies')
    .argument('<name>', 'which one')
    .addHelpText('after', `\nReady-made topologies:\n${names}`);
  return writing(command, undefined, (_, [name = '']) => presetTopology(name), [
    'banyan topology generate preset transit-stub-600 --out t600.alt',
  ]);
}

/** Adds what all generators have in common: how to scale, and where the text goes. */
function writing<Options extends object>(
  command: Command,
  seed: number | undefined,
  generate: (options: Options, args: readonly string[]) => Topology,
  uses: readonly string[],
): Command {
  if (seed !== undefined) command.option('--seed <n>', 'the same seed gives the same topology', wholeNumber, seed);
  command
    .addOption(
      new Option('--mean-rtt <ms>', 'scale to this mean RTT over all pairs of nodes')
        .argParser(milliseconds)
        .conflicts('scale'),
    )
    .option('--scale <factor>', 'multiply every RTT', number)
    .addOption(
      new Option('--format <format>', 'ALT text, or a matrix as CSV (default: alt for graphs and planes)').choices([
        'alt',
        'matrix',
      ]),
    )
    .option('--out <file>', 'where to write it (default: to standard output)')
    .option('--json', 'with --out: tell what was written as one line of JSON');
  command.action(async () => {
    const options = command.opts<Options & OutputOptions>();
    if (options.json && options.out === undefined)
      command.error('error: --json needs --out, as standard output carries the topology itself', usage);
    const { text, summary } = build(command, () => {
      const made = scaledAsAsked(generate(options, command.args), options);
      const asGraph = made instanceof GraphTopology || made instanceof PlaneTopology;
      const format = options.format ?? (asGraph ? 'alt' : 'matrix');
      const told = options.out === undefined ? undefined : describeTopology(made);
      return { text: format === 'alt' ? writeAlt(made) : writeMatrix(made), summary: told };
    });
    if (options.out === undefined || summary === undefined) {
      process.stdout.write(text);
      return;
    }
    try {
      await writeFile(options.out, text);
    } catch (error) {
      command.error(`error: cannot write ${options.out}: ${messageOf(error)}`, failure);
    }
    print(summary, options.json === true, `wrote ${options.out}\n`);
  });
  return examples(command, uses);
}

function infoCommand(): Command {
  const command = speaking(new Command('info'))
    .description('what a topology holds: nodes, links, domains, RTTs')
    .argument('<topology>', 'a file (GT-ITM ALT, matrix of RTTs in ms, GraphML) or the name of a ready-made topology')
    .addOption(
      new Option('--format <format>', 'what the file is (default: found from its content)').choices([
        ...topologyFormats,
      ]),
    )
    .addOption(new Option('--mean-rtt <ms>', 'scale to this mean RTT first').argParser(milliseconds).conflicts('scale'))
    .option('--scale <factor>', 'multiply every RTT first', number)
    .option('--json', 'one line of JSON');
  command.action(async (name: string) => {
    const options = command.opts<Omit<OutputOptions, 'format'> & { format?: TopologyFormat }>();
    const topology = await open(command, name, options.format);
    print(
      build(command, () => describeTopology(scaledAsAsked(topology, options))),
      options.json === true,
      '',
    );
  });
  return examples(command, [
    'banyan topology info f.alt --json',
    'banyan topology info measured.csv --mean-rtt 90',
    'banyan topology info continents-24',
  ]);
}

async function open(command: Command, name: string, format: TopologyFormat | undefined): Promise<Topology> {
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    if (presets.has(name)) return presetTopology(name);
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? `there is no file ${name}` : `cannot read ${name}: ${messageOf(error)}`;
    return command.error(`error: ${problem}; ready-made topologies are ${[...presets.keys()].join(', ')}`, failure);
  }
  try {
    const topology = readTopology(text, { format });
    if (topology.size < 2) throw new TopologyError('the topology has one node, and so no RTT to describe');
    return topology;
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    return command.error(`error: ${name}: ${error.message}`, failure);
  }
}

const usage = { exitCode: 2, code: 'banyan.usage' };
const failure = { exitCode: 1, code: 'banyan.failure' };

/** What is asked for cannot be made: the numbers on the command line are at fault. */
function build<Result>(command: Command, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    return command.error(`error: ${error.message}`, usage);
  }
}

function scaledAsAsked(topology: Topology, options: Pick<OutputOptions, 'meanRtt' | 'scale'>): Topology {
  if (options.meanRtt !== undefined) return scaleToMeanRtt(topology, options.meanRtt);
  return options.scale === undefined ? topology : scale(topology, options.scale);
}

function print(summary: TopologySummary, asJson: boolean, before: string): void {
  if (asJson) {
    process.stdout.write(`${JSON.stringify({ kind: 'topology', ...summary })}\n`);
    return;
  }
  const { mean, median, p95, min, max } = summary.rttMs;
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const sampled = summary.sources < summary.nodes ? `  (from ${summary.sources} nodes to all)` : '';
  const rows = [
    ['description', summary.description],
    ['nodes', String(summary.nodes)],
    ['links', summary.edges === null ? 'none: every pair has its RTT' : String(summary.edges)],
    ['domains', String(summary.domains)],
    ['mean RTT', ms(mean) + sampled],
    ['median RTT', ms(median)],
    ['95% below', ms(p95)],
    ['from, to', `${ms(min)}, ${ms(max)}`],
  ];
  process.stdout.write(before + rows.map(([name, value]) => `${name!.padEnd(13)}${value}\n`).join(''));
}

/** Usage errors leave with 2, help with 0, and everything is thrown rather than ending the process here. */
function speaking(command: Command): Command {
  return command.exitOverride((error) => {
    const usageError = error.code.startsWith('commander.') && error.exitCode !== 0;
    throw usageError ? new CommanderError(2, error.code, error.message) : error;
  });
}

function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

function wholeNumber(word: string): number {
  if (!/^\d{1,16}$/.test(word)) throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(word);
}

function number(word: string): number {
  const value = Number(word);
  if (word.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** Milliseconds, with or without the unit: 47 or 47ms. */
function milliseconds(word: string): number {
  const value = number(word.replace(/ms$/, ''));
  if (value < 0) throw new InvalidArgumentError('It must be 0 or more milliseconds.');
  return value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
