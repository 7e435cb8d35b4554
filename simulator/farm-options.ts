/** What may be set about a simulated farm: how far its peers are from each other, what goes wrong, who can be dialled. */
import type { MakeLayer, PeerHandle, Rules, TreeOptions } from '../src/core/index.ts';

export interface FarmOptions {
  readonly seed: number;
  /** Round trip between two peers, ms. */
  readonly rttMs: (a: PeerHandle, b: PeerHandle) => number;
  /** Ticks of the simulated time in a millisecond; 1 when absent. What happens within one tick happens in the order it was sent. */
  readonly ticksPerMs?: number;
  /** Share of messages that are lost, 0 to 1. TCP loses none on a living connection; this is harsher. */
  readonly loss?: number;
  /** Added to each one-way delay: up to this share of it, at random. Order on a connection is kept. */
  readonly jitter?: number;
  /** Share of messages that arrive twice, 0 to 1. */
  readonly duplication?: number;
  readonly tree?: Partial<TreeOptions>;
  readonly rules?: Rules;
  /** What sits on the overlay of this peer. */
  readonly layers?: (peer: PeerHandle) => readonly MakeLayer[];
  /** Whether others can dial this peer. */
  readonly reachable?: (peer: PeerHandle) => boolean;
  readonly subnet?: (peer: PeerHandle) => number;
  /** Bytes a second of a transfer; it takes size / this. */
  readonly transferBytesPerSecond?: number;
  /** What a peer can send, bytes/s: a message leaves when those before it have. Without limit when absent. */
  readonly uplinkBytesPerSecond?: (peer: PeerHandle) => number;
  /** A crash closes the connections (a killed process) or is silent (power loss). */
  readonly crashCloses?: boolean;
  /** False: nothing is persisted, for farms in which nobody comes back. */
  readonly disks?: boolean;
}
