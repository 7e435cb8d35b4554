/** RFC 4648 base32 in small letters, without padding: ids that survive being read aloud and used in host names. */

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

export function base32(bytes: Uint8Array): string {
  let text = '';
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((pending >> bits) & 31);
    }
    pending &= (1 << bits) - 1;
  }
  if (bits > 0) text += alphabet.charAt((pending << (5 - bits)) & 31);
  return text;
}
