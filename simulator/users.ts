/**
 * Users of a farm's service: each peer makes a request now and then, at the server that it ranks first.
 *
 * The answer comes after the service time, one round trip, and the wait in the queue of a slow server. A server that is dead or has stopped
 * serving is found out after one round trip, and the next in the ranking is asked. The peers know only these measurements.
 */
import type { PeerHandle } from '../src/core/index.ts';
import type { SimulatedFarm } from './farm.ts';
import type { Queues } from './queues.ts';
import type { Random } from './random.ts';

const everyMs = 2_000;
const serverTimeMs = 50;

/** From now on this peer has a user, whenever it lives. `queues`: null where servers manage any number of requests. */
export function addUser(farm: SimulatedFarm, user: PeerHandle, dice: Random, queues: Queues | null): void {
  farm.after(everyMs * (0.5 + dice.next()), () => {
    addUser(farm, user, dice, queues);
    farm.act(user, (peer, nowMs) => {
      if (peer.role === 'outside') return;
      request(farm, user, peer.state.ctx.isServer() ? [user] : peer.rank(nowMs), queues);
    });
  });
}

function request(farm: SimulatedFarm, user: PeerHandle, ranking: readonly PeerHandle[], queues: Queues | null): void {
  const [server, ...others] = ranking;
  if (server === undefined) return;
  const [life, serverLife] = [farm.life(user), farm.life(server)];
  const isServing = (): boolean =>
    farm.life(server) === serverLife && (farm.peer(server)?.state.ctx.isServer() ?? false);
  const rttMs = farm.options.rttMs(user, server);
  const waitMs = isServing() ? (queues?.waitMs(server, farm.nowMs + rttMs / 2) ?? 0) : 0;
  const isTaken = isServing() && Number.isFinite(waitMs);
  const delayMs = rttMs + (isTaken ? waitMs + serverTimeMs : 0);
  if (queues !== null) farm.act(user, (peer, nowMs) => peer.asked(nowMs, server));
  farm.after(delayMs, () => {
    const ok = isTaken && isServing();
    if (ok && queues !== null && user !== server)
      farm.act(server, (peer, nowMs) => peer.answered(nowMs, waitMs + serverTimeMs));
    if (farm.life(user) !== life) return;
    farm.act(user, (peer, nowMs) => peer.measured(nowMs, { server, delayMs: ok ? delayMs : Number.NaN, ok }));
    if (!ok) request(farm, user, others, queues);
  });
}
