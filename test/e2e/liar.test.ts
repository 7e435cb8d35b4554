/** A server that gives readers other bytes than the owner's: nobody gets to see them, and it is put out. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { presetTopology } from '../../src/topology/index.ts';
import { until } from '../patience.ts';
import { untilKnown, untilServing, useFarm } from './farm.ts';
import { Visitor, fetchFrom } from './visitor.ts';
import { largeFile, largeOf, writeSite } from './test-site.ts';

const newFarm = useFarm();
const lyingProgram = fileURLToPath(new URL('../../dist/test/e2e/lying-peer.js', import.meta.url));
const topology = 'continents-24';
const largeBytes = 3_000_000;

/** Arguments that put a peer into a city. */
function inCity(city: string): string[] {
  const node = presetTopology(topology).names.indexOf(city);
  return ['--emulate', topology, '--emulate-node', String(node)];
}

it('is excluded, while every byte that readers get is right and none of their requests fails', async () => {
  const farm = await newFarm();
  await writeSite(farm.file('site'), 1, { large: largeBytes });
  // The liar is the nearest to the readers by far, so it is the first that they ask.
  const root = await farm.raise({ site: farm.file('site'), args: inCity('London') });
  const honest = await farm.volunteer('oak', { args: ['--serve', ...inCity('Sydney')] });
  const liar = await farm.volunteer('fox', { args: ['--serve', ...inCity('Tokyo')], program: lyingProgram });
  await untilServing([root, honest, liar]);
  const readers = await Promise.all(['ada', 'bob'].map((name) => farm.reader(name, { args: inCity('Tokyo') })));
  for (const reader of readers) await untilKnown(reader, [root, honest]);

  const visitors = readers.map(({ url }) => new Visitor(url));
  const [first] = readers;
  const large = await fetchFrom(first?.url ?? '', largeFile);
  expect(large.body.equals(largeOf(1, largeBytes))).toBe(true);
  await until('the root has excluded the liar', async () =>
    (await root.status()).servers.some(({ peerId, state }) => peerId === liar.id && state === 'excluded'),
  );
  await until('the liar knows', async () =>
    (await liar.status()).problems.some((sentence) => sentence.includes('barred')),
  );
  expect((await root.status()).problems.join()).toContain(liar.id);
  const counts = visitors.map(({ visits }) => visits.length);
  await until('the visitors read on', () => visitors.every(({ visits }, i) => visits.length > (counts[i] ?? 0) + 5));
  const walks = await Promise.all(visitors.map((visitor) => visitor.end()));
  expect(walks.flat().filter(({ fault }) => fault !== '')).toEqual([]);
  for (const reader of readers) {
    const { servers } = await reader.status();
    expect(servers.find(({ peerId }) => peerId === liar.id)?.state ?? 'excluded').toBe('excluded');
  }
});
