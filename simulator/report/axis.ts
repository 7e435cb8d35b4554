/**
 * An axis: where the marks stand, what is written at them, and where a value lies between the ends of the paper.
 *
 * Marks stand at numbers that people count in: 1, 2 or 5 times a power of ten, about six of them. The axis begins at 0 unless
 * that would press the values into a corner; a logarithmic one goes from power of ten to power of ten, with marks at 2 and 5
 * where there is room.
 *
 * Source for the steps: Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990.
 */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly marks: readonly number[];
  /** Where a value lies: 0 at `low`, 1 at `high`. */
  at(value: number): number;
  /** What is written at a mark. */
  text(mark: number): string;
}

/** An axis that shows all of these values; those that are no numbers are left out. */
export function axisFor(values: readonly number[], isLogarithmic = false, about = 6): Axis {
  const shown = values.filter((value) => Number.isFinite(value) && (!isLogarithmic || value > 0));
  if (shown.length === 0) return linearAxis(0, 1, about);
  const low = shown.reduce((least, value) => Math.min(least, value));
  const high = shown.reduce((most, value) => Math.max(most, value));
  return isLogarithmic ? logarithmicAxis(low, high) : linearAxis(low, high, about);
}

function linearAxis(least: number, most: number, about: number): Axis {
  let [from, to] = [least, most];
  if (from === to) [from, to] = from === 0 ? [0, 1] : [Math.min(0, from), Math.max(0, to)];
  // Values far from 0 that differ little are shown from near the least of them on.
  if (from > 0 && from < 0.55 * to) from = 0;
  if (to < 0 && to > 0.55 * from) to = 0;
  const step = niceStep((to - from) / about);
  const low = Math.floor(from / step + 1e-9) * step;
  const high = Math.ceil(to / step - 1e-9) * step;
  const count = Math.round((high - low) / step);
  const marks = Array.from({ length: count + 1 }, (_, index) => round(low + index * step));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    low: round(low),
    high: round(high),
    marks,
    at: (value) => (value - low) / (high - low),
    text: (mark) => grouped(mark, digits),
  };
}

function logarithmicAxis(least: number, most: number): Axis {
  const [from, to] = [Math.floor(Math.log10(least) + 1e-9), Math.ceil(Math.log10(most) - 1e-9)];
  const end = to === from ? from + 1 : to;
  const factors = end - from <= 2 ? [1, 2, 5] : [1];
  const marks: number[] = [];
  const step = Math.ceil((end - from) / 8);
  for (let power = from; power <= end; power += step)
    for (const factor of factors) if (power < end || factor === 1) marks.push(round(factor * 10 ** power));
  return {
    low: 10 ** from,
    high: 10 ** end,
    marks,
    at: (value) => (Math.log10(value) - from) / (end - from),
    text: (mark) => grouped(mark, mark < 1 ? -Math.floor(Math.log10(mark) + 1e-9) : 0),
  };
}

function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((each) => each * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** 12,500; 1 M for a million, so that long numbers do not run into each other. */
function grouped(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${short(value / 1e9)} G`;
  if (size >= 1e6) return `${short(value / 1e6)} M`;
  const [whole = '', rest] = size.toFixed(Math.min(digits, 12)).split('.');
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ',') + (rest === undefined ? '' : `.${rest}`);
  return value < 0 ? `−${text}` : text;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Without the dust that adding decimal fractions leaves. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}
