/** A new release goes out while people read. */
import { expect, it } from 'vitest';
import { until } from '../patience.ts';
import { untilKnown, untilServing, useFarm } from './farm.ts';
import { Visitor } from './visitor.ts';

const newFarm = useFarm();

it('reaches every server with no request failed, and no reader goes back by more than one release', async () => {
  const farm = await newFarm();
  const root = await farm.raise({ fanOut: 2 });
  const servers = [root, ...(await Promise.all(['oak', 'elm', 'ash'].map((name) => farm.volunteer(name))))];
  const readers = await Promise.all(['ada', 'bob'].map((name) => farm.reader(name)));
  await untilServing(servers);
  for (const reader of readers) await untilKnown(reader, servers);
  const visitors = readers.flatMap(({ url }) => [new Visitor(url), new Visitor(url)]);

  for (const edition of [2, 3]) {
    await farm.update(edition);
    await until(`every server has release ${edition}`, async () => {
      const views = await Promise.all(servers.map((server) => server.status()));
      return views.every(({ release }) => release.installed === edition && release.latest === edition);
    });
    await until(`every visitor has seen edition ${edition}`, () =>
      visitors.every(({ visits }) => visits.some((visit) => visit.edition === edition)),
    );
  }
  const walks = await Promise.all(visitors.map((visitor) => visitor.end()));
  expect(walks.flat().filter(({ fault }) => fault !== '')).toEqual([]);
  for (const walk of walks) {
    let newest = 1;
    for (const { edition } of walk) {
      newest = Math.max(newest, edition ?? 0);
      expect(edition).toBeGreaterThanOrEqual(newest - 1);
    }
    expect(newest).toBe(3);
  }
});
