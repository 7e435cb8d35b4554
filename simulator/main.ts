/**
 * Plays random schedules, seed after seed, and says which of them went wrong:
 *
 *     node dist/simulator/main.js --from 1 --seeds 300 [--peers 20] [--deeds 60] [--json]
 *
 * Each failing seed is printed with the command that plays it again. Exits 1 when there was one, 2 for arguments that make no sense.
 */
import { parseArgs } from 'node:util';
import { randomSchedule } from './schedule.ts';
import { play } from './stage.ts';

const usage =
  'usage: node dist/simulator/main.js [--from SEED] [--seeds COUNT] [--peers COUNT] [--deeds COUNT] [--json]';
const reportEvery = 50;

interface Wanted {
  readonly from: number;
  readonly seeds: number;
  readonly peers: number;
  readonly deeds: number;
  readonly json: boolean;
}

function wantedFrom(words: readonly string[]): Wanted {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...words],
    options: { from: text, seeds: text, peers: text, deeds: text, json: { type: 'boolean' } },
  });
  const whole = (name: 'from' | 'seeds' | 'peers' | 'deeds', fallback: number, least: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < least)
      throw new RangeError(`--${name} is "${values[name]}"; it must be a whole number from ${least} on`);
    return value;
  };
  return {
    from: whole('from', 1, 0),
    seeds: whole('seeds', 100, 1),
    peers: whole('peers', 20, 2),
    deeds: whole('deeds', 60, 0),
    json: values.json ?? false,
  };
}

function run({ from, seeds, peers, deeds, json }: Wanted): number {
  const violations: { readonly seed: number; readonly complaints: readonly string[]; readonly replay: string }[] = [];
  const wholeAfterBeats: number[] = [];
  for (let seed = from; seed < from + seeds; seed++) {
    const schedule = randomSchedule(seed, peers, deeds);
    const outcome = play(schedule);
    wholeAfterBeats.push(outcome.wholeAfterBeats);
    if (outcome.complaints.length > 0) {
      const replay = `node dist/simulator/replay.js '${JSON.stringify(schedule)}'`;
      violations.push({ seed, complaints: outcome.complaints, replay });
      console.error(`seed ${seed}: ${outcome.complaints.join('; ')}\n  ${replay}`);
    }
    if ((seed - from + 1) % reportEvery === 0)
      console.error(`${seed - from + 1} of ${seeds} seeds, ${violations.length} with violations`);
  }
  wholeAfterBeats.sort((a, b) => a - b);
  const p95 = wholeAfterBeats[Math.floor(wholeAfterBeats.length * 0.95)] ?? 0;
  if (json)
    console.log(
      JSON.stringify({
        kind: 'simulation',
        from,
        seeds,
        peers,
        deeds,
        wholeAfterBeats: { p95, max: wholeAfterBeats.at(-1) },
        violations,
      }),
    );
  else
    console.log(
      `${seeds} seeds of ${peers} peers and ${deeds} deeds: ${violations.length} with violations; whole again after ${p95} heartbeats at p95`,
    );
  return violations.length === 0 ? 0 : 1;
}

try {
  process.exitCode = run(wantedFrom(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof RangeError || (error instanceof TypeError && 'code' in error))) throw error;
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
