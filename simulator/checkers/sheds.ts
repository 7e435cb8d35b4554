/**
 * Only a server that says of itself that it is full sends clients on, and clients of its tree that know it pass that on. None changes its
 * mind about that all the time: it stays full for a minute at least, so in any time it can be full once more than there were such minutes
 * in one life.
 */
import type { PeerHandle } from '../../src/core/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import type { Checker } from './checker.ts';

export interface ShedsChecker extends Checker {
  heard(peer: PeerHandle, atMs: number, event: QosEvent): void;
  /** Clients that were told to go, and times that a server became full. */
  readonly told: number;
  readonly filled: number;
}

/** How long a server is full at least, ms: sixty heartbeats, of which one or two may be early. */
const leastFullMs = 58_000;

export function shedByTheFull(): ShedsChecker {
  const found: string[] = [];
  const fullSince = new Map<PeerHandle, number>();
  let told = 0;
  let filled = 0;
  return {
    name: 'only the full send clients on, and they are full for a while',
    get told() {
      return told;
    },
    get filled() {
      return filled;
    },
    heard(peer, atMs, event) {
      if (event.type !== 'fullness-changed') return;
      if (event.full !== null) {
        filled++;
        fullSince.set(peer, atMs);
        return;
      }
      const forMs = atMs - (fullSince.get(peer) ?? atMs);
      if (forMs < leastFullMs) found.push(`at ${atMs} ms server ${peer} was open again after ${forMs} ms`);
    },
    sent(farm, from, to, message) {
      if (message.kind !== 'shed') return;
      told++;
      const sender = farm.peer(from)?.state;
      const server = sender?.ownServer() ?? from;
      const isFull = sender?.ctx.isServer()
        ? sender.membership.get(from)?.full
        : sender?.views.current?.records.find(({ subject }) => subject === server)?.full;
      if (isFull !== true)
        found.push(
          `at ${farm.nowMs} ms peer ${from} sent client ${to} on and server ${server} did not say that it is full`,
        );
    },
    verdict: () => found,
  };
}
