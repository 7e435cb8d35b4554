import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../src/network/streams/byte-stream.ts';
import { Emulation, type DelayGraph } from '../../src/network/emulation.ts';
import { HttpClient, serveHttp } from '../../src/network/http/http-stream.ts';
import type { Network } from '../../src/network/network.ts';
import { startNetwork, startPair } from './test-network.ts';
import { never, until } from '../patience.ts';

/** Four nodes on a line, in two domains: 0-1 are 12 ms apart, 0-2 60 ms, 0-3 0 ms. */
const positionsMs = [0, 12, 60, 0];
const graph: DelayGraph = {
  size: 4,
  rttMs: (from, to) => Math.abs((positionsMs[from] ?? 0) - (positionsMs[to] ?? 0)),
  domain: (node) => (node === 2 ? 1 : 0),
};

const at = (node: number): { emulation: Emulation } => ({ emulation: new Emulation(graph, node) });

/** Round trips of small messages on held streams, ms; a first message opens them. */
async function roundTrips(a: Network, b: Network, count = 15): Promise<number[]> {
  const echo = (peerId: string, message: Uint8Array): void => b.send(peerId, Buffer.from(message));
  b.on('message', echo);
  const times: number[] = [];
  for (let index = 0; index <= count; index += 1) {
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      a.once('message', () => resolve());
      a.send(b.peerId, Buffer.from('ping'));
    });
    if (index > 0) times.push(performance.now() - startedMs);
  }
  b.off('message', echo);
  return times.sort((x, y) => x - y);
}

describe('an emulated distance', () => {
  it('is never shorter than in the topology, and little longer than that plus the real delay', async () => {
    for (const [node, rttMs] of [
      [1, 12],
      [2, 60],
    ] as const) {
      const [a, b] = await startPair(at(0), at(node));
      // A busy machine may be late now and then; a distance that is really too long is so every time.
      const times: number[] = [];
      await until('one takes little more than the distance', async () => {
        times.push(...(await roundTrips(a, b)));
        return Math.min(...times) < rttMs + 60;
      });
      expect(Math.min(...times)).toBeGreaterThanOrEqual(rttMs);
    }
  });

  it('adds nothing between peers at the same position', async () => {
    const [a, b] = await startPair(at(0), at(3));
    const [c, d] = await startPair(at(0), at(2));
    const farMs = Math.min(...(await roundTrips(c, d)));
    await until('one takes less than half', async () => Math.min(...(await roundTrips(a, b))) < farMs / 2);
  });

  it('delays opening a connection too: the first answer takes at least four round trips', async () => {
    const [a, b] = await startPair(at(0), at(2));
    await serveHttp(b, (_, response) => response.end('hello'));
    const client = new HttpClient(a);
    const first = await client.request(b.peerId, { path: '/' });
    first.body.resume();
    await until('the first answer is read', () => first.body.readableEnded);
    // One for TCP, one for noise, one to agree on HTTP, one for the request.
    expect(first.firstByteMs).toBeGreaterThanOrEqual(4 * 60);
    const laterMs: number[] = [];
    await until('a later one takes less', async () => {
      const { body, firstByteMs } = await client.request(b.peerId, { path: '/' });
      body.resume();
      laterMs.push(firstByteMs);
      return firstByteMs < first.firstByteMs;
    });
    expect(Math.min(...laterMs)).toBeGreaterThanOrEqual(60);
  });

  it('keeps bytes in order and does not limit how many are in flight', async () => {
    const [a, b] = await startPair(at(0), at(2));
    const content = randomBytes(8_000_000);
    const received = createHash('sha256');
    let isRead = false;
    await b.handle('/test/bulk', async (stream) => {
      for await (const chunk of byteStream(stream).chunks) received.update(chunk);
      isRead = true;
      await stream.close();
    });
    const pipe = byteStream(await a.openStream(b.peerId, '/test/bulk'));
    for (let from = 0; from < content.byteLength; from += 100_000)
      await pipe.send(content.subarray(from, from + 100_000));
    await pipe.closeWrite();
    await until('all is read', () => isRead);
    expect(received.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('delays the end of a connection, which arrives after everything sent before it', async () => {
    const [a, b] = await startPair(at(0), at(2));
    await roundTrips(a, b, 1);
    const heard: string[] = [];
    b.on('message', (_, message) => heard.push(Buffer.from(message).toString()));
    for (let index = 0; index < 50; index += 1) a.send(b.peerId, Buffer.from(`m${index}`));
    const closedMs = performance.now();
    await a.disconnect(b.peerId);
    await until('the end has arrived', () => !b.isConnected(a.peerId));
    expect(performance.now() - closedMs).toBeGreaterThanOrEqual(30);
    expect(heard).toEqual(Array.from({ length: 50 }, (_, index) => `m${index}`));
  });

  it('delays the news of a broken connection', async () => {
    const [a, b] = await startPair(at(0), at(2));
    await roundTrips(a, b, 1);
    const brokenMs = performance.now();
    a.refuse(b.peerId, 'as if the process had been killed');
    await until('the end has arrived', () => !b.isConnected(a.peerId));
    expect(performance.now() - brokenMs).toBeGreaterThanOrEqual(30);
  });

  it('hides the failure of the other side until the news arrives: what is sent meanwhile is lost', async () => {
    const [a, b] = await startPair(at(0), at(2));
    await roundTrips(a, b, 1);
    a.refuse(b.peerId, 'as if the process had been killed');
    await until('the socket is gone', () => b.traffic.count().connections === 0);
    await expect(b.openStream(a.peerId, '/test/late', never())).rejects.toThrow();
    expect(b.isConnected(a.peerId)).toBe(false);
  });

  it('uses the domain of the topology as the subnet', async () => {
    const [a, b] = await startPair(at(0), at(2));
    const c = await startNetwork(at(1));
    a.learn(c.peerId, c.addresses());
    await roundTrips(a, b, 1);
    await roundTrips(a, c, 1);
    expect([a.subnetOf(b.peerId), b.subnetOf(a.peerId), a.subnetOf(c.peerId)]).toEqual([1, 0, 0]);
  });

  it('holds for probes', async () => {
    const [a, b] = await startPair(at(0), at(2));
    const startedMs = performance.now();
    expect(await a.probe(b.peerId, b.addresses(), never())).toBe(true);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(2 * 60);
  });
});

describe('emulation on one side only', () => {
  it('is refused with an error that says what to do', async () => {
    const [emulating, plain] = await startPair(at(0), {});
    const failed: string[] = [];
    emulating.on('sendFailed', (_, reason) => failed.push(reason));
    emulating.send(plain.peerId, Buffer.from('hello'));
    await until('the failure is told', () => failed.length === 1);
    expect(failed[0]).toMatch(/did not say where it stands|does not emulate delays/);
    expect(plain.isConnected(emulating.peerId)).toBe(false);

    plain.learn(emulating.peerId, emulating.addresses());
    plain.on('sendFailed', (_, reason) => failed.push(reason));
    plain.send(emulating.peerId, Buffer.from('hello'));
    await until('the other failure is told', () => failed.length === 2);
  });

  it('is refused when the topologies differ in size', async () => {
    const larger: DelayGraph = { ...graph, size: 9, rttMs: () => 0 };
    const [a, b] = await startPair({ emulation: new Emulation(larger, 8) }, at(0));
    const failed: string[] = [];
    a.on('sendFailed', (_, reason) => failed.push(reason));
    a.send(b.peerId, Buffer.from('hello'));
    await until('the failure is told', () => failed.length === 1);
    expect(b.isConnected(a.peerId)).toBe(false);
  });

  it('cannot start at a node that the topology does not have', () => {
    expect(() => new Emulation(graph, 4)).toThrow('Cannot emulate node 4: the topology has nodes 0 to 3.');
  });
});
