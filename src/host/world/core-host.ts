/**
 * The world that a real peer lives in: libp2p for messages, SQLite for what must not be forgotten, the machine's clock.
 *
 * Every call into the core is one *turn*. What the core asks for in a turn is gathered; what it persists is committed in one
 * transaction, and only then do the messages leave: so the promise of `World.persist` costs one fsync a turn, and most turns
 * persist nothing. If the disk refuses, the turn's messages do not leave, the person is told, and the peer lives on.
 *
 * A call that throws is a defect of ours. It broke off somewhere in the middle, so what it had asked for so far is half of something:
 * nothing of it is sent, written or told, the person is, and the peer is helped up (`Peer.revive`). A message that cannot be encoded
 * concerns itself alone.
 */
import type { EventEmitter } from 'node:events';
import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { NOBODY, Peer, theRules } from '../../core/index.ts';
import type {
  DurableRecord,
  MakeLayer,
  Message,
  PeerHandle,
  ReleaseNotice,
  Signature,
  Signed,
  Start,
  TreeOptions,
  Unsigned,
  World,
} from '../../core/index.ts';
import {
  WireError,
  decode,
  decodeDurable,
  encode,
  encodeDurable,
  encodeDurableKey,
  statementBytes,
} from '../../wire/index.ts';
import type { CommitEvent, Happening } from '../happenings.ts';
import type { DurableRows, RowChange } from '../node-state.ts';
import type { AddressBook } from './address-book.ts';
import type { FarmClock } from './clock.ts';
import type { HostLogger, Network } from '../../network/index.ts';
import { DialBacks } from './dial-backs.ts';
import { BookFullError, Strangers, TooManyStrangersError } from './strangers.ts';

export interface CoreHostOptions {
  readonly network: Network;
  readonly book: AddressBook;
  readonly rows: DurableRows;
  readonly clock: FarmClock;
  readonly serviceId: string;
  readonly options: TreeOptions;
  /** What sits on the overlay; nothing when left out. */
  readonly makeLayers?: readonly MakeLayer[];
  readonly logger: HostLogger;
  /** Signs with this peer's key. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  /** Whether a credential lets a peer (by its peer id) in. */
  readonly admits: (peerId: string, credential: Uint8Array) => boolean;
  /** Fetch and install; ends in `installed` or `installFailed`. */
  readonly transfer: (notice: ReleaseNotice, from: string) => void;
  /** Told of what happened in the core and to its commits, and of what others gave to `tell`; never within a turn. */
  readonly happened: (happening: Happening) => void;
  /** Something is wrong, as a sentence; null when it is well again. Never called within a turn. */
  readonly onProblem: (about: HostProblem, sentence: string | null) => void;
}

/** For messages that their sender may not say: they are read, so that what is malformed is noticed, and nobody in them is remembered. */
const nameless = { handleOf: () => NOBODY };

/** A message could not be encoded; a call into the core broke off. */
export type HostProblem = 'message' | 'turn';

const reviveAgainMs = 1_000;
/** Keys that are kept ready to verify with. */
const mostKeys = 8_192;

export class CoreHost {
  readonly peer: Peer;
  readonly self: PeerHandle;
  readonly #given: CoreHostOptions;
  readonly #keys = new Map<PeerHandle, KeyObject>();
  readonly #strangers: Strangers;
  readonly #dialBacks: DialBacks;
  readonly #changes: RowChange[] = [];
  readonly #outbox: { readonly to: PeerHandle; readonly message: Message }[] = [];
  readonly #happenings: Happening[] = [];
  /** The kind of the last message that could not be encoded; null when it could again. */
  #unsayable: Message['kind'] | null = null;
  readonly #refusals: { readonly peer: PeerHandle; readonly what: string }[] = [];
  readonly #encoded = new WeakMap<Message, Uint8Array>();
  #inTurn = false;
  #stopped = false;
  /** The last commit failed. */
  #isDiskSick = false;
  readonly #ending: (() => void)[] = [];

  constructor(given: CoreHostOptions) {
    this.#given = given;
    this.#strangers = new Strangers(given.book, (sender) => this.peer.isStranger(given.book.met(sender)));
    this.#dialBacks = new DialBacks(given.network, given.book, given.logger);
    this.self = given.book.handleOfPeer(given.network.peerId);
    this.peer = new Peer(this.self, this.#world(), given.options, theRules, given.makeLayers);
    const { network } = given;
    this.#on(network, 'message', (peerId: string, bytes: Uint8Array) => this.#received(peerId, bytes));
    this.#on(network, 'disconnected', (peerId: string) => this.#lost(peerId));
    this.#on(network, 'sendFailed', (peerId: string, reason: string) => {
      given.logger.debug({ peerId, reason }, 'messages to a peer were lost');
      if (!network.isConnected(peerId)) this.#lost(peerId);
    });
  }

  /** Starts the core with what was persisted; `mend` may correct a record by what the host knows better, or drop it. */
  start(how: Omit<Start, 'records'>, mend: (record: DurableRecord) => DurableRecord | null = (record) => record): void {
    const records: DurableRecord[] = [];
    for (const row of this.#given.rows.all()) {
      const record = decodeDurable(row, this.#given.book);
      const mended = record === null ? null : mend(record);
      if (mended !== null) records.push(mended);
    }
    this.turn((peer, nowMs) => peer.start(nowMs, { ...how, records }));
  }

  /** Nothing more is received, sent or persisted. */
  stop(): void {
    this.#stopped = true;
    for (const end of this.#ending.splice(0)) end();
    this.#given.clock.cancel();
  }

  /** One call into the core: its effects take place, in their order, when it has returned. @throws what the core throws; then none does */
  turn<T>(act: (peer: Peer, nowMs: number) => T): T | undefined {
    if (this.#stopped) return undefined;
    if (this.#inTurn) throw new Error('a turn within a turn: effects must not call back into the core');
    this.#inTurn = true;
    // What the disk refused earlier is still to be written.
    const owed = this.#changes.length;
    let result: T;
    try {
      result = act(this.peer, this.#given.clock.nowMs());
    } catch (error) {
      this.#drop(owed);
      this.#revive();
      this.#inTurn = false;
      this.#brokeOff(error);
      throw error;
    } finally {
      this.#inTurn = false;
    }
    this.#settle();
    return result;
  }

  /** A turn that tells the core what happened: a fault in it is not the caller's, who goes on as if nothing had been said. */
  inform<T>(what: (peer: Peer, nowMs: number) => T): T | undefined {
    try {
      return this.turn(what);
    } catch {
      // It was told as a problem.
      return undefined;
    }
  }

  #brokeOff(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#given.logger.error({ err: error }, 'a call into the core broke off');
    const sentence = `A step of the protocol broke off, and nothing of it was sent or written: ${reason}`;
    this.#given.onProblem('turn', `${sentence}. That is a defect of this program.`);
  }

  /** What was gathered in this turn is not done. */
  #drop(owed: number): void {
    this.#changes.length = owed;
    this.#outbox.length = 0;
    this.#refusals.length = 0;
    this.#happenings.length = 0;
  }

  /** The peer goes on beating; if not even that works, it is tried again a little later. */
  #revive(): void {
    const owed = this.#changes.length;
    const { clock } = this.#given;
    try {
      this.peer.revive(clock.nowMs());
    } catch (error) {
      this.#given.logger.error({ err: error }, 'the peer could not be helped up');
      clock.wakeAt(clock.nowMs() + reviveAgainMs, () => this.inform((peer, nowMs) => peer.revive(nowMs)));
    }
    this.#drop(owed);
  }

  #settle(): void {
    const outbox = this.#outbox.splice(0);
    // What the disk refused stays, and no message leaves before it is written: it might depend on it.
    if (this.#changes.length > 0 && !this.#commit(this.#changes)) outbox.length = 0;
    else this.#changes.length = 0;
    const problems = outbox.map(({ to, message }) => this.#post(to, message));
    for (const sentence of problems) if (sentence !== undefined) this.#given.onProblem('message', sentence);
    for (const { peer, what } of this.#refusals.splice(0))
      this.#given.network.refuse(this.#given.book.peerIdOf(peer), `it sent ${what}`);
    for (const happening of this.#happenings.splice(0)) this.#given.happened(happening);
  }

  /** Passes on what happened, at once or when the turn is over: whoever listens may call into the core. */
  tell(happening: Happening): void {
    if (this.#inTurn) this.#happenings.push(happening);
    else this.#given.happened(happening);
  }

  #commit(changes: readonly RowChange[]): boolean {
    const beganMs = performance.now();
    try {
      this.#given.rows.put(changes);
      const tookMs = performance.now() - beganMs;
      if (this.#isDiskSick) this.#noteCommit({ type: 'commits-resumed' });
      this.#isDiskSick = false;
      this.#noteCommit({ type: 'committed', records: changes.length, tookMs });
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#isDiskSick = true;
      this.#noteCommit({ type: 'commit-failed', reason });
      return false;
    }
  }

  /** Told with the events of the turn, after them, when its messages have left. */
  #noteCommit(event: CommitEvent): void {
    this.#happenings.push({ from: 'commits', event });
  }

  /** Never throws: the other messages of the turn are to leave. Returns a problem to tell, null for one that is over, else undefined. */
  #post(to: PeerHandle, message: Message): string | null | undefined {
    try {
      this.#send(to, this.#bytesOf(message));
      if (this.#unsayable !== message.kind) return undefined;
      this.#unsayable = null;
      return null;
    } catch (error) {
      this.#unsayable = message.kind;
      const reason = error instanceof Error ? error.message : String(error);
      return `A message ('${message.kind}') could not be sent: ${reason}`;
    }
  }

  #bytesOf(message: Message): Uint8Array {
    let bytes = this.#encoded.get(message);
    if (bytes === undefined) {
      bytes = encode(message, this.#given.book);
      this.#encoded.set(message, bytes);
    }
    return bytes;
  }

  #send(to: PeerHandle, bytes: Uint8Array): void {
    const { network, book } = this.#given;
    const peerId = book.peerIdOf(to);
    if (!network.isConnected(peerId)) network.learn(peerId, book.addressesOf(to));
    network.send(peerId, bytes);
  }

  #received(peerId: string, bytes: Uint8Array): void {
    const { book, network, logger } = this.#given;
    const from = book.met(peerId);
    let message: Message;
    try {
      const names = this.#strangers.namesFrom(peerId);
      const heard = { whole: names, nameless, unread: null };
      const decoded = decode(bytes, (kind) => heard[this.peer.hearing(from, kind)]);
      if (decoded.type === 'unknown-kind') {
        logger.debug({ peerId, reason: decoded.reason }, 'a message was stepped over');
        return;
      }
      message = decoded.message;
    } catch (error) {
      if (error instanceof BookFullError) {
        logger.debug({ peerId, reason: error.message }, 'a message was dropped');
        return;
      }
      if (!(error instanceof WireError || error instanceof TooManyStrangersError)) throw error;
      network.refuse(peerId, error.message);
      return;
    }
    try {
      this.turn((peer, nowMs) => peer.receive(nowMs, from, message));
    } catch (error) {
      // A message that the core cannot digest is a defect of ours, but it must not be a weapon.
      logger.error({ peerId, kind: message.kind, err: error }, 'a message broke the core; its sender is let go');
      network.refuse(peerId, 'its message could not be handled');
    }
  }

  #lost(peerId: string): void {
    const handle = this.#given.book.met(peerId);
    this.inform((peer, nowMs) => peer.disconnected(nowMs, handle));
  }

  #world(): World {
    const { book, network, clock } = this.#given;
    const serviceId = Buffer.from(this.#given.serviceId);
    return {
      send: (to, message) => {
        this.#outbox.push({ to, message });
      },
      persist: (record) => {
        if ('peer' in record) book.keep(record.peer);
        // One that cannot be encoded breaks off the turn that asks for it, and not every commit after it.
        this.#changes.push(encodeDurable(record, book));
      },
      forget: (key) => {
        this.#changes.push({ ...encodeDurableKey(key, book), value: null });
      },
      wakeAt: (atMs) => clock.wakeAt(atMs, () => this.inform((peer, nowMs) => peer.wake(nowMs))),
      connect: (peer) => {
        book.keep(peer);
        const peerId = book.peerIdOf(peer);
        network.learn(peerId, book.addressesOf(peer));
        network.keep(peerId);
      },
      refuse: (peer, what) => {
        this.#refusals.push({ peer, what });
      },
      disconnect: (peer) => network.unkeep(book.peerIdOf(peer)),
      transfer: (notice, from) => this.#given.transfer(notice, book.peerIdOf(from)),
      dial: (peer, nonce) => {
        void this.#dialBacks.dial(peer).then((worked) => {
          if (worked !== null) this.inform((me, nowMs) => me.dialed(nowMs, peer, nonce, worked));
        });
      },
      tell: (event) => {
        this.#happenings.push({ from: 'peer', event });
      },
      random: () => Math.random(),
      sign: (statement: Unsigned<Signed>) => this.#given.sign(statementBytes(serviceId, statement, book)),
      verify: (statement) =>
        this.#verify(statement.issuer, statementBytes(serviceId, statement, book), statement.signature),
      admits: (peer, credential) => this.#given.admits(book.peerIdOf(peer), credential),
      fingerprint: (peer) => fingerprintOf(book.keyOf(peer)),
      subnet: (peer) => network.subnetOf(book.peerIdOf(peer)) ?? book.subnetOf(peer),
    };
  }

  #verify(issuer: PeerHandle, bytes: Uint8Array, signature: Signature): boolean {
    let key = this.#keys.get(issuer);
    if (key === undefined) {
      const x = Buffer.from(this.#given.book.keyOf(issuer)).toString('base64url');
      key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
      if (this.#keys.size >= mostKeys) this.#keys.clear();
      this.#keys.set(issuer, key);
    }
    return verify(null, bytes, key, signature);
  }

  #on(emitter: EventEmitter, name: string, listener: (...args: never[]) => void): void {
    emitter.on(name, listener as (...args: unknown[]) => void);
    this.#ending.push(() => emitter.off(name, listener as (...args: unknown[]) => void));
  }
}

/** 32 bits of a key that every process computes alike. */
function fingerprintOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0);
}
