/**
 * What one peer itself brings to a round: the delay it felt, and for a client the sample that stands for it on the way up.
 *
 * It answers like a person in a census: how long do you wait, for which server, how much of that is the round trip, and what would the next
 * server give? A peer that made requests lately reports those (`Window`). A client that made none reports what it would feel at the server
 * that it would ask first, as far as it has measured. A response delay is the round trip plus the service time. Only the two apart show
 * what another server would give, and what a client would lose if its own server stopped.
 */
import { isFree, predictRttMs } from '../../core/index.ts';
import type { MemberSample, Parts, PeerHandle } from '../../core/index.ts';
import type { Announcement } from './announcement.ts';
import type { Felt, Window } from './window.ts';

/** What this peer felt or, for a client without requests of its own, would feel; null when it cannot tell. */
export function ownDelay(parts: Parts, window: Window | null, { freshMs, clampMs }: Announcement): Felt | null {
  return window?.felt(parts.ctx.nowMs - freshMs, clampMs) ?? expectation(parts, clampMs);
}

/** The sample of a client that felt this delay. A round trip that was not measured is predicted from coordinates. */
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

/** For a peer without requests: the expected delay at the server that it would ask first. A server asks none. */
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
 * The expected delay at the next best server: its measured round trip plus the present server's service time, or plus the usual one when
 * the present server is full.
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
