/**
 * The libp2p node under a `Network`: which parts it is made of, and how they are set.
 */
import './polyfill.ts';
import { noise } from '@chainsafe/libp2p-noise';
import { identify } from '@libp2p/identify';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { tcp, type TCPComponents } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p, type Libp2p } from 'libp2p';
import type { DenyList } from './connection-gate.ts';
import type { NetworkLimits, NetworkOptions } from './network-options.ts';
import type { Prober } from './probe.ts';
import { countingTransport, type Traffic } from './traffic.ts';
import type { TransportFactory } from './transport-wrapper.ts';

/** A yamux window may not outgrow what a paused stream can hold, or the stream breaks instead of waiting. */
const mostWindowBytes = 4 * 1024 * 1024;
const readBufferBytes = 2 * mostWindowBytes;

/** Makes the node, not yet started, and what is needed to probe from it. */
export async function createNode(
  options: NetworkOptions,
  limits: NetworkLimits,
  traffic: Traffic,
  denied: DenyList,
): Promise<{ readonly node: Libp2p; readonly prober: Prober }> {
  const { privateKey, emulation } = options;
  const counted: TransportFactory<TCPComponents> = countingTransport(tcp(), traffic);
  const transport = emulation?.transport(counted) ?? counted;
  const peerId = peerIdFromPrivateKey(privateKey);
  let prober: Prober | undefined;
  const node = await createLibp2p({
    privateKey,
    start: false,
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [
      (components) => {
        const made = transport(components);
        prober = { transport: made, peerId, privateKey, logger: components.logger };
        return made;
      },
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        // A client that opens many streams at once right after dialling is ahead of our side of the handshake.
        maxEarlyStreams: 256,
        streamOptions: { maxStreamWindowSize: mostWindowBytes, maxReadBufferLength: readBufferBytes },
      }),
    ],
    services: { identify: identify() },
    connectionGater: denied.gater(),
    // Heartbeats notice silence; pinging every connection as well would only cost.
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: limits.maxConnections,
      inboundConnectionThreshold: limits.inboundConnectionsPerSecond,
      maxIncomingPendingConnections: limits.maxPendingInbound,
      dialTimeout: limits.dialTimeoutMs,
    },
  });
  if (prober === undefined) throw new Error('libp2p did not make its transport');
  return { node, prober };
}
