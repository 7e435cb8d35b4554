/** A peer's state in plain data, for people: what `banyan status` shows. */
import { NOBODY } from '../core/ids.ts';
import type { PeerHandle } from '../core/ids.ts';
import type { Limits } from '../core/messages.ts';
import type { Peer } from '../core/peer.ts';
import type { Tree } from '../core/tree.ts';
import type { Charter } from '../service/index.ts';
import type { AddressBook } from './address-book.ts';
import type { Installing } from './carrier.ts';
import type { NeighbourStatus, NodeStatus, QualityStatus, ServerStatus } from './farm-node.ts';
import type { Network } from './network.ts';

export interface StatusSources {
  readonly charter: Charter;
  readonly network: Network;
  readonly book: AddressBook;
  readonly peer: Peer;
  readonly installed: number;
  readonly installing: Installing | null;
  readonly requestsServed: number;
  readonly bytesServed: number;
  readonly servingSeconds: number;
  readonly uptimeSeconds: number;
  readonly limits: Limits | null;
  readonly quality: QualityStatus;
  readonly problems: readonly string[];
}

export function composeStatus(from: StatusSources): NodeStatus {
  const { charter, network, book, peer } = from;
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
      installed: from.installed,
      latest: releases.latest?.number ?? from.installed,
      installing: from.installing,
    },
    reachable: ctx.reachable,
    requestsServed: from.requestsServed,
    bytesServed: from.bytesServed,
    servingSeconds: from.servingSeconds,
    uptimeSeconds: from.uptimeSeconds,
    quality: from.quality,
    limits: from.limits,
    problems: from.problems,
  };
}

function serversOf({ peer, book }: StatusSources): ServerStatus[] {
  const { ctx, membership, views, selection } = peer.state;
  const records = ctx.isServer() ? [...membership.records()] : (views.current?.records ?? []);
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
