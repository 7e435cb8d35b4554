/**
 * How many servers a policy needs to reach a requirement, in how many rounds, and how far from the optimum that is.
 *
 * One seed is one farm: everybody joins a root that the seed draws, the trees stand, and then the controller begins. Its first reading
 * that meets the requirement is *first met*; when ten rounds in a row brought no change it is *trimmed*. Response delay is the server's
 * time plus the round trip to the server that a peer uses, averaged over all peers, servers being at no distance from themselves.
 *
 * With a file the topology is the same for all seeds and only the root is drawn; with a preset the seed also draws a new
 * graph of that kind, so that nothing can be tuned to one graph.
 */
import { readFile } from 'node:fs/promises';
import type { Margin, PolicyName } from '../../src/qos/index.ts';
import { presetTopology, presets, readTopology, scaleToMeanRtt } from '../../src/topology/index.ts';
import type { Topology } from '../../src/topology/index.ts';
import type { Report } from '../crew.ts';
import { optimum } from '../k-median.ts';
import { Random } from '../random.ts';
import { ServiceFarm, rootPeer } from '../service-farm.ts';
import type { Chart, Findings, Progress, Table } from './experiment.ts';
import { mean, meanSd, round, runSeeds, seedsOf } from './seeds.ts';
import type { MeanSd, SeedOptions } from './seeds.ts';

export interface QosOptions extends SeedOptions {
  /** A preset's name or a file. */
  readonly topology: string;
  /** Scales the mean round trip over all pairs to this, ms; absent: as the topology says. */
  readonly meanRttMs?: number | undefined;
  readonly serverTimeMs: number;
  readonly requirementMs: number;
  readonly policy: PolicyName;
  readonly margin: Margin;
}

export interface QosResult {
  readonly policy: PolicyName;
  readonly margin: Margin;
  readonly topology: string;
  readonly requirementMs: number;
  readonly peers: number;
  readonly seeds: number;
  /** In the end: when ten rounds brought no change. The root counts. */
  readonly servers: MeanSd;
  /** Readings up to and including the first that met the requirement. */
  readonly rounds: MeanSd;
  /** Heartbeats from the controller's start to that reading. */
  readonly heartbeats: { readonly mean: number };
  /** In the end. */
  readonly delayMs: { readonly mean: number };
  /** Promotions that succeeded, from start to end. */
  readonly installs: { readonly mean: number };
  readonly firstMeet: { readonly servers: MeanSd; readonly delayMs: { readonly mean: number } };
  /** The fewest servers that could meet the requirement, and in how many seeds that is proven. */
  readonly optimum: { readonly servers: number; readonly proven: number };
  /** Means of per-seed ratios. */
  readonly ratioToOptimum: { readonly firstMeet: number; readonly trimmed: number };
  /** Readings that missed the requirement after it was first met, summed over seeds: trimming must not cost it. */
  readonly missedAfterMeet: number;
  /** Seeds that did not reach the requirement within the limit of rounds; the figures are of the others. */
  readonly notMet: number;
}

/** The outcome of one seed. */
export interface QosOutcome {
  readonly peers: number;
  readonly met: boolean;
  readonly rounds: number;
  readonly heartbeats: number;
  readonly first: { readonly servers: number; readonly delayMs: number };
  readonly last: { readonly servers: number; readonly delayMs: number };
  readonly installs: number;
  readonly optimum: number;
  readonly proven: boolean;
  readonly missedAfterMeet: number;
  /** Per reading: simulated seconds since the start, mean delay as read and as it was, servers. */
  readonly course: readonly {
    readonly seconds: number;
    readonly readMs: number;
    readonly trueMs: number;
    readonly servers: number;
  }[];
}

export interface QosTask extends QosOptions {
  readonly seed: number;
}

const quietRounds = 10;
const mostRounds = 600;

export async function qosExperiment(
  options: QosOptions,
  progress?: Progress,
  signal?: AbortSignal,
): Promise<Findings<QosResult>> {
  const tasks = seedsOf(options).map((seed): QosTask => ({ ...options, seed }));
  const crew = { work: qosOfSeed, module: import.meta.url, jobs: options.jobs, progress, signal };
  const outcomes = await runSeeds({ ...crew, tasks });
  return findings(options, outcomes);
}

/** One farm from its start to its rest. */
export async function qosOfSeed(task: QosTask, report: Report = () => {}): Promise<QosOutcome> {
  const { seed, serverTimeMs, requirementMs, policy, margin } = task;
  const topology = await topologyOf(task, seed);
  const rootNode = new Random(seed ^ 0x726f_6f74).below(topology.size);
  const farm = new ServiceFarm({ topology, rootNode, seed, serverTimeMs, policy, margin });
  report(0.02, 'building the tree');
  farm.grow();
  const startMs = farm.farm.nowMs;
  const course: { seconds: number; readMs: number; trueMs: number; servers: number }[] = [];
  let installs = 0;
  farm.onEvent = (event): void => {
    if (event.type === 'concluded' && event.worked && event.action.action !== 'retire') installs++;
    if (event.type !== 'decided') return;
    const seconds = (farm.farm.nowMs - startMs) / 1000;
    const { figures, servers } = event.decision;
    course.push({ seconds, readMs: figures.meanMs, trueMs: farm.meanDelayMs(), servers });
  };
  farm.require({ meanMs: requirementMs, percentile: null, availability: null });
  let quiet = 0;
  while (quiet < quietRounds && course.length < mostRounds && farm.runRounds(1)) {
    const last = farm.decisions.at(-1);
    quiet = last !== undefined && last.actions.length === 0 && last.reason !== moving ? quiet + 1 : 0;
    report(Math.min(0.95, course.length / 40), `round ${course.length}, ${last?.servers ?? 1} servers`);
  }
  const firstMet = farm.decisions.findIndex(({ met }) => met);
  const best = optimum({
    size: farm.peers,
    rttMs: (a, b) => topology.rttMs(a, b),
    root: farm.node(rootPeer),
    serverTimeMs,
    requirementMs,
  });
  const at = (place: number): { servers: number; delayMs: number } => ({
    servers: course.at(place)?.servers ?? Number.NaN,
    delayMs: course.at(place)?.trueMs ?? Number.NaN,
  });
  return {
    peers: farm.peers,
    met: firstMet >= 0,
    rounds: firstMet + 1,
    heartbeats: course[firstMet]?.seconds ?? Number.NaN,
    first: at(firstMet),
    last: at(-1),
    installs,
    optimum: best.servers,
    proven: best.proven,
    missedAfterMeet:
      firstMet < 0 ? 0 : farm.decisions.slice(firstMet).filter(({ met, coverage }) => !met && coverage >= 0.8).length,
    course,
  };
}

/** The topology of a seed, at its scale. @throws TopologyError for a file that is none, or a name that is not known */
export async function topologyOf(
  { topology: name, meanRttMs }: { readonly topology: string; readonly meanRttMs?: number | undefined },
  seed: number,
): Promise<Topology> {
  const found = presets.has(name) ? presetTopology(name, seed) : readTopology(await readFile(name, 'utf8'));
  return meanRttMs === undefined ? found : scaleToMeanRtt(found, meanRttMs);
}

/** A round in which the controller only waited for clients to move does not count as a round without change. */
const moving = 'the requirement is met; clients are still moving';

function findings(options: QosOptions, outcomes: readonly QosOutcome[]): Findings<QosResult> {
  const { policy, margin, topology, requirementMs, seeds } = options;
  const met = outcomes.filter((outcome) => outcome.met);
  const over = (of: (outcome: QosOutcome) => number): number[] => met.map(of);
  const result: QosResult = {
    policy,
    margin,
    topology,
    requirementMs,
    peers: outcomes[0]?.peers ?? 0,
    seeds,
    servers: meanSd(over(({ last }) => last.servers)),
    rounds: meanSd(over(({ rounds }) => rounds)),
    heartbeats: { mean: round(mean(over(({ heartbeats }) => heartbeats))) },
    delayMs: { mean: round(mean(over(({ last }) => last.delayMs))) },
    installs: { mean: round(mean(over(({ installs }) => installs))) },
    firstMeet: {
      servers: meanSd(over(({ first }) => first.servers)),
      delayMs: { mean: round(mean(over(({ first }) => first.delayMs))) },
    },
    optimum: {
      servers: round(mean(over(({ optimum: best }) => best))),
      proven: met.filter(({ proven }) => proven).length,
    },
    ratioToOptimum: {
      firstMeet: round(mean(over(({ first, optimum: best }) => first.servers / best))),
      trimmed: round(mean(over(({ last, optimum: best }) => last.servers / best))),
    },
    missedAfterMeet: outcomes.reduce((sum, { missedAfterMeet }) => sum + missedAfterMeet, 0),
    notMet: outcomes.length - met.length,
  };
  return { result, tables: [tableOf(result)], charts: chartsOf(options, outcomes) };
}

function tableOf(result: QosResult): Table {
  const { servers, rounds, heartbeats, delayMs, firstMeet, optimum: best, ratioToOptimum } = result;
  return {
    title: `${result.policy} (${result.margin}), requirement ${result.requirementMs} ms, ${result.peers} peers, ${result.seeds} seeds`,
    columns: [{ name: 'figure' }, { name: 'mean', digits: 2 }, { name: 'sd', digits: 2 }],
    rows: [
      ['rounds until first met', rounds.mean, rounds.sd],
      ['heartbeats until first met', heartbeats.mean, ''],
      ['servers when first met', firstMeet.servers.mean, firstMeet.servers.sd],
      ['servers in the end', servers.mean, servers.sd],
      ['servers of the optimum', best.servers, ''],
      ['when first met / optimum', ratioToOptimum.firstMeet, ''],
      ['in the end / optimum', ratioToOptimum.trimmed, ''],
      ['response delay in the end, ms', delayMs.mean, ''],
      ['promotions', result.installs.mean, ''],
      ['seeds that did not meet it', result.notMet, ''],
    ],
  };
}

/** The course of the first seed: what the controller read, and the true values. */
function chartsOf({ requirementMs }: QosOptions, outcomes: readonly QosOutcome[]): Chart[] {
  const [outcome] = outcomes;
  if (outcome === undefined) return [];
  const { course } = outcome;
  const end = course.at(-1)?.seconds ?? 0;
  return [
    {
      id: 'response-delay',
      title: 'Response delay, round by round',
      caption: 'The mean delay as the root read it and as it was, against the requirement (first seed).',
      x: 'seconds since the controller began',
      y: 'mean response delay, ms',
      series: [
        { name: 'as read', points: course.map(({ seconds, readMs }) => [seconds, readMs] as const) },
        { name: 'as it was', points: course.map(({ seconds, trueMs }) => [seconds, trueMs] as const), drawn: 'points' },
        {
          name: 'requirement',
          points: [
            [0, requirementMs],
            [end, requirementMs],
          ],
          drawn: 'level',
        },
      ],
    },
    {
      id: 'servers',
      title: 'Servers, round by round',
      caption: 'How many servers there were at each reading, and how few would do (first seed).',
      x: 'seconds since the controller began',
      y: 'servers',
      series: [
        { name: 'servers', points: course.map(({ seconds, servers }) => [seconds, servers] as const), drawn: 'step' },
        {
          name: 'optimum',
          points: [
            [0, outcome.optimum],
            [end, outcome.optimum],
          ],
          drawn: 'level',
        },
      ],
    },
  ];
}
