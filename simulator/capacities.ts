/**
 * Servers of unequal capacity: most manage the stated requests a second, some a tenth of that.
 *
 * The seed draws which peers are weak. A weak volunteer may declare it: then it offers to take as many clients as would keep it busy for
 * six tenths of the time. The root is the owner's machine and manages ten times as much as others, because it carries all clients at first.
 */
import type { Limits, PeerHandle } from '../src/core/index.ts';
import { generous } from './farm.ts';
import { Random } from './random.ts';
import { rootPeer } from './service-farm.ts';
import type { ServiceFarmOptions } from './service-farm.ts';

export interface Strength {
  readonly seed: number;
  /** Requests a second that a normal peer manages. */
  readonly perSecond: number;
  /** Share of the peers that are weak, 0 to 1. */
  readonly weak: number;
  /** Weak volunteers declare how many clients they would take. */
  readonly declared: boolean;
  /** Mean time between two requests of a client, ms. */
  readonly requestEveryMs: number;
}

export const weakDefaults = { perSecond: 40 };
/** A weak peer's share of the normal capacity, and the greatest load, as a share of its time, of one that declares a limit. */
const weakShare = 0.1;
const rootFactor = 10;
const busyShare = 0.6;

/** Whether a peer is weak. */
export function isWeak({ seed, weak }: Pick<Strength, 'seed' | 'weak'>, peer: PeerHandle): boolean {
  return peer !== rootPeer && new Random((seed ^ 0x7765_616b) + Math.imul(peer, 0x9e3779b1)).next() < weak;
}

export function capacities(strength: Strength): Required<Pick<ServiceFarmOptions, 'capacityPerSecond' | 'limits'>> {
  const { perSecond, declared, requestEveryMs } = strength;
  const weakPerSecond = weakShare * perSecond;
  const places = Math.max(1, Math.floor((busyShare * weakPerSecond * requestEveryMs) / 1_000));
  const limited: Limits = { ...generous, clients: places };
  return {
    capacityPerSecond: (peer) =>
      peer === rootPeer ? rootFactor * perSecond : isWeak(strength, peer) ? weakPerSecond : perSecond,
    limits: (peer) => (declared && isWeak(strength, peer) ? limited : generous),
  };
}
