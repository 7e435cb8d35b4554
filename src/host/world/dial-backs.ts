/**
 * Dialling back whoever asks for it, without becoming a tool against others.
 *
 * A dial-back makes this machine open a connection to where somebody else says, so it goes only to the IP address from which the asker
 * is connected, which is the one place that it has proven to be at: a port there is all that it can choose. And it is cheap to ask for, so
 * there is one for each asker in a while, and few at a time. An asker over the limit gets no answer, and asks others or later.
 */
import type { PeerHandle } from '../../core/index.ts';
import { isLoopback } from '../../network/index.ts';
import type { HostLogger, Network } from '../../network/index.ts';
import type { AddressBook } from './address-book.ts';

export interface DialBackLimits {
  /** Dials that are under way, for whomever. */
  readonly atOnce: number;
  /** Between two dials for one asker, ms. */
  readonly everyMs: number;
}

const defaultLimits: DialBackLimits = { atOnce: 8, everyMs: 10_000 };
const probeTimeoutMs = 8_000;
/** The addresses of a peer that has just connected are awaited this long, ms. */
const addressesTimeoutMs = 2_000;

export class DialBacks {
  readonly #network: Network;
  readonly #book: AddressBook;
  readonly #logger: HostLogger;
  readonly #limits: DialBackLimits;
  /** When each asker was dialled last, ms; the oldest first. */
  readonly #dialled = new Map<string, number>();
  #underWay = 0;

  constructor(network: Network, book: AddressBook, logger: HostLogger, limits: DialBackLimits = defaultLimits) {
    this.#network = network;
    this.#book = book;
    this.#logger = logger;
    this.#limits = limits;
  }

  /** Dials a peer on a fresh connection. Null when it asks too much, and nothing was done. Never rejects. */
  async dial(peer: PeerHandle): Promise<boolean | null> {
    const peerId = this.#book.peerIdOf(peer);
    if (!this.#mayDial(peerId)) return null;
    this.#underWay++;
    try {
      const addresses = addressesAt(
        this.#network.hostsOf(peerId),
        await this.#book.whenKnown(peer, addressesTimeoutMs),
      );
      if (addresses.length === 0) return false;
      return await this.#network.probe(peerId, addresses, AbortSignal.timeout(probeTimeoutMs));
    } catch (error) {
      this.#logger.debug({ peerId, reason: String(error) }, 'a peer could not be dialled back');
      return false;
    } finally {
      this.#underWay--;
    }
  }

  #mayDial(peerId: string): boolean {
    const nowMs = performance.now();
    for (const [asker, atMs] of this.#dialled) {
      if (nowMs - atMs < this.#limits.everyMs) break;
      this.#dialled.delete(asker);
    }
    if (this.#underWay >= this.#limits.atOnce || this.#dialled.has(peerId)) return false;
    this.#dialled.set(peerId, nowMs);
    return true;
  }
}

/**
 * Those of a peer's addresses that lie at the given IP addresses. A name stands for any address, so it is not looked up: the port is tried
 * where the peer was seen. A peer on this machine may be connected by the loopback and yet listen at an address of the network.
 */
export function addressesAt(hosts: readonly string[], addresses: readonly string[]): string[] {
  const found = new Set<string>();
  for (const address of addresses) {
    const [, kind = '', name = '', , port = ''] = address.split('/');
    for (const host of hosts) {
      const isHere = kind.startsWith('dns') || isLoopback(host) || name.toLowerCase() === host.toLowerCase();
      if (isHere) found.add(`/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`);
    }
  }
  return [...found];
}
