/**
 * Writes protobuf's wire format: tags, varints, length-delimited values.
 *
 * The counterpart of `reader.ts`. A nested value's length precedes it but is known only afterwards: one byte is reserved for it, and the
 * value is moved up in the rare case that the length needs more. The buffer doubles up to `limit`; beyond that, writing throws, so a
 * message that the other side would refuse is never sent.
 */
import { WireError } from './wire-error.ts';

/** protobuf's wire types that are in use: varint, 64 bits, length-delimited, 32 bits. Groups (3, 4) are refused. */
export type WireType = 0 | 1 | 2 | 5;

const highBit = 0x80;

export class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #limit = 0;

  /** Starts a new message of at most `limit` bytes. */
  reset(limit: number): void {
    this.#length = 0;
    this.#limit = limit;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  tag(field: number, wireType: WireType): void {
    this.varint(field * 8 + wireType);
  }

  /** A safe non-negative integer in 1 to 8 bytes; the caller has checked that it is one. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= highBit) {
      this.#bytes[this.#length++] = (rest % highBit) | highBit;
      rest = Math.floor(rest / highBit);
    }
    this.#bytes[this.#length++] = rest;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** Bytes without a length prefix. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Bytes with a length prefix. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Opens a nested value; give the mark to `close` when it is written. */
  open(): number {
    this.#reserve(1);
    this.#length += 1;
    return this.#length;
  }

  close(mark: number): void {
    const size = this.#length - mark;
    let extra = 0;
    for (let rest = size; rest >= highBit; rest = Math.floor(rest / highBit)) extra += 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(mark + extra, mark, this.#length);
    }
    this.#length = mark - 1;
    this.varint(size);
    this.#length = mark + extra + size;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (this.#length > this.#limit) this.#refuse();
    if (needed <= this.#bytes.length) return;
    // A few bytes of slack: a varint reserves its longest form.
    if (needed > this.#limit + 8) this.#refuse();
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  #refuse(): never {
    throw new WireError('too-large', `more than the ${this.#limit} bytes that a message of this kind may have`);
  }

  /** Throws unless the written bytes fit the limit. */
  finish(): void {
    if (this.#length > this.#limit) this.#refuse();
  }
}
