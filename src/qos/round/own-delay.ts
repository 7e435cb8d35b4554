/**
 * What one peer itself brings to a round: the delay it felt, and for a client the sample that stands for it on the way up.
 *
 * Like an answer in a census: how long do you wait, for whom, how much of that is the way, and what would you have next door? Who made
 * requests lately tells of them (`Window`). A client that made none is there all the same, and tells what it would feel at the server that
 * it would ask, as far as it has measured. A delay is the way and what the server needs besides; only the two apart tell what another
 * server would give, and what a client would lose if its own one stopped.
 */
import { isFree, predictRttMs } from '../../core/index.ts';
import type { MemberSample, Parts, PeerHandle } from '../../core/index.ts';
import type { Announcement } from './announcement.ts';
import type { Felt, Window } from './window.ts';

/** What this peer felt or, for a client without requests of its own, would feel; null when it cannot tell. */
export function ownDelay(parts: Parts, window: Window | null, { freshMs, clampMs }: Announcement): Felt | null {
  return window?.felt(parts.ctx.nowMs - freshMs, clampMs) ?? expectation(parts, clampMs);
}

/** How a client that felt this stands in the sample. A way that was not measured is predicted from coordinates. */
export function ownSample(parts: Parts, { server, delayMs }: Felt, { clampMs, usualMs }: Announcement): MemberSample {
  const { ctx, selection } = parts;
  const measuredMs = selection.rttMs(server);
  const rttMs = Math.min(delayMs, Number.isNaN(measuredMs) ? predictedMs(parts, server) : measuredMs);
  return {
    peer: ctx.self,
    coordinate: ctx.coordinate,
    delayMs,
    server,
    rttMs,
    secondMs: Math.min(clampMs, secondMs(parts, server, delayMs - rttMs, usualMs)),
    willing: ctx.limits !== null && ctx.reachable && !ctx.draining,
  };
}

/** Without requests: what the server that it would ask first should give. A server asks nobody. */
function expectation(parts: Parts, clampMs: number): Felt | null {
  const { ctx, selection, views } = parts;
  if (ctx.isServer()) return null;
  const [server] = selection.rank(views.current?.records ?? [], parts.ownServer());
  const expectedMs = server === undefined ? Number.NaN : selection.expectedMs(server);
  if (server === undefined || Number.isNaN(expectedMs)) return null;
  return { delayMs: Math.min(expectedMs, clampMs), server, requests: 0, failures: 0 };
}

function predictedMs({ ctx, views }: Parts, server: PeerHandle): number {
  const record = views.current?.records.find(({ subject }) => subject === server);
  return record === undefined ? 0 : predictRttMs(record.coordinate, ctx.coordinate);
}

/**
 * What the next best server would give: its measured round trip with the present one's time to serve, or what is usual instead of a full
 * server's.
 */
function secondMs({ selection, views }: Parts, server: PeerHandle, ownServeMs: number, usualMs: number): number {
  const records = views.current?.records ?? [];
  const isFull = usualMs > 0 && records.some(({ subject, full }) => subject === server && full);
  const serveMs = isFull ? Math.min(ownServeMs, usualMs) : ownServeMs;
  let bestMs = Number.NaN;
  for (const record of records) {
    const { subject } = record;
    if (subject === server || !isFree(record) || selection.isLiar(subject)) continue;
    const ms = serveMs + selection.rttMs(subject);
    if (!(ms >= bestMs)) bestMs = Number.isNaN(ms) ? bestMs : ms;
  }
  return bestMs;
}
