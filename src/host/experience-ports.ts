/**
 * Through these the reader and the idle probe learn from the core which server to ask, and tell it what asking was like.
 */
import type { Sample } from '../core/index.ts';
import type { AddressBook } from './world/address-book.ts';
import type { ReaderEvent } from './happenings.ts';
import type { HostingParts, Hosting } from './hosting/hosting.ts';
import type { ProbePort } from './reading/idle-probe.ts';
import type { ReaderPort } from './reading/reader.ts';

export interface ExperienceParts extends Pick<HostingParts, 'host' | 'reachable'> {
  readonly book: AddressBook;
  readonly hosting: Hosting;
}

/** `busy` is called whenever the user's own requests have told enough, `tell` with all that came of them. */
export function readerPort(
  { host, book, hosting, reachable }: ExperienceParts,
  busy: () => void,
  tell: (event: ReaderEvent) => void,
): ReaderPort {
  const failureOf = (server: string): Sample => ({ server: book.handleOfPeer(server), delayMs: Number.NaN, ok: false });
  return {
    rank: () => (host.inform((peer, nowMs) => peer.rank(nowMs)) ?? []).map(reachable),
    asked: (server) => {
      host.inform((peer, nowMs) => peer.asked(nowMs, book.handleOfPeer(server)));
      tell({ type: 'server-asked', server });
    },
    abandoned: (server) => {
      host.inform((peer, nowMs) => peer.abandoned(nowMs, book.handleOfPeer(server)));
      tell({ type: 'request-abandoned', server });
    },
    measured: (server, delayMs, isFirst) => {
      busy();
      const handle = book.handleOfPeer(server);
      host.inform((peer, nowMs) => peer.measured(nowMs, { server: handle, delayMs, ok: true, isFirst }));
      tell({ type: 'server-answered', server, delayMs, isFirst });
    },
    // Another server answers in its place: this one is judged by it, but the user did not go without.
    failed: (server) => {
      host.inform((peer, nowMs) => peer.probed(nowMs, failureOf(server)));
      tell({ type: 'server-failed', server });
    },
    unanswered: (server) => {
      host.inform((peer, nowMs) => peer.measured(nowMs, failureOf(server)));
      tell({ type: 'request-unanswered', server });
    },
    lied: (server, path, release, reason) => {
      host.inform((peer, nowMs) => peer.lied(nowMs, book.handleOfPeer(server), path, release));
      tell({ type: 'lie-found', server, path, release, reason });
    },
    accepted: (release) => tell({ type: 'release-accepted', release }),
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
      const ranked = host.inform((peer, nowMs) => peer.rank(nowMs)) ?? [];
      return ranked.slice(0, 2).map(reachable);
    },
    serveOwn: async () => await hosting.answerTimeMs(),
    self,
    intervalMs: () => host.peer.state.ctx.intervalMs,
    measured: (server, delayMs, ok) =>
      host.inform((peer, nowMs) => peer.measured(nowMs, sampleOf(server, delayMs, ok))),
    compared: (server, delayMs, ok) => host.inform((peer, nowMs) => peer.probed(nowMs, sampleOf(server, delayMs, ok))),
  };
}
