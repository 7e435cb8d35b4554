import { describe, expect, test } from 'vitest';
import { UploadLimit } from '../../../src/network/streams/upload-limit.ts';

/** Sends pieces one after the other; returns the time from the first to the last, ms. */
async function timeFor(limit: UploadLimit, pieces: number, bytes: number): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < pieces; i++) await limit.wait(bytes);
  return performance.now() - startMs;
}

describe('an upload limit', () => {
  test('never lets more through than the rate allows, beyond a quarter of a second at the start', async () => {
    const bytesPerSecond = 1_000_000;
    const [pieces, bytes] = [16, 50_000];
    const tookMs = await timeFor(new UploadLimit(bytesPerSecond), pieces, bytes);
    // The last piece leaves when the rate has allowed those before it.
    const dueMs = (1000 * (pieces - 1) * bytes) / bytesPerSecond - 250;
    expect(tookMs).toBeGreaterThanOrEqual(dueMs - 5);
  });

  test('shares the rate among all senders', async () => {
    const limit = new UploadLimit(1_000_000);
    const both = await Promise.all([timeFor(limit, 8, 50_000), timeFor(limit, 8, 50_000)]);
    expect(Math.max(...both)).toBeGreaterThanOrEqual((1000 * 15 * 50_000) / 1_000_000 - 250 - 5);
  });

  test('sends a small page at once after a pause', () => {
    let gone = false;
    new UploadLimit(100_000).take(20_000, () => {
      gone = true;
    });
    expect(gone).toBe(true);
  });
});
