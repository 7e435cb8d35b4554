/**
 * Text as bytes: strictly RFC 3629.
 *
 * The pure folders have no `TextDecoder` (it belongs to the platform, not to the language). Strictness matters here: an overlong form, a
 * surrogate or a stray continuation byte could make one name look like another to two peers.
 */
import { WireError } from './wire-error.ts';

/** The UTF-8 bytes of `text`. Throws `WireError` for half of a surrogate pair, which UTF-8 cannot encode. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) {
      throw new WireError('utf8', `text with half of a surrogate pair (U+${point.toString(16).toUpperCase()})`);
    }
    if (point < 0x80) {
      bytes[length++] = point;
    } else if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[length++] = 0xe0 | (point >> 12);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (point >> 18);
      bytes[length++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.subarray(0, length);
}

/** The text in these bytes. Throws `WireError` unless they are valid UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    if (length === 4 && (first < 0xf0 || first > 0xf4)) throw invalid(at, first);
    let point = length === 1 ? first : first & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const next = bytes[at + i] ?? 0;
      if ((next & 0xc0) !== 0x80) throw invalid(at, first);
      point = (point << 6) | (next & 0x3f);
    }
    const least = length === 3 ? 0x800 : length === 4 ? 0x10000 : 0;
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw invalid(at, first);
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
}

function invalid(at: number, first: number): WireError {
  return new WireError('utf8', `no valid UTF-8: byte 0x${first.toString(16)} at position ${at} starts no character`);
}
