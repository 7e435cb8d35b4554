/**
 * How a stranger comes in: shows its invite to the peers named there, and gets the charter and, where one is needed, a
 * credential. Both are remembered, so that the next start asks nobody; but an invite that was not shown before is shown, since it
 * may come from a root that has moved, and bring a newer charter.
 *
 * All peers of an invite are asked at once, like all doors of a house being knocked at: who answers first and well is believed
 * (the charter proves itself), the others are dropped. Asking twice costs no second use of the token, which counts peers.
 */
import { createHash } from 'node:crypto';
import { ServiceError, readCharter, supersedes } from '../../service/index.ts';
import type { Charter, Invite } from '../../service/index.ts';
import type { AddressBook } from '../world/address-book.ts';
import { byteStream } from '../../network/index.ts';
import type { Network } from '../../network/index.ts';
import { NodeError } from '../node-error.ts';
import type { NodeState } from '../node-state.ts';
import { welcomeProtocol, askWelcome } from './welcome.ts';
import type { WelcomeQuestion } from './welcome.ts';

/** For one peer, from dialling it to the last byte of its answer. */
const timeoutMs = 10_000;
/** So many addresses of neighbours are remembered. */
const mostNeighbours = 32;

/** What of the network is needed to ask. */
export type IntroductionNetwork = Pick<Network, 'peerId' | 'learn' | 'openStream'>;

interface Welcomed {
  readonly charter: Charter;
  readonly credential: string;
}

/** The charter this peer was given when it joined; null before that. */
export function rememberedCharter(state: Pick<NodeState, 'recall'>): Charter | null {
  const document = state.recall('charter');
  return document === null ? null : readCharter(Buffer.from(document, 'base64'));
}

/** The peer that a multiaddr ends in; undefined when it names none. */
export function peerIdIn(address: string): string | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1];
}

/** Those who can be asked for a place in the farm: peers of the invite and of earlier ones. Their addresses are put into the book. */
export function neighboursOf(
  invite: Invite | null,
  state: Pick<NodeState, 'recall' | 'remember'>,
  self: string,
  book: AddressBook,
): string[] {
  const remembered = JSON.parse(state.recall('neighbours') ?? '[]') as string[];
  const addresses = [...new Set([...(invite?.addresses ?? []), ...remembered])];
  if (invite !== null) state.remember('neighbours', JSON.stringify(addresses.slice(0, mostNeighbours)));
  const peerIds: string[] = [];
  for (const address of addresses) {
    const peerId = peerIdIn(address);
    if (peerId === undefined || peerId === self) continue;
    book.confirm(book.handleOfPeer(peerId), [address]);
    if (!peerIds.includes(peerId)) peerIds.push(peerId);
  }
  return peerIds;
}

/**
 * The charter to live by: the remembered one, or that which the peers of an invite give, if it is newer or the first. A peer
 * that is a member already stays one, whatever becomes of a further invite; `onFailure` is told why it came to nothing.
 * @throws NodeError when there is none to be had: no invite, nobody reached, or refused; ServiceError for one that does not hold
 */
export async function introduce(
  network: IntroductionNetwork,
  invite: Invite | null,
  state: Pick<NodeState, 'recall' | 'remember'>,
  onFailure: (reason: string) => void = () => undefined,
): Promise<Charter> {
  const known = rememberedCharter(state);
  if (invite === null) {
    if (known !== null) return known;
    throw new NodeError(
      'no-invite',
      'Without a charter or an invite there is no farm to join: run `banyan init`, or `banyan join <invite>`.',
    );
  }
  const mark = markOf(invite);
  if (known !== null && state.recall('invite') === mark) return known;
  let welcomed: Welcomed;
  try {
    welcomed = await askAll(network, invite);
  } catch (error) {
    if (known === null) throw error;
    onFailure(error instanceof Error ? error.message : String(error));
    return known;
  }
  const { charter, credential } = welcomed;
  const isNewer = known === null || supersedes(charter, known);
  if (isNewer) state.remember('charter', Buffer.from(charter.bytes).toString('base64'));
  // One that an older charter's peers gave is worth nothing under ours; none at all must not take the place of one.
  if (credential !== '' && (isNewer || charter.number === known.number)) state.remember('credential', credential);
  else if (known === null) state.remember('credential', '');
  state.remember('invite', mark);
  return isNewer ? charter : known;
}

async function askAll(network: IntroductionNetwork, invite: Invite): Promise<Welcomed> {
  const byPeer = new Map<string, string[]>();
  for (const address of invite.addresses) {
    const peerId = peerIdIn(address);
    if (peerId === undefined || peerId === network.peerId) continue;
    byPeer.set(peerId, [...(byPeer.get(peerId) ?? []), address]);
  }
  const enough = new AbortController();
  const failures: unknown[] = [];
  try {
    return await Promise.any(
      [...byPeer].map(async ([peerId, addresses]) => {
        try {
          network.learn(peerId, addresses);
          return await ask(network, peerId, invite, enough.signal);
        } catch (error) {
          failures.push(error);
          throw error;
        }
      }),
    );
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    // What a peer has said counts more than the silence of others.
    const said =
      failures.find((each) => each instanceof NodeError) ?? failures.find((each) => each instanceof ServiceError);
    if (said !== undefined) throw said;
    const reasons = [...byPeer.values()].map((addresses, index) => {
      const reason: unknown = error.errors[index];
      return `${addresses.join(', ')}: ${reason instanceof Error ? reason.message : String(reason)}`;
    });
    throw new NodeError(
      'farm-unreachable',
      `None of the peers in the invite could be reached. Is one of them running, and this machine online?\n  ${reasons.join('\n  ')}`,
    );
  } finally {
    enough.abort(new Error('another peer has answered'));
  }
}

async function ask(
  network: IntroductionNetwork,
  peerId: string,
  { serviceId, token }: Invite,
  enough: AbortSignal,
): Promise<Welcomed> {
  const question: WelcomeQuestion = { serviceId, token, peerId: network.peerId, relayed: false };
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  const drop = (): void => over.abort(enough.reason);
  enough.addEventListener('abort', drop);
  try {
    const stream = byteStream(await network.openStream(peerId, welcomeProtocol, over.signal));
    over.signal.throwIfAborted();
    over.signal.addEventListener('abort', () => stream.abort(over.signal.reason as Error));
    const answer = await askWelcome(stream, question);
    if (!answer.ok) throw new NodeError('invite-refused', answer.message);
    return { charter: readCharter(Buffer.from(answer.charter, 'base64'), serviceId), credential: answer.credential };
  } finally {
    clearTimeout(timer);
    enough.removeEventListener('abort', drop);
  }
}

/** Tells one invite from another; holds none of its secrets. */
function markOf({ serviceId, addresses, token }: Invite): string {
  return createHash('sha256')
    .update(JSON.stringify([serviceId, [...addresses].sort(), token?.id ?? null]))
    .digest('hex');
}
