/**
 * Sessions: peers come, stay, go, and come back after a pause.
 *
 * Sessions are drawn from a distribution with a given median (the mean of a heavy-tailed one says little), or read from a measured trace.
 * Exponential sessions are memoryless. Weibull ones with a shape below 1 match file-sharing networks: many peers leave at once, and a peer
 * that has stayed long stays longer.
 *
 * Source for the shape: Stutzbach and Rejaie, "Understanding churn in peer-to-peer networks", 2006.
 */
import { readFile } from 'node:fs/promises';
import type { Random } from './random.ts';

/** Peer `peer` (1, 2, …; 0 is the root, which stays) is there from `arriveMs` to `leaveMs`. */
export interface PeerSession {
  readonly peer: number;
  readonly arriveMs: number;
  readonly leaveMs: number;
}

export const distributions = ['exponential', 'weibull'] as const;
export type Distribution = (typeof distributions)[number];

const weibullShape = 0.6;
/** Γ(1 + 1/0.6): a Weibull variable's mean is its scale times this. */
const weibullMean = 1.5045755;

export interface ChurnPlan {
  /** Mean number of peers present, root included. */
  readonly peers: number;
  readonly medianMs: number;
  readonly distribution: Distribution;
  readonly lengthMs: number;
}

/** Of its time, a peer is away this share: a pause is as long, on average, as a quarter of a session. */
const awayShare = 0.2;

/** The number of different peers in a plan, root included: more than are present at a time. */
export function castSize({ peers }: Pick<ChurnPlan, 'peers'>): number {
  return 1 + Math.ceil((peers - 1) / (1 - awayShare));
}

/** Sessions in order of arrival. At the beginning as many are there as later on; they arrive within the first minute. */
export function drawSessions(plan: ChurnPlan, random: Random): PeerSession[] {
  const scaleMs =
    plan.distribution === 'weibull' ? plan.medianMs / Math.LN2 ** (1 / weibullShape) : plan.medianMs / Math.LN2;
  const meanMs = plan.distribution === 'weibull' ? scaleMs * weibullMean : scaleMs;
  const pauseMs = (meanMs * awayShare) / (1 - awayShare);
  const sessions: PeerSession[] = [];
  for (let peer = 1; peer < castSize(plan); peer++) {
    let atMs = random.next() < awayShare ? random.exponential(pauseMs) : random.next() * 60_000;
    while (atMs < plan.lengthMs) {
      const stayMs =
        scaleMs * (-Math.log(1 - random.next())) ** (plan.distribution === 'weibull' ? 1 / weibullShape : 1);
      const leaveMs = atMs + Math.max(1_000, stayMs);
      sessions.push({ peer, arriveMs: atMs, leaveMs });
      atMs = leaveMs + Math.max(1_000, random.exponential(pauseMs));
    }
  }
  return inOrder(sessions);
}

/** What is wrong in a trace, with its line. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

/** A trace as a file. @throws TraceError */
export async function readTrace(path: string): Promise<PeerSession[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new TraceError(`cannot read the trace ${path}: ${(error as Error).message}`, { cause: error });
  }
  return parseTrace(text, path);
}

/** Lines of `peer,arriveS,leaveS`: any name, seconds from the beginning. A heading, empty lines and `#` remarks are skipped. */
export function parseTrace(text: string, path = 'the trace'): PeerSession[] {
  const numbers = new Map<string, number>();
  const untilMs = new Map<number, number>();
  const sessions: PeerSession[] = [];
  const lines = text
    .split(/\r?\n/)
    .map((line, at) => ({ words: line.split(',').map((word) => word.trim()), at: at + 1 }));
  const told = lines.filter(({ words: [first = ''] }) => first !== '' && !first.startsWith('#'));
  for (const [index, { words, at }] of told.entries()) {
    const [name = '', from = '', to = ''] = words;
    const [arriveS, leaveS] = [Number(from), Number(to)];
    if (index === 0 && Number.isNaN(arriveS) && Number.isNaN(leaveS)) continue;
    if (words.length !== 3 || from === '' || to === '' || !(arriveS >= 0) || !Number.isFinite(leaveS))
      throw new TraceError(
        `${path}: line ${at} is "${words.join(',')}"; write peer,arriveS,leaveS with seconds as numbers`,
      );
    if (leaveS <= arriveS)
      throw new TraceError(`${path}: line ${at}: ${name} leaves at ${leaveS} s, before it arrives at ${arriveS} s`);
    const peer = numbers.get(name) ?? numbers.size + 1;
    numbers.set(name, peer);
    sessions.push({ peer, arriveMs: arriveS * 1_000, leaveMs: leaveS * 1_000 });
  }
  const ordered = inOrder(sessions);
  for (const { peer, arriveMs, leaveMs } of ordered) {
    const name = [...numbers.keys()][peer - 1];
    if (arriveMs < (untilMs.get(peer) ?? 0))
      throw new TraceError(`${path}: ${name} arrives at ${arriveMs / 1_000} s while it is still there`);
    untilMs.set(peer, leaveMs);
  }
  if (ordered.length === 0) throw new TraceError(`${path} has no session in it; write lines of peer,arriveS,leaveS`);
  return ordered;
}

function inOrder(sessions: PeerSession[]): PeerSession[] {
  return sessions.sort((a, b) => a.arriveMs - b.arriveMs || a.peer - b.peer);
}
