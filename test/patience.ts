/**
 * How long "never" is: the one place in the tests that says so.
 *
 * A limit in a test guards against hanging for ever and measures nothing. What is waited for here comes within seconds on a quiet machine,
 * so the limit leaves room for one that is more than ten times slower. What a test wants to know of time it counts, compares, or plays in
 * virtual time.
 */

/** What has not come after this long never comes. */
export const neverMs = 600_000;

/** A whole test, or a hook: longer than a single wait, so that the wait that was in vain is the one that is told. */
export const testLimitMs = 2 * neverMs;

const lookEveryMs = 10;

/** Aborts what would otherwise hang for ever. */
export function never(): AbortSignal {
  return AbortSignal.timeout(neverMs);
}

/**
 * Waits for a condition; gives what it gave. An error while looking counts as "not yet" and is told at the end.
 * @throws Error naming `what` when it never came
 */
export async function until<Found>(
  what: string,
  look: () => Promise<Found> | Found,
): Promise<Exclude<Found, false | null | undefined>> {
  const startedMs = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== false && found !== null && found !== undefined)
        return found as Exclude<Found, false | null | undefined>;
      last = found;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    if (performance.now() - startedMs > neverMs)
      throw new Error(`waited ${neverMs / 1_000} s in vain until ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
