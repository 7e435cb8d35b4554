/**
 * Which sender may say what: one row for each kind of message, asked once for each message that comes in.
 *
 * Noise proves which peer speaks; this table says what that peer may say here. It works like the rules of a firewall: a message that no row
 * allows reaches no state machine, and the names it brings do not enter the address book (`hearing`). A new kind of message does not
 * compile without a row.
 *
 * Answers are open to anybody, because an answer counts only for the peer that asked: an `accept` bears the number of the question, and a
 * `surveyed` is taken only from a client that was asked in this round. A statement is judged by its signature, whoever brings it
 * (`authority.ts`).
 */
import type { PeerHandle, TreeKind } from './ids.ts';
import type { Message, MessageKind } from './messages/index.ts';
import type { Parts } from './parts.ts';

/**
 * - `anybody`: strangers too, within the limits on rates and sizes.
 * - `admitted`: a peer that shows a credential which lets it in; in an open farm everybody.
 * - `neighbour`, `parent`, `child`: a relative in the tree that the row names, else in the one that the message names, else in either.
 * - `own-server`: the root of the client tree that this peer is in.
 * - `leader`: the peer that leads the service now.
 * - `server`: a peer with a membership record; heard by the leader alone.
 */
export type Speaker = 'anybody' | 'admitted' | 'neighbour' | 'parent' | 'child' | 'own-server' | 'leader' | 'server';

export interface Row {
  readonly by: readonly Speaker[];
  /** The tree in which the speaker must be a relative, where the message does not name one. */
  readonly tree?: TreeKind;
}

export type Speakers = Readonly<Record<MessageKind, Row>>;

const anybody: Row = { by: ['anybody'] };
const neighbour: Row = { by: ['neighbour'] };
const parent: Row = { by: ['parent'] };
const child: Row = { by: ['child'] };
/** Servers compare what they know with their neighbours. A server that leaves tells the leader last. */
const membership: Row = { by: ['neighbour', 'server'], tree: 'servers' };

export const theSpeakers: Speakers = {
  // Building the tree, and looking around.
  'tree-create': anybody,
  join: anybody,
  accept: anybody,
  redirect: anybody,
  evict: parent,
  part: child,
  disown: parent,
  ping: anybody,
  pong: anybody,
  'dial-back': anybody,
  'dialed-back': anybody,
  // Keeping it alive.
  'heartbeat-down': parent,
  'heartbeat-up': child,
  // Who serves.
  'members-compare': { by: ['neighbour'], tree: 'servers' },
  members: membership,
  view: { by: ['parent'], tree: 'clients' },
  'view-change': { by: ['parent'], tree: 'clients' },
  'view-pull': { by: ['child'], tree: 'clients' },
  // What all are told.
  cast: neighbour,
  'cast-pull': neighbour,
  'cast-gone': neighbour,
  'cast-heads': neighbour,
  'release-ask': neighbour,
  'release-now': neighbour,
  // Who shall serve.
  volunteer: { by: ['admitted'] },
  offer: { by: ['own-server', 'leader'] },
  answer: anybody,
  grant: { by: ['leader'] },
  granted: { by: ['server'] },
  retire: { by: ['leader'] },
  // How it feels, and what is wrong.
  aggregate: child,
  survey: { by: ['own-server'] },
  surveyed: anybody,
  shed: { by: ['own-server', 'parent'], tree: 'clients' },
  report: { by: ['admitted'] },
};

/** Whether `from` may say this to the peer whose parts these are. */
export function maySay(parts: Parts, from: PeerHandle, message: Message): boolean {
  const { by, tree } = parts.ctx.rules.speakers[message.kind];
  const named = 'tree' in message ? message.tree : tree;
  for (const speaker of by) if (isSpeaker(parts, from, speaker, named, message)) return true;
  return false;
}

/** Kinds that are answered even when their sender may not say them: the sender has missed something, and would wait. */
const corrected: readonly MessageKind[] = ['heartbeat-down', 'heartbeat-up', 'offer'];

/**
 * How much of a message of this kind by `from` is worth reading, as far as its kind tells: all of it; all but the names that it brings,
 * because the sender is to be corrected; or nothing, so that a stranger cannot make this peer decode long messages.
 */
export function hearing(parts: Parts, from: PeerHandle, kind: MessageKind): 'whole' | 'nameless' | 'unread' {
  const { by, tree } = parts.ctx.rules.speakers[kind];
  for (const speaker of by) if (isSpeaker(parts, from, speaker, tree, null)) return 'whole';
  return corrected.includes(kind) ? 'nameless' : 'unread';
}

function isSpeaker(
  parts: Parts,
  from: PeerHandle,
  speaker: Speaker,
  tree: TreeKind | undefined,
  message: Message | null,
): boolean {
  const { ctx } = parts;
  switch (speaker) {
    case 'anybody':
      return true;
    case 'admitted':
      return message === null || isAdmitted(parts, from, message);
    case 'neighbour':
      return isParent(parts, from, tree) || isChild(parts, from, tree);
    case 'parent':
      return isParent(parts, from, tree);
    case 'child':
      return isChild(parts, from, tree);
    case 'own-server':
      return parts.ownServer() === from;
    case 'leader':
      return ctx.authority.isLeader(from);
    case 'server':
      return ctx.authority.leads() && parts.membership.get(from) !== null;
  }
}

function isParent(parts: Parts, from: PeerHandle, tree: TreeKind | undefined): boolean {
  return (
    (tree !== 'servers' && parts.clients.parent === from) || (tree !== 'clients' && parts.serverTree?.parent === from)
  );
}

function isChild(parts: Parts, from: PeerHandle, tree: TreeKind | undefined): boolean {
  if (tree !== 'servers' && parts.clients.child(from) !== null) return true;
  return tree !== 'clients' && (parts.serverTree?.child(from) ?? null) !== null;
}

/** The credential stands in the message. It is checked offline; noise has proven whose it is. */
function isAdmitted({ ctx, clients }: Parts, from: PeerHandle, message: Message): boolean {
  if (clients.child(from) !== null) return true;
  const credential = 'credential' in message ? message.credential : null;
  return ctx.world.admits(from, credential ?? noCredential);
}

const noCredential = new Uint8Array(0);
