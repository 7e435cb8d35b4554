/**
 * How a peer starts: as the root of a service, as a joiner, or again with the records that its disk has kept.
 *
 * A restart has two dangers. The new incarnation must be above every one that the farm may remember of this peer, even when the disk is
 * lost; so it is derived from the clock. A peer that was away for long must not spread outdated membership; so it counts its list as stale.
 */
import type { Attachment } from './attachment/attachment.ts';
import { incarnationAt } from './context.ts';
import type { PeerHandle } from './ids.ts';
import { cardOf } from './parts.ts';
import type { Parts } from './parts.ts';
import { startBeating } from './heartbeat.ts';
import type { DurableRecord, Role } from './world.ts';

export interface Start {
  /** `root`: this peer is the service's origin. `peer`: it joins. `idle`: it waits for a tree-create. */
  readonly as: 'root' | 'peer' | 'idle';
  /** The service's root by its charter; NOBODY for an idle peer. */
  readonly root: PeerHandle;
  /** Peers to begin with: from the invite, or those met before. */
  readonly neighbours: readonly PeerHandle[];
  /** What was persisted, in the order it was persisted. */
  readonly records: readonly DurableRecord[];
  /** The credential that the root gave for the invite; empty in an open farm. */
  readonly credential?: Uint8Array;
}

/** Servers that a returning root contacts; they pass its record on to the others. */
const serversGreeted = 32;

/** Brings a peer that is made but does nothing yet to life. */
export function beginLife(parts: Parts, attachment: Attachment, how: Start): void {
  const { ctx, clients, reachability } = parts;
  ctx.authority.name(how.root);
  parts.neighbours = how.neighbours;
  if (how.credential !== undefined) ctx.credential = new Uint8Array(how.credential);
  const { role, highest } = restore(parts, attachment, how.records);
  // A peer that lost its disk forgot its incarnations; the clock has not stood still meanwhile.
  ctx.raiseIncarnation(Math.max(highest, incarnationAt(ctx.nowMs)));
  ctx.bootIncarnation = ctx.incarnation;
  if (how.as === 'root') {
    ctx.authority.name(ctx.self);
    ctx.become('root');
    parts.servers.becomeRoot();
    clients.becomeRoot();
    reachability.trustSelf();
    const { membership } = parts;
    if (membership.stale) membership.beginAnew();
    membership.declare('serving', ctx.self);
    greetServers(parts);
    startBeating(ctx);
  } else if (how.as === 'peer' && role === 'server' && parts.releases.installedNumber > 0) {
    returnAsServer(parts, attachment);
  } else if (how.as === 'peer') {
    attachment.enterFarm(how.root, how.neighbours);
  }
}

function restore(
  parts: Parts,
  attachment: Attachment,
  records: readonly DurableRecord[],
): { role: Role; highest: number } {
  const { ctx, releases } = parts;
  let role: Role = 'outside';
  let highest = 0;
  let attachedAtMs = Number.NaN;
  for (const record of records) {
    switch (record.type) {
      case 'incarnation':
        highest = Math.max(highest, record.value);
        break;
      case 'standing':
        ctx.authority.standing = { charter: record.charter, epoch: record.epoch, term: record.term };
        break;
      case 'role':
        role = record.role;
        break;
      case 'parent':
        attachment.leftBehind = record.peer;
        break;
      case 'member':
        parts.membership.restore(record.record, record.atMs);
        if (record.peer === ctx.self) highest = Math.max(highest, record.record.incarnation);
        break;
      case 'release':
        releases.restore(record.notice, record.installed);
        break;
      case 'attached':
        attachedAtMs = record.atMs;
        break;
      case 'client-record':
        parts.selection.restore(record.peer, record.delayMs, record.failures, record.requests);
        break;
      case 'limits': {
        const { uploadBytesPerSecond, storageBytes, clients } = record;
        ctx.limits = { uploadBytesPerSecond, storageBytes, clients };
        break;
      }
    }
  }
  if (ctx.rules.isStale(ctx.nowMs - attachedAtMs, ctx.options)) parts.membership.stale = true;
  return { role, highest };
}

/** A server that was away asks its old parent first, then any server it knew, then the root. */
function returnAsServer(parts: Parts, attachment: Attachment): void {
  const { ctx, servers, clients, membership, neighbours } = parts;
  ctx.become('server');
  clients.becomeRoot();
  const { leftBehind } = attachment;
  membership.declare('joining', leftBehind);
  const at = ctx.coordinate;
  const known = membership.nearestServing(at, ctx.self).map(cardOf);
  const others = [leftBehind, ...neighbours, ctx.authority.origin].map((peer) => ({
    peer,
    coordinate: at,
    rttMs: Number.NaN,
  }));
  const [first, ...rest] = others;
  attachment.enter(servers, [...(first === undefined ? [] : [first]), ...known, ...rest], leftBehind);
  startBeating(ctx);
}

/** A returning root may have another address. It contacts the servers it knew, and they learn the address from the connection. */
function greetServers(parts: Parts): void {
  const { ctx, membership, pings } = parts;
  for (const record of membership.nearestServing(ctx.coordinate, ctx.self).slice(0, serversGreeted)) {
    pings.ask(record.subject, 'comparison');
  }
}
