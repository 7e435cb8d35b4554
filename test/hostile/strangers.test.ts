/** What a stranger may cause, over real sockets, while honest users read. */
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Farm, untilKnown, untilServing, useFarm } from '../e2e/farm.ts';
import { Visitor } from '../e2e/visitor.ts';
import { until } from '../patience.ts';
import { Attacker, somewhere } from './attacker.ts';

const newFarm = useFarm();

/** A third party at another IP address than the attacker, which counts who calls. */
async function bystander(farm: Farm): Promise<{ readonly address: string; readonly calls: () => number }> {
  let calls = 0;
  const server = createServer((socket) => {
    calls++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  farm.atEnd(() => server.close());
  return { address: `/ip4/127.0.0.2/tcp/${(server.address() as AddressInfo).port}`, calls: () => calls };
}

/** The visitor has read this many pages more: what the farm was asked to do before has been done. */
async function readsOn(visitor: Visitor, pages = 20): Promise<void> {
  const before = visitor.visits.length;
  await until('the visitor reads on', () => visitor.visits.length >= before + pages);
}

describe('a stranger', () => {
  it('that asks 400 times to be dialled back opens no connection to a third party', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const reader = await farm.reader('ada');
    await untilKnown(reader, [root]);
    const visitor = new Visitor(reader.url);
    const victim = await bystander(farm);
    const attacker = await Attacker.against(root, [victim.address]);
    for (let nonce = 0; nonce < 400; nonce++) attacker.say({ kind: 'dial-back', nonce });
    await attacker.untilRead();
    await until('it was answered', () => attacker.heardOf('dialed-back').length > 0);
    await readsOn(visitor);
    expect(victim.calls()).toBe(0);
    expect(attacker.heardOf('dialed-back').map(({ worked }) => worked)).toEqual([false]);
    await visitor.end();
    expect(visitor.failed).toEqual([]);
  });

  it('that reports a third party 400 times causes no request', async () => {
    const farm = await newFarm();
    const root = await farm.raise({ args: ['--admission', 'open'] });
    const reader = await farm.reader('ada');
    await untilKnown(reader, [root]);
    const visitor = new Visitor(reader.url);
    const victim = await bystander(farm);
    const attacker = await Attacker.against(root);
    const subject = attacker.book.handleOf(new Uint8Array(32).fill(7), [victim.address]);
    const credential = new Uint8Array(0);
    // A report names no addresses: another message has to tell them first.
    const candidates = [{ peer: subject, coordinate: somewhere, rttMs: 1 }];
    attacker.say({ kind: 'redirect', tree: 'clients', nonce: 1, reason: 'no-room', candidates });
    for (let i = 0; i < 400; i++) attacker.say({ kind: 'report', subject, path: '/', releaseNumber: 1, credential });
    await attacker.untilRead();
    await readsOn(visitor);
    expect(victim.calls()).toBe(0);
    await visitor.end();
    expect(visitor.failed).toEqual([]);
  });

  it('is one of 100 that volunteer: none is made an offer, and an honest volunteer serves', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const reader = await farm.reader('ada');
    await untilKnown(reader, [root]);
    const visitor = new Visitor(reader.url);
    const limits = { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 };
    const crowd: Attacker[] = [];
    for (let identity = 0; identity < 100; identity++) {
      const attacker = await Attacker.against(root);
      attacker.say({ kind: 'volunteer', limits, credential: null });
      await attacker.untilRead();
      crowd.push(attacker);
    }
    const oak = await farm.volunteer('oak');
    await untilServing([root, oak]);
    await readsOn(visitor);
    await visitor.end();
    expect(visitor.failed).toEqual([]);
    expect(crowd.flatMap((attacker) => attacker.heardOf('offer'))).toEqual([]);
    await Promise.all(crowd.map(async ({ network }) => await network.stop()));
  });

  it('is one of 70 throw-away identities that name thousands of peers each: all are let go, honest neighbours stay', async () => {
    const farm = await newFarm();
    // Patient neighbours: a busy machine is not what this is about.
    const root = await farm.raise({ args: ['--heartbeat', '3s'] });
    const oak = await farm.volunteer('oak');
    const reader = await farm.reader('ada');
    await untilServing([root, oak]);
    await untilKnown(reader, [root, oak]);
    const visitor = new Visitor(reader.url);
    let cutOff = 0;
    for (let identity = 0; identity < 70; identity++) {
      const attacker = await Attacker.against(root);
      attacker.nameUnknown(8_192);
      await until('it is let go', () => attacker.cutOff > 0);
      cutOff += attacker.cutOff;
      await attacker.network.stop();
    }
    expect(cutOff).toBe(70);
    await readsOn(visitor);
    const birch = await farm.volunteer('birch');
    await untilServing([root, oak, birch]);
    await visitor.end();
    expect(visitor.failed).toEqual([]);
    for (const neighbour of [oak, reader]) expect(neighbour.process.stdout).not.toContain('detached');
  });
});
