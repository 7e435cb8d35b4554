/**
 * Through these the reader and the idle probe learn from the core which server to ask, and tell it what asking was like.
 */
import type { Sample } from '../core/index.ts';
import type { AddressBook } from './world/address-book.ts';
import type { HostingParts, Hosting } from './hosting/hosting.ts';
import type { ProbePort } from './reading/idle-probe.ts';
import type { ReaderPort } from './reading/reader.ts';

export interface ExperienceParts extends Pick<HostingParts, 'host' | 'reachable'> {
  readonly book: AddressBook;
  readonly hosting: Hosting;
}

/** `busy` is called whenever the user's own requests have told enough. */
export function readerPort({ host, book, hosting, reachable }: ExperienceParts, busy: () => void): ReaderPort {
  const failureOf = (server: string): Sample => ({ server: book.handleOfPeer(server), delayMs: Number.NaN, ok: false });
  return {
    rank: () => (host.tell((peer, nowMs) => peer.rank(nowMs)) ?? []).map(reachable),
    asked: (server) => host.tell((peer, nowMs) => peer.asked(nowMs, book.handleOfPeer(server))),
    abandoned: (server) => host.tell((peer, nowMs) => peer.abandoned(nowMs, book.handleOfPeer(server))),
    measured: (server, delayMs, isFirst) => {
      busy();
      const handle = book.handleOfPeer(server);
      host.tell((peer, nowMs) => peer.measured(nowMs, { server: handle, delayMs, ok: true, isFirst }));
    },
    // Another server answers in its place: this one is judged by it, but the user did not go without.
    failed: (server) => host.tell((peer, nowMs) => peer.probed(nowMs, failureOf(server))),
    unanswered: (server) => host.tell((peer, nowMs) => peer.measured(nowMs, failureOf(server))),
    lied: (server, path, release) => {
      host.tell((peer, nowMs) => peer.lied(nowMs, book.handleOfPeer(server), path, release));
    },
    manifestFrom: async (server, signal) => await hosting.manifestFrom(server, signal),
  };
}

export function probePort({ host, book, hosting, reachable }: ExperienceParts, self: string): ProbePort {
  const sampleOf = (server: string, delayMs: number, ok: boolean): Sample => ({
    server: book.handleOfPeer(server),
    delayMs,
    ok,
  });
  return {
    rank: () => {
      // A server answers itself, and its own tree tells how.
      const { role, draining } = host.peer.state.ctx;
      if (role !== 'client' || draining) return [];
      const ranked = host.tell((peer, nowMs) => peer.rank(nowMs)) ?? [];
      return ranked.slice(0, 2).map(reachable);
    },
    serveOwn: async () => await hosting.answerTimeMs(),
    self,
    intervalMs: () => host.peer.state.ctx.intervalMs,
    measured: (server, delayMs, ok) => host.tell((peer, nowMs) => peer.measured(nowMs, sampleOf(server, delayMs, ok))),
    compared: (server, delayMs, ok) => host.tell((peer, nowMs) => peer.probed(nowMs, sampleOf(server, delayMs, ok))),
  };
}
