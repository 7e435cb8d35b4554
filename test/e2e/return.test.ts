/** Peers that come back: a volunteer after a power cut, the root after a while without it. */
import { expect, it } from 'vitest';
import { until } from '../patience.ts';
import { untilKnown, untilServing, useFarm } from './farm.ts';
import { pageOf } from './test-site.ts';
import { Visitor, fetchFrom } from './visitor.ts';

const newFarm = useFarm();

it('a volunteer that was killed is the same peer again, catches up with the release it missed, and serves', async () => {
  const farm = await newFarm();
  const root = await farm.raise();
  const volunteer = await farm.volunteer('oak');
  await untilServing([root, volunteer]);
  const { peerId, servingSeconds } = await volunteer.status();
  await volunteer.kill();
  await farm.update(2);
  await until('the root knows that it is gone', async () =>
    (await root.status()).servers.every((server) => server.peerId !== peerId),
  );

  // As a service manager would: the same folder, no link, no word about serving.
  const again = farm.peer('oak again', ['join', '--port', '0'], { folder: volunteer.state.path });
  await again.start();
  expect(again.id).toBe(peerId);
  await untilServing([root, again]);
  await until('it has the release it missed', async () => (await again.status()).release.installed === 2);
  expect((await again.status()).servingSeconds).toBeGreaterThanOrEqual(Math.floor(servingSeconds));

  const reader = await farm.reader('ada');
  await untilKnown(reader, [root, again]);
  await root.kill();
  const { status, body } = await fetchFrom(reader.url, 'one.html');
  expect([status, body.toString('utf8')]).toEqual([200, pageOf('one.html', 2)]);
});

it('while the root is away its servers go on; when it is back the farm is whole and takes updates', async () => {
  const farm = await newFarm();
  const root = await farm.raise();
  const port = portOf((await root.status()).addresses[0]);
  const servers = await Promise.all(['oak', 'elm'].map((name) => farm.volunteer(name)));
  const reader = await farm.reader('ada');
  await untilServing([root, ...servers]);
  await untilKnown(reader, [root, ...servers]);
  const visitor = new Visitor(reader.url);
  await until('the visitor is on the way', () => visitor.visits.length > 20);

  await root.kill();
  const before = visitor.visits.length;
  await until('the visitor has read on without the root', () => visitor.visits.length > before + 200);
  await root.start(['--port', port]);
  await until('all hang below the root again', async () => {
    const { subtreeSize } = await root.status();
    const views = await Promise.all([...servers, reader].map((peer) => peer.status()));
    return subtreeSize === 4 && views.every(({ attached }) => attached);
  });
  await untilServing([root, ...servers]);
  await farm.update(2);
  await until('the new release is everywhere', async () =>
    (await Promise.all(servers.map((server) => server.status()))).every(({ release }) => release.installed === 2),
  );
  await until('the visitor sees it', () => visitor.visits.at(-1)?.edition === 2);
  const walk = await visitor.end();
  expect(walk.filter(({ fault }) => fault !== '')).toEqual([]);
});

it('a page says so when nobody can serve, with the time after which to try again', async () => {
  const farm = await newFarm();
  const root = await farm.raise();
  const reader = await farm.reader('ada');
  const gateway = await farm
    .peer('gateway', ['gateway', root.invite, '--host', '127.0.0.1', '--port', '0', '--peer-port', '0'])
    .start();
  for (const { url } of [reader, gateway]) expect((await fetchFrom(url, 'one.html')).status).toBe(200);
  await root.kill();
  const answers = await Promise.all(
    [reader, gateway].map(({ url }) => fetchFrom(url, 'one.html', { accept: 'text/html' })),
  );
  for (const { status, headers, body } of answers) {
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(headers['content-type']).toMatch(/^text\/html/);
    expect(body.toString('utf8')).toContain('Nobody can serve this page right now');
  }
  await root.start(['--port', portOf(/(\/ip4\S+?)"/.exec(root.process.stdout)?.[1])]);
  await until('it is served again', async () => (await fetchFrom(gateway.url, 'one.html')).status === 200);
});

/** The TCP port of a multiaddr. */
function portOf(address: string | undefined): string {
  const port = /\/tcp\/(\d+)/.exec(address ?? '')?.[1];
  if (port === undefined) throw new Error(`no port in ${address}`);
  return port;
}
