/**
 * The pulse: composes the heartbeats, sends them at the right time, and notices silence.
 *
 * A parent builds one message a beat and sends the same object to all children; only children that have not confirmed the latest roster get
 * the long form. A child answers with its own beat, which echoes the parent's, so the parent measures a round trip at no extra cost. The
 * interval follows how long the children have stayed: short where peers come and go, long where they last.
 *
 * Source: P2P Volunteers, section 3.3.3 (two heartbeat timers).
 */
import { invariant } from './invariant.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { Context } from './context.ts';
import type { HeartbeatDown, HeartbeatUp, MemberRecord } from './messages/index.ts';
import type { Parts } from './parts.ts';
import type { Child } from './tree/child.ts';
import type { Tree } from './tree/tree.ts';

/** At this median age of the children or below, the pulse is quickest; at this age or above, slowest, ms. */
const youngMs = 15 * 60_000;
const oldMs = 120 * 60_000;
/** Jitter: a beat may come this much later than the interval, as a share of it. */
const tolerance = 0.25;
/** How fast the silence limit for children follows a quicker pulse, as a share per beat. */
const patienceLoss = 0.1;
export const noDeltas: readonly MemberRecord[] = [];

/** Starts beating at a random phase, so that peers started together do not beat together. */
export function startBeating({ timers, nowMs, intervalMs, world }: Context): void {
  if (!timers.isSet('beat')) timers.set('beat', nowMs + intervalMs * world.random());
}

/** Sets the timer for the parent's silence. */
export function expectParent(ctx: Context, tree: Tree): void {
  ctx.timers.set('silence', ctx.nowMs + silenceMs(ctx, tree));
}

/** One beat: down both trees, and up. */
export function beat(parts: Parts): void {
  const { ctx } = parts;
  const isServer = ctx.isServer();
  adapt(parts);
  const deltas = isServer && !parts.membership.stale ? parts.membership.takeDeltas() : noDeltas;
  if (isServer) beatDown(parts, parts.servers, deltas);
  beatDown(parts, parts.clients, noDeltas);
  const up = parts.upTree();
  if (up !== null && up.parent >= 0) beatUp(parts, up, deltas);
  invariant(ctx.intervalMs > 0, 'the next beat lies in the future');
  ctx.timers.set('beat', ctx.nowMs + ctx.intervalMs);
}

/** The beat of a client without news: down, and up. */
export function beatClients(parts: Parts): void {
  beatDown(parts, parts.clients, noDeltas);
  beatUp(parts, parts.clients);
}

/** The number of beats for which the pulse will not change, if nothing happens. */
export function isSteadyFor(parts: Parts, beats: number): boolean {
  const { intervalMs, options } = parts.ctx;
  const medianMs = medianAgeMs(parts);
  if (options.minHeartbeatMs === options.maxHeartbeatMs || medianMs === null) return true;
  return medianMs > oldMs || medianMs + (beats + 1) * intervalMs < youngMs;
}

function beatDown(parts: Parts, tree: Tree, deltas: readonly MemberRecord[]): void {
  if (!tree.isRoot && tree.children.length === 0) return;
  const { world } = parts.ctx;
  tree.nextBeat();
  if (tree.children.length === 0) return;
  const short = compose(parts, tree, deltas, false);
  let long: HeartbeatDown | null = null;
  tree.below.each(tree.rosterVersion, (child, isUpToDate) => {
    if (!isUpToDate) long ??= compose(parts, tree, deltas, true);
    world.send(child, isUpToDate || long === null ? short : long);
  });
}

/** An extra beat for a child that was just taken. Its number is 0, so that its echo is not taken for a round trip. */
export function beatTo(parts: Parts, tree: Tree, child: PeerHandle): void {
  parts.ctx.world.send(child, { ...compose(parts, tree, noDeltas, false), beat: 0 });
}

export function beatUp(parts: Parts, tree: Tree, deltas: readonly MemberRecord[] = noDeltas): void {
  const { ctx } = parts;
  invariant(tree.parent !== NOBODY, 'a beat goes up to somebody');
  let { size, height } = tree.extent();
  invariant(size >= 1, 'a peer is part of its own subtree');
  if (tree.kind === 'servers') {
    const below = parts.clients.extent();
    size += below.size - 1;
    height = Math.max(height, below.height);
  }
  const digest = tree.kind === 'servers' ? parts.membership.digest() : ctx.viewDigest;
  const heldMs = ctx.nowMs - tree.parentHeardAtMs;
  ctx.world.send(tree.parent, upwards(ctx, tree, tree.parentBeat, heldMs, size, height, deltas, digest));
}

function compose(parts: Parts, tree: Tree, deltas: readonly MemberRecord[], withRoster: boolean): HeartbeatDown {
  const { ctx } = parts;
  const place = tree.shown();
  invariant(place === null || tree.hasPassed(place), 'no better place is shown below than was passed');
  return {
    kind: 'heartbeat-down',
    tree: tree.kind,
    stamp: place?.stamp ?? null,
    depth: place?.depth ?? 0,
    beat: tree.beat,
    intervalMs: ctx.intervalMs,
    rosterVersion: tree.rosterVersion,
    roster: withRoster ? tree.roster() : null,
    standing: ctx.authority.standing,
    release: ctx.releaseNumber,
    deltas,
    membershipDigest: tree.kind === 'servers' ? parts.membership.digest() : ctx.viewDigest,
    castDigest: ctx.castDigest,
  };
}

/** Sets the pulse by the median age of the children; never slower than the parent's. */
function adapt(parts: Parts): void {
  const { ctx } = parts;
  const { minHeartbeatMs, maxHeartbeatMs } = ctx.options;
  if (minHeartbeatMs === maxHeartbeatMs) return;
  const parentMs = parts.upTree()?.parentIntervalMs ?? 0;
  // A peer without children follows the parent, which knows how long this peer has stayed.
  const medianMs = medianAgeMs(parts) ?? (parentMs > 0 ? oldMs : 0);
  const share = Math.min(1, Math.max(0, (medianMs - youngMs) / (oldMs - youngMs)));
  const ownMs = Math.round(minHeartbeatMs + share * (maxHeartbeatMs - minHeartbeatMs));
  ctx.intervalMs = parentMs > 0 ? Math.max(minHeartbeatMs, Math.min(ownMs, parentMs)) : ownMs;
  if (ctx.patienceMs !== ctx.intervalMs)
    ctx.patienceMs = Math.max(ctx.intervalMs, ctx.patienceMs - patienceLoss * (ctx.patienceMs - ctx.intervalMs));
}

/** The median age of the children, ms; null without children. */
function medianAgeMs(parts: Parts): number | null {
  const { ctx, clients } = parts;
  let children: readonly Child[] = clients.children;
  if (ctx.isServer())
    children = [...children, ...parts.servers.children].sort((a, b) => a.acceptedAtMs - b.acceptedAtMs);
  // The children of one tree stand in the order in which they were accepted, so the youngest are the last.
  const median = children[children.length - 1 - (children.length >> 1)];
  return median === undefined ? null : ctx.nowMs - median.acceptedAtMs;
}

/** How long the parent may be silent, ms. */
export function silenceMs({ options }: Context, tree: Tree): number {
  return Math.max(tree.parentIntervalMs, options.minHeartbeatMs) * (options.missedBeats + tolerance);
}

/** A beat to the parent; `echo` is the parent's last one. `size` and `height`: of the subtree below and including this peer. */
export function upwards(
  ctx: Context,
  tree: Tree,
  echo: number,
  heldMs: number,
  size: number,
  height: number,
  deltas: readonly MemberRecord[],
  membershipDigest: number,
): HeartbeatUp {
  return {
    kind: 'heartbeat-up',
    tree: tree.kind,
    echo,
    heldMs,
    coordinate: ctx.coordinate,
    reachable: ctx.reachable,
    size,
    height,
    rosterVersion: tree.parentRosterVersion,
    deltas,
    membershipDigest,
    castDigest: ctx.castDigest,
  };
}
