/**
 * `npm run bench -- <benchmark>`: ratios against a peer measured in the same run; see docs/BENCHMARKS.md.
 *
 * Progress goes to stderr, the result to stdout: a small table, or with `--json` one line. Exit codes are those of the
 * command line: 0 ok, 1 something went wrong, 2 what was asked for makes no sense, 130 after Ctrl-C.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type MulticastOptions, benchMulticast, multicastDefaults, multicastTable } from './multicast.ts';
import { type SimulatorOptions, benchSimulator, simulatorDefaults, simulatorTable } from './simulator.ts';
import { type TransferOptions, benchTransfer, transferDefaults, transferTable } from './transfer.ts';
import { Workspace } from './workspace.ts';

interface Common {
  readonly json?: boolean;
}

type Bench<Options, Result> = (options: Options, workspace: Workspace) => Promise<Result>;

async function run<Options, Result>(
  bench: Bench<Options, Result>,
  table: (result: Result) => string,
  options: Options & Common,
): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new Error('stopped'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const workspace = new Workspace(stopping.signal, (line) => process.stderr.write(`${line}\n`));
  try {
    const result = await bench(options, workspace);
    process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : `${table(result)}\n`);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    process.stderr.write('stopped\n');
    process.exitCode = 130;
  } finally {
    await workspace.close();
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  }
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };
}

function sizes(text: string): number[] {
  return text.split(',').map(wholeNumber(2));
}

function createProgram(): Command {
  const program = new Command('bench')
    .description('Benchmarks: ratios against a peer measured in the same run.')
    .usage('<benchmark> [options]')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError()
    .addHelpText(
      'after',
      '\nExamples:\n  npm run -s bench -- multicast\n  npm run -s bench -- transfer --json\n  npm run -s bench -- simulator --json',
    );
  program
    .command('multicast')
    .description('telling everybody: our tree against gossipsub, in bytes and in time')
    .option('--peers <n>', 'peers in the swarm, the origin included', wholeNumber(3), multicastDefaults.peers)
    .option('--seconds <n>', 'how long to measure', wholeNumber(1), multicastDefaults.seconds)
    .option('--rate <n>', 'messages a second', wholeNumber(1), multicastDefaults.rate)
    .option('--topology <name|file>', 'whose delays are emulated', multicastDefaults.topology)
    .option('--seed <n>', 'decides who joins when, and the graph of gossipsub', wholeNumber(0), multicastDefaults.seed)
    .option('--json', 'the result as one line of JSON')
    .action(async (options: MulticastOptions & Common) => await run(benchMulticast, multicastTable, options));
  program
    .command('transfer')
    .description('moving a release, disk to disk: ours against a bare libp2p stream and a TCP socket')
    .option('--megabytes <n>', 'the size of the release', wholeNumber(1), transferDefaults.megabytes)
    .option('--rounds <n>', 'how often each is measured', wholeNumber(1), transferDefaults.rounds)
    .option('--json', 'the result as one line of JSON')
    .action(async (options: TransferOptions & Common) => await run(benchTransfer, transferTable, options));
  program
    .command('simulator')
    .description("putting events in order: the simulator's engine against ns-3, where that is installed")
    .option('--peers <n,...>', 'sizes of the tree', sizes, [...simulatorDefaults.peers])
    .option('--rounds <n>', 'how often each is measured', wholeNumber(1), simulatorDefaults.rounds)
    .option('--json', 'the result as one line of JSON')
    .action(async (options: SimulatorOptions & Common) => await run(benchSimulator, simulatorTable, options));
  return program;
}

const program = createProgram();
try {
  const words = process.argv.slice(2);
  if (words.length === 0) program.error('error: which benchmark?', { exitCode: 2 });
  await program.parseAsync(words, { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
// A connection that is still closing must not keep a finished benchmark alive.
setTimeout(() => process.exit(), 3_000).unref();
