/**
 * How a farm survives the loss of servers: a share of them is switched off at once, again and again, and the controller rebuilds.
 *
 * A farm grows and is trimmed until no more changes come. Then every twenty rounds an attack switches servers off (their connections close,
 * as of killed processes), and they stay away. A round counts as recovery when it was opened after the attack; the first that meets the
 * requirement again ends the recovery. Meanwhile every client makes requests. A request that the first server did not answer is a failure
 * for a reader without failover; one that no server answered within ten seconds is a failure for ours.
 *
 * Source: P2P Volunteers, section 4.1 (targeted attack).
 */
import type { PeerHandle } from '../../src/core/index.ts';
import type { Margin, PolicyName } from '../../src/qos/index.ts';
import type { Report } from '../crew.ts';
import { Random } from '../random.ts';
import { capacities, weakDefaults } from '../capacities.ts';
import { WaitTimes, ServiceFarm, rootPeer } from '../service-farm.ts';
import type { WorkloadShape } from '../workload.ts';
import type { Requests } from '../service-farm.ts';
import type { Chart, Findings, Progress, Table } from './experiment.ts';
import { topologyOf } from './qos.ts';
import { mean, quantile, round, runSeeds, seedsOf } from './seeds.ts';
import type { SeedOptions } from './seeds.ts';

/**
 * `random`: any servers. `heaviest`: those with the most clients. `domain`: whole networks, clients included. `root`: the origin itself,
 * which comes back after a while.
 */
export type AttackMode = 'random' | 'heaviest' | 'domain' | 'root';

export interface AttackOptions extends SeedOptions {
  /** Share of the servers, 0 to 1; ignored for `root`. */
  readonly kill: number;
  readonly mode: AttackMode;
  readonly margin: Margin;
  readonly policy?: PolicyName | undefined;
  /** A preset's name or a file. */
  readonly topology?: string | undefined;
  readonly meanRttMs?: number | undefined;
  readonly serverTimeMs?: number | undefined;
  readonly requirementMs?: number | undefined;
  /** Number of peers; one a node when absent. */
  readonly peers?: number | undefined;
  readonly attacks?: number | undefined;
  /** When users ask; steadily when absent. */
  readonly workload?: WorkloadShape | undefined;
  /** Exponent of Zipf's law over regions; 0 when absent. */
  readonly zipf?: number | undefined;
  /** Requests a second that one server manages (the root ten times as many); without limit when absent. */
  readonly capacity?: number | undefined;
  /** Share of the peers, 0 to 1, that manage only a tenth of that; and whether they say so when they volunteer. */
  readonly weak?: number | undefined;
  readonly declared?: boolean | undefined;
  /** Full servers shed load; true when absent. */
  readonly shedding?: boolean | undefined;
}

export interface AttackResult {
  readonly kill: number;
  readonly mode: AttackMode;
  readonly margin: Margin;
  readonly topology: string;
  readonly peers: number;
  readonly requirementMs: number;
  readonly seeds: number;
  readonly attacks: number;
  readonly killed: number;
  readonly recoveryRounds: { readonly mean: number; readonly p95: number };
  /** Attacks after which the requirement was not met before the next. */
  readonly notRecovered: number;
  readonly serversBefore: number;
  readonly serversPeak: number;
  /** The users' response delays, from the first round to the end: means over seeds. */
  readonly felt: { readonly meanMs: number; readonly p95Ms: number };
  /** Per seed: how often a server became full, and clients that full servers sent on. */
  readonly overload: { readonly full: number; readonly sentOn: number };
  readonly requests: Readonly<Requests> & {
    readonly failedShareWithFailover: number;
    readonly failedShareWithout: number;
  };
}

export interface AttackOutcome {
  readonly peers: number;
  readonly attacks: readonly {
    readonly killed: number;
    readonly rounds: number;
    readonly before: number;
    readonly peak: number;
  }[];
  readonly requests: Requests;
  readonly felt: { readonly meanMs: number; readonly p95Ms: number };
  readonly overload: { readonly full: number; readonly sentOn: number };
  readonly course: readonly {
    readonly seconds: number;
    readonly delayMs: number;
    readonly trueMs: number;
    readonly servers: number;
  }[];
}

export interface AttackTask extends AttackOptions {
  readonly seed: number;
}

export const attackDefaults = { topology: 'transit-stub-600', serverTimeMs: 100, requirementMs: 130, attacks: 3 };
const requestEveryMs = 2_000;
const roundsBetween = 20;
const mostGrowthRounds = 200;
const quietRounds = 3;
/** A root that was switched off comes back after this, ms. */
const rootAwayMs = 30_000;

export async function attackExperiment(
  options: AttackOptions,
  progress?: Progress,
  signal?: AbortSignal,
): Promise<Findings<AttackResult>> {
  const tasks = seedsOf(options).map((seed): AttackTask => ({ ...options, seed }));
  const crew = { work: attackOfSeed, module: import.meta.url, jobs: options.jobs, progress, signal };
  const outcomes = await runSeeds({ ...crew, tasks });
  const result = resultOf(options, outcomes);
  return { result, tables: [tableOf(result)], charts: chartsOf(result, outcomes) };
}

/** One farm under attack. */
export async function attackOfSeed(task: AttackTask, report: Report = () => {}): Promise<AttackOutcome> {
  const { seed, margin, policy = 'balanced', peers, attacks: wanted = attackDefaults.attacks } = task;
  const topology = await topologyOf(
    { topology: task.topology ?? attackDefaults.topology, meanRttMs: task.meanRttMs },
    seed,
  );
  const random = new Random(seed ^ 0x6174_7461);
  const serverTimeMs = task.serverTimeMs ?? attackDefaults.serverTimeMs;
  const farm = new ServiceFarm({
    topology,
    rootNode: random.below(topology.size),
    seed,
    serverTimeMs,
    policy,
    margin,
    ...(peers === undefined ? {} : { peers }),
    ...(task.workload === undefined && task.zipf === undefined
      ? {}
      : { workload: { shape: task.workload ?? 'poisson', everyMs: requestEveryMs, zipf: task.zipf ?? 0 } }),
    ...(task.shedding === undefined ? {} : { shedding: task.shedding }),
    ...(task.capacity === undefined && task.weak === undefined
      ? {}
      : capacities({
          seed,
          perSecond: task.capacity ?? weakDefaults.perSecond,
          weak: task.weak ?? 0,
          declared: task.declared ?? false,
          requestEveryMs,
        })),
  });
  report(0.02, 'building the tree');
  farm.grow();
  const course: { seconds: number; delayMs: number; trueMs: number; servers: number }[] = [];
  const overload = { full: 0, sentOn: 0 };
  farm.onEvent = (event): void => {
    if (event.type === 'fullness-changed' && event.full !== null) overload.full++;
    if (event.type === 'shed') overload.sentOn += event.clients.length;
    if (event.type !== 'decided') return;
    const { figures, servers } = event.decision;
    course.push({ seconds: farm.farm.nowMs / 1000, delayMs: figures.meanMs, trueMs: farm.meanDelayMs(), servers });
  };
  farm.require({ meanMs: task.requirementMs ?? attackDefaults.requirementMs, percentile: null, availability: null });
  farm.felt = new WaitTimes();
  grow(farm, (share) => report(0.05 + 0.4 * share, 'growing until it is still'));
  Object.assign(farm.requests, { total: 0, failedWithFailover: 0, failedWithout: 0 });
  const attacks: AttackOutcome['attacks'][number][] = [];
  for (let n = 0; n < wanted; n++) {
    report(0.5 + (0.5 * n) / wanted, `attack ${n + 1} of ${wanted}`);
    attacks.push(attack(farm, task, random));
  }
  const felt = { meanMs: farm.felt.meanMs, p95Ms: farm.felt.p95Ms };
  return { peers: farm.peers, attacks, requests: farm.requests, felt, overload, course };
}

/** Runs until the requirement is met and several rounds in a row brought no change. */
function grow(farm: ServiceFarm, report: (share: number) => void): void {
  let quiet = 0;
  for (let n = 0; n < mostGrowthRounds && quiet < quietRounds; n++) {
    if (!farm.runRounds(1)) break;
    const last = farm.decisions.at(-1);
    quiet = last?.met === true && last.actions.length === 0 ? quiet + 1 : 0;
    report(n / 40);
  }
  if (!farm.decisions.some(({ met }) => met))
    throw new Error(`the requirement was not met within ${farm.decisions.length} rounds: nothing to attack`);
}

function attack(farm: ServiceFarm, { mode, kill }: AttackTask, random: Random): AttackOutcome['attacks'][number] {
  const before = farm.servers().length;
  const victims = victimsOf(farm, mode, kill, random);
  const servers = victims.filter((victim) => farm.farm.peer(victim)?.state.ctx.isServer() ?? false).length;
  const atSeconds = Math.floor(farm.farm.nowMs / 1000);
  for (const victim of victims) farm.farm.crash(victim, true);
  if (mode === 'root') farm.farm.after(rootAwayMs, () => farm.restart(rootPeer));
  const seen = farm.decisions.length;
  let peak = 0;
  let rounds = Number.POSITIVE_INFINITY;
  const fresh = (): typeof farm.decisions =>
    farm.decisions.slice(seen).filter((decision) => decision.round > atSeconds);
  for (let n = 0; n < roundsBetween; n++) {
    if (!farm.runRounds(1)) break;
    peak = Math.max(peak, farm.servers().length);
    const meeting = fresh().findIndex(({ met }) => met);
    if (meeting >= 0) rounds = Math.min(rounds, meeting + 1);
  }
  return { killed: servers, rounds, before, peak };
}

/** The targets. The root is spared unless it is the target. */
function victimsOf(farm: ServiceFarm, mode: AttackMode, share: number, random: Random): PeerHandle[] {
  if (mode === 'root') return [rootPeer];
  const servers = farm.servers().filter(({ role }) => role !== 'root');
  const count = Math.min(servers.length, Math.max(share > 0 ? 1 : 0, Math.round(share * (servers.length + 1))));
  if (mode === 'heaviest') {
    const weight = (server: (typeof servers)[number]): number => server.state.clients.extent().size;
    return [...servers]
      .sort((a, b) => weight(b) - weight(a))
      .slice(0, count)
      .map(({ self }) => self);
  }
  const shuffled = [...servers];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as (typeof servers)[number], shuffled[i] as (typeof servers)[number]];
  }
  if (mode === 'random') return shuffled.slice(0, count).map(({ self }) => self);
  const domainOf = (peer: PeerHandle): number => farm.options.topology.domain(farm.node(peer));
  const domains = new Set<number>();
  let hit = 0;
  for (const { self } of shuffled) {
    if (hit >= count) break;
    if (domainOf(self) === domainOf(rootPeer)) continue;
    domains.add(domainOf(self));
    hit = servers.filter((server) => domains.has(domainOf(server.self))).length;
  }
  return farm.farm
    .living()
    .map(({ self }) => self)
    .filter((peer) => domains.has(domainOf(peer)));
}

function resultOf(options: AttackOptions, outcomes: readonly AttackOutcome[]): AttackResult {
  const attacks = outcomes.flatMap((outcome) => outcome.attacks);
  const recovered = attacks.map(({ rounds }) => rounds);
  const sum = (of: (requests: Requests) => number): number =>
    outcomes.reduce((all, { requests }) => all + of(requests), 0);
  const total = sum((requests) => requests.total);
  const failedWithFailover = sum((requests) => requests.failedWithFailover);
  const failedWithout = sum((requests) => requests.failedWithout);
  const whole = recovered.filter((rounds) => Number.isFinite(rounds));
  return {
    kill: options.kill,
    mode: options.mode,
    margin: options.margin,
    topology: options.topology ?? attackDefaults.topology,
    peers: outcomes[0]?.peers ?? 0,
    requirementMs: options.requirementMs ?? attackDefaults.requirementMs,
    seeds: options.seeds,
    attacks: attacks.length,
    killed: attacks.reduce((all, { killed }) => all + killed, 0),
    recoveryRounds: {
      mean: round(mean(whole)),
      p95: Math.min(quantile(recovered, 0.95), roundsBetween),
    },
    notRecovered: recovered.length - whole.length,
    serversBefore: round(mean(attacks.map(({ before }) => before))),
    serversPeak: round(mean(attacks.map(({ peak }) => peak))),
    felt: {
      meanMs: round(mean(outcomes.map(({ felt }) => felt.meanMs))),
      p95Ms: round(mean(outcomes.map(({ felt }) => felt.p95Ms))),
    },
    overload: {
      full: round(mean(outcomes.map(({ overload }) => overload.full))),
      sentOn: round(mean(outcomes.map(({ overload }) => overload.sentOn))),
    },
    requests: {
      total,
      failedWithFailover,
      failedWithout,
      failedShareWithFailover: total === 0 ? 0 : failedWithFailover / total,
      failedShareWithout: total === 0 ? 0 : failedWithout / total,
    },
  };
}

function tableOf(result: AttackResult): Table {
  const { recoveryRounds, requests, felt, overload } = result;
  const percent = (share: number): string => `${(100 * share).toFixed(4)}%`;
  return {
    title:
      `${Math.round(100 * result.kill)}% of the servers switched off (${result.mode}), ` +
      `margin ${result.margin}, ${result.peers} peers, ${result.attacks} attacks`,
    columns: [{ name: 'figure' }, { name: 'value', digits: 2 }],
    rows: [
      ['servers switched off', result.killed],
      ['rounds to the requirement, mean', recoveryRounds.mean],
      ['rounds to the requirement, p95', recoveryRounds.p95],
      ['attacks without recovery', result.notRecovered],
      ['servers before', result.serversBefore],
      ['servers at the peak', result.serversPeak],
      ['users waited, mean, ms', felt.meanMs],
      ['users waited, p95, ms', felt.p95Ms],
      ['servers that were full, a run', overload.full],
      ['clients that they sent on, a run', overload.sentOn],
      ['requests', requests.total],
      ['failed with failover', percent(requests.failedShareWithFailover)],
      ['would have failed without', percent(requests.failedShareWithout)],
    ],
  };
}

function chartsOf({ requirementMs }: AttackResult, outcomes: readonly AttackOutcome[]): Chart[] {
  const course = outcomes[0]?.course ?? [];
  const [from, to] = [course[0]?.seconds ?? 0, course.at(-1)?.seconds ?? 0];
  return [
    {
      id: 'response-delay-under-attack',
      title: 'Response delay under attack',
      caption: 'Each peak is an attack; the controller brings the delay back under the requirement (first seed).',
      x: 'seconds',
      y: 'mean response delay, ms',
      series: [
        { name: 'as read by the root', points: course.map(({ seconds, delayMs }) => [seconds, delayMs] as const) },
        {
          name: 'requirement',
          points: [
            [from, requirementMs],
            [to, requirementMs],
          ],
          drawn: 'level',
        },
      ],
    },
    {
      id: 'servers-under-attack',
      title: 'Servers under attack',
      caption: 'Servers that were switched off are replaced, a few too many at first, and trimmed again (first seed).',
      x: 'seconds',
      y: 'servers',
      series: [
        { name: 'servers', points: course.map(({ seconds, servers }) => [seconds, servers] as const), drawn: 'step' },
      ],
    },
  ];
}
