/**
 * A whole farm in one process and in no time: peers on a virtual clock, with latency, loss, crashes and unreachable hosts.
 *
 * Everything that happens follows from one seed, so a failure is a number that anyone can replay. The peers are the real
 * ones from `src/core`; this file is merely the world they ask things of. What a peer persists is kept over a crash, as a disk
 * would; what is in flight is not.
 */
import { Peer } from '../src/core/peer.ts';
import { mix } from '../src/core/membership.ts';
import type { Start } from '../src/core/peer.ts';
import { NOBODY } from '../src/core/ids.ts';
import type { PeerHandle, Signature } from '../src/core/ids.ts';
import type { Limits, Message, ReleaseNotice, Signed, Unsigned } from '../src/core/messages.ts';
import { defaultOptions } from '../src/core/options.ts';
import type { TreeOptions } from '../src/core/options.ts';
import { theRules } from '../src/core/rules.ts';
import type { MakeLayer } from '../src/core/layer.ts';
import type { Rules } from '../src/core/rules.ts';
import type { DurableRecord, PeerEvent, World } from '../src/core/world.ts';
import { Agenda } from './agenda.ts';
import { Random } from './random.ts';

export interface FarmOptions {
  readonly seed: number;
  /** Round trip between two peers, ms. */
  readonly rttMs: (a: PeerHandle, b: PeerHandle) => number;
  /** Share of messages that are lost, 0 to 1. TCP loses none on a living connection; this is harsher. */
  readonly loss?: number;
  /** Added to each one-way delay: up to this share of it, at random. Order on a connection is kept. */
  readonly jitter?: number;
  /** Share of messages that arrive twice, 0 to 1. */
  readonly duplication?: number;
  readonly tree?: Partial<TreeOptions>;
  readonly rules?: Rules;
  /** What sits on the overlay of this peer. */
  readonly layer?: (peer: PeerHandle) => MakeLayer | null;
  /** Whether others can dial this peer. */
  readonly reachable?: (peer: PeerHandle) => boolean;
  readonly subnet?: (peer: PeerHandle) => number;
  /** Bytes a second of a transfer; it takes size / this. */
  readonly transferBytesPerSecond?: number;
  /** A crash closes the connections (a killed process) or is silent (power loss). */
  readonly crashCloses?: boolean;
}

/** Someone who watches: told of every event after the call in which it happened. */
export interface Checker {
  readonly name: string;
  observed?(farm: SimulatedFarm, peer: PeerHandle, event: PeerEvent): void;
  /** Called when the run is over; returns sentences about what was violated. */
  verdict(farm: SimulatedFarm): string[];
}

type Happening =
  | {
      readonly type: 'message';
      readonly from: PeerHandle;
      readonly to: PeerHandle;
      readonly life: number;
      readonly message: Message;
    }
  | { readonly type: 'wake'; readonly peer: PeerHandle; readonly life: number; readonly alarm: number }
  | { readonly type: 'call'; readonly act: () => void };

interface Host {
  peer: Peer | null;
  /** Which life this is: what was meant for an earlier one is dropped. */
  life: number;
  alarm: number;
  /** Died without a word: nothing on its machine resets connections. */
  silent: boolean;
  disk: Map<string, DurableRecord>;
  start: Start;
}

export class SimulatedFarm {
  readonly options: FarmOptions;
  readonly random: Random;
  readonly tree: TreeOptions;
  nowMs = 0;
  readonly checkers: Checker[] = [];
  readonly violations: string[] = [];
  /** Every event, when recording is on. */
  readonly events: { readonly atMs: number; readonly peer: PeerHandle; readonly event: PeerEvent }[] = [];
  recording = false;
  /** Called for each message that is sent; for dialogues and byte counts. */
  onSend: (from: PeerHandle, to: PeerHandle, message: Message) => void = () => {};
  messages = 0;
  loss: number;
  duplication: number;
  #traceHash = 0;
  readonly #agenda = new Agenda<Happening>();
  readonly #hosts = new Map<PeerHandle, Host>();
  readonly #lastArrival = new Map<number, number>();
  /** Pairs where the second may speak to the first although the first cannot be dialled: the first dialled out. */
  readonly #dialledOut = new Set<number>();
  readonly #partitioned = new Set<number>();
  readonly #told: { peer: PeerHandle; event: PeerEvent }[] = [];

  constructor(options: FarmOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.tree = { ...defaultOptions, ...options.tree };
    this.loss = options.loss ?? 0;
    this.duplication = options.duplication ?? 0;
  }

  /** The same inputs gave the same run: a hash over all that happened. */
  get traceHash(): number {
    return this.#traceHash;
  }

  // --- The cast ----------------------------------------------------------------------------------------------------------

  /** Starts a peer; `disk` of an earlier life stays. */
  start(handle: PeerHandle, start: Omit<Start, 'records'>): Peer {
    const known = this.#hosts.get(handle);
    const disk = known?.disk ?? new Map<string, DurableRecord>();
    const host: Host = {
      peer: null,
      life: (known?.life ?? 0) + 1,
      alarm: 0,
      silent: false,
      disk,
      start: { ...start, records: [...disk.values()] },
    };
    this.#hosts.set(handle, host);
    const layer = this.options.layer?.(handle) ?? null;
    const peer = new Peer(handle, this.#worldOf(handle, host), this.tree, this.options.rules ?? theRules, layer);
    host.peer = peer;
    this.#run(() => peer.start(this.nowMs, host.start));
    return peer;
  }

  /** Stops a peer at once. `closes`: its machine closes the connections, as for a killed process; else it is a power loss. */
  crash(handle: PeerHandle, closes = this.options.crashCloses ?? true): void {
    const host = this.#hosts.get(handle);
    if (host?.peer == null) return;
    const neighbours = host.peer.state.links();
    host.peer = null;
    host.life++;
    host.silent = !closes;
    for (const key of this.#dialledOut) if (Math.floor(key / 0x100_0000) === handle) this.#dialledOut.delete(key);
    if (!closes) return;
    for (const neighbour of neighbours) {
      this.after(this.options.rttMs(handle, neighbour) / 2, () =>
        this.act(neighbour, (peer) => peer.disconnected(this.nowMs, handle)),
      );
    }
  }

  /** Starts a crashed peer again, with its disk or without. */
  restart(handle: PeerHandle, withDisk = true): Peer | null {
    const host = this.#hosts.get(handle);
    if (host === undefined || host.peer !== null) return null;
    if (!withDisk) host.disk.clear();
    return this.start(handle, host.start);
  }

  peer(handle: PeerHandle): Peer | null {
    return this.#hosts.get(handle)?.peer ?? null;
  }

  /** Which life of this peer it is: raised by every start and crash. */
  life(handle: PeerHandle): number {
    return this.#hosts.get(handle)?.life ?? 0;
  }

  /** All that live. */
  living(): Peer[] {
    const living: Peer[] = [];
    for (const { peer } of this.#hosts.values()) if (peer !== null) living.push(peer);
    return living;
  }

  /** Cuts, or mends, the way from `a` to `b`; one direction. */
  cut(a: PeerHandle, b: PeerHandle, cut: boolean): void {
    if (cut) this.#partitioned.add(pair(a, b));
    else this.#partitioned.delete(pair(a, b));
  }

  mendAll(): void {
    this.#partitioned.clear();
    this.loss = 0;
    this.duplication = 0;
  }

  // --- Time --------------------------------------------------------------------------------------------------------------------

  /** Lets a living peer do something now. */
  act(handle: PeerHandle, act: (peer: Peer) => void): void {
    const peer = this.peer(handle);
    if (peer !== null) this.#run(() => act(peer));
  }

  after(delayMs: number, act: () => void): void {
    this.#agenda.add(Math.ceil(this.nowMs + Math.max(0, delayMs)), { type: 'call', act });
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    while (this.#agenda.nextTick <= untilMs) this.#step();
    this.nowMs = untilMs;
  }

  /** Runs until the condition holds, looking every `lookMs`; returns whether it did within the limit. */
  runUntil(condition: () => boolean, limitMs: number, lookMs = 100): boolean {
    const endMs = this.nowMs + limitMs;
    while (this.nowMs < endMs) {
      if (condition()) return true;
      this.run(Math.min(lookMs, endMs - this.nowMs));
    }
    return condition();
  }

  /** Ends the run: the checkers' verdicts. */
  verdict(): string[] {
    for (const checker of this.checkers)
      for (const sentence of checker.verdict(this)) this.violations.push(`${checker.name}: ${sentence}`);
    return this.violations;
  }

  #step(): void {
    this.nowMs = Math.max(this.nowMs, this.#agenda.nextTick);
    const happening = this.#agenda.take();
    switch (happening.type) {
      case 'call':
        happening.act();
        return;
      case 'wake': {
        const host = this.#hosts.get(happening.peer);
        if (host?.peer == null || host.life !== happening.life || host.alarm !== happening.alarm) return;
        const { peer } = host;
        this.#run(() => peer.wake(this.nowMs));
        return;
      }
      case 'message': {
        const { from, to, message, life } = happening;
        const host = this.#hosts.get(to);
        if (host?.peer == null || this.#partitioned.has(pair(from, to))) {
          const sender = this.#hosts.get(from);
          // TCP answers for a dead process: the connection is refused or reset.
          if (host?.peer === null && !host.silent && sender?.life === life) {
            this.after(this.options.rttMs(from, to) / 2, () =>
              this.act(from, (peer) => peer.disconnected(this.nowMs, to)),
            );
          }
          return;
        }
        const { peer } = host;
        this.#traceHash = mix(
          this.#traceHash ^ Math.imul(from, 31) ^ Math.imul(to, 17) ^ Math.imul(this.nowMs, 7) ^ message.kind.length,
        );
        this.#run(() => peer.receive(this.nowMs, from, message));
        return;
      }
    }
  }

  #run(act: () => void): void {
    act();
    while (this.#told.length > 0) {
      const told = this.#told.shift();
      if (told === undefined) break;
      if (this.recording) this.events.push({ atMs: this.nowMs, ...told });
      for (const checker of this.checkers) checker.observed?.(this, told.peer, told.event);
    }
  }

  // --- The world ------------------------------------------------------------------------------------------------------------------

  #worldOf(self: PeerHandle, host: Host): World {
    const { life } = host;
    const reachable = this.options.reachable ?? ((): boolean => true);
    return {
      send: (to, message) => this.#send(self, to, life, message),
      persist: (record) => {
        host.disk.set(durableKey(record), record);
      },
      wakeAt: (atMs) => {
        host.alarm++;
        this.#agenda.add(Math.ceil(atMs), { type: 'wake', peer: self, life, alarm: host.alarm });
      },
      connect: () => {},
      disconnect: () => {},
      transfer: (notice, from) => this.#transfer(self, life, notice, from),
      dial: (peer, nonce) => {
        this.after(this.options.rttMs(self, peer) * 2, () => {
          const worked = reachable(peer) && this.peer(peer) !== null;
          if (host.life === life) this.act(self, (me) => me.dialed(this.nowMs, peer, nonce, worked));
        });
      },
      tell: (event) => {
        this.#told.push({ peer: self, event });
      },
      random: () => this.random.next(),
      sign: (statement) => seal(statement),
      verify: (statement) => sameBytes(statement.signature, seal(statement)),
      admits: () => true,
      fingerprint,
      subnet: this.options.subnet ?? ((peer) => peer),
    };
  }

  #send(from: PeerHandle, to: PeerHandle, life: number, message: Message): void {
    if (to === NOBODY || to === from)
      throw new Error(`peer ${from} sent ${message.kind} to ${to === from ? 'itself' : 'nobody'}`);
    this.messages++;
    this.onSend(from, to, message);
    const reachable = this.options.reachable;
    if (reachable !== undefined) {
      if (!reachable(to) && !this.#dialledOut.has(pair(to, from))) return;
      if (!reachable(from)) this.#dialledOut.add(pair(from, to));
    }
    if (this.loss > 0 && this.random.next() < this.loss) return;
    const oneWayMs = this.options.rttMs(from, to) / 2;
    const jitterMs = this.options.jitter === undefined ? 0 : oneWayMs * this.options.jitter * this.random.next();
    const key = pair(from, to);
    const atMs = Math.max(Math.ceil(this.nowMs + oneWayMs + jitterMs), this.#lastArrival.get(key) ?? 0);
    this.#lastArrival.set(key, atMs);
    this.#agenda.add(atMs, { type: 'message', from, to, life, message });
    if (this.duplication > 0 && this.random.next() < this.duplication)
      this.#agenda.add(atMs, { type: 'message', from, to, life, message });
  }

  #transfer(self: PeerHandle, life: number, notice: ReleaseNotice, from: PeerHandle): void {
    const durationMs =
      this.options.rttMs(self, from) + (1000 * notice.sizeBytes) / (this.options.transferBytesPerSecond ?? 10e6);
    this.after(durationMs, () => {
      const host = this.#hosts.get(self);
      if (host?.life !== life || host.peer === null) return;
      const source = this.peer(from);
      const has = source !== null && source.state.releases.installedNumber >= notice.number;
      this.act(self, (peer) => (has ? peer.installed(this.nowMs, notice) : peer.installFailed(this.nowMs, 'failed')));
    });
  }
}

/** Limits that keep nobody out. */
export const generous: Limits = { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 };

export function handle(number: number): PeerHandle {
  return number as PeerHandle;
}

function pair(a: PeerHandle, b: PeerHandle): number {
  return a * 0x100_0000 + b;
}

function fingerprint(peer: PeerHandle): number {
  return mix(peer + 0x51ed);
}

function durableKey(record: DurableRecord): string {
  if (record.type === 'member' || record.type === 'client-record') return `${record.type} ${record.peer}`;
  if (record.type === 'release') return `release ${record.installed}`;
  return record.type;
}

/** A signature that only fits its statement and issuer: enough to catch a forgery, not to stop a cryptographer. */
function seal(statement: Unsigned<Signed>): Signature {
  const { charter, epoch, term } = statement.standing;
  let hash = mix(fingerprint(statement.issuer) ^ charter ^ (epoch << 8) ^ (term << 16));
  switch (statement.type) {
    case 'member':
      hash = mix(
        hash ^
          Math.imul(statement.subject + 1, 0x9e3779b1) ^
          Math.imul(statement.incarnation, 77) ^
          statement.state.length,
      );
      break;
    case 'release':
      hash = mix(hash ^ Math.imul(statement.number, 0x85ebca6b) ^ statement.sizeBytes);
      break;
    case 'cast':
      hash = mix(hash ^ Math.imul(statement.incarnation, 77) ^ Math.imul(statement.sequence, 0x85ebca6b));
      hash = mix(
        hash ^ statement.content.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, statement.topic.length),
      );
      break;
    case 'order':
      hash = mix(hash ^ Math.imul(statement.subject + 1, 31) ^ statement.releaseNumber);
      break;
  }
  return Uint8Array.of(hash & 255, (hash >>> 8) & 255, (hash >>> 16) & 255, hash >>> 24);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
