/**
 * Plays one schedule again and says what went wrong:
 *
 *     node dist/simulator/replay.js '{"seed":7,"peers":20,…}'
 *
 * Exits 1 when anything did. With `--events` every event of the run is printed with its time, for reading what led there.
 */
import type { Schedule } from './schedule.ts';
import { play } from './stage.ts';

const [json, flag] = process.argv.slice(2);
if (json === undefined) {
  console.error("usage: node dist/simulator/replay.js '<schedule as JSON>' [--events]");
  process.exit(2);
}
const outcome = play(JSON.parse(json) as Schedule, { prepare: (farm) => (farm.recording = flag === '--events') });
for (const { atMs, peer, event } of outcome.farm.events)
  console.log(`${atMs} ms, peer ${peer}: ${JSON.stringify(event)}`);
console.log(`whole after ${outcome.wholeAfterBeats} heartbeats, membership agreed after ${outcome.agreedAfterBeats}`);
console.log(`trace hash ${outcome.farm.traceHash}`);
for (const complaint of outcome.complaints) console.log(complaint);
process.exitCode = outcome.complaints.length > 0 ? 1 : 0;
