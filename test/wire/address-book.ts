/** Peers by handle, key and address for the tests of the wire: every handle has a key and addresses computed from it. */
import { createHash } from 'node:crypto';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { PeerNames } from '../../src/wire/index.ts';

/** The key of peer number `n`, the same in every book. */
export function keyNumber(n: number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`peer ${n}`).digest());
}

/** An address book as a host keeps one: handles are given out in the order in which keys are heard of. */
export class AddressBook implements PeerNames {
  readonly #keys: Uint8Array[] = [];
  readonly #handles = new Map<string, PeerHandle>();
  /** What `handleOf` was told, in order. */
  readonly heard: { readonly handle: PeerHandle; readonly addresses: readonly string[] }[] = [];
  readonly #addresses: (handle: PeerHandle) => readonly string[];

  constructor(
    addresses: (handle: PeerHandle) => readonly string[] = (handle) => [`/ip4/10.0.0.${100 + (handle % 100)}/tcp/4001`],
  ) {
    this.#addresses = addresses;
  }

  /** A book in which the handles 0 to `count - 1` stand for the peers of these numbers. */
  static of(count: number, number: (handle: number) => number = (handle) => handle): AddressBook {
    const book = new AddressBook();
    for (let handle = 0; handle < count; handle++) book.#add(keyNumber(number(handle)));
    return book;
  }

  #add(key: Uint8Array): PeerHandle {
    const handle = this.#keys.length as PeerHandle;
    this.#keys.push(key);
    this.#handles.set(Buffer.from(key).toString('hex'), handle);
    return handle;
  }

  keyOf(handle: PeerHandle): Uint8Array {
    const key = this.#keys[handle];
    if (key === undefined) throw new Error(`nobody has handle ${handle}`);
    return key;
  }

  addressesOf(handle: PeerHandle): readonly string[] {
    return this.#addresses(handle);
  }

  handleOf(key: Uint8Array, addresses: readonly string[]): PeerHandle {
    const handle = this.#handles.get(Buffer.from(key).toString('hex')) ?? this.#add(key);
    this.heard.push({ handle, addresses });
    return handle;
  }
}
