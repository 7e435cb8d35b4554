/**
 * The meaningful lines of a text, each with its number: shared by the readers of line-based formats.
 *
 * Blank lines and lines that start with # are skipped. Numbers are read strictly, because "12abc" in a measured table means a damaged file,
 * not twelve.
 */
import { shown, TopologyError } from './topology-error.ts';

export interface TextLine {
  /** Counted from 1. */
  readonly number: number;
  /** Without blanks at either end. */
  readonly text: string;
}

export function linesOf(text: string): TextLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Whether a word is a decimal number and nothing else. */
export function isNumber(word: string): boolean {
  return decimal.test(word) && Number.isFinite(Number(word));
}

/** @throws TopologyError naming the line, the value and what it should be */
export function readNumber(word: string, line: number, what: string): number {
  if (!isNumber(word)) throw new TopologyError(`${what} is ${shown(word)}; it must be a number`, line);
  return Number(word);
}

/** A number of 0 or more, such as a length or a delay. */
export function readAmount(word: string, line: number, what: string): number {
  const value = readNumber(word, line, what);
  if (value < 0) throw new TopologyError(`${what} is ${shown(word)}; it must be 0 or more`, line);
  return value;
}

/** A whole number from 0 to below `limit`. */
export function readIndex(word: string, line: number, what: string, limit: number): number {
  if (!/^\d{1,15}$/.test(word)) throw new TopologyError(`${what} is ${shown(word)}; it must be a whole number`, line);
  const value = Number(word);
  if (value >= limit) throw new TopologyError(`${what} is ${value}; it must be below ${limit}`, line);
  return value;
}
