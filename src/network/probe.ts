/**
 * Dial-back: can a stranger reach this peer at these addresses, and is it the one it says it is?
 *
 * A connection that is already open proves nothing (the other side may have opened it through its NAT), so this opens a
 * fresh one, goes just as far as noise, which proves the key, and hangs up. The peer that is probed sees no new
 * connection, and libp2p's own table of connections on this side never hears of it.
 */
import './polyfill.ts';
import { noise } from '@chainsafe/libp2p-noise';
import type { ComponentLogger, Connection, MultiaddrConnection, PeerId } from '@libp2p/interface';
import type { PrivateKey, Transport, Upgrader } from '@libp2p/interface';
import { byteStream } from '@libp2p/utils';
import type { Multiaddr } from '@multiformats/multiaddr';

/** What a probe needs of the node it is made from. */
export interface Prober {
  readonly transport: Transport;
  readonly peerId: PeerId;
  readonly privateKey: PrivateKey;
  readonly logger: ComponentLogger;
}

/** Thrown inside to leave the transport's dial once the question is answered. */
class Proven extends Error {
  override readonly name = 'Proven';
}

/**
 * Tries the addresses one after the other.
 * @returns true when one of them leads to the holder of `target`'s key
 * @throws whatever `signal` was aborted with
 */
export async function probe(
  prober: Prober,
  target: PeerId,
  addresses: readonly Multiaddr[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const address of prober.transport.dialFilter([...addresses])) {
    signal.throwIfAborted();
    try {
      await prober.transport.dial(address, { signal, upgrader: onlyProof(prober, target) });
    } catch (error) {
      if (error instanceof Proven) return true;
      prober.logger.forComponent('banyan:probe')('no proof at %s - %e', address, error);
    }
  }
  signal.throwIfAborted();
  return false;
}

/** An upgrader that stops after the noise handshake, by throwing; the transport then closes the raw connection. */
function onlyProof(prober: Prober, target: PeerId): Upgrader {
  const upgrader: Upgrader = {
    upgradeOutbound: async (connection: MultiaddrConnection, { signal }): Promise<Connection> => {
      await askForNoise(connection, signal);
      const encrypter = noise()({ ...prober, upgrader });
      await encrypter.secureOutbound(connection, { remotePeer: target, signal, skipStreamMuxerNegotiation: true });
      throw new Proven('the key is proven');
    },
    upgradeInbound: () => Promise.reject(new Error('a probe takes no connections')),
    createInboundAbortSignal: () => {
      throw new Error('a probe takes no connections');
    },
    getStreamMuxers: () => new Map(),
    getConnectionEncrypters: () => new Map(),
  };
  return upgrader;
}

/** multistream-select in its shortest form: propose one protocol, expect the same bytes back. */
async function askForNoise(connection: MultiaddrConnection, signal: AbortSignal): Promise<void> {
  const proposal = Buffer.concat(
    ['/multistream/1.0.0\n', '/noise\n'].map((line) => Buffer.from(`${String.fromCharCode(line.length)}${line}`)),
  );
  const bytes = byteStream(connection);
  await bytes.write(proposal, { signal });
  const answer = await bytes.read({ bytes: proposal.byteLength, signal });
  bytes.unwrap();
  if (!proposal.equals(answer.subarray())) throw new Error('the other side does not speak noise');
}
