/**
 * `bench simulator`: the engine of the simulator against that of ns-3, on nothing but heartbeats.
 *
 * What a simulator does with an event is its own business; how many it can put in order is the engine's. Both play the same events,
 * each in processes of its own, and take turns; the medians of the rounds count, in CPU seconds, since other work on the machine
 * lengthens the time but hardly the work.
 */
import { once } from 'node:events';
import { quantile } from './load.ts';
import { buildNs3, runNs3 } from './ns3.ts';
import type { EngineFigures } from './simulator-heartbeats.ts';
import type { Workspace } from './workspace.ts';

export interface SimulatorOptions {
  /** Sizes of the tree. */
  readonly peers: readonly number[];
  readonly rounds: number;
}

export const simulatorDefaults: SimulatorOptions = { peers: [10_000, 100_000, 1_000_000], rounds: 3 };

export interface EngineSpeed {
  readonly eventsPerCpuSecond: number;
  readonly events: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

export interface SizeResult {
  readonly peers: number;
  readonly simulatedSeconds: number;
  readonly banyan: EngineSpeed;
  /** Null where ns-3 is not installed. */
  readonly ns3: EngineSpeed | null;
  /** Our speed to theirs, of the medians: above 1 we are faster. */
  readonly ratio: number | null;
}

export interface SimulatorResult {
  readonly sizes: readonly SizeResult[];
  /** Why there is nothing to compare with; null when there is. */
  readonly ns3Missing: string | null;
  readonly rounds: number;
}

/** Enough events for a second or so of work, and at least the time in which the first heartbeats have all arrived. */
const wantedEvents = 8e6;
const leastSeconds = 5;

export async function benchSimulator(options: SimulatorOptions, workspace: Workspace): Promise<SimulatorResult> {
  workspace.say('building the yardstick');
  const ns3 = await buildNs3(workspace);
  const program = 'program' in ns3 ? ns3.program : null;
  const ns3Missing = 'missing' in ns3 ? ns3.missing : null;
  if (ns3Missing !== null) workspace.say(`without ns-3: ${ns3Missing}`);
  const sizes: SizeResult[] = [];
  for (const peers of options.peers) sizes.push(await compare(peers, options.rounds, program, workspace));
  return { sizes, ns3Missing, rounds: options.rounds };
}

async function compare(
  peers: number,
  rounds: number,
  ns3Program: string | null,
  workspace: Workspace,
): Promise<SizeResult> {
  const simulatedSeconds = Math.max(leastSeconds, Math.round(wantedEvents / 2 / peers));
  const ours: EngineFigures[] = [];
  const theirs: EngineFigures[] = [];
  for (let round = 1; round <= rounds; round++) {
    ours.push(await runOurs(peers, simulatedSeconds, workspace));
    if (ns3Program !== null) theirs.push(await runNs3(ns3Program, peers, simulatedSeconds, workspace));
    workspace.say(`${peers} peers, round ${round} of ${rounds}`);
  }
  const banyan = speedOf(ours);
  const ns3 = theirs.length === 0 ? null : speedOf(theirs);
  const ratio = ns3 === null ? null : round2(banyan.eventsPerCpuSecond / ns3.eventsPerCpuSecond);
  return { peers, simulatedSeconds, banyan, ns3, ratio };
}

async function runOurs(peers: number, seconds: number, workspace: Workspace): Promise<EngineFigures> {
  const child = workspace.child(new URL('./simulator-heartbeats.js', import.meta.url), [
    String(peers),
    String(seconds),
  ]);
  const exit = once(child, 'exit', { signal: workspace.signal });
  const figures = once(child, 'message', { signal: workspace.signal });
  figures.catch(() => undefined); // when it ends without a word, `exit` says so
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`The process that runs the engine ended with exit code ${code}.`);
  const [report] = (await figures) as [EngineFigures];
  return report;
}

function speedOf(figures: readonly EngineFigures[]): EngineSpeed {
  const [median] = [...figures].sort(
    (a, b) => Math.abs(a.cpuSeconds - middle(figures)) - Math.abs(b.cpuSeconds - middle(figures)),
  );
  if (median === undefined) throw new Error('nothing was measured');
  const { events, cpuSeconds } = median;
  const peakRssBytes = Math.max(...figures.map((round) => round.peakRssBytes));
  return { eventsPerCpuSecond: Math.round(events / cpuSeconds), events, cpuSeconds, peakRssBytes };
}

function middle(figures: readonly EngineFigures[]): number {
  return quantile(
    figures.map((round) => round.cpuSeconds).sort((a, b) => a - b),
    0.5,
  );
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The result as a small table. */
export function simulatorTable({ sizes, ns3Missing, rounds }: SimulatorResult): string {
  const side = (speed: EngineSpeed | null): string =>
    speed === null
      ? '-'.padStart(16)
      : `${(speed.eventsPerCpuSecond / 1e6).toFixed(1)} M/s, ${(speed.peakRssBytes / 2 ** 20).toFixed(0)} MiB`.padStart(
          16,
        );
  return [
    `bare heartbeats, events per CPU second and memory; medians of ${rounds} rounds`,
    `${'peers'.padStart(9)}${'banyan'.padStart(17)}${'ns-3'.padStart(17)}   ratio`,
    ...sizes.map(
      ({ peers, banyan, ns3, ratio }) => `${String(peers).padStart(9)} ${side(banyan)} ${side(ns3)}   ${ratio ?? '-'}`,
    ),
    ...(ns3Missing === null ? [] : [`not compared: ${ns3Missing}`]),
  ].join('\n');
}
