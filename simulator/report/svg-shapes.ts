/** What a chart is drawn from: numbers, words and marks as SVG. */

/** A coordinate, to a tenth: the same on every machine, and no finer than an eye sees. */
export function figure(value: number): string {
  return String(Math.round(value * 10) / 10 + 0);
}

/** Safe inside an element or a quoted attribute of XML and HTML. Characters that XML forbids become `?`. */
export function escaped(words: string): string {
  return (
    words
      // eslint-disable-next-line no-control-regex -- finding control characters is what this is for.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}

export function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${figure(x)}" y="${figure(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(words)}</text>`;
}

export type MarkShape = 'circle' | 'square' | 'triangle' | 'diamond' | 'cross' | 'plus';

/** A mark around a point, filled (or, for strokes, drawn) in the colour of look `look`. */
export function mark(shape: MarkShape, x: number, y: number, size: number, look: number): string {
  const [a, b] = [figure(x), figure(y)];
  const wide = figure(size * 1.25);
  const long = figure(size * 2.5);
  const left = (share: number): string => figure(x - size * share);
  const top = (share: number): string => figure(y - size * share);
  switch (shape) {
    case 'circle':
      return `<circle class="f${look}" cx="${a}" cy="${b}" r="${figure(size)}"/>`;
    case 'square': {
      const side = figure(size * 1.9);
      return `<rect class="f${look}" x="${left(0.95)}" y="${top(0.95)}" width="${side}" height="${side}"/>`;
    }
    case 'triangle':
      return `<path class="f${look}" d="M${a} ${top(1.3)}l${wide} ${figure(size * 2.2)}h-${long}z"/>`;
    case 'diamond': {
      const high = figure(size * 1.4);
      return `<path class="f${look}" d="M${a} ${top(1.4)}l${wide} ${high}l-${wide} ${high}l-${wide} -${high}z"/>`;
    }
    case 'cross': {
      const side = figure(size * 2);
      return `<path class="l${look}" stroke-width="2" d="M${left(1)} ${top(1)}l${side} ${side}m0 -${side}l-${side} ${side}"/>`;
    }
    case 'plus': {
      const [half, whole] = [figure(size * 1.2), figure(size * 2.4)];
      return `<path class="l${look}" stroke-width="2" d="M${left(1.2)} ${b}h${whole}m-${half} -${half}v${whole}"/>`;
    }
  }
}

/** About how wide words are in a wide sans-serif face, at a font size; generous, as nobody can measure here. */
export function widthOf(words: string, fontSize: number, isBold = false): number {
  let ems = 0;
  for (const letter of words) {
    if (/[iljtfr.,:;'|!()[\] ]/.test(letter)) ems += 0.36;
    else if (/[mwMW%@–—…]/.test(letter)) ems += 0.9;
    else if (/[A-Z]/.test(letter)) ems += 0.7;
    else ems += letter.charCodeAt(0) > 0x2e80 ? 1 : 0.615;
  }
  return ems * fontSize * (isBold ? 1.12 : 1);
}

/** Lines that fit into this width. */
export function wrapped(words: string, width: number, fontSize: number, isBold = false): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words.split(/\s+/).filter((each) => each !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || widthOf(longer, fontSize, isBold) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}
