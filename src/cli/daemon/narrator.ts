/**
 * Tells the story of a peer as it happens (`narration.ts` has the sentences).
 *
 * It listens, and looks at the peer only when something happened that the story is about: a peer at rest costs nothing. For all
 * that happens in one go it looks once.
 */
import type { FarmNode, Happening, NodeStatus } from '../../host/index.ts';
import { type Change, changesBetween } from '../words/narration.ts';

type PeerEventName = Extract<Happening, { readonly from: 'peer' }>['event']['type'];

/** After these of the core the status may say something else that is told. */
const telling: ReadonlySet<PeerEventName> = new Set([
  'role-changed',
  'attached',
  'orphaned',
  'draining-began',
  'release-installed',
  'reachability-changed',
] as const);

/** Tells how it stands, and then each change, until the function that is returned is called. */
export function narrate(node: Pick<FarmNode, 'happenings' | 'status'>, tell: (change: Change) => void): () => void {
  let before: NodeStatus | null = null;
  let due: NodeJS.Immediate | null = null;
  const look = (): void => {
    due = null;
    const now = node.status();
    const changes = changesBetween(before, now);
    before = now;
    for (const change of changes) tell(change);
  };
  const end = node.happenings.listen((happening) => {
    if (isTold(happening)) due ??= setImmediate(look);
  });
  look();
  return () => {
    end();
    if (due !== null) clearImmediate(due);
  };
}

function isTold({ from, event }: Happening): boolean {
  switch (from) {
    case 'problems':
      return true;
    case 'peer':
      return telling.has(event.type);
    case 'reader':
      return event.type === 'release-accepted';
    default:
      return false;
  }
}
