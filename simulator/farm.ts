/**
 * A whole farm in one process on a virtual clock: peers with latency, loss, crashes and unreachable hosts.
 *
 * Everything that happens follows from one seed, so a failure is a number that anyone can replay. The peers are the real ones from
 * `src/core`; this file is only their world. What a peer persists survives a crash, as on a disk; messages and transfers on their way do
 * not.
 *
 * `engine/simulated-network.ts` says how messages travel. The same class holds twenty peers in a property test and a million in
 * `experiments/scale.ts`.
 */
import { defaultOptions, mix, noSeat, Peer, Pulses, theRules } from '../src/core/index.ts';
import type {
  DurableRecord,
  Limits,
  Message,
  PeerEvent,
  PeerHandle,
  Ping,
  ReleaseNotice,
  Start,
  TreeOptions,
} from '../src/core/index.ts';
import { HostClock } from './engine/host-clock.ts';
import { Host } from './engine/host.ts';
import type { Surroundings } from './engine/host.ts';
import { SimulatedNetwork, happening } from './engine/simulated-network.ts';
import type { Checker } from './checkers/checker.ts';
import type { FarmOptions } from './farm-options.ts';

export class SimulatedFarm extends SimulatedNetwork {
  readonly tree: TreeOptions;
  readonly checkers: Checker[] = [];
  readonly violations: string[] = [];
  /** Every event, when recording is on. */
  readonly events: { readonly atMs: number; readonly peer: PeerHandle; readonly event: PeerEvent }[] = [];
  recording = false;
  /** Messages that arrived, and timers that fired. */
  delivered = 0;
  wakes = 0;
  /** Of the messages, heartbeats without news that were not even written out; see `src/core/quiet/pulses.ts`. */
  quietBeats = 0;

  /** By handle: the living peers, and the number of the last alarm each set. Most events need no more than this. */
  readonly #peers: (Peer | null)[] = [];
  readonly #alarms: number[] = [];
  readonly #pulses = new Pulses();
  /** The clocks that are wrong. */
  readonly #clocks = new Map<PeerHandle, HostClock>();
  readonly #surroundings: Surroundings;
  #traceHash = 0;
  /** No fault is set, and none has occurred. */
  #isPlain: boolean;
  /** The peers that died in the call that is under way. */
  #torn: Host | null = null;
  #told: { readonly peer: PeerHandle; readonly event: PeerEvent }[] = [];

  constructor(options: FarmOptions) {
    super(options);
    this.tree = { ...defaultOptions, ...options.tree };
    this.#isPlain = options.reachable === undefined && options.uplinkBytesPerSecond === undefined;
    const { subnet = (peer: PeerHandle): number => peer } = options;
    this.#surroundings = {
      send: (from, to, message) => this.send(from, to, message),
      wakeAt: (handle, atMs) => this.#wakeAt(handle, atMs),
      refuse: (host, peer) => {
        this.#closeConnection(peer, host.handle);
        this.#closeConnection(host.handle, peer);
      },
      transfer: (host, notice, from) => this.#transfer(host, notice, from),
      dial: (host, peer, nonce) => this.#dial(host, peer, nonce),
      tell: (host, event) => this.#tell(host, event),
      random: () => this.random.next(),
      subnet,
      tore: (host) => {
        this.#torn = host;
      },
      keepsDisks: options.disks ?? true,
    };
  }

  /** Equal inputs give an equal hash: over everything that happened. */
  get traceHash(): number {
    return this.#traceHash;
  }

  // --- The cast ----------------------------------------------------------------------------------------------------------

  /** Starts a peer; the disk of an earlier life stays. */
  start(handle: PeerHandle, start: Omit<Start, 'records'>): Peer {
    const host = this.hosts[handle] ?? new Host(handle, this.#surroundings, start);
    // Handles are small and dense: an array without holes is the quickest directory there is.
    for (let next = this.hosts.length; next <= handle; next++) {
      this.hosts.push(undefined);
      this.#peers.push(null);
      this.#alarms.push(0);
      this.lives.push(0);
    }
    this.hosts[handle] = host;
    host.start = start;
    this.lives[handle]!++;
    this.#alarms[handle]!++;
    host.silent = false;
    host.torn = false;
    this.#clocks.get(handle)?.restart(this.nowMs);
    const layers = this.options.layers?.(handle);
    const peer = new Peer(handle, host, this.tree, this.options.rules ?? theRules, layers, this.#pulses);
    this.#peers[handle] = peer;
    peer.start(this.#timeOf(handle), { ...start, records: host.records });
    this.#passOnEvents();
    return peer;
  }

  /** Stops a peer at once. `closes`: its machine closes the connections, as for a killed process; otherwise it loses power in silence. */
  crash(handle: PeerHandle, closes = this.options.crashCloses ?? true): void {
    const host = this.hosts[handle];
    const peer = this.#peers[handle];
    if (host === undefined || peer == null) return;
    this.faults[closes ? 'crash' : 'power-cut']++;
    const neighbours = peer.state.links();
    peer.close();
    this.#peers[handle] = null;
    this.lives[handle]!++;
    host.silent = !closes;
    this.ways.ended(handle);
    if (!closes) return;
    for (const neighbour of neighbours) this.#closeConnection(neighbour, handle);
  }

  /** Starts a crashed peer again, with its disk or without. */
  restart(handle: PeerHandle, withDisk = true): Peer | null {
    const host = this.hosts[handle];
    if (host === undefined || this.#peers[handle] !== null) return null;
    this.faults[withDisk ? 'restart' : 'restart-blank']++;
    if (!withDisk) host.loseDisk();
    return this.start(handle, host.start);
  }

  peer(handle: PeerHandle): Peer | null {
    return this.#peers[handle] ?? null;
  }

  /** The records on a peer's disk, in the order in which they were last written. */
  diskOf(handle: PeerHandle): DurableRecord[] {
    return this.hosts[handle]?.records ?? [];
  }

  /** All living peers, by their numbers. */
  living(): Peer[] {
    const living: Peer[] = [];
    for (const peer of this.#peers) if (peer !== null) living.push(peer);
    return living;
  }

  // --- Faults ------------------------------------------------------------------------------------------------------------

  /** This peer dies at its next write to disk: the record is on disk, and the message after it is not sent. */
  tearNextWrite(handle: PeerHandle): void {
    const host = this.hosts[handle];
    if (host !== undefined && this.peer(handle) !== null) host.doomed = true;
  }

  /** Sends a liar's message that its peer did not ask for. */
  sayFalsely(from: PeerHandle, to: PeerHandle, message: Message): void {
    const host = this.hosts[from];
    if (host === undefined || this.peer(from) === null || to === from) return;
    this.faults.lie++;
    this.transmit(host, to, message);
  }

  /** Sets the wall clock of a peer's machine forward or back. `HostClock` says what the process sees of that; a restart shows all of it. */
  jumpClock(handle: PeerHandle, byMs: number): void {
    this.faults['clock-jump']++;
    const clock = this.#clocks.get(handle) ?? new HostClock(this.nowMs);
    this.#clocks.set(handle, clock);
    clock.read(this.nowMs);
    clock.offsetMs += byMs;
  }

  // --- Time --------------------------------------------------------------------------------------------------------------------

  /** Lets a living peer do something now; `nowMs` is the time by its own clock. */
  act(handle: PeerHandle, act: (peer: Peer, nowMs: number) => void): void {
    const peer = this.#peers[handle];
    if (peer == null) return;
    act(peer, this.#timeOf(handle));
    this.#passOnEvents();
  }

  after(delayMs: number, act: () => void): void {
    this.wheel.add(this.tickAt(this.nowMs + Math.max(0, delayMs)), happening.call, 0, 0, 0, act);
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    this.wheel.run(Math.floor(untilMs * this.ticksPerMs));
    this.nowMs = untilMs;
  }

  /** Runs until the condition holds, checked every `lookMs`; returns whether it did within the limit. */
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

  /** The time that a machine gives its peer. */
  #timeOf(handle: PeerHandle): number {
    if (this.#clocks.size === 0) return this.nowMs;
    return this.#clocks.get(handle)?.read(this.nowMs) ?? this.nowMs;
  }

  protected override happened(
    kind: number,
    subject: number,
    other: number,
    number: number,
    payload?: Message | (() => void),
  ): void {
    this.nowMs = this.wheel.now / this.ticksPerMs;
    switch (kind) {
      case happening.message:
        return this.#arrived(other as PeerHandle, subject as PeerHandle, number, payload as Message);
      case happening.quietBeat:
        return this.#quietBeatArrived(other as PeerHandle, subject as PeerHandle, number);
      case happening.quietWord:
        return this.#quietWordArrived(other as PeerHandle, subject as PeerHandle, number);
      case happening.wake:
        return this.#wokeUp(subject as PeerHandle, number);
      case happening.disconnected:
        return this.act(subject as PeerHandle, (peer, nowMs) => peer.disconnected(nowMs, other as PeerHandle));
      default:
        return (payload as () => void)();
    }
  }

  #wokeUp(handle: PeerHandle, alarm: number): void {
    const peer = this.#peers[handle];
    if (peer == null || this.#alarms[handle] !== alarm) return;
    if (this.#maySpareMessages() && this.#beatsQuietly(handle)) return;
    const nowMs = this.#timeOf(handle);
    const wakeAtMs = this.#clocks.size === 0 ? nowMs : (this.#clocks.get(handle)?.wakeAtMs ?? nowMs);
    if (nowMs < wakeAtMs) {
      this.#wakeAt(handle, wakeAtMs);
      return;
    }
    this.wakes++;
    peer.wake(nowMs);
    this.#passOnEvents();
  }

  #wakeAt(handle: PeerHandle, atMs: number): void {
    const alarm = ++this.#alarms[handle]!;
    let dueMs = atMs;
    const clock = this.#clocks.size === 0 ? undefined : this.#clocks.get(handle);
    if (clock !== undefined) {
      clock.wakeAtMs = atMs;
      // A clock may lag by less than a number can express. The next wake is a tick later, or the loop would never end.
      const shortMs = atMs - clock.read(this.nowMs);
      dueMs = shortMs > 0 ? this.nowMs + Math.max(shortMs, 1 / this.ticksPerMs) : this.nowMs;
    }
    this.wheel.add(this.tickAt(dueMs), happening.wake, handle, 0, alarm);
  }

  #tell(host: Host, event: PeerEvent): void {
    if (this.recording || this.checkers.length > 0) this.#told.push({ peer: host.handle, event });
  }

  /** Reports events to the checkers when the call in which they happened is over. */
  #passOnEvents(): void {
    while (this.#told.length > 0) {
      const told = this.#told;
      this.#told = [];
      for (const { peer, event } of told) {
        if (this.recording) this.events.push({ atMs: this.nowMs, peer, event });
        for (const checker of this.checkers) checker.observed?.(this, peer, event);
      }
    }
    if (this.#torn !== null) this.#die(this.#torn);
  }

  #die({ handle }: Host): void {
    this.#torn = null;
    this.faults['torn-write']++;
    this.crash(handle, true);
  }

  // --- Quiet beats: see `src/core/quiet/pulses.ts` ----------------------------------------------------------------------------------

  /**
   * Messages are only delayed, no fault ever occurred, and no listener wants all of them: quiet beats need not be written out. After a lost
   * beat the receiver might not know the content of the next ones.
   */
  #maySpareMessages(): boolean {
    this.#isPlain &&= this.isUndisturbed && this.checkers.length === 0 && this.#clocks.size === 0;
    return this.#isPlain;
  }

  /** Processes a peer's beat, if it has no news. Returns false, with nothing done, when the peer must be woken. */
  #beatsQuietly(handle: PeerHandle): boolean {
    const pulses = this.#pulses;
    if (this.onSend !== null && this.#isHeeded(handle)) return false;
    if (!pulses.beatsAlone(handle, this.nowMs)) return false;
    this.wakes++;
    this.#passDown(handle);
    if (pulses.tellsQuietly(handle, this.nowMs)) this.#tellParent(handle);
    else this.#peers[handle]?.tellParent(this.nowMs);
    if (pulses.isLookDue(handle)) this.#peers[handle]?.look(this.nowMs);
    else this.#wakeAt(handle, pulses.wakeAtMs(handle));
    return true;
  }

  /** A listener needs the messages of this peer to its parent or its children. */
  #isHeeded(handle: PeerHandle): boolean {
    const { seats } = this.#pulses;
    if (this.heeds(handle, this.#pulses.parentOf(handle))) return true;
    for (let seat = this.#pulses.firstSeatOf(handle); seat !== noSeat; seat = seats.siblingOf(seat))
      if (this.heeds(handle, seats.childOf(seat))) return true;
    return false;
  }

  /** Sends its quiet beat to all its children. */
  #passDown(handle: PeerHandle): void {
    const { seats } = this.#pulses;
    let longestMs = 0;
    for (let seat = this.#pulses.firstSeatOf(handle); seat !== noSeat; seat = seats.siblingOf(seat)) {
      const to = seats.childOf(seat);
      let wayMs = seats.wayMs(seat);
      if (Number.isNaN(wayMs)) {
        wayMs = this.options.rttMs(handle, to) / 2;
        seats.setWayMs(seat, wayMs);
      }
      longestMs = Math.max(longestMs, wayMs);
      this.#sendQuietly(happening.quietWord, handle, to, wayMs);
    }
    if (longestMs > 0) this.#pulses.lands(handle, this.tickAt(this.nowMs + longestMs) / this.ticksPerMs);
  }

  #tellParent(handle: PeerHandle): void {
    const pulses = this.#pulses;
    const to = pulses.parentOf(handle);
    let wayMs = pulses.wayMs(handle);
    if (Number.isNaN(wayMs)) {
      wayMs = this.options.rttMs(handle, to) / 2;
      pulses.setWayMs(handle, wayMs);
    }
    this.#sendQuietly(happening.quietBeat, handle, to, wayMs);
  }

  #sendQuietly(kind: number, from: PeerHandle, to: PeerHandle, wayMs: number): void {
    this.messages++;
    this.quietBeats++;
    this.wheel.add(this.tickAt(this.nowMs + wayMs), kind, to, from, this.lives[from]!);
  }

  #quietWordArrived(from: PeerHandle, to: PeerHandle, life: number): void {
    const peer = this.#peers[to];
    if (peer == null || this.ways.isCut(from, to)) return this.#missed(from, to, life);
    this.#hasArrived(from, to, 'heartbeat-down');
    const nowMs = this.#timeOf(to);
    if (this.#pulses.hearsWord(to, from, nowMs)) return;
    peer.heardWord(nowMs, from);
    this.#passOnEvents();
  }

  #quietBeatArrived(from: PeerHandle, to: PeerHandle, life: number): void {
    const pulses = this.#pulses;
    const peer = this.#peers[to];
    pulses.hasLanded(from);
    if (peer == null || this.ways.isCut(from, to)) return this.#missed(from, to, life);
    this.#hasArrived(from, to, 'heartbeat-up');
    const nowMs = this.#timeOf(to);
    if (pulses.heardBeat(to, from, nowMs)) return;
    peer.echoed(nowMs, from, pulses.echoOf(from), pulses.heldOf(from));
    this.#passOnEvents();
  }

  /** A quiet peer's answer to a ping. Returns false, with nothing done, when the peer must be asked itself. */
  #answersQuietly(handle: PeerHandle, from: PeerHandle, { nonce }: Ping): boolean {
    const host = this.hosts[handle];
    const pong = this.#pulses.answer(handle, nonce);
    if (pong === null || host === undefined) return false;
    host.send(from, pong);
    return true;
  }

  // --- Messages ---------------------------------------------------------------------------------------------------------------

  #arrived(from: PeerHandle, to: PeerHandle, life: number, message: Message): void {
    const peer = this.#peers[to];
    const isCut = this.ways.isCut(from, to);
    if (peer == null || isCut) return this.#missed(from, to, life);
    this.#hasArrived(from, to, message.kind);
    const nowMs = this.#timeOf(to);
    if (message.kind === 'heartbeat-down' && this.#pulses.hears(to, from, message, nowMs)) return;
    if (message.kind === 'ping' && this.#answersQuietly(to, from, message)) return;
    peer.receive(nowMs, from, message);
    this.#passOnEvents();
  }

  #hasArrived(from: PeerHandle, to: PeerHandle, { length }: Message['kind']): void {
    this.delivered++;
    this.#traceHash = mix(
      this.#traceHash ^ Math.imul(from, 31) ^ Math.imul(to, 17) ^ Math.imul(this.nowMs, 7) ^ length,
    );
  }

  /** TCP answers for a dead process: the connection is refused or reset. */
  #missed(from: PeerHandle, to: PeerHandle, life: number): void {
    const isReset = this.#peers[to] === null && this.hosts[to]?.silent === false && this.life(from) === life;
    if (isReset) this.#closeConnection(from, to);
  }

  /** Lets a peer know, half a round trip later, that its connection to another is gone. */
  #closeConnection(peer: PeerHandle, lost: PeerHandle): void {
    const tick = this.tickAt(this.nowMs + this.options.rttMs(peer, lost) / 2);
    this.wheel.add(tick, happening.disconnected, peer, lost, 0);
  }

  protected override sent(from: PeerHandle, to: PeerHandle, message: Message): void {
    for (const checker of this.checkers) checker.sent?.(this, from, to, message);
  }

  // --- Dialling and transfers ---------------------------------------------------------------------------------------------------

  #dial(host: Host, peer: PeerHandle, nonce: number): void {
    const { reachable = (): boolean => true, rttMs } = this.options;
    const life = this.life(host.handle);
    this.after(rttMs(host.handle, peer) * 2, () => {
      const worked = reachable(peer) && this.peer(peer) !== null;
      if (this.life(host.handle) === life) this.act(host.handle, (me, nowMs) => me.dialed(nowMs, peer, nonce, worked));
    });
  }

  #transfer(host: Host, notice: ReleaseNotice, from: PeerHandle): void {
    const { rttMs, transferBytesPerSecond = 10e6 } = this.options;
    const life = this.life(host.handle);
    this.after(rttMs(host.handle, from) + (1_000 * notice.sizeBytes) / transferBytesPerSecond, () => {
      if (this.life(host.handle) !== life) return;
      const source = this.peer(from);
      const has = source !== null && source.state.releases.installedNumber >= notice.number;
      this.act(host.handle, (peer, nowMs) =>
        has ? peer.installed(nowMs, notice) : peer.installFailed(nowMs, 'failed'),
      );
    });
  }
}

/** Limits that admit everybody. */
export const generous: Limits = { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 };

export function handle(number: number): PeerHandle {
  return number as PeerHandle;
}
