/**
 * How a stranger comes in: shows its invite to one of the peers named there, and gets the charter and, where one is needed,
 * a credential. Both are remembered, so that the next start asks nobody.
 */
import { ServiceError, readCharter } from '../service/index.ts';
import type { Charter, Invite } from '../service/index.ts';
import { byteStream } from './byte-stream.ts';
import type { Network } from './network.ts';
import { NodeError } from './node-error.ts';
import type { NodeState } from './node-state.ts';
import { WELCOME_PROTOCOL, askWelcome } from './welcome.ts';
import type { WelcomeQuestion } from './welcome.ts';

const timeoutMs = 20_000;

/** The charter this peer was given when it joined; null before that. */
export function rememberedCharter(state: NodeState): Charter | null {
  const document = state.recall('charter');
  return document === null ? null : readCharter(Buffer.from(document, 'base64'));
}

/** The peer that a multiaddr ends in; undefined when it names none. */
export function peerIdIn(address: string): string | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1];
}

/**
 * Asks the peers of an invite, one after the other, for the charter.
 * @throws NodeError when none can be reached, or the invite is refused; ServiceError for a charter that does not hold
 */
export async function introduce(network: Network, invite: Invite | null, state: NodeState): Promise<Charter> {
  if (invite === null) {
    throw new NodeError(
      'no-invite',
      'Without a charter or an invite there is no farm to join: run `banyan init`, or `banyan join <invite>`.',
    );
  }
  const question: WelcomeQuestion = {
    serviceId: invite.serviceId,
    token: invite.token,
    peerId: network.peerId,
    relayed: false,
  };
  const failures: string[] = [];
  for (const address of invite.addresses) {
    const peerId = peerIdIn(address);
    if (peerId === undefined || peerId === network.peerId) continue;
    network.learn(peerId, [address]);
    try {
      const stream = await network.openStream(peerId, WELCOME_PROTOCOL, AbortSignal.timeout(timeoutMs));
      const answer = await askWelcome(byteStream(stream), question);
      if (!answer.ok) throw new NodeError('invite-refused', answer.message);
      const charter = readCharter(Buffer.from(answer.charter, 'base64'), invite.serviceId);
      state.remember('charter', answer.charter);
      state.remember('credential', answer.credential);
      return charter;
    } catch (error) {
      if (error instanceof NodeError || error instanceof ServiceError) throw error;
      failures.push(`${address}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new NodeError(
    'farm-unreachable',
    `None of the peers in the invite could be reached. Is one of them running, and this machine online?\n  ${failures.join('\n  ')}`,
  );
}
