/**
 * Who is who: the core's small numbers, libp2p's peer ids, Ed25519 keys, and where each peer can be dialled.
 *
 * A peer id here is always an Ed25519 key in disguise (an identity multihash of it), so one follows from the other and
 * nobody has to be asked. Handles are given out in order of first mention and never again. Peers that were only named in messages, or
 * only met, leave the book when it is full: first those of whoever brought most, so that nobody can push out what others told. A
 * handle whose peer has left stands for nobody, and cannot be reached. Addresses come in two
 * kinds: *confirmed* ones (from an invite, or dialled with success) and hearsay from messages. Noise proves who answers, so
 * a wrong address costs a failed dial, no more; but hearsay never pushes out what is confirmed.
 */
import { randomBytes } from 'node:crypto';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import type { PeerHandle } from '../../core/index.ts';
import { itemLimits } from '../../wire/index.ts';
import { hostOf, isLoopback, subnetOfHost } from '../../network/index.ts';

/** What is kept for a peer, at most; the wire carries as many, and so many bytes of them. */
const mostAddresses = itemLimits.addresses;
/** The subnet of a peer with no address. No real one has this number. */
export const unknownSubnet = 0;

interface Entry {
  readonly peerId: string;
  readonly key: Uint8Array;
  confirmed: readonly string[];
  hearsay: readonly string[];
  /** Confirmed first, then hearsay, the most recent of each first. */
  addresses: readonly string[];
  waiting: ((addresses: readonly string[]) => void)[];
  /** Who named this peer in a message, `metGroup` if it came itself, null once it is known to be needed: it then stays. */
  broughtBy: string | null;
}

/** Where peers are counted that came themselves. No peer id looks like this. */
const metGroup = '';
/** Peers that leave a full book at once, at most. */
const mostLeaving = 1_024;
const defaultCapacity = 500_000;

/** The 32 bytes of the Ed25519 key in a peer id. @throws TypeError when it is no peer id, or one of another kind of key */
export function keyOfPeerId(peerId: string): Uint8Array {
  let id;
  try {
    id = peerIdFromString(peerId);
  } catch (cause) {
    throw new TypeError(`'${peerId}' is not a peer id`, { cause });
  }
  if (id.type !== 'Ed25519') throw new TypeError(`The peer id ${peerId} is of a kind of key other than Ed25519`);
  return id.publicKey.raw;
}

/** The peer id of an Ed25519 key of 32 bytes. @throws TypeError for another length */
export function peerIdOfKey(key: Uint8Array): string {
  if (key.byteLength !== 32) throw new TypeError(`An Ed25519 key has 32 bytes, this has ${key.byteLength}`);
  return peerIdFromPublicKey(publicKeyFromRaw(key)).toString();
}

/**
 * What of a list of addresses is worth keeping for a peer: TCP at an IP address or a name, without a trailing
 * `/p2p/<this peer>`, each once. Loopback addresses count only where there is nothing else, as in a farm on one machine.
 */
export function usableAddresses(peerId: string, addresses: readonly string[]): string[] {
  const usable = new Map<string, boolean>();
  for (const text of addresses) {
    const parsed = dialable(peerId, text);
    if (parsed !== undefined) usable.set(parsed.address, parsed.isLocal);
  }
  const all = [...usable];
  const remote = all.filter(([, isLocal]) => !isLocal);
  return (remote.length > 0 ? remote : all).map(([address]) => address);
}

function dialable(peerId: string, text: string): { address: string; isLocal: boolean } | undefined {
  let parsed;
  try {
    parsed = multiaddr(text);
  } catch {
    return undefined; // what others say of addresses may be nonsense; it is left out
  }
  const parts = parsed.getComponents();
  const last = parts.at(-1);
  if (last?.name === 'p2p') {
    if (last.value !== peerId) return undefined;
    parts.pop();
  }
  const [host, port, more] = parts;
  if (host?.value === undefined || port?.name !== 'tcp' || Number(port.value) === 0 || more !== undefined)
    return undefined;
  if (!['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(host.name)) return undefined;
  if (/^(?:0\.0\.0\.0|[0:]+|(?:22[4-9]|2[3-5]\d)\..*|ff[0-9a-f]{2}:.*)$/i.test(host.value)) return undefined;
  const isLocal = host.name.startsWith('ip') ? isLoopback(host.value) : host.value === 'localhost';
  return { address: `/${host.name}/${host.value}/tcp/${port.value}`, isLocal };
}

export class AddressBook {
  readonly #entries: Entry[] = [];
  readonly #handles = new Map<string, PeerHandle>();
  readonly #handlesByKey = new Map<string, PeerHandle>();
  /** Peers that may leave, by who brought them, the one to leave next first. */
  readonly #passing = new Map<string, Set<PeerHandle>>();
  /** What a handle stands for whose peer has left. */
  readonly #nobody: Entry;
  readonly #capacity: number;

  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity;
    const key = Uint8Array.from(randomBytes(32));
    this.#nobody = entryOf(peerIdOfKey(key), key, null);
  }

  /** The handle of a peer, new or known. @throws TypeError when it is no Ed25519 peer id */
  handleOfPeer(peerId: string): PeerHandle {
    const handle = this.#handles.get(peerId) ?? this.#add(peerId, keyOfPeerId(peerId), null);
    this.keep(handle);
    return handle;
  }

  /** The handle of a peer that came here itself, new or known. It stays longer than all that were met before it. */
  met(peerId: string): PeerHandle {
    const handle = this.#handles.get(peerId) ?? this.#add(peerId, keyOfPeerId(peerId), metGroup);
    const entry = this.#entry(handle);
    if (entry.broughtBy === null) return handle;
    this.#move(handle, entry, metGroup);
    return handle;
  }

  /** The handle of a peer that another has named, new or known. Null when the book is full of peers that stay. */
  namedBy(sender: string, key: Uint8Array, addresses: readonly string[]): PeerHandle | null {
    const known = this.#handlesByKey.get(hex(key));
    if (known === undefined && this.size >= this.#capacity && !this.#makeRoom()) return null;
    const handle = known ?? this.#add(peerIdOfKey(key), key.slice(), sender);
    if (addresses.length > 0) this.learn(handle, addresses);
    return handle;
  }

  /** This peer is needed: it does not leave any more. */
  keep(handle: PeerHandle): void {
    const entry = this.#entries[handle];
    if (entry !== undefined && entry.broughtBy !== null) this.#move(handle, entry, null);
  }

  /** The handle of the peer with this key, new or known. Addresses are hearsay; none given changes nothing. */
  handleOf(key: Uint8Array, addresses: readonly string[] = []): PeerHandle {
    const handle = this.#handlesByKey.get(hex(key)) ?? this.#add(peerIdOfKey(key), key.slice(), null);
    this.keep(handle);
    if (addresses.length > 0) this.learn(handle, addresses);
    return handle;
  }

  /** Peers in the book now. */
  get size(): number {
    return this.#handles.size;
  }

  /** Whether the peer with this key has a handle. */
  knows(key: Uint8Array): boolean {
    return this.#handlesByKey.has(hex(key));
  }

  peerIdOf(handle: PeerHandle): string {
    return this.#entry(handle).peerId;
  }

  /** The 32 bytes of the peer's Ed25519 key. Not to be changed. */
  keyOf(handle: PeerHandle): Uint8Array {
    return this.#entry(handle).key;
  }

  /** Where the peer can be dialled, the best first, without `/p2p/…`; empty when nobody has said. */
  addressesOf(handle: PeerHandle): readonly string[] {
    return this.#entry(handle).addresses;
  }

  /** The neighbourhood of the peer's best address that has one (see `subnet.ts`), or `unknownSubnet`. */
  subnetOf(handle: PeerHandle): number {
    for (const address of this.#entry(handle).addresses) {
      const host = hostOf(multiaddr(address));
      const subnet = host === undefined ? undefined : subnetOfHost(host);
      if (subnet !== undefined) return subnet;
    }
    return unknownSubnet;
  }

  /** Takes what somebody says of a peer's addresses. Useless ones are left out; the oldest hearsay makes room. */
  learn(handle: PeerHandle, addresses: readonly string[]): void {
    const entry = this.#entry(handle);
    if (entry === this.#nobody) return;
    const said = usableAddresses(entry.peerId, addresses).filter((address) => !entry.confirmed.includes(address));
    entry.hearsay = [...new Set([...said, ...entry.hearsay])];
    this.#settle(entry);
  }

  /** Takes addresses that are known to be right. They come first and stay until newer confirmed ones need the room. */
  confirm(handle: PeerHandle, addresses: readonly string[]): void {
    const entry = this.#entry(handle);
    if (entry === this.#nobody) return;
    const right = usableAddresses(entry.peerId, addresses);
    entry.confirmed = [...new Set([...right, ...entry.confirmed])].slice(0, mostAddresses);
    entry.hearsay = entry.hearsay.filter((address) => !entry.confirmed.includes(address));
    this.#settle(entry);
  }

  /** Forgets what was known: the peer itself says that its addresses are these. For this peer's own above all. */
  replace(handle: PeerHandle, addresses: readonly string[]): void {
    const entry = this.#entry(handle);
    entry.confirmed = [];
    entry.hearsay = [];
    this.confirm(handle, addresses);
  }

  /** The peer's addresses as soon as there are any, or none after `timeoutMs`. */
  async whenKnown(handle: PeerHandle, timeoutMs: number): Promise<readonly string[]> {
    const entry = this.#entry(handle);
    if (entry.addresses.length > 0) return entry.addresses;
    return await new Promise((resolve) => {
      const answer = (addresses: readonly string[]): void => {
        clearTimeout(timer);
        entry.waiting = entry.waiting.filter((waiting) => waiting !== answer);
        resolve(addresses);
      };
      const timer = setTimeout(() => answer([]), timeoutMs);
      entry.waiting.push(answer);
    });
  }

  #settle(entry: Entry): void {
    entry.hearsay = entry.hearsay.slice(0, mostAddresses - entry.confirmed.length);
    entry.addresses = carried([...entry.confirmed, ...entry.hearsay]);
    if (entry.addresses.length > 0) for (const answer of entry.waiting) answer(entry.addresses);
  }

  #add(peerId: string, key: Uint8Array, broughtBy: string | null): PeerHandle {
    if (broughtBy === metGroup && this.size >= this.#capacity) this.#makeRoom();
    const handle = this.#entries.length as PeerHandle;
    const entry = entryOf(peerId, key, null);
    this.#entries.push(entry);
    this.#move(handle, entry, broughtBy);
    this.#handles.set(peerId, handle);
    this.#handlesByKey.set(hex(key), handle);
    return handle;
  }

  /** Makes it the last to leave of those that `broughtBy` brought; null for one that stays. */
  #move(handle: PeerHandle, entry: Entry, broughtBy: string | null): void {
    if (entry.broughtBy !== null) {
      const group = this.#passing.get(entry.broughtBy);
      group?.delete(handle);
      if (group?.size === 0) this.#passing.delete(entry.broughtBy);
    }
    entry.broughtBy = broughtBy;
    if (broughtBy === null) return;
    const group = this.#passing.get(broughtBy);
    if (group === undefined) this.#passing.set(broughtBy, new Set([handle]));
    else group.add(handle);
  }

  /** Lets the longest known of the largest group go. False when all stay. */
  #makeRoom(): boolean {
    let largest = new Set<PeerHandle>();
    for (const group of this.#passing.values()) if (group.size > largest.size) largest = group;
    const leaving = [...largest].slice(0, Math.min(mostLeaving, Math.ceil(largest.size / 2)));
    for (const handle of leaving) {
      const entry = this.#entry(handle);
      this.#move(handle, entry, null);
      this.#handles.delete(entry.peerId);
      this.#handlesByKey.delete(hex(entry.key));
      this.#entries[handle] = this.#nobody;
    }
    return leaving.length > 0;
  }

  #entry(handle: PeerHandle): Entry {
    const entry = this.#entries[handle];
    if (entry === undefined) throw new RangeError(`no peer has the handle ${handle}`);
    return entry;
  }
}

/** Those of a list, the best first, that go out with a message that introduces their peer. */
export function carried(addresses: readonly string[]): readonly string[] {
  let room: number = itemLimits.addressesBytes;
  return addresses.filter((address) => {
    const bytes = Buffer.byteLength(address);
    if (bytes > itemLimits.addressBytes || bytes > room) return false;
    room -= bytes;
    return true;
  });
}

function entryOf(peerId: string, key: Uint8Array, broughtBy: string | null): Entry {
  return { peerId, key, confirmed: [], hearsay: [], addresses: [], waiting: [], broughtBy };
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex');
}
