/**
 * Reads protobuf's wire format, strictly.
 *
 * This reader refuses what a lenient one accepts: varints longer than needed (two encodings of one value let a relay change bytes without
 * changing meaning), numbers that do not fit a double exactly, groups (the only part of the format that nests without a length, so the only
 * one that could exhaust the stack when skipped), and lengths that reach beyond the enclosing value. No memory is allocated before its
 * bytes are known to be there.
 *
 * Reference: https://protobuf.dev/programming-guides/encoding/
 */
import { WireError } from './wire-error.ts';
import type { WireType } from './writer.ts';

const highestField = 2 ** 29 - 1;

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    // A plain view over the same memory: a subclass (Node's Buffer) may give `slice` another meaning.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  /** Whether the value that is being read ends here. */
  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Reads a field's tag: its number times 8 plus its wire type. */
  tag(): { readonly field: number; readonly wireType: WireType } {
    const tag = this.varint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field === 0 || field > highestField) throw new WireError('tag', `field number ${field} does not exist`);
    if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5) {
      throw new WireError('tag', `field ${field} has wire type ${wireType}, which is not in use`);
    }
    return { field, wireType };
  }

  /** A non-negative integer below 2^53 in its shortest form. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; ; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && count > 1) throw new WireError('varint', 'a number in more bytes than it needs');
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      if (count === 8) break;
      scale *= 128;
    }
    throw new WireError('varint', 'a number of 2^53 or more');
  }

  float64(): number {
    this.#need(8);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** A copy of length-prefixed bytes. */
  block(least: number, most: number): Uint8Array {
    const length = this.varint();
    if (length < least || length > most) {
      const wanted = least === most ? `exactly ${most}` : `${least} to ${most}`;
      throw new WireError('out-of-range', `${length} bytes where ${wanted} are allowed`);
    }
    this.#need(length);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  /** Enters a nested value; give the mark to `leave` when it is `done`. */
  enter(): number {
    const length = this.varint();
    this.#need(length);
    const outer = this.#end;
    this.#end = this.#at + length;
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  /** Skips the value of an unknown field. */
  skip(wireType: WireType): void {
    if (wireType === 0) {
      this.#skipVarint();
      return;
    }
    const length = wireType === 2 ? this.varint() : wireType === 1 ? 8 : 4;
    this.#need(length);
    this.#at += length;
  }

  /** Another reader over the length-prefixed value here; this one skips it. */
  branch(): Reader {
    const length = this.varint();
    this.#need(length);
    this.#at += length;
    return new Reader(this.#bytes.subarray(this.#at - length, this.#at));
  }

  /** 64 bits are allowed here: a newer peer's field may need them all. */
  #skipVarint(): void {
    for (let count = 1; count <= 10; count++) {
      const byte = this.#byte();
      if (byte >= 0x80) continue;
      if (byte === 0 && count > 1) throw new WireError('varint', 'a number in more bytes than it needs');
      if (count === 10 && byte > 1) break;
      return;
    }
    throw new WireError('varint', 'a number of more than 64 bits');
  }

  #byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++] ?? 0;
  }

  #need(count: number): void {
    if (count > this.#end - this.#at) {
      throw new WireError('truncated', `${count} more bytes are needed where only ${this.#end - this.#at} are left`);
    }
  }
}
