/**
 * The network of a simulated farm: carries messages between machines, each in its time, and what may befall them on the way.
 *
 * Nothing here is looked up by a key or made anew for each message. A fault that is not used costs nothing; each that occurs is counted
 * in `faults`.
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

/** The kinds of events in the wheel, with what their numbers mean. */
export const happening = {
  /** subject: to; other: from; number: the sender's life; payload: the message. */
  message: 0,
  /** subject: the peer; number: its alarm. */
  wake: 1,
  /** subject: the peer that learns that its connection to `other` is gone. */
  disconnected: 2,
  /** payload: a function. */
  call: 3,
  /** subject: to; other: from; number: the sender's life. What it says to its parent stands in the sender's row of `Pulses`. */
  quietBeat: 4,
  /** The same, from a parent to its child. */
  quietWord: 5,
} as const;

/** What is not sent in order overtakes, or is overtaken by, what is sent within this time, ms. */
const reorderingMs = 400;

export abstract class SimulatedNetwork {
  readonly options: FarmOptions;
  readonly random: Random;
  nowMs = 0;
  /** Called for each message that is sent; for dialogues and byte counts. Null when nobody listens. */
  onSend: ((from: PeerHandle, to: PeerHandle, message: Message) => void) | null = null;
  /** Whose messages `onSend` must be told of: it may be spared those of others. */
  heeds: (from: PeerHandle, to: PeerHandle) => boolean = () => true;
  /** Messages sent. */
  messages = 0;

  // Faults; `mendAll` ends them all but what was done to clocks.
  /** How often each fault occurred. */
  readonly faults = noFaults();
  /** Shares of messages, 0 to 1, that are lost; that come twice. */
  loss: number;
  duplication: number;
  /** Share of messages to which the order on a connection does not apply: they take up to 400 ms longer, and later ones do not wait. */
  reordering = 0;
  /** Share of messages that take so much longer, ms; what is sent after them waits behind them, as on TCP. */
  delaySpikes = 0;
  delaySpikeMs = 2_000;
  /** Liars: what is sent instead of a message; null for nothing. */
  tamper: ((from: PeerHandle, to: PeerHandle, message: Message) => Message | null) | null = null;
  /** What becomes of a message on the wire: what its bytes say, or null when it cannot be said. No fault: so does the real network. */
  carry: ((from: PeerHandle, to: PeerHandle, message: Message) => Message | null) | null = null;

  protected readonly ticksPerMs: number;
  protected readonly wheel: TimingWheel<Message | (() => void)>;
  /** By handle. */
  protected readonly hosts: (Host | undefined)[] = [];
  /** Which life each one is in: raised by every start and crash. */
  protected readonly lives: number[] = [];
  protected readonly ways = new Ways();
  /** Delays of a connection vary: the order on it must be seen to. */
  protected ordering: boolean;
  /** Somebody is or was slow. */
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

  /** Something in the wheel is due: see `happening`. */
  protected abstract happened(
    kind: number,
    subject: number,
    other: number,
    number: number,
    payload?: Message | (() => void),
  ): void;

  /** A message is under way. */
  protected abstract sent(from: PeerHandle, to: PeerHandle, message: Message): void;

  /** Which life of this peer it is: raised by every start and crash. */
  life(handle: PeerHandle): number {
    return this.lives[handle] ?? 0;
  }

  // --- What befalls messages ----------------------------------------------------------------------------------------------

  /** Cuts, or mends, the way from `a` to `b`; one direction. */
  cut(a: PeerHandle, b: PeerHandle, cut: boolean): void {
    if (cut) {
      this.faults.cut++;
      this.ways.cut(a, b);
    } else {
      this.ways.mend(a, b);
    }
  }

  /** Cuts, or mends, the ways between a group and all others: both, or only those out of the group. */
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

  /** Ends all faults: messages travel as they should from now on. Clocks stay as they were set. */
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

  /** Messages only take their time: nothing is set to befall them, and no way was ever cut. */
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
