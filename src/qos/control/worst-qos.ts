/**
 * The paper's policy: find the client with the worst service by always descending into the child with the worst average, and make it a
 * server. One in each round until the requirement is met; none ever retires.
 *
 * Kept as published, for comparison: it reacts to single outliers and uses more servers than are needed.
 *
 * Source: P2P Volunteers, sections 3.4.2 (server selection) and 3.6 (controller).
 */
import { NOBODY } from '../../core/index.ts';
import type { Policy } from './policy.ts';

export const worstQos: Policy = {
  name: 'worst-qos',
  decide({ aggregate, figures, goal }) {
    if (goal.isMet(figures)) return { actions: [], reason: 'the requirement is met' };
    const { worst, worstServer } = aggregate;
    if (worst === NOBODY || worstServer === NOBODY) return { actions: [], reason: 'no client is willing to serve' };
    return {
      actions: [{ action: 'promote', server: worstServer, candidates: [worst], leaves: NOBODY, change: 0 }],
      reason: 'the descent through the worst averages ended at this client',
    };
  },
};
