/** A peer's state in plain data, for people: what `banyan status` shows. */
import { NOBODY } from '../core/index.ts';
import type { Peer, PeerHandle, Tree } from '../core/index.ts';
import type { Charter } from '../service/index.ts';
import type { NeighbourStatus, NodeStatus, QualityStatus, ServerStatus } from './farm-node.ts';
import type { Network } from '../network/index.ts';
import { qosOptionsOf } from './node-options.ts';
import type { NodeParts } from './node-parts.ts';

export interface StatusSources extends Pick<NodeParts, 'book' | 'decisions' | 'hosting' | 'problems'> {
  readonly charter: Charter;
  readonly network: Network;
  readonly peer: Peer;
  readonly uptimeSeconds: number;
}

export function composeStatus(from: StatusSources): NodeStatus {
  const { charter, network, book, peer, hosting } = from;
  const { ctx, servers, clients, releases } = peer.state;
  const up = peer.state.upTree();
  const nameOf = (handle: PeerHandle): string | null => (handle === NOBODY ? null : book.peerIdOf(handle));
  const children = (tree: Tree): NeighbourStatus[] =>
    tree.children.map((child) => ({
      peerId: book.peerIdOf(child.peer),
      rttMs: orNull(child.rtt.medianMs()),
      reachable: child.reachable,
      size: child.size,
    }));
  return {
    service: { id: charter.serviceId, name: charter.name },
    peerId: network.peerId,
    addresses: network.addresses(),
    role: ctx.role,
    draining: ctx.draining,
    full: ctx.isServer() && ctx.full,
    attached: up === null || up.attached,
    parent: nameOf(up?.parent ?? NOBODY),
    depth: up === null ? 0 : (up.place?.depth ?? null),
    server: nameOf(peer.state.ownServer()),
    serverChildren: children(servers),
    clientChildren: children(clients),
    subtreeSize: servers.extent().size + clients.extent().size - 1,
    servers: serversOf(from),
    release: {
      installed: hosting.current?.release ?? 0,
      latest: releases.latest?.number ?? hosting.current?.release ?? 0,
      installing: hosting.installing,
    },
    reachable: ctx.reachable,
    ...hosting.totals,
    uptimeSeconds: from.uptimeSeconds,
    quality: qualityOf(from),
    limits: ctx.limits,
    problems: from.problems.list(),
  };
}

function qualityOf({ charter, decisions }: StatusSources): QualityStatus {
  const { requirement, policy, margin } = qosOptionsOf(charter);
  const { latest = null, lastAction = null } = decisions ?? {};
  return { requirement, policy, margin, latest, lastAction };
}

function serversOf({ peer, book }: StatusSources): ServerStatus[] {
  const { ctx, views, selection } = peer.state;
  const records = ctx.isServer() ? [...peer.state.membership.records()] : (views.current?.records ?? []);
  return records
    .filter((record) => record.state !== 'gone')
    .map((record) => {
      const own = selection.get(record.subject);
      return {
        peerId: book.peerIdOf(record.subject),
        state: record.state,
        full: record.full,
        incarnation: record.incarnation,
        delayMs: own === null ? null : orNull(own.delayMs),
        requests: own?.requests ?? 0,
      };
    });
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
