/**
 * What became different between two looks at a peer, in sentences: the story that a foreground daemon tells.
 *
 * Pure. Only what its person would want to know is told; figures that change all the time are for `banyan status`.
 */
import type { NodeStatus } from '../../host/index.ts';

export type Change =
  | { readonly what: 'attached'; readonly parent: string | null; readonly text: string }
  | { readonly what: 'detached'; readonly text: string }
  | { readonly what: 'role'; readonly role: NodeStatus['role']; readonly text: string }
  | { readonly what: 'draining'; readonly text: string }
  | { readonly what: 'release'; readonly number: number; readonly text: string }
  | { readonly what: 'reachability'; readonly reachable: boolean; readonly text: string }
  | { readonly what: 'problem'; readonly text: string }
  | { readonly what: 'solved'; readonly text: string };

export function changesBetween(before: NodeStatus | null, now: NodeStatus): readonly Change[] {
  const changes: Change[] = [];
  if (now.role !== (before?.role ?? 'outside')) changes.push({ what: 'role', role: now.role, text: roleText(now) });
  if (now.attached !== (before?.attached ?? false) && now.role !== 'root') {
    changes.push(
      now.attached
        ? {
            what: 'attached',
            parent: now.parent,
            text: `Joined "${now.service.name}"${now.parent === null ? '' : `, below ${short(now.parent)}`}.`,
          }
        : { what: 'detached', text: 'Lost the farm; looking for a new parent.' },
    );
  } else if (before !== null && now.attached && now.parent !== before.parent && now.parent !== null) {
    changes.push({ what: 'attached', parent: now.parent, text: `Moved below ${short(now.parent)}.` });
  }
  if (now.draining && before?.draining !== true)
    changes.push({
      what: 'draining',
      text: 'Draining: this peer stops serving when its clients have moved to other servers.',
    });
  if (now.release.installed !== (before?.release.installed ?? 0)) {
    changes.push({
      what: 'release',
      number: now.release.installed,
      text: `Release ${now.release.installed} is installed.`,
    });
  }
  if (before !== null && now.reachable !== before.reachable) {
    const text = now.reachable
      ? 'Other peers can reach this one.'
      : 'Other peers cannot reach this one any more; `banyan doctor` says what to do.';
    changes.push({ what: 'reachability', reachable: now.reachable, text });
  }
  const problems = before?.problems ?? [];
  for (const text of now.problems) if (!problems.includes(text)) changes.push({ what: 'problem', text });
  for (const text of problems)
    if (!now.problems.includes(text)) changes.push({ what: 'solved', text: `Solved: ${text}` });
  return changes;
}

/** The end of a peer id, by which people tell peers apart: the beginning is the same for all. */
export function short(peerId: string): string {
  return peerId.length <= 12 ? peerId : `…${peerId.slice(-8)}`;
}

function roleText({ role, service }: NodeStatus): string {
  switch (role) {
    case 'root':
      return `This is the root of "${service.name}".`;
    case 'server':
      return `Serving "${service.name}" to others. Thank you!`;
    case 'client':
      return `A client of "${service.name}".`;
    case 'outside':
      return `Outside the farm of "${service.name}".`;
  }
}
