/**
 * Who may come in: answers strangers who show an invite, and checks the credentials of those who hang below this peer.
 *
 * Any peer hands out the charter of an open farm and checks a credential by itself. Tokens are redeemed by the root alone, which
 * keeps the book; another peer asks it on the stranger's behalf.
 */
import type { Standing } from '../../core/index.ts';
import { issueCredential, redeemToken, verifyCredential } from '../../service/index.ts';
import type { Charter, SigningKey } from '../../service/index.ts';
import { byteStream } from '../../network/index.ts';
import type { HostLogger, Network } from '../../network/index.ts';
import type { NodeState } from '../node-state.ts';
import { welcomeProtocol, answerWelcome, askWelcome } from './welcome.ts';
import type { WelcomeAnswer, WelcomeQuestion } from './welcome.ts';

export interface DoorkeeperOptions {
  readonly network: Network;
  readonly charter: Charter;
  readonly state: NodeState;
  /** Null for everybody but the root. */
  readonly rootKey: SigningKey | null;
  /** Where authority stands now: written into each credential. */
  readonly standing: () => Standing;
  /** Whether a credential that bears the signature of this public key (base64url) lets its bearer in. */
  readonly mayIssue: (issuer: string) => boolean;
  readonly logger: HostLogger;
}

const credentialMs = 365 * 86_400_000;
const relayTimeoutMs = 10_000;

export class Doorkeeper {
  readonly #given: DoorkeeperOptions;

  constructor(given: DoorkeeperOptions) {
    this.#given = given;
  }

  async start(): Promise<void> {
    await this.#given.network.handle(welcomeProtocol, async (stream) => {
      await answerWelcome(byteStream(stream), (question) => this.#welcome(question));
    });
  }

  /** Whether a peer may hang in this farm's trees. */
  admits(peerId: string, credential: Uint8Array): boolean {
    const { charter, mayIssue } = this.#given;
    if (charter.admission === 'open' || peerId === charter.rootPeerId) return true;
    return verifyCredential(credential, charter, peerId, Date.now(), mayIssue).ok;
  }

  async #welcome(question: WelcomeQuestion): Promise<WelcomeAnswer> {
    const { charter, rootKey } = this.#given;
    if (question.serviceId !== charter.serviceId) {
      return refuse(
        'other-service',
        `The peer that this invite leads to belongs to another service now, ${charter.serviceId}: ` +
          `ask whoever sent the invite for a new one.`,
      );
    }
    const { token } = question;
    if (token === null) {
      if (charter.admission === 'open') return this.#accept('');
      return refuse(
        'invite-needed',
        'This farm is by invitation only, and the invite carries no token: ask the owner for an invite.',
      );
    }
    if (rootKey === null) return await this.#relay(question);
    const nowMs = Date.now();
    const result = this.#given.state.tokens.redeem(token.id, (record) =>
      redeemToken(record, token, question.peerId, nowMs),
    );
    if (!result.ok) return refuse(result.reason, result.message);
    const credential = issueCredential(rootKey, {
      ...this.#given.standing(),
      serviceId: charter.serviceId,
      peerId: question.peerId,
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + credentialMs,
    });
    return this.#accept(Buffer.from(credential).toString('base64'));
  }

  #accept(credential: string): WelcomeAnswer {
    return { ok: true, charter: Buffer.from(this.#given.charter.bytes).toString('base64'), credential };
  }

  /** Asks the root on behalf of a stranger. */
  async #relay(question: WelcomeQuestion): Promise<WelcomeAnswer> {
    if (question.relayed) return refuse('root-away', 'Only the root can redeem this invite.');
    const { network, charter, logger } = this.#given;
    try {
      const stream = await network.openStream(charter.rootPeerId, welcomeProtocol, AbortSignal.timeout(relayTimeoutMs));
      return await askWelcome(byteStream(stream), { ...question, relayed: true });
    } catch (error) {
      logger.debug({ reason: String(error) }, 'the root could not be asked about an invite');
      return refuse(
        'root-away',
        "The owner's machine, which has to confirm this invite, cannot be reached now: try again later.",
      );
    }
  }
}

function refuse(reason: string, message: string): WelcomeAnswer {
  return { ok: false, reason, message };
}
