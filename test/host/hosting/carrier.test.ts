import { describe, expect, test } from 'vitest';
import { byteStream } from '../../../src/network/streams/byte-stream.ts';
import { Carrier, transferProtocol } from '../../../src/host/hosting/carrier.ts';
import type { Network } from '../../../src/network/network.ts';
import { TransferRefusedError, createService, receiveManifest } from '../../../src/service/index.ts';
import type { Manifest, ReleaseStore } from '../../../src/service/index.ts';
import { found, openStore, publish } from '../../service/workshop.ts';
import { startNetwork, startPair } from '../../network/test-network.ts';
import { until } from '../../patience.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };
const perPeer = 4;

async function manifestOf(asker: Network, host: Network, store: ReleaseStore): Promise<Manifest> {
  const stream = await asker.openStream(host.peerId, transferProtocol);
  return await receiveManifest(byteStream(stream), store);
}

describe('a carrier', () => {
  test('carries out a few transfers of one peer at a time, refuses more with the reason, and serves others meanwhile', async () => {
    const service = found();
    const store = await openStore(service.charter);
    const manifest = await publish(service, store, { 'index.html': '<h1>Here</h1>' });
    const [greedy, host] = await startPair();
    const modest = await startNetwork();
    modest.learn(host.peerId, host.addresses());
    await new Carrier(host, store, createService('site', { store }), quiet).start();
    // These ask for nothing yet: the sender waits for them.
    const held = [];
    for (let i = 0; i < perPeer; i++) held.push(await greedy.openStream(host.peerId, transferProtocol));

    let refusal: unknown;
    await until('the four are seated and the fifth is refused', async () => {
      refusal = await manifestOf(greedy, host, store).catch((error: unknown) => error);
      return refusal instanceof TransferRefusedError;
    });
    expect(refusal).toMatchObject({ reason: 'busy' });
    expect(String(refusal)).toContain('4 transfers to this peer are under way already');
    expect((await manifestOf(modest, host, store)).id).toBe(manifest.id);

    held[0]?.abort(new Error('this one is given up'));
    await until('a seat is free again', async () => {
      const answer = await manifestOf(greedy, host, store).catch((error: unknown) => error);
      return !(answer instanceof TransferRefusedError) && (answer as Manifest).id === manifest.id;
    });
    for (const stream of held) stream.abort(new Error('the test is over'));
  });
});
