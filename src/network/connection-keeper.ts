/**
 * Which connections stay and which go.
 *
 * Those of kept peers (parent, backup, children) stay: they are tagged in libp2p's peer store, and libp2p dials them
 * again by itself when they drop. All others go once nothing has moved on them for a while, and a second connection to
 * the same peer (both dialled at once) goes as soon as no stream uses it. Hanging up is up to the caller: who dialled knows what for (a
 * backup's connection is silent for hours, and wanted), who was dialled waits ten times as long.
 */
import './polyfill.ts';
import type { Connection, PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Libp2p } from 'libp2p';
import type { HostLogger } from './network-options.ts';

const keepTag = 'keep-alive-banyan';
/** So much longer the side that was dialled waits before it closes an idle connection: the other one may be gone without a word. */
const inboundPatience = 10;

export class ConnectionKeeper {
  readonly #node: Libp2p;
  readonly #logger: HostLogger | undefined;
  readonly #idleMs: number;
  readonly #kept = new Set<string>();
  readonly #usedAtMs = new Map<string, number>();
  #tagging: Promise<void> = Promise.resolve();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(node: Libp2p, idleMs: number, logger: HostLogger | undefined) {
    this.#node = node;
    this.#idleMs = idleMs;
    this.#logger = logger;
  }

  start(): void {
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(50, this.#idleMs / 4));
    this.#sweeper.unref();
  }

  /** Keeps nobody any more. */
  stop(): void {
    clearInterval(this.#sweeper);
    for (const peerId of [...this.#kept]) this.unkeep(peerId);
  }

  isKept(peerId: string): boolean {
    return this.#kept.has(peerId);
  }

  /** Marks a peer to be reconnected to whenever it drops. */
  keep(peerId: string): void {
    this.#kept.add(peerId);
    this.#tag(peerId, { tags: { [keepTag]: { value: 100 } } });
  }

  unkeep(peerId: string): void {
    if (!this.#kept.delete(peerId)) return;
    this.used(peerId);
    this.#tag(peerId, { tags: { [keepTag]: undefined } });
  }

  /** Resolves when the peer store knows of every `keep` and `unkeep` so far. */
  async settled(): Promise<void> {
    await this.#tagging;
  }

  /** Something of ours moved on a connection with this peer. */
  used(peerId: string): void {
    this.#usedAtMs.set(peerId, performance.now());
  }

  forget(peerId: string): void {
    this.#usedAtMs.delete(peerId);
  }

  #tag(peerId: string, data: Parameters<Libp2p['peerStore']['merge']>[1]): void {
    const id: PeerId = peerIdFromString(peerId);
    this.#tagging = this.#tagging
      .then(async () => {
        await this.#node.peerStore.merge(id, data);
      })
      .catch((error: Error) => this.#logger?.warn({ peerId, error: error.message }, 'could not tag a peer to keep'));
  }

  #sweep(): void {
    const nowMs = performance.now();
    const byPeer = new Map<string, Connection[]>();
    for (const connection of this.#node.getConnections()) {
      const peerId = connection.remotePeer.toString();
      const connections = byPeer.get(peerId);
      if (connections === undefined) byPeer.set(peerId, [connection]);
      else connections.push(connection);
    }
    for (const [peerId, connections] of byPeer) {
      const usedAtMs = this.#usedAtMs.get(peerId);
      if (usedAtMs === undefined) {
        this.#usedAtMs.set(peerId, nowMs);
        continue;
      }
      if (connections.length > 1) this.#closeSpare(connections);
      else if (!this.#kept.has(peerId) && nowMs - usedAtMs > this.#patienceMs(connections))
        this.#closeIdle(peerId, connections);
    }
  }

  #patienceMs(connections: readonly Connection[]): number {
    return connections.every(({ direction }) => direction === 'inbound')
      ? this.#idleMs * inboundPatience
      : this.#idleMs;
  }

  /** Closes one connection that has no streams, if another has. */
  #closeSpare(connections: Connection[]): void {
    const spare = connections.find(({ streams }) => streams.length === 0);
    if (spare !== undefined && connections.some(({ streams }) => streams.length > 0)) this.#close(spare);
  }

  #closeIdle(peerId: string, connections: Connection[]): void {
    const isBusy = connections.some(({ streams }) =>
      streams.some(({ protocol }) => !protocol.startsWith('/banyan/peer/')),
    );
    if (isBusy) {
      this.used(peerId);
      return;
    }
    this.#logger?.debug({ peerId }, 'closing a connection that nothing used');
    for (const connection of connections) this.#close(connection);
  }

  #close(connection: Connection): void {
    connection.close().catch((error: Error) => connection.abort(error));
  }
}
