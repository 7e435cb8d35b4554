/**
 * One machine of a simulated farm: its disk, its uplink, and the world of the peer that runs on it.
 *
 * A machine outlives its peer: what is persisted stays over a crash, as on a disk. There may be a million of them, so what most
 * never need (a disk with something on it) is made when it is needed, and what every event needs the farm keeps in its own arrays.
 */
import { durableKeyOf } from '../../src/core/index.ts';
import type {
  DurableKey,
  DurableRecord,
  Message,
  PeerEvent,
  PeerHandle,
  ReleaseNotice,
  Signature,
  Signed,
  Start,
  Unsigned,
  World,
} from '../../src/core/index.ts';
import { fingerprint, isSealed, seal } from './seals.ts';

/** What a farm does for its machines. */
export interface Surroundings {
  send(from: Host, to: PeerHandle, message: Message): void;
  wakeAt(handle: PeerHandle, atMs: number): void;
  /** Closes the connection between a machine and a peer; both hear of it. */
  refuse(host: Host, peer: PeerHandle): void;
  transfer(host: Host, notice: ReleaseNotice, from: PeerHandle): void;
  dial(host: Host, peer: PeerHandle, nonce: number): void;
  tell(host: Host, event: PeerEvent): void;
  random(): number;
  subnet(peer: PeerHandle): number;
  /** It died in the middle of a call, after writing something down: nothing of what follows in that call happens. */
  tore(host: Host): void;
  /** Whether anybody will ever start from a disk: else nothing is written. */
  readonly keepsDisks: boolean;
}

export class Host implements World {
  readonly handle: PeerHandle;
  readonly #surroundings: Surroundings;
  /** It died in the call that is under way. */
  torn = false;
  /** Died without a word: nothing on this machine resets connections. */
  silent = false;
  /** How its peer was last started. */
  start: Omit<Start, 'records'>;
  /** Messages from and to it take this many times as long. */
  slowness = 1;
  /** When the last message that it sent will have left, ms. */
  uplinkFreeMs = 0;
  /** It dies as soon as it has written something down. */
  doomed = false;
  #disk: Map<string, DurableRecord> | null = null;

  constructor(handle: PeerHandle, surroundings: Surroundings, start: Omit<Start, 'records'>) {
    this.handle = handle;
    this.#surroundings = surroundings;
    this.start = start;
  }

  /** What lies on its disk, in the order in which it was last written. */
  get records(): DurableRecord[] {
    return this.#disk === null ? [] : [...this.#disk.values()];
  }

  loseDisk(): void {
    this.#disk = null;
  }

  // --- The world of its peer ------------------------------------------------------------------------------------------------

  send(to: PeerHandle, message: Message): void {
    if (!this.torn) this.#surroundings.send(this, to, message);
  }

  persist(record: DurableRecord): void {
    if (!this.#surroundings.keepsDisks || this.torn) return;
    this.#disk ??= new Map();
    const key = spelled(durableKeyOf(record));
    // A map keeps the place of what is set again: the latest record is to be the last.
    this.#disk.delete(key);
    this.#disk.set(key, record);
    this.#mayTear();
  }

  forget(key: DurableKey): void {
    if (this.torn || this.#disk?.delete(spelled(key)) !== true) return;
    this.#mayTear();
  }

  #mayTear(): void {
    if (!this.doomed) return;
    this.doomed = false;
    this.torn = true;
    this.#surroundings.tore(this);
  }

  wakeAt(atMs: number): void {
    if (!this.torn) this.#surroundings.wakeAt(this.handle, atMs);
  }

  connect(): void {
    // Any two peers that can reach each other are connected.
  }

  disconnect(): void {
    // See above.
  }

  refuse(peer: PeerHandle): void {
    if (!this.torn) this.#surroundings.refuse(this, peer);
  }

  transfer(notice: ReleaseNotice, from: PeerHandle): void {
    if (!this.torn) this.#surroundings.transfer(this, notice, from);
  }

  dial(peer: PeerHandle, nonce: number): void {
    if (!this.torn) this.#surroundings.dial(this, peer, nonce);
  }

  tell(event: PeerEvent): void {
    if (!this.torn) this.#surroundings.tell(this, event);
  }

  random(): number {
    return this.#surroundings.random();
  }

  sign(statement: Unsigned<Signed>): Signature {
    return seal(statement);
  }

  verify(statement: Signed): boolean {
    return isSealed(statement);
  }

  admits(): boolean {
    return true;
  }

  fingerprint(peer: PeerHandle): number {
    return fingerprint(peer);
  }

  subnet(peer: PeerHandle): number {
    return this.#surroundings.subnet(peer);
  }
}

function spelled({ type, which }: DurableKey): string {
  return `${type} ${which}`;
}
