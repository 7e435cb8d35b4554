/**
 * Where nobody decides otherwise, who offers to serve does so in the end: a volunteer that others can reach is not forgotten, whatever
 * became of the first offers.
 */
import type { SimulatedFarm } from '../farm.ts';

/** Sentences about volunteers that could serve and do not: call it for a farm without a controller, when faults have stopped. */
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
