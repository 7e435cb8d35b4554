/** A farm comes together: by the link that `serve` prints, and by no other. */
import { describe, expect, it } from 'vitest';
import { until } from '../patience.ts';
import { linesOf } from './farm-peer.ts';
import { untilKnown, untilServing, useFarm } from './farm.ts';
import { pageOf, pages } from './test-site.ts';
import { fetchFrom } from './visitor.ts';

const newFarm = useFarm();

describe('whoever has the invite', () => {
  it("joins by it, is made a server, and readers get the owner's bytes from it", async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const volunteer = await farm.volunteer('oak');
    const reader = await farm.reader('ada');
    await untilServing([root, volunteer]);
    await untilKnown(reader, [root, volunteer]);
    for (const page of pages) {
      const { status, body, headers } = await fetchFrom(reader.url, page);
      expect([status, body.toString('utf8')]).toEqual([200, pageOf(page, 1)]);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
    }
    expect((await fetchFrom(reader.url, 'no-such-page.html')).status).toBe(404);

    await root.kill();
    expect((await fetchFrom(reader.url, 'two.html')).body.toString('utf8')).toBe(pageOf('two.html', 1));
    await until('the volunteer has counted it', async () => (await volunteer.status()).requestsServed > 0);
  });

  it('finds in `banyan status --json` what it is, where it hangs and whom it knows', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const volunteer = await farm.volunteer('oak', { args: ['--serve', '--max-storage', '5MB'] });
    const client = await farm.volunteer('elm', { args: [] });
    await untilServing([root, volunteer]);
    await until('the client is in', async () => (await client.status()).attached);
    await until('the root counts three', async () => (await root.status()).subtreeSize === 3);
    const statusOf = async (folder: string): Promise<Record<string, unknown>> => {
      const { code, stdout } = await farm.banyan(['status', '--state', folder, '--json']);
      expect(code).toBe(0);
      const [status] = linesOf(stdout);
      return status ?? {};
    };
    expect(await statusOf(root.state.path)).toMatchObject({
      kind: 'status',
      peerId: root.id,
      role: 'root',
      attached: true,
      parent: null,
      depth: 0,
      server: root.id,
      subtreeSize: 3,
      release: { installed: 1, latest: 1, installing: null },
      problems: [],
    });
    const served = await statusOf(volunteer.state.path);
    expect(served).toMatchObject({
      peerId: volunteer.id,
      role: 'server',
      draining: false,
      attached: true,
      parent: root.id,
      depth: 1,
      server: volunteer.id,
      reachable: true,
      limits: { storageBytes: 5_000_000, clients: 64 },
      release: { installed: 1, latest: 1 },
      daemon: { part: 'volunteer', pid: volunteer.process.child.pid, stateFolder: volunteer.state.path, url: null },
      problems: [],
    });
    expect(served['addresses']).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)]);
    expect(served['servingSeconds']).toBeGreaterThan(0);
    const clientStatus = await statusOf(client.state.path);
    expect(clientStatus).toMatchObject({ role: 'client', attached: true, release: { installed: 0 } });
    expect([root.id, volunteer.id]).toContain(clientStatus['server']);
  });
});
