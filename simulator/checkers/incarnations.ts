/**
 * Incarnations survive crashes: a peer that restarts with its disk never uses an incarnation again. This is the promise of the port
 * (`src/core/world.ts`), seen from outside: what a restart needs is on disk before any message that depends on it is sent.
 */
import type { Message, PeerHandle } from '../../src/core/index.ts';
import type { Checker } from './checker.ts';

interface Said {
  life: number;
  highest: number;
  /** The highest incarnation of earlier lives. */
  before: number;
}

export interface IncarnationChecker extends Checker {
  /** Its disk is gone, so the promise no longer binds it. */
  blank(peer: PeerHandle): void;
}

export function risingIncarnations(isLiar: (peer: PeerHandle) => boolean): IncarnationChecker {
  const found: string[] = [];
  const said = new Map<PeerHandle, Said>();
  return {
    name: 'incarnations rise',
    blank: (peer) => void said.delete(peer),
    sent(farm, from, _to, message) {
      const incarnation = incarnationIn(from, message);
      if (incarnation === null || isLiar(from)) return;
      const life = farm.life(from);
      const known = said.get(from) ?? { life, highest: 0, before: 0 };
      said.set(from, known);
      if (life !== known.life) {
        known.before = known.highest;
        known.life = life;
      }
      known.highest = Math.max(known.highest, incarnation);
      if (incarnation <= known.before)
        found.push(
          `at ${farm.nowMs} ms peer ${from} spoke as ${incarnation} again, after ${known.before} in an earlier life`,
        );
    },
    verdict: () => found,
  };
}

/** The incarnation that a message gives for its sender, if it names one. */
function incarnationIn(from: PeerHandle, message: Message): number | null {
  if (message.kind === 'join') return message.incarnation;
  if (message.kind === 'cast' && message.origin === from) return message.incarnation;
  return null;
}
