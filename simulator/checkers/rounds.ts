/**
 * The controller acts once on each round, and only on enough reports: no round is decided twice (even after the root restarts), every
 * decided round was opened, and a coverage below 0.8 leads to no action. Each life of a peer reports a round at most once.
 */
import type { PeerHandle } from '../../src/core/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import type { Checker } from './checker.ts';

export interface RoundsChecker extends Checker {
  /** All events of the controller. */
  heard(event: QosEvent): void;
  /** Rounds that were decided. */
  readonly decided: number;
}

const leastCoverage = 0.8;

export function roundsOnce(isLiar: (peer: PeerHandle) => boolean): RoundsChecker {
  const found: string[] = [];
  const opened = new Set<number>();
  const decided = new Set<number>();
  const reported = new Set<string>();
  return {
    name: 'rounds are acted on once',
    get decided() {
      return decided.size;
    },
    heard(event) {
      if (event.type === 'round-opened') {
        if (opened.has(event.round)) found.push(`round ${event.round} was opened twice`);
        opened.add(event.round);
      }
      if (event.type !== 'decided') return;
      const { round, coverage, actions } = event.decision;
      if (decided.has(round)) found.push(`round ${round} was decided twice`);
      if (!opened.has(round)) found.push(`round ${round} was decided and never opened`);
      decided.add(round);
      if (actions.length > 0 && !(coverage >= leastCoverage))
        found.push(`round ${round} was acted on with a coverage of ${coverage}`);
    },
    sent(farm, from, to, message) {
      if (message.kind !== 'aggregate' || isLiar(from)) return;
      const report = `${from} in its life ${farm.life(from)} reported round ${message.round}`;
      if (reported.has(report)) found.push(`at ${farm.nowMs} ms peer ${report} again, to ${to}`);
      reported.add(report);
    },
    verdict: () => found,
  };
}
