/**
 * Random schedules for fast-check, which shrinks a failing one to the few deeds that matter, and the judgement over a run.
 *
 * The seed of the generator is fixed, so every run of the tests plays the same schedules; `BANYAN_SEED` and `BANYAN_RUNS`
 * (a factor) look further.
 */
import * as fc from 'fast-check';
import type { Deed, PeerAct, Schedule } from '../../simulator/schedule.ts';
import { play } from '../../simulator/stage.ts';
import type { Outcome, StageOptions } from '../../simulator/stage.ts';

const runsFactor = Number(process.env['BANYAN_RUNS'] ?? 1);

export function settings(numRuns: number): fc.Parameters<unknown> {
  return {
    numRuns: Math.ceil(numRuns * runsFactor),
    seed: Number(process.env['BANYAN_SEED'] ?? 2013),
    endOnFailure: false,
  };
}

const acts: readonly (readonly [PeerAct | 'cut', number])[] = [
  ['kill', 5],
  ['power-cut', 4],
  ['restart', 5],
  ['restart-blank', 2],
  ['volunteer', 7],
  ['drain', 3],
  ['leave', 2],
  ['note', 5],
  ['release', 1],
  ['readdress', 1],
  ['cut', 3],
];

function deeds(peers: number, least: number, most: number): fc.Arbitrary<Deed[]> {
  const peer = fc.nat(peers - 1);
  const afterMs = fc.integer({ min: 0, max: 4_000 });
  const ofAct = (act: PeerAct | 'cut'): fc.Arbitrary<Deed> =>
    act === 'cut'
      ? fc.record({ act: fc.constant(act), afterMs, peer, other: peer, forMs: fc.integer({ min: 500, max: 15_000 }) })
      : fc.record({ act: fc.constant(act), afterMs, peer });
  const deed = fc.oneof(...acts.map(([act, weight]) => ({ arbitrary: ofAct(act), weight })));
  return fc.array(deed, { minLength: least, maxLength: most, size: 'max' });
}

export interface Shape {
  readonly peers?: readonly [number, number];
  readonly deeds?: readonly [number, number];
  /** The largest share of peers that no other can dial. */
  readonly unreachableShare?: number;
}

/** Farms of 20 to 40 peers with 20 to 80 deeds, unless the shape says otherwise. */
export function schedules(shape: Shape = {}): fc.Arbitrary<Schedule> {
  const [fewest, most] = shape.peers ?? [20, 40];
  const [least, largest] = shape.deeds ?? [20, 80];
  return fc.integer({ min: fewest, max: most }).chain((peers) =>
    fc.record({
      seed: fc.nat(),
      peers: fc.constant(peers),
      fanOut: fc.constantFrom(2, 3, 4, 8),
      arrivalsMs: fc.constantFrom(10 * peers, 50 * peers, 100 * peers),
      unreachable: fc.uniqueArray(fc.integer({ min: 1, max: peers - 1 }), {
        maxLength: Math.floor(peers * (shape.unreachableShare ?? 0.3)),
      }),
      lossShare: fc.constantFrom(0, 0.01, 0.03),
      duplicationShare: fc.constantFrom(0, 0.02),
      jitterShare: fc.constantFrom(0, 0.3, 1),
      deeds: deeds(peers, least, largest),
    }),
  );
}

/** Plays a schedule; throws with everything that is wrong and the command that replays it. */
export function playWell(schedule: Schedule, options: StageOptions = {}): Outcome {
  const outcome = play(schedule, options);
  if (outcome.complaints.length > 0) throw new Error(`${outcome.complaints.join('\n')}\n\n${replay(schedule)}`);
  return outcome;
}

/** The command that replays this run. */
export function replay(schedule: Schedule): string {
  return `node dist/simulator/replay.js '${JSON.stringify(schedule)}'`;
}
