/**
 * Peers between processes: handles become keys and addresses, and back.
 *
 * A message carries a table with one entry for each peer that it mentions: the 32 bytes of the peer's Ed25519 key, and its addresses if the
 * message introduces the peer as one to dial. Fields hold positions in that table: 1 for the first entry, 0 for nobody. When a message is
 * read, positions become handles only after the whole message is found valid, so a malformed message leaves nothing behind in the address
 * book.
 */
import { NOBODY } from '../core/index.ts';
import type { PeerHandle } from '../core/index.ts';
import { itemLimits } from './limits.ts';
import type { Reader } from './reader.ts';
import { RecordLayout } from './records.ts';
import { utf8Bytes } from './utf8.ts';
import { bytes, list, text } from './values.ts';
import type { Sink, Source } from './values.ts';
import { WireError, placed } from './wire-error.ts';
import { Writer } from './writer.ts';

/** The functions of the address book, which gives out handles, that the wire needs. */
export interface PeerNames {
  /** The peer's Ed25519 public key, 32 bytes. */
  keyOf(handle: PeerHandle): Uint8Array;
  /** The addresses that others can dial, the best first; only the first eight of at most 256 bytes are sent. */
  addressesOf(handle: PeerHandle): readonly string[];
  /**
   * The handle of the peer with this key, new or known. `addresses` are hearsay, for dialling (noise proves the key); an empty list means
   * no news, not "none". The key is 32 bytes and nothing more is known of it: it need not lie on the curve.
   */
  handleOf(key: Uint8Array, addresses: readonly string[]): PeerHandle;
}

interface PeerEntry {
  readonly key: Uint8Array;
  readonly addresses: readonly string[];
}

/** The encoding of an entry of the table. */
export const peerLayout = new RecordLayout<PeerEntry>('Peer', {
  key: [1, bytes(32, 32)],
  addresses: [2, list(text(itemLimits.addressBytes), itemLimits.addresses)],
});

/** Collects the peers that a message mentions while it is written. */
export class TableSink implements Sink {
  readonly signing = false;
  readonly writer = new Writer();
  readonly #places = new Map<PeerHandle, number>();
  readonly #introduced: boolean[] = [];

  reset(limit: number): void {
    this.writer.reset(limit);
    this.#places.clear();
    this.#introduced.length = 0;
  }

  writePeer(peer: PeerHandle, introduced: boolean): void {
    if (peer === NOBODY) {
      this.writer.varint(0);
      return;
    }
    let place = this.#places.get(peer);
    if (place === undefined) {
      place = this.#places.size + 1;
      if (place > itemLimits.peers)
        throw new WireError('list-length', `more than ${itemLimits.peers} peers in one message`);
      this.#places.set(peer, place);
      this.#introduced.push(introduced);
    } else if (introduced) {
      this.#introduced[place - 1] = true;
    }
    this.writer.varint(place);
  }

  /** Writes the entries, each as a field of this number. */
  writeTable(field: number, names: Pick<PeerNames, 'keyOf' | 'addressesOf'>): void {
    for (const [peer, place] of this.#places) {
      const addresses = this.#introduced[place - 1] === true ? sendable(names.addressesOf(peer)) : [];
      this.writer.tag(field, 2);
      const mark = this.writer.open();
      peerLayout.write(this, { key: names.keyOf(peer), addresses });
      this.writer.close(mark);
    }
  }
}

function sendable(addresses: readonly string[]): readonly string[] {
  const short = (address: string): boolean =>
    address.length * 3 <= itemLimits.addressBytes || utf8Bytes(address).length <= itemLimits.addressBytes;
  return addresses.filter(short).slice(0, itemLimits.addresses);
}

interface Mention {
  readonly target: object;
  readonly key: string | number;
  readonly place: number;
  readonly introduced: boolean;
}

/** Remembers where a message mentions peers while it is read. */
export class TableSource implements Source {
  readonly reader: Reader;
  readonly #mentions: Mention[];

  /** `whole`: the source of the whole message, when `reader` is over a part of it; its mentions are shared. */
  constructor(reader: Reader, whole?: TableSource) {
    this.reader = reader;
    this.#mentions = whole === undefined ? [] : whole.#mentions;
  }

  mention(target: object, key: string | number, place: number, introduced: boolean): void {
    this.#mentions.push({ target, key, place, introduced });
  }

  /** Reads entry number `i` of the table. */
  readEntry(reader: Reader, i: number): PeerEntry {
    try {
      return peerLayout.read(new TableSource(reader, this));
    } catch (error) {
      throw placed(error, `peers[${i}]`);
    }
  }

  /** Replaces positions by handles. Throws before the first handle is asked for if a position is not in the table. */
  resolve(entries: readonly PeerEntry[], names: Pick<PeerNames, 'handleOf'>): void {
    const seen = new Set<string>();
    for (const { key } of entries) seen.add(String.fromCharCode(...key));
    if (seen.size < entries.length) throw new WireError('duplicate-field', 'the table lists one peer twice');
    const introduced = new Set<number>();
    for (const mention of this.#mentions) {
      if (mention.place > entries.length) {
        throw new WireError('out-of-range', `peer ${mention.place} of a table of ${entries.length} is mentioned`);
      }
      if (mention.introduced) introduced.add(mention.place);
    }
    const handles = new Map<number, PeerHandle>([[0, NOBODY]]);
    for (const { target, key, place } of this.#mentions) {
      let handle = handles.get(place);
      const entry = entries[place - 1];
      if (handle === undefined && entry !== undefined) {
        handle = names.handleOf(entry.key, introduced.has(place) ? entry.addresses : []);
        handles.set(place, handle);
      }
      Object.assign(target, { [key]: handle });
    }
  }
}
