/** Some time after faults have stopped, all servers have the same list of servers, and it names exactly those that live. */
import type { Peer } from '../../src/core/index.ts';
import type { SimulatedFarm } from '../farm.ts';

/** All servers have the same membership, and it names exactly the servers that live. */
export function membershipAgrees(farm: SimulatedFarm): boolean {
  const servers = farm.living().filter((peer) => peer.state.ctx.isServer());
  const [first] = servers;
  if (first === undefined) return true;
  const serving = (peer: Peer): string =>
    peer.state.membership
      .serving()
      .map((record) => record.subject)
      .sort((a, b) => a - b)
      .join(' ');
  const expected = servers
    .map((peer) => peer.self)
    .sort((a, b) => a - b)
    .join(' ');
  return servers.every(
    (peer) => peer.state.membership.digest() === first.state.membership.digest() && serving(peer) === expected,
  );
}
