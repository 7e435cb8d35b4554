/** A server that has as many clients as it offered to take, over real processes. */
import { describe, expect, it } from 'vitest';
import { presetTopology } from '../../src/topology/index.ts';
import { until } from '../patience.ts';
import { useFarm } from './farm.ts';
import { Visitor } from './visitor.ts';

const newFarm = useFarm();
const topology = 'continents-24';
const { names } = presetTopology(topology);

function standing(city: string): string[] {
  return ['--emulate', topology, '--emulate-node', String(names.indexOf(city))];
}

describe('a volunteer that offered to take one client', () => {
  it('has no more, says that it is full, and everybody is served', async () => {
    const farm = await newFarm();
    const root = await farm.raise({ args: standing('London') });
    const small = await farm.volunteer('small', { args: ['--serve', '--max-clients', '1', ...standing('Tokyo')] });
    await until('it serves', async () => (await small.status()).role === 'server');
    const readers = [];
    for (const name of ['ada', 'bea', 'cyd']) readers.push(await farm.reader(name, { args: standing('Singapore') }));
    const visitors = readers.map(({ url }) => new Visitor(url));

    await until('it is full, and the root knows', async () => {
      const { servers } = await root.status();
      return (await small.status()).full && servers.some(({ peerId, full }) => peerId === small.id && full);
    });
    await until('all but one hang elsewhere', async () => {
      const { clientChildren, subtreeSize } = await small.status();
      return clientChildren.length <= 1 && subtreeSize <= 2 && (await root.status()).clientChildren.length >= 2;
    });
    const { problems } = await small.status();
    expect(problems).toEqual([expect.stringContaining('it has as many clients as it offered to take (1)')]);
    const { stdout } = await farm.banyan(['status', '--state', small.state.path]);
    expect(stdout).toMatch(/role\s+server \(full\)/);
    const visits = (await Promise.all(visitors.map((visitor) => visitor.end()))).flat();
    expect(visits.length).toBeGreaterThan(0);
    expect(visits.filter(({ fault }) => fault !== '')).toEqual([]);
  });
});
