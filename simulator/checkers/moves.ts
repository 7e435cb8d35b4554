/**
 * A move is made before it is broken: when the root tells a server to go because another took its place, that other serves, or has
 * served since. So no move makes the servers fewer.
 */
import type { PeerHandle } from '../../src/core/ids.ts';
import { NOBODY } from '../../src/core/ids.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import type { Checker } from '../farm.ts';

export interface MovesChecker extends Checker {
  heard(event: QosEvent): void;
  /** Servers that were told to go after a move. */
  readonly moves: number;
}

export function madeBeforeBroken(): MovesChecker {
  const found: string[] = [];
  /** Who may take the place of a server that is to leave, and whether one has. */
  const moves = new Map<PeerHandle, { readonly candidates: readonly PeerHandle[]; made: boolean }>();
  const serving = new Set<PeerHandle>();
  let count = 0;
  return {
    name: 'moves are made before they are broken',
    get moves() {
      return count;
    },
    heard(event) {
      if (event.type !== 'decided') return;
      for (const { action, server, leaves, candidates } of event.decision.actions) {
        if (action === 'retire') moves.delete(server);
        else if (leaves !== NOBODY)
          moves.set(leaves, { candidates, made: candidates.some((peer) => serving.has(peer)) });
      }
    },
    observed(_farm, peer, event) {
      if (event.type !== 'role-changed') return;
      if (event.role !== 'server') {
        serving.delete(peer);
        return;
      }
      serving.add(peer);
      for (const move of moves.values()) if (move.candidates.includes(peer)) move.made = true;
    },
    sent(farm, _from, to, message) {
      const move = message.kind === 'retire' ? moves.get(to) : undefined;
      if (move === undefined) return;
      moves.delete(to);
      count++;
      if (!move.made)
        found.push(`at ${farm.nowMs} ms server ${to} was told to go, and none of ${move.candidates.join()} had begun`);
    },
    verdict: () => found,
  };
}
