/** What this process has used: for those who measure how fast the simulator is, and how much memory it takes. */
import { readFileSync } from 'node:fs';

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
