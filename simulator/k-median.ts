/**
 * The optimum that placement is compared with: the fewest servers with which the farm's mean response delay meets a requirement.
 *
 * A farm cannot know all round trips; a simulation can, so the ratio to the optimum says how good a placement is. The delay of a peer is
 * the server time plus the round trip to its nearest server; servers count with round trip 0; the root is always one of them. For a given
 * number of servers this is the k-median problem, which is NP-hard; so the search goes from both sides. Placements come from greedy choice
 * and interchange (`optimum/interchange.ts`): they show that a number of servers is enough. A Lagrangian bound with branching
 * (`optimum/lagrangian-bound.ts`) shows that one fewer is not. Where the two meet the answer is `proven`; else it is the best known, and
 * the true optimum may be lower.
 *
 * Deterministic: the same problem gives the same answer, on any machine; effort is counted in steps, not in seconds.
 * Source: Resende and Werneck, "A hybrid heuristic for the p-median problem", 2004; Cornuéjols, Fisher and Nemhauser, 1977.
 */
import { Interchange } from './optimum/interchange.ts';
import { LagrangianBound } from './optimum/lagrangian-bound.ts';
import { Random } from './random.ts';

export interface PlacementProblem {
  /** How many peers there are, 0 to size - 1. */
  readonly size: number;
  /** Round trips in ms: row-wise `size` x `size`, or a function of two peers. */
  readonly rttMs: Float64Array | ((from: number, to: number) => number);
  /** A peer that is a server in any case. */
  readonly root: number;
  /** What a server needs for an answer, ms. */
  readonly serverTimeMs: number;
}

export interface DelayProblem extends PlacementProblem {
  /** What the mean response delay over all peers may be at most, ms. */
  readonly requirementMs: number;
}

export interface Placement {
  /** Sorted by number, the root among them. */
  readonly members: readonly number[];
  /** Mean response delay over all peers, ms. */
  readonly meanMs: number;
}

export interface Optimum extends Placement {
  /** How many members, the root included. */
  readonly servers: number;
  /** Whether it is certain that one server fewer cannot meet the requirement. */
  readonly proven: boolean;
}

/**
 * The fewest servers that meet the requirement.
 * @throws RangeError when no number of servers can: the requirement is below the server time
 */
export function optimum(problem: DelayProblem): Optimum {
  const { size, root, serverTimeMs, requirementMs } = problem;
  if (requirementMs < serverTimeMs)
    throw new RangeError(`no placement can meet ${requirementMs} ms: the server alone needs ${serverTimeMs} ms`);
  const costs = matrixOf(problem);
  // A hair more than the requirement allows, for sums that are rounded.
  const allowed = size * (requirementMs - serverTimeMs) * (1 + 1e-12) + 1e-9;
  const search = new Interchange(costs, size, root);
  let best = search.greedyUntil(allowed);
  let proven = true;
  while (best.length > 1) {
    const fewer = best.length - 1;
    const from = [search.greedy(fewer), search.withoutLeast(best)];
    let found = search.improveFirst(from, allowed);
    if (search.costOf(found) > allowed) {
      const bound = new LagrangianBound(costs, size, root, fewer, search.distancesOf(found));
      let verdict = bound.rootBound(allowed, search.costOf(found));
      if (verdict.proven) break;
      found = perturbed(search, verdict.members === null ? found : better(search, found, verdict.members), allowed);
      if (search.costOf(found) > allowed) {
        verdict = bound.branch(allowed, search.costOf(found));
        if (verdict.members !== null && search.costOf(verdict.members) <= allowed) found = verdict.members;
        else {
          proven = verdict.proven;
          break;
        }
      }
    }
    best = search.improveFirst([found], 0);
  }
  return { servers: best.length, ...placementOf(search, problem, best), proven };
}

/** The best known placement of `servers` servers, the root included. */
export function bestPlacement(problem: PlacementProblem, servers: number): Placement {
  const { size, root } = problem;
  if (!Number.isInteger(servers) || servers < 1 || servers > size)
    throw new RangeError(`cannot place ${servers} servers among ${size} peers`);
  const search = new Interchange(matrixOf(problem), size, root);
  const starts = [search.greedy(servers)];
  if (servers < size) starts.push(search.withoutLeast(search.improveFirst([search.greedy(servers + 1)], 0)));
  return placementOf(search, problem, perturbed(search, search.improveFirst(starts, 0), 0));
}

/** The result of greedy choice alone: each server where it helps most, one after the other. The yardstick that the search must beat. */
export function greedyPlacement(problem: PlacementProblem, servers: number): Placement {
  const search = new Interchange(matrixOf(problem), problem.size, problem.root);
  return placementOf(search, problem, search.greedy(servers));
}

const restarts = 12;

/** Shakes a placement and improves it again, a few times; keeps the best. Ends early at `enough`. */
function perturbed(search: Interchange, start: readonly number[], enough: number): readonly number[] {
  const random = new Random(start.length);
  let best = start;
  for (let restart = 0; restart < restarts && search.costOf(best) > enough; restart++) {
    const shaken = search.shaken(best, 2 + (restart % 3), random);
    best = better(search, best, search.improveFirst([shaken], enough));
  }
  return best;
}

function better(search: Interchange, one: readonly number[], other: readonly number[]): readonly number[] {
  return search.costOf(other) < search.costOf(one) ? other : one;
}

function placementOf(search: Interchange, problem: PlacementProblem, members: readonly number[]): Placement {
  const meanMs = problem.serverTimeMs + search.costOf(members) / problem.size;
  return { members: [...members].sort((a, b) => a - b), meanMs };
}

function matrixOf({ size, rttMs }: PlacementProblem): Float64Array {
  if (typeof rttMs !== 'function') {
    if (rttMs.length !== size * size)
      throw new RangeError(`${rttMs.length} round trips are no matrix of ${size} x ${size}`);
    return rttMs;
  }
  const matrix = new Float64Array(size * size);
  for (let from = 0; from < size; from++)
    for (let to = 0; to < size; to++) matrix[from * size + to] = from === to ? 0 : rttMs(from, to);
  return matrix;
}
