/**
 * Some time after faults have stopped, each client holds the view that the server of its tree sends down: the same version with the same
 * servers, and no older record of any of them.
 */
import { theRules } from '../../src/core/index.ts';
import type { MemberRecord, PeerHandle } from '../../src/core/index.ts';
import type { SimulatedFarm } from '../farm.ts';
import { wayUp } from './structure.ts';

/** Sentences about clients whose view differs from their server's: after each change one may be on its way down for some beats. */
export function strayViews(farm: SimulatedFarm): string[] {
  const sentences: string[] = [];
  for (const { self, role, state } of farm.living()) {
    if (role !== 'client') continue;
    const server = wayUp(farm, self, 'clients').at(-1) as PeerHandle;
    const truth = farm.peer(server)?.state.views.current ?? null;
    const held = state.views.current;
    if (truth === null) continue;
    const isSame =
      held?.server === truth.server &&
      held.version === truth.version &&
      held.records.length === truth.records.length &&
      truth.records.every((record) => held.records.some((other) => isNoOlder(other, record)));
    if (isSame) continue;
    const has = held === null ? 'no view of the servers' : `version ${held.version} of the view of peer ${held.server}`;
    sentences.push(`peer ${self} has ${has}, its server ${server} has version ${truth.version}`);
  }
  return sentences;
}

function isNoOlder(held: MemberRecord, record: MemberRecord): boolean {
  return held.subject === record.subject && !theRules.supersedes(record, held);
}
