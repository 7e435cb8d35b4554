/** What an admitted member may cause, over real sockets, while honest users read. */
import { describe, expect, it } from 'vitest';
import { untilKnown, useFarm } from '../e2e/farm.ts';
import type { FarmPeer } from '../e2e/farm-peer.ts';
import { Visitor } from '../e2e/visitor.ts';
import { until } from '../patience.ts';
import { Attacker } from './attacker.ts';

const newFarm = useFarm();

async function readFarm(): Promise<{ readonly root: FarmPeer; readonly reader: FarmPeer; readonly visitor: Visitor }> {
  const farm = await newFarm();
  const root = await farm.raise({ args: ['--admission', 'open'] });
  const reader = await farm.reader('ada');
  await untilKnown(reader, [root]);
  return { root, reader, visitor: new Visitor(reader.url) };
}

describe('a member of the tree of servers', () => {
  it('that sends records with false signatures is cut off at the first of them', async () => {
    const { root, visitor } = await readFarm();
    const attacker = await Attacker.against(root);
    await attacker.intrude();
    const records = Array.from({ length: 3_000 }, () => attacker.forgedRecord());
    attacker.say({ kind: 'members', records, snapshot: false });
    await until('it is cut off', () => attacker.cutOff > 0);
    const { servers } = await root.status();
    expect(servers.map(({ peerId }) => peerId)).toEqual([root.id]);
    await visitor.end();
    expect(visitor.failed).toEqual([]);
  });

  it('that invents 3,000 servers costs no reader a request', async () => {
    const { root, reader, visitor } = await readFarm();
    const attacker = await Attacker.against(root);
    const records = Array.from({ length: 3_000 }, () => attacker.inventedServer(['/ip4/127.0.0.2/tcp/9']));
    const { intervalMs } = await attacker.intrude();
    const beating = setInterval(() => attacker.beat('servers'), intervalMs);
    try {
      for (let i = 0; i < records.length; i += 500)
        attacker.say({ kind: 'members', records: records.slice(i, i + 500), snapshot: false });
      await until('the reader has heard of some', async () => (await reader.status()).servers.length > 2);
      const before = visitor.visits.length;
      await until('the visitor reads on', () => visitor.visits.length > before + 50);
    } finally {
      clearInterval(beating);
    }
    await visitor.end();
    expect(visitor.failed).toEqual([]);
  });
});
