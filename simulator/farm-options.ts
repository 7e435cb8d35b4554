/** The options of a simulated farm: distances between peers, faults, which peers can be dialled. */
import type { MakeLayer, PeerHandle, Rules, TreeOptions } from '../src/core/index.ts';

export interface FarmOptions {
  readonly seed: number;
  /** Round trip between two peers, ms. */
  readonly rttMs: (a: PeerHandle, b: PeerHandle) => number;
  /** Ticks per simulated ms; 1 when absent. Events within one tick happen in the order in which they were sent. */
  readonly ticksPerMs?: number;
  /** Share of messages that are lost, 0 to 1. TCP loses none on a living connection; this is harsher. */
  readonly loss?: number;
  /** Added to each one-way delay: up to this share of it, at random. Order on a connection is kept. */
  readonly jitter?: number;
  /** Share of messages that arrive twice, 0 to 1. */
  readonly duplication?: number;
  readonly tree?: Partial<TreeOptions>;
  readonly rules?: Rules;
  /** The layers of this peer. */
  readonly layers?: (peer: PeerHandle) => readonly MakeLayer[];
  /** Whether others can dial this peer. */
  readonly reachable?: (peer: PeerHandle) => boolean;
  readonly subnet?: (peer: PeerHandle) => number;
  /** Bytes a second of a transfer; it takes size / this. */
  readonly transferBytesPerSecond?: number;
  /** Uplink of a peer, bytes/s: a message leaves when those before it have left. Without limit when absent. */
  readonly uplinkBytesPerSecond?: (peer: PeerHandle) => number;
  /** A crash closes the connections (a killed process) or is silent (power loss). */
  readonly crashCloses?: boolean;
  /** False: nothing is persisted, for farms in which no peer restarts. */
  readonly disks?: boolean;
}
