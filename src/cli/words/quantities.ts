/**
 * Sizes, rates, durations and counts as people write them, and back.
 *
 * `500MB` and `2GiB` are different things to those who care (1000 against 1024) and the same mistake to everybody else, so both
 * are taken at their word. A duration without a unit is refused: 30 seconds and 30 milliseconds are too far apart to guess.
 * Every parser throws a `QuantityError` whose message ends the sentence that the caller begins with the option's name.
 */

/** A text that does not mean what is asked for. The message says what was met and shows what is meant. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['byte', 1],
  ['bytes', 1],
  ...['k', 'm', 'g', 't', 'p'].flatMap((prefix, index): [string, number][] => [
    [prefix, 1000 ** (index + 1)],
    [`${prefix}b`, 1000 ** (index + 1)],
    [`${prefix}i`, 1024 ** (index + 1)],
    [`${prefix}ib`, 1024 ** (index + 1)],
  ]),
]);

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['sec', 1000],
  ['second', 1000],
  ['seconds', 1000],
  ['m', 60_000],
  ['min', 60_000],
  ['minute', 60_000],
  ['minutes', 60_000],
  ['h', 3_600_000],
  ['hour', 3_600_000],
  ['hours', 3_600_000],
  ['d', 86_400_000],
  ['day', 86_400_000],
  ['days', 86_400_000],
  ['w', 604_800_000],
  ['week', 604_800_000],
  ['weeks', 604_800_000],
]);

/** Bytes, a whole number: `500MB`, `2GiB`, `1.5 gb`, `4096`. @throws QuantityError */
export function parseSize(text: string): number {
  const [, figure = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = sizeUnits.get(unit.toLowerCase());
  if (figure === '' || factor === undefined) throw wrong(text, 'a size', 'for example 500MB, 2GiB or 4096 (bytes)');
  return whole(text, Number(figure) * factor, 'a size');
}

/** Bytes; 0 stands for no limit. @throws QuantityError */
export function parseSizeLimit(text: string): number {
  return isUnlimited(text) ? 0 : positive(text, parseSize(text), 'a size');
}

/** Bytes a second; 0 stands for no limit: `5MB`, `5MB/s`, `40Mbit/s`, `40Mbps` (bits), `unlimited`. @throws QuantityError */
export function parseRateLimit(text: string): number {
  if (isUnlimited(text)) return 0;
  const perSecond = text
    .trim()
    .replace(/bps$/, 'bit')
    .replace(/\s*(\/\s*s|ps)$/i, '');
  const [, bits] = /^(.*?)bits?$/i.exec(perSecond) ?? [];
  try {
    const bytes = bits === undefined ? parseSize(perSecond) : Math.floor(parseSize(bits) / 8);
    return positive(text, bytes, 'a rate');
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    throw wrong(text, 'a rate', 'for example 5MB/s, 40Mbit/s or unlimited');
  }
}

/** Milliseconds, a whole number: `120ms`, `30s`, `1.5h`, `1d12h`. @throws QuantityError */
export function parseDurationMs(text: string): number {
  const example = 'for example 120ms, 30s, 5m, 12h or 7d';
  const compact = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(compact) && Number(compact) !== 0)
    throw wrong(text, 'a duration: the unit is missing', example);
  if (compact === '0') return 0;
  const part = /(\d+(?:\.\d+)?)\s*([a-z]+)\s*/y;
  let totalMs = 0;
  do {
    const [, figure = '', unit = ''] = part.exec(compact) ?? [];
    const factor = durationUnits.get(unit);
    if (factor === undefined) throw wrong(text, 'a duration', example);
    totalMs += Number(figure) * factor;
  } while (part.lastIndex < compact.length);
  return whole(text, totalMs, 'a duration');
}

/** Milliseconds above 0. @throws QuantityError */
export function parsePositiveDurationMs(text: string): number {
  return positive(text, parseDurationMs(text), 'a duration');
}

/** A whole number from `min` to `max`. */
export function parseWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const bounds = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
    throw wrong(text, 'a number in range', `a whole number, ${bounds}`);
  };
}

/** A TCP port; 0 stands for any free one. @throws QuantityError */
export const parsePort = parseWhole(0, 65_535);

/** How many; 0 stands for no limit. @throws QuantityError */
export function parseCountLimit(text: string): number {
  return isUnlimited(text) ? 0 : parseWhole(1, 1_000_000)(text);
}

/** Four significant digits at most, decimal units: 512 B, 1.5 kB, 20.1 MB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`;
}

/** The two largest parts: 850 ms, 42 s, 3 min 5 s, 2 d 4 h. */
export function formatDurationMs(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  let rest = Math.floor(durationMs / 1000);
  const parts: string[] = [];
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(' ');
}

/** `1 file`, `3 files`. */
export function formatCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function isUnlimited(text: string): boolean {
  return ['unlimited', 'none', '0'].includes(text.trim().toLowerCase());
}

function whole(text: string, value: number, what: string): number {
  if (value > Number.MAX_SAFE_INTEGER) throw wrong(text, `${what} in range`, 'a smaller one');
  return Math.round(value);
}

function positive(text: string, value: number, what: string): number {
  if (value < 1) throw wrong(text, `${what} above zero`, 'a larger one');
  return value;
}

function wrong(text: string, what: string, example: string): QuantityError {
  return new QuantityError(`"${text.length > 40 ? `${text.slice(0, 37)}...` : text}" is not ${what}; write ${example}`);
}
