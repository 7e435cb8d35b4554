/**
 * One machine of a simulated farm: its disk, its uplink, and the world of the peer that runs on it.
 *
 * A machine outlives its peer: persisted records survive a crash. A farm may have a million machines, so parts that most never need (a disk
 * with records) are made at first use, and the farm keeps in its own arrays what every event needs.
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

/** What a farm provides to its machines. */
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
  /** It died in the middle of a call, after a write to disk: nothing that follows in that call takes effect. */
  tore(host: Host): void;
  /** Whether a peer may ever start from a disk: else nothing is written. */
  readonly keepsDisks: boolean;
}

export class Host implements World {
  readonly handle: PeerHandle;
  readonly #surroundings: Surroundings;
  /** It died in the call that is under way. */
  torn = false;
  /** Died in silence: nothing on this machine resets connections. */
  silent = false;
  /** How its peer was last started. */
  start: Omit<Start, 'records'>;
  /** Messages from and to it take this many times as long. */
  slowness = 1;
  /** When the last message that it sent will have left the uplink, ms. */
  uplinkFreeMs = 0;
  /** It dies right after its next write to disk. */
  doomed = false;
  #disk: Map<string, DurableRecord> | null = null;

  constructor(handle: PeerHandle, surroundings: Surroundings, start: Omit<Start, 'records'>) {
    this.handle = handle;
    this.#surroundings = surroundings;
    this.start = start;
  }

  /** The records on its disk, in the order in which they were last written. */
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
    // A map keeps the place of a key that is set again; the latest record must be the last.
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
