/**
 * A move is made before it is broken: when the root was told that somebody serves so that another can go, and tells that other to go,
 * the newcomer serves, or has served since. So no move makes the servers fewer.
 */
import { NOBODY } from '../../src/core/index.ts';
import type { PeerHandle } from '../../src/core/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import type { Checker } from './checker.ts';

export interface MovesChecker extends Checker {
  heard(event: QosEvent): void;
  /** Servers that were told to go after a move. */
  readonly moves: number;
}

export function madeBeforeBroken(): MovesChecker {
  const found: string[] = [];
  /** Who may take the place of a server that is to leave, and whether one has. */
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
        // A retirement of its own: nobody came, and nobody said so.
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
