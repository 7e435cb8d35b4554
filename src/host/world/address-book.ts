/**
 * Who is who: the core's small numbers, libp2p's peer ids, Ed25519 keys, and where each peer can be dialled.
 *
 * A peer id here is always an Ed25519 key in disguise (an identity multihash of it), so one follows from the other and
 * nobody has to be asked. Handles are given out in order of first mention and never again. Addresses come in two
 * kinds: *confirmed* ones (from an invite, or dialled with success) and hearsay from messages. Noise proves who answers, so
 * a wrong address costs a failed dial, no more; but hearsay never pushes out what is confirmed.
 */
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import type { PeerHandle } from '../../core/index.ts';
import { itemLimits } from '../../wire/index.ts';
import { hostOf, isLoopback, subnetOfHost } from '../../network/index.ts';

/** What is kept for a peer, at most; the wire carries as many, and so many bytes of them. */
const MAX_ADDRESSES = itemLimits.addresses;
/** The subnet of a peer with no address. No real one has this number. */
export const UNKNOWN_SUBNET = 0;

interface Entry {
  readonly peerId: string;
  readonly key: Uint8Array;
  confirmed: readonly string[];
  hearsay: readonly string[];
  /** Confirmed first, then hearsay, the most recent of each first. */
  addresses: readonly string[];
  waiting: ((addresses: readonly string[]) => void)[];
}

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

  /** The handle of a peer, new or known. @throws TypeError when it is no Ed25519 peer id */
  handleOfPeer(peerId: string): PeerHandle {
    return this.#handles.get(peerId) ?? this.#add(peerId, keyOfPeerId(peerId));
  }

  /** The handle of the peer with this key, new or known. Addresses are hearsay; none given changes nothing. */
  handleOf(key: Uint8Array, addresses: readonly string[] = []): PeerHandle {
    const handle = this.#handlesByKey.get(hex(key)) ?? this.#add(peerIdOfKey(key), key.slice());
    if (addresses.length > 0) this.learn(handle, addresses);
    return handle;
  }

  get size(): number {
    return this.#entries.length;
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

  /** The neighbourhood of the peer's best address that has one (see `subnet.ts`), or `UNKNOWN_SUBNET`. */
  subnetOf(handle: PeerHandle): number {
    for (const address of this.#entry(handle).addresses) {
      const host = hostOf(multiaddr(address));
      const subnet = host === undefined ? undefined : subnetOfHost(host);
      if (subnet !== undefined) return subnet;
    }
    return UNKNOWN_SUBNET;
  }

  /** Takes what somebody says of a peer's addresses. Useless ones are left out; the oldest hearsay makes room. */
  learn(handle: PeerHandle, addresses: readonly string[]): void {
    const entry = this.#entry(handle);
    const said = usableAddresses(entry.peerId, addresses).filter((address) => !entry.confirmed.includes(address));
    entry.hearsay = [...new Set([...said, ...entry.hearsay])];
    this.#settle(entry);
  }

  /** Takes addresses that are known to be right. They come first and stay until newer confirmed ones need the room. */
  confirm(handle: PeerHandle, addresses: readonly string[]): void {
    const entry = this.#entry(handle);
    const right = usableAddresses(entry.peerId, addresses);
    entry.confirmed = [...new Set([...right, ...entry.confirmed])].slice(0, MAX_ADDRESSES);
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
    entry.hearsay = entry.hearsay.slice(0, MAX_ADDRESSES - entry.confirmed.length);
    entry.addresses = carried([...entry.confirmed, ...entry.hearsay]);
    if (entry.addresses.length > 0) for (const answer of entry.waiting) answer(entry.addresses);
  }

  #add(peerId: string, key: Uint8Array): PeerHandle {
    const handle = this.#entries.length as PeerHandle;
    this.#entries.push({ peerId, key, confirmed: [], hearsay: [], addresses: [], waiting: [] });
    this.#handles.set(peerId, handle);
    this.#handlesByKey.set(hex(key), handle);
    return handle;
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

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex');
}
