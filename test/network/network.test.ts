import { once } from 'node:events';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { Network, peerProtocol } from '../../src/network/network.ts';
import { startNetwork, startPair } from './test-network.ts';
import { never, until } from '../patience.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (content: string): Uint8Array => Buffer.from(content);

/** Collects the messages that a node receives, as `peer: text` with the peer given by name. */
function record(network: Network): { messages: string[]; from: string[]; refused: string[]; failed: string[] } {
  const heard = { messages: [] as string[], from: [] as string[], refused: [] as string[], failed: [] as string[] };
  network.on('message', (peerId, message) => {
    heard.from.push(peerId);
    heard.messages.push(text(message));
  });
  network.on('refused', (_, reason) => heard.refused.push(reason));
  network.on('sendFailed', (_, reason) => heard.failed.push(reason));
  return heard;
}

describe('a held stream', () => {
  it('to a peer that was never reached leaves nothing behind', async () => {
    const a = await startNetwork();
    const heard = record(a);
    const nobody = await startNetwork();
    await nobody.stop();
    a.learn(nobody.peerId, ['/ip4/127.0.0.1/tcp/1']);
    a.send(nobody.peerId, bytes('lost'));
    expect(a.linkCount).toBe(1);
    await until('it has failed', () => heard.failed.length > 0);
    expect(a.linkCount).toBe(0);
  });

  it('delivers messages in order, dials when needed, and names their sender', async () => {
    const [a, b] = await startPair();
    const heard = record(b);
    const sent = Array.from({ length: 1_500 }, (_, index) => `message ${index}`);
    for (const message of sent) a.send(b.peerId, bytes(message));
    await until('all are there', () => heard.messages.length === sent.length);
    expect(heard.messages).toEqual(sent);
    expect(new Set(heard.from)).toEqual(new Set([a.peerId]));
  });

  it('carries messages of every size in both directions over one connection', async () => {
    const [a, b] = await startPair();
    const [atA, atB] = [record(a), record(b)];
    const sizes = [0, 1, 127, 128, 129, 16_383, 16_384, 70_000, 1_048_576];
    for (const size of sizes) a.send(b.peerId, new Uint8Array(size).fill(65));
    await until('all have come', () => atB.messages.length === sizes.length);
    expect(atB.messages.map((message) => message.length)).toEqual(sizes);
    b.send(a.peerId, bytes('and back'));
    await until('the answer has come', () => atA.messages.length === 1);
    expect(a.traffic.count().connections).toBe(1);
  });

  it('works when both sides dial each other at the same moment', async () => {
    const [a, b] = await startPair();
    b.learn(a.peerId, a.addresses());
    const [atA, atB] = [record(a), record(b)];
    a.send(b.peerId, bytes('from a'));
    b.send(a.peerId, bytes('from b'));
    await until('both have heard', () => atA.messages.length === 1 && atB.messages.length === 1);
    for (let index = 0; index < 50; index += 1) {
      a.send(b.peerId, bytes(`a${index}`));
      b.send(a.peerId, bytes(`b${index}`));
    }
    await until('all have come', () => atA.messages.length === 51 && atB.messages.length === 51);
    expect(atB.messages.slice(1)).toEqual(Array.from({ length: 50 }, (_, index) => `a${index}`));
  });

  it('reports, after send has returned, that a peer cannot be reached', async () => {
    const [a, b] = await startPair();
    const heard = record(a);
    await b.stop();
    a.send(b.peerId, bytes('hello?'));
    expect(heard.failed).toEqual([]);
    await until('the failure is told', () => heard.failed.length === 1);
    expect(heard.failed[0]).toContain('ECONNREFUSED');
  });

  it('opens a new stream after the other side came back', async () => {
    const key = await generateKeyPair('Ed25519');
    const a = await startNetwork();
    const first = await startNetwork({ privateKey: key });
    a.learn(first.peerId, first.addresses());
    const heardFirst = record(first);
    a.send(first.peerId, bytes('one'));
    await until('the first is heard', () => heardFirst.messages.length === 1);
    const gone: string[] = [];
    a.on('disconnected', (peerId) => gone.push(peerId));
    await first.stop();
    await until('the end is noticed', () => gone.includes(first.peerId));

    const second = await startNetwork({ privateKey: key });
    const heardSecond = record(second);
    a.learn(second.peerId, second.addresses());
    a.send(second.peerId, bytes('two'));
    await until('the second is heard', () => heardSecond.messages.length === 1);
    expect(heardSecond.messages).toEqual(['two']);
  });

  it('dials the latest known address of a peer, not an earlier one', async () => {
    const key = await generateKeyPair('Ed25519');
    const [a, b] = [await startNetwork(), await startNetwork({ privateKey: key })];
    const [outdated, current] = ['/ip4/127.0.0.1/tcp/1', b.addresses()];
    const heard = record(a);
    const atB = record(b);
    a.learn(b.peerId, [outdated]);
    a.send(b.peerId, bytes('lost'));
    await until('the failure is told', () => heard.failed.length === 1);
    a.learn(b.peerId, current);
    a.send(b.peerId, bytes('found'));
    await until('it is heard', () => atB.messages.length === 1);
    expect(atB.messages).toEqual(['found']);
  });

  it('disconnects a neighbour that does not read, with a reason, and holds no more than the queue allows', async () => {
    const maxQueuedBytes = 1024 * 1024;
    const [a, b] = await startPair({ limits: { maxQueuedBytes } });
    await b.unhandle(peerProtocol);
    await b.handle(peerProtocol, (stream) => stream.pause());
    const heard = record(a);
    let sentBytes = 0;
    await until('the queue is full', () => {
      for (let index = 0; index < 4; index += 1) a.send(b.peerId, new Uint8Array(50_000));
      sentBytes += 200_000;
      return heard.failed.length > 0;
    });
    expect(heard.failed[0]).toMatch(/bytes were waiting, over the limit of 1048576/);
    // The stream's window and buffers hold a few megabytes; the rest must not pile up.
    expect(sentBytes).toBeLessThan(12 * 1024 * 1024);
  });

  it('sends queued messages before it disconnects', async () => {
    const [a, b] = await startPair();
    const heard = record(b);
    const gone: string[] = [];
    b.on('disconnected', (peerId) => gone.push(peerId));
    for (let index = 0; index < 200; index += 1) a.send(b.peerId, bytes(`m${index}`));
    await a.disconnect(b.peerId);
    await until('the end is noticed', () => gone.length === 1);
    expect(heard.messages).toHaveLength(200);
  });
});

describe('limits on what a peer may send', () => {
  it('cost the sender of a message that is too long its connection', async () => {
    const [a, b] = await startPair({}, { limits: { maxFrameBytes: 1_000 } });
    const heard = record(b);
    const gone: string[] = [];
    a.on('disconnected', (peerId) => gone.push(peerId));
    a.send(b.peerId, new Uint8Array(1_001));
    await until('it is refused and gone', () => heard.refused.length === 1 && gone.length === 1);
    expect(heard.refused[0]).toBe('a message of 1001 bytes is over the limit of 1000');
    expect(heard.messages).toEqual([]);
  });

  it('cost the sender of too many messages its connection, and dialling again does not help', async () => {
    const [a, b] = await startPair({}, { limits: { messagesPerSecond: 0.01, messageBurst: 20 } });
    const heard = record(b);
    for (let index = 0; index < 30; index += 1) a.send(b.peerId, bytes('x'));
    await until('it is refused', () => heard.refused.length === 1);
    expect(heard.messages).toHaveLength(20);
    expect(heard.refused[0]).toContain('more than 0.01 messages a second after a burst of 20');
    await until('the connection is gone', () => !a.isConnected(b.peerId) && !b.isConnected(a.peerId));
    a.send(b.peerId, bytes('once more'));
    await until('it is refused again', () => heard.refused.length === 2);
    expect(heard.messages).toHaveLength(20);
  });

  it('cost the sender of too many bytes its connection, while other peers go on', async () => {
    const limits = { maxFrameBytes: 60_000, bytesPerSecond: 1, byteBurst: 100_000 };
    const [a, b] = await startPair({}, { limits });
    const c = await startNetwork();
    c.learn(b.peerId, b.addresses());
    const heard = record(b);
    c.send(b.peerId, bytes('from c'));
    await until('c is heard', () => heard.messages.length === 1);
    for (let index = 0; index < 3; index += 1) a.send(b.peerId, new Uint8Array(50_000));
    await until('a is refused', () => heard.refused.length === 1);
    c.send(b.peerId, bytes('still here'));
    await until('c is heard again', () => heard.messages.at(-1) === 'still here');
    expect(heard.messages).toHaveLength(4);
  });

  it('survive bytes that are no messages at all', async () => {
    const [a, b] = await startPair();
    const heard = record(b);
    const stream = await a.openStream(b.peerId, peerProtocol);
    stream.send(new Uint8Array(64).fill(0xff));
    await until('it is refused', () => heard.refused.length === 1);
    expect(heard.refused[0]).toBe('the length of a message is not a number');
  });

  it('are validated when a node is created', async () => {
    const privateKey = await generateKeyPair('Ed25519');
    await expect(Network.create({ privateKey, listen: [], limits: { byteBurst: 10 } })).rejects.toThrow(
      /byteBurst \(10\)/,
    );
    await expect(Network.create({ privateKey, listen: [], limits: { idleMs: 0 } })).rejects.toThrow(/idleMs is 0/);
  });
});

describe('the deny list', () => {
  it('closes open connections, refuses incoming and outgoing ones, and can be lifted', async () => {
    const [a, b] = await startPair();
    const [atA, atB] = [record(a), record(b)];
    a.send(b.peerId, bytes('before'));
    await until('it is heard', () => atB.messages.length === 1);

    b.deny(a.peerId);
    await until('the connection is gone', () => !a.isConnected(b.peerId));
    expect(atB.refused).toEqual(['it is on the deny list']);
    a.send(b.peerId, bytes('inbound'));
    await until('the sender is told', () => atA.failed.length === 1);
    b.learn(a.peerId, a.addresses());
    b.send(a.peerId, bytes('outbound'));
    await until('the dial is refused', () => atB.failed.length === 1);
    expect(atB.failed[0]).toMatch(/gater/);
    expect([atA.messages, atB.messages]).toEqual([[], ['before']]);

    b.allow(a.peerId);
    a.send(b.peerId, bytes('after'));
    await until('it is heard', () => atB.messages.length === 2);
  });

  it('holds from the start when given at creation', async () => {
    const a = await startNetwork();
    const b = await startNetwork({ deny: [a.peerId] });
    a.learn(b.peerId, b.addresses());
    const heard = record(a);
    a.send(b.peerId, bytes('hello'));
    await until('the sender is told', () => heard.failed.length === 1);
    expect(b.isConnected(a.peerId)).toBe(false);
  });
});

// Even on a busy machine, a new connection must not count as idle before the message is sent on it.
describe('keeping connections', () => {
  it('closes an unused connection that is not kept, and leaves a kept one open', async () => {
    const hub = await startNetwork();
    const limits = { idleMs: 1_500 };
    const idle = await startNetwork({ limits });
    const kept = await startNetwork({ limits });
    for (const node of [idle, kept]) node.learn(hub.peerId, hub.addresses());
    const heard = record(hub);
    kept.keep(hub.peerId);
    for (const node of [idle, kept]) node.send(hub.peerId, bytes('hello'));
    await until('both are heard', () => heard.messages.length === 2);
    await until('the idle one is gone', () => !hub.isConnected(idle.peerId));
    expect(hub.isConnected(kept.peerId)).toBe(true);
    kept.unkeep(hub.peerId);
    await until('the other is gone too', () => !hub.isConnected(kept.peerId));
  });

  it('leaves hanging up to the dialler: a silent connection that the dialler keeps stays open', async () => {
    const limits = { idleMs: 1_500 };
    const [backup, orphan] = [await startNetwork({ limits }), await startNetwork({ limits })];
    const stranger = await startNetwork({ limits });
    for (const node of [orphan, stranger]) node.learn(backup.peerId, backup.addresses());
    orphan.keep(backup.peerId);
    await until('they are connected', () => backup.isConnected(orphan.peerId));
    const gone: string[] = [];
    backup.on('disconnected', (peerId) => gone.push(peerId));
    stranger.send(backup.peerId, bytes('hello'));
    await until('the stranger has come and gone', () => gone.includes(stranger.peerId));
    expect(gone).toEqual([stranger.peerId]);
  });

  it('connects to a kept peer at once and again after it dropped the connection', async () => {
    const [a, b] = await startPair();
    a.keep(b.peerId);
    await until('they are connected', () => b.isConnected(a.peerId));
    const seen: string[] = [];
    a.on('disconnected', () => seen.push('disconnected'));
    a.on('connected', () => seen.push('connected'));
    await b.disconnect(a.peerId);
    await until('they are connected again', () => seen.join() === 'disconnected,connected');
  });

  it('does not close a connection on which a stream of another protocol is open', async () => {
    const [a, b] = await startPair({ limits: { idleMs: 1_500 } });
    await b.handle('/test/hold', () => undefined);
    const stream = await a.openStream(b.peerId, '/test/hold');
    const gone: string[] = [];
    a.on('disconnected', (peerId) => gone.push(peerId));
    const c = await startNetwork();
    a.learn(c.peerId, c.addresses());
    a.send(c.peerId, bytes('x'));
    await until('an idle connection has been closed', () => gone.includes(c.peerId));
    expect(a.isConnected(b.peerId)).toBe(true);
    expect(stream.status).toBe('open');
  });
});

describe('a probe', () => {
  it('succeeds only when the right peer answers on a fresh connection', async () => {
    const [a, b] = await startPair();
    const other = await startNetwork();
    const seen: string[] = [];
    b.on('connected', (peerId) => seen.push(peerId));
    const signal = never();
    expect(await a.probe(b.peerId, b.addresses(), signal)).toBe(true);
    expect(
      await a.probe(
        other.peerId,
        b.addresses().map((address) => address.replace(/\/p2p\/.*/, '')),
        signal,
      ),
    ).toBe(false);
    expect(seen).toEqual([]);
    await until('nothing is left open', () => a.traffic.count().connections === 0);
  });

  it('does not take an open connection for an answer', async () => {
    const [a, b] = await startPair();
    const heard = record(b);
    a.send(b.peerId, bytes('x'));
    await until('they are connected', () => heard.messages.length === 1);
    const before = a.traffic.count().connectionsOpened;
    expect(await a.probe(b.peerId, b.addresses(), never())).toBe(true);
    expect(a.traffic.count().connectionsOpened).toBe(before + 1);
    expect(await a.probe(b.peerId, ['/ip4/127.0.0.1/tcp/1'], never())).toBe(false);
    await expect(a.probe(b.peerId, b.addresses(), AbortSignal.abort(new Error('too late')))).rejects.toThrow(
      'too late',
    );
    expect(a.isConnected(b.peerId)).toBe(true);
  });
});

describe('a node', () => {
  it('lists its addresses with its peer id, and announces others when configured', async () => {
    const plain = await startNetwork();
    expect(plain.addresses()).toHaveLength(1);
    expect(plain.addresses()[0]).toMatch(new RegExp(`^/ip4/127.0.0.1/tcp/[1-9]\\d*/p2p/${plain.peerId}$`));
    const announcing = await startNetwork({ announce: ['/ip4/192.0.2.7/tcp/4001'] });
    expect(announcing.addresses()).toEqual([`/ip4/192.0.2.7/tcp/4001/p2p/${announcing.peerId}`]);
  });

  it('fails to start on a port that is in use', async () => {
    const first = await startNetwork();
    const [address] = first.addresses();
    const listen = [
      multiaddr(address as string)
        .toString()
        .replace(/\/p2p\/.*/, ''),
    ];
    await expect(startNetwork({ listen })).rejects.toThrow(/EADDRINUSE|listen/);
  });

  it('counts the bytes on its sockets, and both ends agree', async () => {
    const [a, b] = await startPair();
    const heard = record(b);
    // What the nodes exchange after connecting is counted too, and must be complete before one hangs up.
    const introduced = Promise.all([once(a, 'identified'), once(b, 'identified')]);
    for (let index = 0; index < 100; index += 1) a.send(b.peerId, new Uint8Array(1_000));
    await until('all have come', () => heard.messages.length === 100);
    await introduced;
    await a.disconnect(b.peerId);
    await until('all is closed', () => a.traffic.count().connections + b.traffic.count().connections === 0);
    const [one, other] = [a.traffic.count(), b.traffic.count()];
    expect(one.bytesOut).toBe(other.bytesIn);
    // The side that hangs up no longer reads the other's last frames; how many these few small frames are depends on timing.
    expect(other.bytesOut - one.bytesIn).toBeLessThan(1_000);
    expect(one.bytesOut).toBeGreaterThan(100_000);
    expect(one.bytesOut).toBeLessThan(115_000);
  });

  it('knows the subnet of a connected peer', async () => {
    const [a, b] = await startPair();
    expect(a.subnetOf(b.peerId)).toBeUndefined();
    const heard = record(b);
    a.send(b.peerId, bytes('x'));
    await until('they are connected', () => heard.messages.length === 1);
    expect(a.subnetOf(b.peerId)).toBe(127 * 256);
    expect(b.subnetOf(a.peerId)).toBe(127 * 256);
  });

  it('takes 40 peers of one host at once', async () => {
    const hub = await startNetwork();
    const heard = record(hub);
    const peers = await Promise.all(Array.from({ length: 40 }, () => startNetwork({ listen: [] })));
    for (const peer of peers) {
      peer.learn(hub.peerId, hub.addresses());
      peer.send(hub.peerId, bytes('here'));
    }
    await until('all are heard', () => heard.messages.length === 40);
    expect(hub.connectedPeers()).toHaveLength(40);
  });
});
