/**
 * The values of the experiments' flags, read from text. A bare number is a time in the unit that the flag's help names; other units are
 * written out. Pure.
 */

/** A whole number within bounds, also as 10k or 1M. */
export function count(least: number, most: number): (word: string) => number {
  return (word) => {
    const [, figure = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([kM]?)\s*$/.exec(word) ?? [];
    const value = Number(figure) * (unit === 'k' ? 1e3 : unit === 'M' ? 1e6 : 1);
    if (figure === '' || !Number.isInteger(value) || value < least || value > most)
      throw new Error(`"${word}" is invalid; it must be a whole number from ${least} to ${most}`);
    return value;
  };
}

/** The exponent of Zipf's law. */
export function exponent(word: string): number {
  const value = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*$/.test(word) ? Number(word) : Number.NaN;
  if (!(value >= 0 && value <= 10))
    throw new Error(`"${word}" is invalid; it must be a number from 0 to 10, such as 1`);
  return value;
}

/** A share from 0 to 1, or in percent. */
export function share(word: string): number {
  const [, figure = '', percent = ''] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(word) ?? [];
  const value = Number(figure) / (percent === '%' ? 100 : 1);
  if (figure === '' || !(value >= 0 && value <= 1))
    throw new Error(`"${word}" is invalid; it must be a share from 0 to 1, such as 0.2, or 20%`);
  return value;
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A time in ms; a bare number is in `bareUnit`. NaN when it is none. */
function timeMs(word: string, bareUnit: string): number {
  const [, figure = '', unit = ''] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\s*$/.exec(word) ?? [];
  return figure === '' ? Number.NaN : Number(figure) * (unitsMs[unit === '' ? bareUnit : unit] ?? Number.NaN);
}

/** In ms, which is also the unit of a bare number. */
export function milliseconds(word: string): number {
  const value = timeMs(word, 'ms');
  if (!(value > 0)) throw new Error(`"${word}" is invalid; it must be a time above 0, such as 120, 120ms or 0.12s`);
  return value;
}

/** In seconds, which is also the unit of a bare number. */
export function seconds(least: number): (word: string) => number {
  return (word) => {
    const value = timeMs(word, 's') / 1_000;
    if (!(value >= least && value <= 1e7))
      throw new Error(`"${word}" is invalid; it must be a time of ${least} s or more, such as 60, 60s or 2m`);
    return value;
  };
}

/** In minutes, which is also the unit of a bare number. */
export function minutes(word: string): number {
  const value = timeMs(word, 'm') / 60_000;
  if (!(value > 0 && value <= 1e6))
    throw new Error(`"${word}" is invalid; it must be a time above 0, such as 60 (minutes), 90s, 5m or 1h`);
  return value;
}
