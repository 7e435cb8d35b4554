/**
 * In a farm without a controller every reachable volunteer serves in the end, whatever became of the first offers.
 */
import type { SimulatedFarm } from '../farm.ts';

/** Sentences about volunteers that could serve and do not; valid without a controller, some time after faults have stopped. */
export function idleVolunteers(farm: SimulatedFarm): string[] {
  const { reachable = (): boolean => true } = farm.options;
  return farm
    .living()
    .filter((peer) => {
      const { ctx } = peer.state;
      return ctx.limits !== null && !ctx.draining && reachable(peer.self) && !ctx.isServer();
    })
    .map((peer) => `peer ${peer.self} offers to serve, and is a ${peer.role}`);
}
