/** The options that several experiments have, with their units and defaults. */
import { type OptionSpec, parseChoice, parseText, toggle, value } from '../settings/option.ts';
import { count, exponent, milliseconds, share } from './experiment-values.ts';

const policies = ['balanced', 'worst-qos'] as const;
const margins = ['lean', 'n-1'] as const;
const modes = ['random', 'heaviest', 'domain', 'root'] as const;
const workloads = ['poisson', 'diurnal', 'flash-crowd'] as const;

export const topology = value(
  'topology',
  '<topology>',
  'a file (see banyan topology), or the name of a ready-made topology',
  parseText,
  'transit-stub-100',
);

export const meanRtt = value('mean-rtt', '<ms>', 'scale the topology to this mean round trip', milliseconds, null, {
  fallbackText: 'as it is',
});

export const serverTime = value(
  'server-time',
  '<ms>',
  'service time: response delay minus round trip',
  milliseconds,
  100,
);

export const requirement = value(
  'requirement',
  '<ms>',
  'the longest mean response delay allowed (120, 120ms, 0.12s)',
  milliseconds,
  120,
);

export const policy = choice('policy', '<policy>', 'how the next server is chosen', policies, 'balanced');
export const margin = choice('margin', '<margin>', 'just enough servers, or one to spare', margins, 'lean');
export const kill = value('kill', '<share>', 'share of the servers that is killed (0.2, 20%)', share, 0.2);
export const mode = choice('mode', '<mode>', 'which servers are killed', modes, 'random');

export function seeds(otherwise = 20): OptionSpec<number> {
  return value('seeds', '<count>', 'how many runs', count(1, 1_000_000), otherwise);
}

export const seed = value('seed', '<number>', 'the first of the seeds', count(0, 2 ** 32 - 1), 1);

export const jobs = value('jobs', '<count>', 'runs at the same time', count(1, 1_024), null, {
  fallbackText: 'as many as there are cores',
});

export function peers(otherwise: number, least: number, most: number): OptionSpec<number> {
  return value('peers', '<count>', 'how many peers (300, 10k, 1M)', count(least, most), otherwise);
}

/** What users ask, and what servers bear. */
export const load = {
  workload: choice(
    'workload',
    '<shape>',
    'when users ask (steadily, by the hour of the day, all at once)',
    workloads,
    null,
  ),
  zipf: value(
    'zipf',
    '<exponent>',
    'how unevenly regions ask: 0 alike, 1 the busiest twice as often as the second',
    exponent,
    null,
  ),
  capacity: value(
    'capacity',
    '<requests>',
    'requests per second that one server can answer; the root can answer ten times as many',
    count(1, 1_000_000),
    null,
    { fallbackText: 'any number' },
  ),
  weak: value(
    'weak',
    '<share>',
    'share of the peers that are weak: they can answer a tenth of --capacity (4 requests per second without it)',
    share,
    null,
  ),
  declared: toggle('declared', 'weak peers declare their limit when they volunteer, as with --max-clients'),
  shedding: toggle('shedding', 'no load shedding: full servers neither say so nor send clients to others', {
    isOn: true,
  }),
};

/** One of a few words, which the help lists. */
export function choice<const Word extends string, Fallback extends Word | null>(
  name: string,
  placeholder: string,
  about: string,
  words: readonly Word[],
  fallback: Fallback,
): OptionSpec<Word | Fallback> {
  return value(name, placeholder, `${about}: ${words.join(', ')}`, parseChoice(words), fallback);
}
