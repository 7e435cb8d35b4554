import '../../src/network/polyfill.ts';
import { noise } from '@chainsafe/libp2p-noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p, type Libp2p } from 'libp2p';
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../src/network/streams/byte-stream.ts';
import { Emulation } from '../../src/network/emulation.ts';
import { countingTransport, Traffic } from '../../src/network/traffic.ts';
import { until } from '../patience.ts';

/** A plain libp2p node, with its bytes counted. */
async function plainNode(traffic: Traffic, emulation?: Emulation): Promise<Libp2p> {
  const counted = countingTransport(tcp(), traffic);
  return await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [emulation?.transport(counted) ?? counted],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
}

describe('counting the bytes of any libp2p node', () => {
  it.each([
    ['plain', undefined],
    ['under emulation', { size: 2, rttMs: () => 4, domain: () => 0 }],
  ] as const)('counts payload and overhead, the same on both ends: %s', async (_, graph) => {
    const [atA, atB] = [new Traffic(), new Traffic()];
    const place = (node: number): Emulation | undefined =>
      graph === undefined ? undefined : new Emulation(graph, node);
    const [a, b] = [await plainNode(atA, place(0)), await plainNode(atB, place(1))];
    let received = 0;
    await b.handle('/test/sink', async (stream) => {
      for await (const chunk of byteStream(stream).chunks) received += chunk.byteLength;
      await stream.close();
    });
    const pipe = byteStream(await a.dialProtocol(b.getMultiaddrs(), '/test/sink'));
    for (let block = 0; block < 50; block += 1) await pipe.send(new Uint8Array(10_000));
    await pipe.closeWrite();
    await until('all has come', () => received === 500_000);
    expect([atA.count().connections, atB.count().connections]).toEqual([1, 1]);
    await a.stop();
    await until('all is closed', () => atA.count().connections + atB.count().connections === 0);
    expect(atA.count().bytesOut).toBe(atB.count().bytesIn);
    expect(atA.count().bytesOut).toBeGreaterThan(500_000);
    expect(atA.count().bytesOut).toBeLessThan(510_000);
    expect([atA.count().connectionsOpened, atB.count().connectionsOpened]).toEqual([1, 1]);
    await b.stop();
  });

  it('refuses a transport without sockets to count, rather than counting zero', () => {
    const connection = { remoteAddr: { toString: () => '/memory/1' } };
    expect(() => new Traffic().watch(connection as never)).toThrow('directly around @libp2p/tcp');
  });
});
