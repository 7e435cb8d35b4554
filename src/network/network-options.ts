/**
 * What can be set about a node's network, with the defaults and why they are what they are.
 */
import type { PrivateKey } from '@libp2p/interface';
import type { Emulation } from './emulation.ts';

/** The parts of a pino logger that the host uses. */
export interface HostLogger {
  debug(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface NetworkLimits {
  /** The longest protocol message taken from a peer, in bytes. The wire format has tighter limits per message type. */
  readonly maxFrameBytes: number;
  /** Messages that may wait for one slow neighbour before it is cut off: a minute of heavy traffic. */
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  /** What one peer may send us; a tree's parent sends tens of messages a second in a busy minute, not hundreds. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
  /** Connections in all; libp2p prunes beyond, keep-alive peers last. */
  readonly maxConnections: number;
  /** New connections a second from one IP address; many peers may share a host or a NAT. */
  readonly inboundConnectionsPerSecond: number;
  /** Connections from others that may be in their handshake at a time. */
  readonly maxPendingInbound: number;
  /** A connection that nobody keeps and that carried nothing for so long is closed. */
  readonly idleMs: number;
  /** How long opening a connection and a stream on it may take. */
  readonly dialTimeoutMs: number;
}

export const defaultLimits: NetworkLimits = {
  maxFrameBytes: 1024 * 1024,
  maxQueuedMessages: 4_096,
  maxQueuedBytes: 8 * 1024 * 1024,
  messagesPerSecond: 500,
  messageBurst: 2_000,
  bytesPerSecond: 1024 * 1024,
  byteBurst: 8 * 1024 * 1024,
  maxConnections: 1_000,
  inboundConnectionsPerSecond: 100,
  maxPendingInbound: 100,
  idleMs: 60_000,
  dialTimeoutMs: 10_000,
};

export interface NetworkOptions {
  /** The peer's Ed25519 key; its peer id follows from it. */
  readonly privateKey: PrivateKey;
  /** Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/4001`; port 0 takes any free one. None: only dials. */
  readonly listen: readonly string[];
  /** Multiaddrs to give to others instead of those listened on. */
  readonly announce?: readonly string[];
  readonly emulation?: Emulation | undefined;
  readonly limits?: Partial<NetworkLimits>;
  /** Peer ids that may not connect, nor be dialled. */
  readonly deny?: Iterable<string>;
  readonly logger?: HostLogger;
}

/**
 * Fills in defaults and checks how the values relate.
 * @throws RangeError naming the field and its value
 */
export function completeLimits(given: Partial<NetworkLimits> = {}): NetworkLimits {
  const limits = { ...defaultLimits, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value > 0)) throw new RangeError(`The network limit ${name} is ${value}: it must be above 0.`);
  }
  if (limits.byteBurst < limits.maxFrameBytes) {
    throw new RangeError(
      `The network limit byteBurst (${limits.byteBurst}) is below maxFrameBytes (${limits.maxFrameBytes}): ` +
        'the longest message could never be received. Raise byteBurst or lower maxFrameBytes.',
    );
  }
  return limits;
}
