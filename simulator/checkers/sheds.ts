/**
 * Load shedding: only a server that announces that it is full sends clients on, and only clients of its tree that know it pass the request
 * on. No server changes its state too often: it stays full for at least a minute, so in one life it becomes full at most once more than
 * minutes have passed.
 */
import type { PeerHandle } from '../../src/core/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import type { Checker } from './checker.ts';

export interface ShedsChecker extends Checker {
  heard(peer: PeerHandle, atMs: number, event: QosEvent): void;
  /** Clients that were sent on, and times that a server became full. */
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
