/** The values of the delay graphs' flags, read from text. Pure. */

export function wholeNumber(text: string): number {
  if (!/^\d{1,16}$/.test(text.trim())) throw new Error(`"${text}" is invalid; it must be a whole number, 0 or more`);
  return Number(text);
}

export function number(text: string): number {
  const read = Number(text);
  if (text.trim() === '' || !Number.isFinite(read)) throw new Error(`"${text}" is invalid; it must be a number`);
  return read;
}

/** Milliseconds, with or without the unit: 47 or 47ms. */
export function milliseconds(text: string): number {
  const figure = text.trim().replace(/ms$/, '');
  const read = figure.trim() === '' ? Number.NaN : Number(figure);
  if (!(Number.isFinite(read) && read >= 0))
    throw new Error(`"${text}" is invalid; it must be 0 or more milliseconds, such as 47 or 47ms`);
  return read;
}
