/**
 * What an owner asks of the farm, as people write it, and back: `120ms` (the mean), `p95=200ms`, `99.9%` (of requests answered).
 *
 * Each of the three may be asked for, once, in any order; together they are one requirement.
 */
import type { Requirement } from '../../qos/index.ts';
import { QuantityError, parsePositiveDurationMs } from './quantities.ts';

const example = 'write 120ms (the mean), p95=200ms or 99.9%';
/** Shares are kept in millionths. */
const million = 1_000_000;

/** Null when nothing is written. @throws QuantityError */
export function parseRequirement(texts: readonly string[]): Requirement | null {
  const found: { -readonly [Key in keyof Requirement]: Requirement[Key] } = {
    meanMs: null,
    percentile: null,
    availability: null,
  };
  const wishes = texts.flatMap((text) => text.split(',')).map((text) => text.trim());
  const once = (key: keyof Requirement, what: string): void => {
    if (found[key] !== null) throw new QuantityError(`${what} is asked for twice; ${example}, each once`);
  };
  for (const wish of wishes) {
    if (wish === '') throw new QuantityError(`is empty; ${example}`);
    if (wish.toLowerCase() === 'none' && wishes.length === 1) return null;
    const [, percent] = /^(?:availability\s*=\s*)?(\d+(?:\.\d+)?)\s*%$/i.exec(wish) ?? [];
    const [, rank, limit = ''] = /^p\s*(\d+(?:\.\d+)?)\s*=\s*(.*)$/i.exec(wish) ?? [];
    if (percent !== undefined) {
      once('availability', 'the share of answered requests');
      found.availability = shareOf(percent, wish, true);
    } else if (rank !== undefined) {
      once('percentile', 'a percentile of the delay');
      found.percentile = { share: shareOf(rank, wish, false), ms: parsePositiveDurationMs(limit) };
    } else {
      once('meanMs', 'the mean delay');
      found.meanMs = parsePositiveDurationMs(wish.replace(/^mean\s*=\s*/i, ''));
    }
  }
  return found;
}

function shareOf(percent: string, wish: string, mayBeAll: boolean): number {
  const ppm = Math.round(Number(percent) * (million / 100));
  if (ppm > 0 && (ppm < million || (mayBeAll && ppm === million))) return ppm / million;
  throw new QuantityError(`"${wish}" asks for ${percent}%, which is out of range; ${example}`);
}

/** As it could be written: `120ms, p95=200ms, 99.9%`. */
export function formatRequirement(requirement: Requirement | null): string {
  const { meanMs = null, percentile = null, availability = null } = requirement ?? {};
  const wishes = [
    meanMs === null ? null : `${meanMs}ms`,
    percentile === null ? null : `p${percentOf(percentile.share)}=${percentile.ms}ms`,
    availability === null ? null : `${percentOf(availability)}%`,
  ].filter((wish) => wish !== null);
  return wishes.length === 0 ? 'none' : wishes.join(', ');
}

/** In words: `a mean delay of at most 120 ms and 99.9% of the requests answered`. */
export function tellRequirement({ meanMs, percentile, availability }: Requirement): string {
  return [
    meanMs === null ? null : `a mean delay of at most ${meanMs} ms`,
    percentile === null ? null : `at most ${percentile.ms} ms for ${percentOf(percentile.share)}% of the clients`,
    availability === null ? null : `${percentOf(availability)}% of the requests answered`,
  ]
    .filter((wish) => wish !== null)
    .join(' and ');
}

/** A share as a percentage, without needless zeros: 0.999 -> "99.9". */
export function percentOf(share: number): string {
  return String(Number((share * 100).toFixed(4)));
}
