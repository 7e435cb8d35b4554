/** Peers die without a word: their users do not notice, and their subtrees find new places. */
import { describe, expect, it } from 'vitest';
import { until } from '../patience.ts';
import { type Farm, untilKnown, untilServing, useFarm } from './farm.ts';
import type { FarmPeer } from './farm-peer.ts';
import { largeBytes, largeFile, largeOf, writeSite } from './test-site.ts';
import { Visitor, fetchSlowly } from './visitor.ts';

const newFarm = useFarm();

describe('a server that is killed', () => {
  it('costs its users no request', async () => {
    const farm = await newFarm();
    const root = await farm.raise();
    const volunteers = await Promise.all(['oak', 'elm', 'ash'].map((name) => farm.volunteer(name)));
    const servers = [root, ...volunteers];
    const reader = await farm.reader('ada');
    await untilServing(servers);
    await untilKnown(reader, servers);
    const visitors = [1, 2, 3, 4].map(() => new Visitor(reader.url));
    for (const kill of [1, 2]) {
      await until('the visitors are on their way', () => visitors.every(({ visits }) => visits.length >= 30 * kill));
      const victim = await mostUsed(reader, volunteers);
      await victim.kill();
      const before = visitors.map(({ visits }) => visits.length);
      await until('they go on', () => visitors.every(({ visits }, i) => visits.length >= (before[i] ?? 0) + 30));
    }
    const walks = await Promise.all(visitors.map((visitor) => visitor.end()));
    expect(walks.flat().filter(({ fault }) => fault !== '')).toEqual([]);
  });

  it('in the middle of a large file leaves the rest of it to another', async () => {
    const farm = await newFarm();
    await writeSite(farm.file('site'), 1, { large: largeBytes });
    const root = await farm.raise({ site: farm.file('site') });
    const volunteers = await Promise.all(['oak', 'elm'].map((name) => farm.volunteer(name)));
    const servers = [root, ...volunteers];
    const reader = await farm.reader('ada');
    await untilServing(servers);
    await untilKnown(reader, servers);
    let sender: FarmPeer | undefined;
    let fetched = 0;
    const sent = new Map<FarmPeer, number>();
    // A look at a second server may fall between the two counts: then nobody can say who sends, and the file is begun anew.
    while (sender === undefined) {
      await until('what was sent so far is counted', async () => {
        for (const server of servers) sent.set(server, (await server.status()).bytesServed);
        return sumOf(sent.values()) >= fetched * largeBytes;
      });
      const before = await requestsTo(reader, servers);
      const body = await fetchSlowly(reader.url, largeFile, {
        pauseAtBytes: 1_000_000,
        whilePaused: async () => {
          const now = await requestsTo(reader, servers);
          const asked = servers.filter(({ id }) => (now.get(id) ?? 0) > (before.get(id) ?? 0));
          if (asked.length === 1) [sender] = asked;
          await sender?.kill();
        },
      });
      expect(body.equals(largeOf(1))).toBe(true);
      fetched++;
    }
    const others = servers.filter((server) => server !== sender);
    const rest = await until('another has sent the rest', async () => {
      const more = others.map(async (other) => (await other.status()).bytesServed - (sent.get(other) ?? 0));
      const bytes = sumOf(await Promise.all(more));
      return bytes > 0 && bytes;
    });
    expect(rest).toBeLessThan(largeBytes);
  });
});

// How many heartbeats this takes is held in virtual time, by test/simulation/tree-figures.test.ts: here it would measure the machine.
describe('an inner node of a tree that is killed', () => {
  it('leaves servers that are whole again', async () => {
    const farm = await newFarm();
    const root = await farm.raise({ fanOut: 2 });
    const volunteers: FarmPeer[] = [];
    for (const name of ['oak', 'elm', 'ash', 'fir', 'yew', 'bay']) volunteers.push(await farm.volunteer(name));
    await untilServing([root, ...volunteers]);
    await expectRepair(farm, 'serverChildren', 'SIGKILL');
  });

  it('leaves servers that are whole again when it is stuck and only falls silent', async () => {
    const farm = await newFarm();
    const root = await farm.raise({ fanOut: 2 });
    const volunteers: FarmPeer[] = [];
    for (const name of ['oak', 'elm', 'ash', 'fir', 'yew']) volunteers.push(await farm.volunteer(name));
    await untilServing([root, ...volunteers]);
    await expectRepair(farm, 'serverChildren', 'SIGSTOP');
  });

  it('leaves clients that are whole again', async () => {
    const farm = await newFarm();
    await farm.raise({ fanOut: 2 });
    for (const name of ['oak', 'elm', 'ash', 'fir', 'yew', 'bay'])
      await farm.volunteer(name, { args: ['--never-serve'] });
    await expectRepair(farm, 'clientChildren', 'SIGKILL');
  });
});

/** Kills the node under the root that has the most below it, and waits until all that hung below it hang again. */
async function expectRepair(
  farm: Farm,
  children: 'serverChildren' | 'clientChildren',
  signal: NodeJS.Signals,
): Promise<void> {
  const victim = await until('a node under the root has children of its own', async () => {
    if ((await looseOf(farm.root, farm.peers)).length > 0) return null;
    const sizes = await Promise.all(
      farm.peers
        .filter((peer) => peer !== farm.root)
        .map(async (peer) => ({ peer, below: (await peer.status())[children].length })),
    );
    return sizes.sort((a, b) => b.below - a.below).find(({ below }) => below > 0)?.peer;
  });
  const survivors = farm.peers.filter((peer) => peer !== victim);
  const orphans = await below(victim, survivors);
  expect(orphans.length).toBeGreaterThan(0);
  victim.process.child.kill(signal);
  await until(
    'every orphan hangs below the root again',
    async () => (await looseOf(farm.root, survivors, victim.id)).length === 0,
  );
}

/** Those whose way up does not end at the root, over living peers. */
async function looseOf(root: FarmPeer, peers: readonly FarmPeer[], dead?: string): Promise<FarmPeer[]> {
  const statuses = new Map(await Promise.all(peers.map(async (peer) => [peer.id, await peer.status()] as const)));
  const reachesRoot = (id: string): boolean => {
    let at = id;
    for (let step = 0; step <= peers.length; step++) {
      if (at === root.id) return true;
      const status = statuses.get(at);
      if (status === undefined || !status.attached || status.parent === null || status.parent === dead) return false;
      at = status.parent;
    }
    return false;
  };
  return peers.filter(({ id }) => !reachesRoot(id));
}

/** Those whose way up leads over `top`. */
async function below(top: FarmPeer, peers: readonly FarmPeer[]): Promise<FarmPeer[]> {
  const parents = new Map(
    await Promise.all(peers.map(async (peer) => [peer.id, (await peer.status()).parent] as const)),
  );
  const leadsOver = (id: string): boolean => {
    let at: string | null | undefined = id;
    for (let step = 0; step <= peers.length && at !== null && at !== undefined; step++) {
      at = parents.get(at);
      if (at === top.id) return true;
    }
    return false;
  };
  return peers.filter(({ id }) => leadsOver(id));
}

async function requestsTo(reader: FarmPeer, servers: readonly FarmPeer[]): Promise<Map<string, number>> {
  const { servers: known } = await reader.status();
  return new Map(servers.map(({ id }) => [id, known.find((server) => server.peerId === id)?.requests ?? 0]));
}

function sumOf(numbers: Iterable<number>): number {
  return [...numbers].reduce((sum, number) => sum + number, 0);
}

/** The living server that this reader has asked the most. */
async function mostUsed(reader: FarmPeer, servers: readonly FarmPeer[]): Promise<FarmPeer> {
  const requests = await requestsTo(reader, servers);
  const [most] = servers
    .filter((server) => server.isRunning)
    .sort((a, b) => (requests.get(b.id) ?? 0) - (requests.get(a.id) ?? 0));
  if (most === undefined) throw new Error('no server is left to kill');
  return most;
}
