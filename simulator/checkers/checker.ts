/** What a checker is: `docs/SIMULATOR.md` says which there are, and how to add one. */
import type { Message, PeerEvent, PeerHandle } from '../../src/core/index.ts';
import type { SimulatedFarm } from '../farm.ts';

/** An observer: told of every event after the call in which it happened. */
export interface Checker {
  readonly name: string;
  observed?(farm: SimulatedFarm, peer: PeerHandle, event: PeerEvent): void;
  /** Told of each message that leaves a peer, as it is sent. */
  sent?(farm: SimulatedFarm, from: PeerHandle, to: PeerHandle, message: Message): void;
  /** Called when the run is over; returns sentences about violated invariants. */
  verdict(farm: SimulatedFarm): string[];
}
