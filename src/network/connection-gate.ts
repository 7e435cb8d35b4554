/**
 * Who may not connect: the deny list, asked by libp2p at every door a peer can come through.
 *
 * A peer is known for certain only once noise has proven its key, so inbound connections are judged then; dials are
 * judged before a packet leaves, and once more after noise in case an address was dialled without a peer id.
 */
import type { ConnectionGater, PeerId } from '@libp2p/interface';

export class DenyList {
  readonly #denied: Set<string>;

  constructor(peerIds: Iterable<string> = []) {
    this.#denied = new Set(peerIds);
  }

  add(peerId: string): void {
    this.#denied.add(peerId);
  }

  remove(peerId: string): void {
    this.#denied.delete(peerId);
  }

  has(peerId: string): boolean {
    return this.#denied.has(peerId);
  }

  gater(): ConnectionGater {
    // A farm's peers are known by Ed25519 keys; a stranger with another kind could not even be named in a message.
    const isDenied = (peerId: PeerId): boolean => peerId.type !== 'Ed25519' || this.#denied.has(peerId.toString());
    return {
      denyDialPeer: isDenied,
      denyInboundEncryptedConnection: isDenied,
      denyOutboundEncryptedConnection: isDenied,
    };
  }
}
