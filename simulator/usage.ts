/** What this process has used: for those who measure how fast the simulator is, and how much memory it takes. */
import { readFileSync } from 'node:fs';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Of all threads, user and system. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The most memory that it ever had. Linux hands a child its parent's peak as `maxRSS`, but keeps the right one in /proc. */
export function peakRssBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1_024;
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

/**
 * Prepares this process for a heap of so many bytes: garbage is collected whenever the heap has grown by a tenth, where V8 would
 * let it double. Throws when the process may not have that much.
 */
export function prepareHeap(bytes: number): void {
  const limit = getHeapStatistics().heap_size_limit;
  if (bytes > limit) {
    const megabytes = Math.ceil(bytes / 2 ** 20 / 1_024) * 1_024;
    throw new RangeError(
      `this takes some ${gigabytes(bytes)} of memory, and this process may use ${gigabytes(limit)}: ` +
        `start it with NODE_OPTIONS=--max-old-space-size=${megabytes}`,
    );
  }
  setFlagsFromString('--heap-growing-percent=10');
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
