/**
 * The network of a simulated farm: carries messages between machines, delays them, and applies faults.
 *
 * There is no lookup by key and no new object for any message. A fault that is not used costs nothing; each that occurs is counted in
 * `faults`.
 */
import { NOBODY } from '../../src/core/index.ts';
import type { Message, PeerHandle } from '../../src/core/index.ts';
import { wireSize } from '../../src/wire/index.ts';
import type { FarmOptions } from '../farm-options.ts';
import { simulatedNames } from '../names.ts';
import { Random } from '../random.ts';
import { noFaults } from './faults.ts';
import type { Host } from './host.ts';
import { TimingWheel } from './timing-wheel.ts';
import { Ways } from './ways.ts';

/** The kinds of events in the wheel, and the meaning of their numbers. */
export const happening = {
  /** subject: to; other: from; number: the sender's life; payload: the message. */
  message: 0,
  /** subject: the peer; number: its alarm. */
  wake: 1,
  /** subject: the peer that learns that its connection to `other` is gone. */
  disconnected: 2,
  /** payload: a function. */
  call: 3,
  /** A quiet beat. subject: to; other: from; number: the sender's life. Its content stands in the sender's row of `Pulses`. */
  quietBeat: 4,
  /** As above, from a parent to its child. */
  quietWord: 5,
} as const;

/** A message sent out of order may overtake, or be overtaken by, messages sent within this time, ms. */
const reorderingMs = 400;

export abstract class SimulatedNetwork {
  readonly options: FarmOptions;
  readonly random: Random;
  nowMs = 0;
  /** Called for each message that is sent; for dialogues and byte counts. Null when there is no listener. */
  onSend: ((from: PeerHandle, to: PeerHandle, message: Message) => void) | null = null;
  /** The peers whose messages `onSend` needs; those of others may be left out. */
  heeds: (from: PeerHandle, to: PeerHandle) => boolean = () => true;
  /** Messages sent. */
  messages = 0;

  // Faults; `mendAll` ends all of them except changes to clocks.
  /** How often each fault occurred. */
  readonly faults = noFaults();
  /** Shares of messages, 0 to 1, that are lost, and that arrive twice. */
  loss: number;
  duplication: number;
  /** Share of messages exempt from the order on a connection: they take up to 400 ms longer, and later messages do not wait for them. */
  reordering = 0;
  /** Share of messages that are delayed, and by how much, ms; messages sent after them wait behind them, as on TCP. */
  delaySpikes = 0;
  delaySpikeMs = 2_000;
  /** Liars: the message that is sent instead; null for none. */
  tamper: ((from: PeerHandle, to: PeerHandle, message: Message) => Message | null) | null = null;
  /** A message after encoding and decoding, or null when it cannot be encoded. No fault: the real network does the same. */
  carry: ((from: PeerHandle, to: PeerHandle, message: Message) => Message | null) | null = null;

  protected readonly ticksPerMs: number;
  protected readonly wheel: TimingWheel<Message | (() => void)>;
  /** By handle. */
  protected readonly hosts: (Host | undefined)[] = [];
  /** The life of each peer: raised by every start and crash. */
  protected readonly lives: number[] = [];
  protected readonly ways = new Ways();
  /** Delays of a connection vary, so its order must be enforced. */
  protected ordering: boolean;
  /** A peer is or was slow. */
  #slowedDown = false;

  protected constructor(options: FarmOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.loss = options.loss ?? 0;
    this.duplication = options.duplication ?? 0;
    this.ordering = options.jitter !== undefined;
    this.ticksPerMs = options.ticksPerMs ?? 1;
    const ring = 8192 * 2 ** Math.ceil(Math.log2(this.ticksPerMs));
    this.wheel = new TimingWheel({ happened: this.happened.bind(this) }, ring);
  }

  /** An event in the wheel is due: see `happening`. */
  protected abstract happened(
    kind: number,
    subject: number,
    other: number,
    number: number,
    payload?: Message | (() => void),
  ): void;

  /** A message is on its way. */
  protected abstract sent(from: PeerHandle, to: PeerHandle, message: Message): void;

  /** The life of this peer: raised by every start and crash. */
  life(handle: PeerHandle): number {
    return this.lives[handle] ?? 0;
  }

  // --- What befalls messages ----------------------------------------------------------------------------------------------

  /** Cuts, or mends, the link from `a` to `b`; one direction. */
  cut(a: PeerHandle, b: PeerHandle, cut: boolean): void {
    if (cut) {
      this.faults.cut++;
      this.ways.cut(a, b);
    } else {
      this.ways.mend(a, b);
    }
  }

  /** Cuts, or mends, the links between a group and all others: both directions, or only those out of the group. */
  partition(group: readonly PeerHandle[], how: 'both-ways' | 'one-way', cut: boolean): void {
    if (cut) this.faults[how === 'both-ways' ? 'partition' : 'one-way-partition']++;
    for (const inside of group) {
      for (const host of this.hosts) {
        if (host === undefined || group.includes(host.handle)) continue;
        this.cut(inside, host.handle, cut);
        if (how === 'both-ways') this.cut(host.handle, inside, cut);
      }
    }
  }

  /** Messages from and to this peer take `factor` times as long; 1 ends it. */
  slowDown(handle: PeerHandle, factor: number): void {
    const host = this.hosts[handle];
    if (host === undefined) return;
    if (factor > 1) this.faults['slow-peer']++;
    this.ordering = true;
    this.#slowedDown = true;
    host.slowness = factor;
  }

  /** Ends all faults: from now on messages travel undisturbed. Clocks stay as they were set. */
  mendAll(): void {
    this.ways.mendAll();
    this.loss = 0;
    this.duplication = 0;
    this.reordering = 0;
    this.delaySpikes = 0;
    this.tamper = null;
    for (const host of this.hosts) {
      if (host === undefined) continue;
      host.slowness = 1;
      host.doomed = false;
    }
  }

  /** Messages are only delayed: no fault is set, and no link was ever cut. */
  protected get isUndisturbed(): boolean {
    return (
      !this.ways.wereCut &&
      this.loss === 0 &&
      this.duplication === 0 &&
      this.reordering === 0 &&
      this.delaySpikes === 0 &&
      this.tamper === null &&
      this.carry === null &&
      !this.ordering
    );
  }

  // --- Messages ---------------------------------------------------------------------------------------------------------------

  protected send(sender: Host, to: PeerHandle, sent: Message): void {
    const from = sender.handle;
    if (to === NOBODY || to === from)
      throw new Error(`peer ${from} sent ${sent.kind} to ${to === from ? 'itself' : 'nobody'}`);
    const message = this.tamper === null ? sent : this.tamper(from, to, sent);
    if (message !== sent) this.faults.lie++;
    if (message !== null) this.transmit(sender, to, message);
  }

  protected transmit(sender: Host, to: PeerHandle, said: Message): void {
    const from = sender.handle;
    const message = this.carry === null ? said : this.carry(from, to, said);
    if (message === null) return;
    this.messages++;
    this.onSend?.(from, to, message);
    this.sent(from, to, message);
    const { reachable } = this.options;
    if (reachable !== undefined) {
      if (!reachable(to) && !this.ways.hasDialled(to, from)) return;
      if (!reachable(from)) this.ways.dialled(from, to);
    }
    if (this.#occurs(this.loss, 'loss')) return;
    const tick = this.#arrivalTick(sender, to, message);
    this.wheel.add(tick, happening.message, to, from, this.life(from), message);
    if (this.#occurs(this.duplication, 'duplication'))
      this.wheel.add(tick, happening.message, to, from, this.life(from), message);
  }

  /** Whether a fault befalls this message. */
  #occurs(share: number, kind: 'loss' | 'duplication' | 'reordering' | 'delay-spike'): boolean {
    if (share === 0 || this.random.next() >= share) return false;
    this.faults[kind]++;
    return true;
  }

  #arrivalTick(sender: Host, to: PeerHandle, message: Message): number {
    const { jitter, rttMs } = this.options;
    const slowness = this.#slowedDown ? sender.slowness * (this.hosts[to]?.slowness ?? 1) : 1;
    const oneWayMs = (rttMs(sender.handle, to) / 2) * slowness;
    const jitterMs = jitter === undefined ? 0 : oneWayMs * jitter * this.random.next();
    const leftMs = this.options.uplinkBytesPerSecond === undefined ? this.nowMs : this.#leavesMs(sender, message);
    let atMs = leftMs + oneWayMs + jitterMs;
    if (this.#occurs(this.reordering, 'reordering')) return this.tickAt(atMs + reorderingMs * this.random.next());
    if (this.#occurs(this.delaySpikes, 'delay-spike')) {
      this.ordering = true;
      atMs += this.delaySpikeMs;
    }
    const tick = this.tickAt(atMs);
    return this.ordering ? this.ways.inOrder(sender.handle, to, tick) : tick;
  }

  /** When the last byte of a message has gone through the sender's uplink. */
  #leavesMs(sender: Host, message: Message): number {
    const bytesPerSecond = this.options.uplinkBytesPerSecond?.(sender.handle) ?? Number.POSITIVE_INFINITY;
    const sendingMs = (1_000 * wireSize(message, simulatedNames)) / bytesPerSecond;
    sender.uplinkFreeMs = Math.max(sender.uplinkFreeMs, this.nowMs) + sendingMs;
    return sender.uplinkFreeMs;
  }

  /** The first tick that is not before this time. */
  protected tickAt(atMs: number): number {
    return Math.ceil(atMs * this.ticksPerMs);
  }
}
