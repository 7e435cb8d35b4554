/**
 * Wide-area distance on one machine: every peer stands on a node of a topology, and bytes take as long as there.
 *
 * What arrives on a socket is put on a delay line, as on a conveyor belt: it comes off half a round trip later, in order,
 * with no limit to how much the belt carries. The belt is at the receiver, so that even the end of a connection whose
 * process was killed arrives when it would have arrived from afar. Opening a connection costs the round trip that TCP's
 * own handshake takes. Control and data run over the same sockets, so both are slow alike.
 *
 * How far the other side is each learns from the first eight bytes on the connection (the prelude: `BNYE` and the
 * node's number, 32 bits, big endian), before noise begins. A peer that does not emulate is refused by name.
 */
import './polyfill.ts';
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils';
import type { AbortOptions, MultiaddrConnection } from '@libp2p/interface';
import { pauseReading, resumeReading } from './streams/stream-drain.ts';
import { wrapTransport, type TransportFactory } from './transport-wrapper.ts';

/** What emulation needs to know of a topology; round trips must be the same in both directions. */
export interface DelayGraph {
  readonly size: number;
  /** Round-trip time between two nodes, in ms. */
  rttMs(from: number, to: number): number;
  /** The network that a node belongs to; takes the place of the IP subnet. */
  domain(node: number): number;
}

/** The two sides of a connection do not emulate the same thing. */
export class EmulationError extends Error {
  override readonly name = 'EmulationError';
}

const preludeMagic = 0x424e5945; // "BNYE"
const preludeBytes = 8;
const preludeTimeoutMs = 5_000;
/** A belt with more on it than this stops taking from its socket until some has come off. */
const lineHighBytes = 32 * 1024 * 1024;

type Incoming = MultiaddrConnection extends AsyncIterable<infer T> ? T : never;
type Outgoing = Parameters<AbstractMultiaddrConnection['sendData']>[0];

/** One process's (or one node's) place in the topology, and the transports that behave accordingly. */
export class Emulation {
  readonly graph: DelayGraph;
  /** The topology node this peer stands on. */
  readonly node: number;
  readonly #remoteNodes = new Map<string, number>();

  /** @throws RangeError when the topology has no such node */
  constructor(graph: DelayGraph, node: number) {
    if (!Number.isInteger(node) || node < 0 || node >= graph.size) {
      throw new RangeError(`Cannot emulate node ${node}: the topology has nodes 0 to ${graph.size - 1}.`);
    }
    this.graph = graph;
    this.node = node;
  }

  /** Puts the distance around a transport such as `tcp()`. */
  transport<Components>(inner: TransportFactory<Components>): TransportFactory<Components> {
    return wrapTransport(inner, async (connection, signal) => {
      const delayed = new DelayedConnection(connection, this);
      try {
        await delayed.connected(signal);
      } catch (error) {
        delayed.abort(error instanceof Error ? error : new Error(String(error)));
        throw error;
      }
      const address = connection.remoteAddr.toString();
      this.#remoteNodes.set(address, delayed.remoteNode);
      delayed.addEventListener('close', () => this.#remoteNodes.delete(address));
      return delayed;
    });
  }

  /** The topology node at the other end of a live connection, by its remote address (without `/p2p/…`). */
  remoteNode(address: string): number | undefined {
    return this.#remoteNodes.get(address);
  }
}

/** Something on the belt: bytes, or the end of the connection. */
interface Parcel {
  readonly dueMs: number;
  readonly data: Incoming | undefined;
  readonly error: Error | undefined;
}

class DelayedConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection;
  readonly #emulation: Emulation;
  readonly #ready = new Gate();
  readonly #prelude = new Uint8Array(preludeBytes);
  #preludeRead = 0;
  #oneWayMs = 0;
  #line: Parcel[] = [];
  #head = 0;
  #lineBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  remoteNode = -1;

  constructor(inner: MultiaddrConnection, emulation: Emulation) {
    super({ remoteAddr: inner.remoteAddr, direction: inner.direction, log: inner.log });
    this.#inner = inner;
    this.#emulation = emulation;
    inner.addEventListener('message', (event) => this.#arrived(event.data));
    inner.addEventListener('drain', () => this.safeDispatchEvent('drain'));
    inner.addEventListener('close', (event) => this.#ended(event.error));
    this.addEventListener('close', () => this.#clear());
    const prelude = new DataView(new ArrayBuffer(preludeBytes));
    prelude.setUint32(0, preludeMagic);
    prelude.setUint32(4, emulation.node);
    inner.send(new Uint8Array(prelude.buffer));
  }

  /** Resolves when the other side has said where it stands and, on the dialling side, a round trip has passed. */
  async connected(signal: AbortSignal): Promise<void> {
    const remote = this.remoteAddr.toString();
    await this.#inTime(
      this.#ready.passed,
      preludeTimeoutMs,
      signal,
      new EmulationError(`${remote} did not say where it stands within ${preludeTimeoutMs} ms: is it emulating too?`),
    );
    if (this.direction === 'outbound') await this.#inTime(undefined, 2 * this.#oneWayMs, signal);
  }

  override sendData(data: Outgoing): SendResult {
    const sentBytes = data.byteLength;
    // The other side has gone, but the news of it is still on the belt: what is sent meanwhile is lost on the way.
    if (this.#inner.status !== 'open') return { sentBytes, canSendMore: true };
    return { sentBytes, canSendMore: this.#inner.send(data) };
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    await this.#inner.close(options);
  }

  override sendReset(error: Error): void {
    this.#inner.abort(error);
  }

  override sendPause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  override sendResume(): void {
    this.#release();
  }

  #arrived(data: Incoming): void {
    let rest = data;
    if (this.#preludeRead < preludeBytes) {
      const taken = data.subarray(0, preludeBytes - this.#preludeRead);
      this.#prelude.set(taken, this.#preludeRead);
      this.#preludeRead += taken.byteLength;
      if (this.#preludeRead < preludeBytes) return;
      if (!this.#understandPrelude() || data.byteLength === taken.byteLength) return;
      rest = data.subarray(taken.byteLength);
    }
    this.#lineBytes += rest.byteLength;
    if (this.#lineBytes > lineHighBytes) pauseReading(this.#inner);
    this.#put({ dueMs: performance.now() + this.#oneWayMs, data: rest, error: undefined });
  }

  #understandPrelude(): boolean {
    const prelude = new DataView(this.#prelude.buffer);
    const remote = this.remoteAddr.toString();
    const node = prelude.getUint32(4);
    const { graph, node: ownNode } = this.#emulation;
    if (prelude.getUint32(0) !== preludeMagic) {
      this.#refuse(`${remote} does not emulate delays: start both sides with the same --emulate, or neither.`);
      return false;
    }
    if (node >= graph.size) {
      this.#refuse(`${remote} stands on node ${node}, but the topology here has ${graph.size}: emulate the same one.`);
      return false;
    }
    this.remoteNode = node;
    this.#oneWayMs = graph.rttMs(ownNode, node) / 2;
    this.#ready.open();
    return true;
  }

  #refuse(reason: string): void {
    const error = new EmulationError(reason);
    this.#ready.bar(error);
    this.abort(error);
  }

  #ended(error: Error | undefined): void {
    this.#ready.bar(error ?? new EmulationError(`${this.remoteAddr.toString()} closed the connection at once.`));
    if (this.status !== 'open') return;
    this.#put({ dueMs: performance.now() + this.#oneWayMs, data: undefined, error });
  }

  #put(parcel: Parcel): void {
    this.#line.push(parcel);
    if (this.#timer === undefined) this.#release();
  }

  /** Takes off the belt what is due, and sets the one timer for what is next. */
  #release(): void {
    this.#timer = undefined;
    while (this.#head < this.#line.length && this.readStatus !== 'paused') {
      const parcel = this.#line[this.#head] as Parcel;
      // Node's timers can fire up to a millisecond early: what is not due goes round again.
      const waitMs = parcel.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#release(), Math.ceil(waitMs));
        break;
      }
      this.#head += 1;
      if (this.#head === this.#line.length || this.#head > 1_024) {
        this.#line.splice(0, this.#head);
        this.#head = 0;
      }
      this.#deliver(parcel);
    }
  }

  #deliver(parcel: Parcel): void {
    if (parcel.data === undefined) {
      if (parcel.error === undefined) this.onTransportClosed();
      else this.abort(parcel.error);
      return;
    }
    const before = this.#lineBytes;
    this.#lineBytes -= parcel.data.byteLength;
    if (before > lineHighBytes && this.#lineBytes <= lineHighBytes) resumeReading(this.#inner);
    this.onData(parcel.data);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#line = [];
    this.#head = 0;
    this.#lineBytes = 0;
  }

  /** Waits for `work` (or only for the time to pass when there is none), but no longer than `ms` or the signal. */
  async #inTime(work: Promise<void> | undefined, ms: number, signal: AbortSignal, late?: Error): Promise<void> {
    signal.throwIfAborted();
    const over = new Gate();
    const startedMs = performance.now();
    const ring = (): void => {
      const restMs = startedMs + ms - performance.now();
      if (restMs > 0) timer = setTimeout(ring, Math.ceil(restMs));
      else if (late === undefined) over.open();
      else over.bar(late);
    };
    let timer = setTimeout(ring, Math.ceil(ms));
    const onAbort = (): void => over.bar(signal.reason);
    const onClose = (): void => over.bar(new EmulationError(`${this.remoteAddr.toString()} closed the connection.`));
    signal.addEventListener('abort', onAbort);
    this.addEventListener('close', onClose);
    try {
      await (work === undefined ? over.passed : Promise.race([work, over.passed]));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.removeEventListener('close', onClose);
    }
  }
}

/** A promise that is settled from outside. */
class Gate {
  readonly passed: Promise<void>;
  open: () => void = () => undefined;
  bar: (reason: unknown) => void = () => undefined;

  constructor() {
    this.passed = new Promise((resolve, reject) => {
      this.open = resolve;
      this.bar = reject;
    });
    this.passed.catch(() => undefined); // nobody need stand at it when it is barred; whoever does is told
  }
}
