/** Real nodes on loopback for the tests of the host. */
import { generateKeyPair } from '@libp2p/crypto/keys';
import { afterEach } from 'vitest';
import { Network } from '../../src/network/network.ts';
import type { NetworkOptions } from '../../src/network/network-options.ts';

const running: Network[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()));
});

/** A started node on an ephemeral port; it is stopped after the test. */
export async function startNetwork(options: Partial<NetworkOptions> = {}): Promise<Network> {
  const network = await Network.create({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    ...options,
  });
  await network.start();
  running.push(network);
  return network;
}

/** Two nodes; the first has the address of the second, but not the other way round. */
export async function startPair(
  one: Partial<NetworkOptions> = {},
  other: Partial<NetworkOptions> = {},
): Promise<[Network, Network]> {
  const pair: [Network, Network] = [await startNetwork(one), await startNetwork(other)];
  pair[0].learn(pair[1].peerId, pair[1].addresses());
  return pair;
}
