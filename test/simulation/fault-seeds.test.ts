/**
 * Farms under all faults at once, with fixed seeds: no rule is ever broken, and nearly all are whole again in time. `.ci/run` runs more of
 * them, and `npm run simulate:night` a night of them.
 */
import { describe, expect, it } from 'vitest';
import { faultKinds } from '../../simulator/engine/faults.ts';
import { faultsExperiment } from '../../simulator/experiments/faults.ts';

const seeds = 2_000;

describe('a farm under all faults at once', () => {
  it(`breaks no rule, whatever its seed, and is whole again within 120 s (${seeds} seeds)`, async () => {
    const { result } = await faultsExperiment({ seeds, firstSeed: 1, jobs: 1 }, { step() {} });
    expect(result.violations).toEqual([]);
    expect(result.seeds).toBe(seeds);
    expect(result.converged).toBeGreaterThanOrEqual(0.999);
    expect(result.decisions).toBeGreaterThan(seeds);
    expect(result.sentOn).toBeGreaterThan(seeds / 20);
    for (const kind of faultKinds) expect(result.faults[kind], kind).toBeGreaterThan(seeds / 10);
  });
});
