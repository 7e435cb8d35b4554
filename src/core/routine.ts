/**
 * What nearly every peer does nearly all the time, done the short way.
 *
 * Most peers of a farm are clients without children, and for most of their heartbeats nothing is new: the parent is there, the roster
 * is the one they have, nobody asks for anything. The long way through all state machines would find nothing to do, and only fetch
 * them all from memory, which is what takes the time when a hundred thousand peers share a process. So the long way, when it has found
 * nothing, says for how many beats it will find nothing again (`routineBeats`), and whatever else happens takes that back. The
 * short way does the very same as the long one: same messages, same deadlines, same state.
 */
import type { Context } from './context.ts';
import { isSound } from './coordinates.ts';
import type { PeerHandle } from './ids.ts';
import type { HeartbeatDown, HeartbeatUp } from './messages.ts';
import { noDeltas, silentAtMs, upwards } from './pulse.ts';
import type { Tree } from './tree.ts';

/** A beat of a client without children. Returns false, with nothing done, when the long way is due. */
export function routineBeat(ctx: Context, clients: Tree): boolean {
  const isRoutine =
    ctx.routineBeats > 0 &&
    ctx.nowMs < ctx.dialledEnoughUntilMs &&
    ctx.intervalMs === clients.parentIntervalMs &&
    ctx.timers.isOnlyBeatDue(ctx.nowMs);
  if (!isRoutine) return false;
  ctx.routineBeats--;
  ctx.routineDone++;
  ctx.world.send(clients.parent, upwards(ctx, clients, 1, 0, noDeltas, ctx.viewDigest));
  ctx.timers.set('beat', ctx.nowMs + ctx.intervalMs);
  return true;
}

/** A parent's beat with nothing new in it but its number and its stamp. Returns false, with nothing done, when there is more. */
export function routineHeardParent(ctx: Context, clients: Tree, from: PeerHandle, beat: HeartbeatDown): boolean {
  const own = ctx.castDigest;
  const isRoutine =
    beat.tree === 'clients' &&
    ctx.role === 'client' &&
    clients.wouldOnlyAge(from, beat) &&
    beat.release <= ctx.releaseNumber &&
    (beat.membershipDigest === ctx.viewDigest || beat.membershipDigest === 0) &&
    beat.castDigest === own &&
    ctx.castDigestBefore === own &&
    ctx.castMismatchBeats === 0;
  if (!isRoutine) return false;
  clients.heardParent(beat);
  ctx.timers.set('silence', silentAtMs(ctx, clients));
  return true;
}

/** A client's beat to its parent. Returns false, with nothing done, when it is none. */
export function routineHeardChild(clients: Tree, from: PeerHandle, beat: HeartbeatUp): boolean {
  if (beat.tree !== 'clients') return false;
  const child = clients.child(from);
  if (child === null) return false;
  // Most coordinates are the ones of the last beat: they were looked at then.
  if (beat.coordinate === child.coordinate || isSound(beat.coordinate)) clients.heardChild(child, beat);
  return true;
}
