/**
 * Plays one run again and says what went wrong:
 *
 *     node dist/simulator/replay.js --seed 7 [--events]            a seed of `banyan simulate faults`
 *     node dist/simulator/replay.js '{"seed":7,"peers":20,…}'      a schedule, as property tests print it
 *
 * Exits 1 when anything did. With `--events` every event of the run is printed with its time, for reading what led there.
 */
import { parseArgs } from 'node:util';
import { faultSchedule } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { play } from './stage.ts';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, events: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [json] = positionals;
if ((json === undefined) === (values.seed === undefined)) {
  console.error("usage: node dist/simulator/replay.js (--seed <seed> | '<schedule as JSON>') [--events]");
  process.exit(2);
}
const schedule = json === undefined ? faultSchedule(Number(values.seed)) : (JSON.parse(json) as Schedule);
const outcome = play(schedule, { prepare: (farm) => (farm.recording = values.events) });
for (const { atMs, peer, event } of outcome.farm.events)
  console.log(`${atMs} ms, peer ${peer}: ${JSON.stringify(event)}`);
console.log(`whole after ${outcome.wholeAfterBeats} heartbeats, membership agreed after ${outcome.agreedAfterBeats}`);
console.log(`trace hash ${outcome.farm.traceHash}`);
for (const complaint of outcome.complaints) console.log(complaint);
process.exitCode = outcome.complaints.length > 0 ? 1 : 0;
