/**
 * A server is replaced by make before break. When the root was told that a newcomer serves so that a server can go, and orders that server
 * to stop, the newcomer serves, or has served since. So no replacement reduces the number of servers.
 */
import { NOBODY } from '../../src/core/index.ts';
import type { PeerHandle } from '../../src/core/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import type { Checker } from './checker.ts';

export interface MovesChecker extends Checker {
  heard(event: QosEvent): void;
  /** Servers that were ordered to stop after a replacement. */
  readonly moves: number;
}

export function madeBeforeBroken(): MovesChecker {
  const found: string[] = [];
  /** The candidates to replace a server, and whether one has. */
  const moves = new Map<
    PeerHandle,
    { readonly candidates: readonly PeerHandle[]; made: boolean; concluded: boolean }
  >();
  const serving = new Set<PeerHandle>();
  let count = 0;
  return {
    name: 'moves are made before they are broken',
    get moves() {
      return count;
    },
    heard(event) {
      if (event.type === 'concluded' && event.action.action === 'move') {
        const move = moves.get(event.action.leaves);
        if (move !== undefined) move.concluded = event.worked;
      }
      if (event.type !== 'decided') return;
      for (const { action, server, leaves, candidates } of event.decision.actions) {
        // The order belongs to a plain retirement, without a replacement.
        if (action === 'retire' && moves.get(server)?.concluded === false) moves.delete(server);
        else if (leaves !== NOBODY)
          moves.set(leaves, { candidates, made: candidates.some((peer) => serving.has(peer)), concluded: false });
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
