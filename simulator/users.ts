/**
 * People who use the service of a farm: each peer makes a request now and then, at the server that it ranks first.
 *
 * The answer comes after the server's time and one round trip; a server that is dead, or serves no more, is found out after one round
 * trip, and the next in the ranking is asked. What that felt like is all that the peers learn.
 */
import type { PeerHandle } from '../src/core/ids.ts';
import type { SimulatedFarm } from './farm.ts';
import type { Random } from './random.ts';

const everyMs = 2_000;
const serverTimeMs = 50;

/** From now on this peer has a user, whenever it lives. */
export function addUser(farm: SimulatedFarm, user: PeerHandle, dice: Random): void {
  farm.after(everyMs * (0.5 + dice.next()), () => {
    addUser(farm, user, dice);
    farm.act(user, (peer, nowMs) => {
      if (peer.role === 'outside') return;
      request(farm, user, peer.state.ctx.isServer() ? [user] : peer.rank(nowMs));
    });
  });
}

function request(farm: SimulatedFarm, user: PeerHandle, ranking: readonly PeerHandle[]): void {
  const [server, ...others] = ranking;
  if (server === undefined) return;
  const [life, serverLife] = [farm.life(user), farm.life(server)];
  const isServing = (): boolean =>
    farm.life(server) === serverLife && (farm.peer(server)?.state.ctx.isServer() ?? false);
  const delayMs = farm.options.rttMs(user, server) + (isServing() ? serverTimeMs : 0);
  farm.after(delayMs, () => {
    if (farm.life(user) !== life) return;
    const ok = isServing();
    farm.act(user, (peer, nowMs) => peer.measured(nowMs, { server, delayMs: ok ? delayMs : Number.NaN, ok }));
    if (!ok) request(farm, user, others);
  });
}
