/**
 * Waiting for a condition, with an end to patience.
 */
import { setTimeout as pause } from 'node:timers/promises';

const lookEveryMs = 100;

/**
 * Resolves when `condition` has held for `heldMs` at a stretch.
 * @throws Error with `what` when that has not happened within `withinMs`; whatever the signal was aborted with
 */
export async function untilHolds(
  what: string,
  condition: () => boolean,
  {
    withinMs,
    heldMs = 0,
    signal,
  }: { readonly withinMs: number; readonly heldMs?: number; readonly signal: AbortSignal },
): Promise<void> {
  const startedAtMs = performance.now();
  let sinceMs = Number.NaN;
  for (;;) {
    signal.throwIfAborted();
    const nowMs = performance.now();
    if (!condition()) sinceMs = Number.NaN;
    else if (Number.isNaN(sinceMs)) sinceMs = nowMs;
    if (nowMs - sinceMs >= heldMs) return;
    if (nowMs - startedAtMs > withinMs) {
      throw new Error(`Waited ${Math.round(withinMs / 1000)} s in vain until ${what}.`);
    }
    await pause(lookEveryMs, undefined, { signal });
  }
}
