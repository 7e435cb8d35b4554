/** One seed of the faults experiment: plain data to plain data, so that it can run in any thread. */
import type { FaultCounts } from '../engine/faults.ts';
import type { Report } from '../crew.ts';
import { faultSchedule } from '../schedule.ts';
import { patienceBeats, play } from '../stage.ts';

export const faultsRunModule = import.meta.url;

export interface FaultsTask {
  readonly seed: number;
  /** A run that has not begun by then is skipped, ms since 1970; no limit when null. */
  readonly untilMs: number | null;
}

export interface FaultsOutcome {
  readonly seed: number;
  readonly sentences: readonly string[];
  readonly faults: FaultCounts;
  readonly simulatedMs: number;
  /** Heartbeats from the end of the faults until the farm was whole and agreed; infinity if never. */
  readonly healedAfterBeats: number;
  readonly converged: boolean;
  readonly decisions: number;
  /** Clients that full servers sent on; runs with liars are not counted. */
  readonly sentOn: number;
  readonly messages: number;
}

/** Null when there was no time left. */
export function faultsRun({ seed, untilMs }: FaultsTask, _report: Report): FaultsOutcome | null {
  if (untilMs !== null && Date.now() >= untilMs) return null;
  const { farm, complaints, agreedAfterBeats, rounds, sheds } = play(faultSchedule(seed));
  return {
    seed,
    sentences: complaints,
    faults: { ...farm.faults },
    simulatedMs: farm.nowMs,
    healedAfterBeats: agreedAfterBeats,
    converged: agreedAfterBeats <= patienceBeats,
    decisions: rounds.decided,
    sentOn: sheds.told,
    messages: farm.messages,
  };
}
