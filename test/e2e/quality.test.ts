/** Quality of service over real processes and emulated distances: who serves is decided by what clients feel. */
import { describe, expect, it } from 'vitest';
import type { Decision, DecisionEntry } from '../../src/host/farm-node.ts';
import { presetTopology } from '../../src/topology/index.ts';
import { until } from '../patience.ts';
import type { FarmPeer } from './farm-peer.ts';
import { type Farm, useFarm } from './farm.ts';
import { Visitor } from './visitor.ts';

const newFarm = useFarm();
const topology = 'continents-24';
const { names } = presetTopology(topology);

function standing(city: string): string[] {
  return ['--emulate', topology, '--emulate-node', String(names.indexOf(city))];
}

async function decisionsOf(root: FarmPeer): Promise<readonly Decision[]> {
  const entries = await root.ask('explain', { about: null, last: 100 });
  return entries.filter((entry) => entry.kind === 'decided');
}

/** What `banyan explain --json` prints. */
async function explained(farm: Farm, peer: FarmPeer, ...what: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await farm.banyan(['explain', ...what, '--state', peer.state.path, '--json']);
  return { ...(JSON.parse(code === 0 ? stdout : stderr) as Record<string, unknown>), exitCode: code };
}

describe('a farm with a requirement', () => {
  it('promotes volunteers until it is met, says why, and mends itself when a server is killed', async () => {
    const farm = await newFarm();
    const root = await farm.raise({ args: ['--requirement', '95ms', '--settle', '4', ...standing('London')] });
    const reader = await farm.reader('ada', { args: standing('Tokyo') });
    const cities = ['Tokyo', 'Singapore', 'Sao Paulo', 'Johannesburg'];
    const volunteers = await Promise.all(
      cities.map((city) => farm.volunteer(city, { args: ['--serve', ...standing(city)] })),
    );
    const visitor = new Visitor(reader.url);

    const met = await until('the requirement is met', async () =>
      (await decisionsOf(root)).findLast((decision) => decision.met && decision.servers > 1),
    );
    const before = await decisionsOf(root);
    const first = before.find(({ actions }) => actions.length > 0);
    expect(first).toMatchObject({ met: false, servers: 1, requirement: { meanMs: 95 } });
    expect(first?.figures.meanMs).toBeGreaterThan(95);
    expect(met.figures.meanMs).toBeLessThanOrEqual(95);

    // Whoever serves was ordered to, with a gain that was expected of it.
    const ordered = before.flatMap(({ actions }) => actions).filter(({ action }) => action === 'promote');
    for (const { expected } of ordered) expect(expected).toBeLessThan(0);
    const promoted = ordered.map(({ outcome }) => outcome?.peer);
    for (const volunteer of volunteers) {
      if ((await volunteer.status()).role === 'server') expect(promoted).toContain(volunteer.id);
    }

    const { exitCode, kind, entries } = await explained(farm, root, 'promotion', '--last', '1');
    expect({ exitCode, kind }).toEqual({ exitCode: 0, kind: 'explanation' });
    expect(entries).toEqual([
      expect.objectContaining({
        kind: 'decided',
        reason: expect.stringContaining('missed'),
        actions: expect.arrayContaining([expect.objectContaining({ action: 'promote' })]),
        next: expect.objectContaining({ servers: expect.any(Number) }),
      }),
    ]);

    const victim = await until('a volunteer serves', async () => {
      for (const volunteer of volunteers) if ((await volunteer.status()).role === 'server') return volunteer;
      return null;
    });
    await victim.kill();
    const killedAtMs = Date.now();
    await until(
      'the requirement is met again',
      async () =>
        (await decisionsOf(root)).some(({ atMs, met: isMet, servers }) => atMs > killedAtMs && isMet && servers > 1) &&
        (await root.status()).servers.every(({ peerId }) => peerId !== victim.id),
    );
    const visits = await visitor.end();
    expect(visits.filter(({ fault }) => fault !== '')).toEqual([]);
  });

  it.each([
    {
      what: 'for three quarters of its clients',
      terms: ['--requirement', 'p75=100ms'],
      cost: 'over',
      expectMet: ({ figures }: Decision) => expect(figures.overShare).toBeLessThanOrEqual(0.25),
      requirement: { meanMs: null, percentile: { share: 0.75, ms: 100 }, availability: null },
    },
    {
      what: 'by the worst-qos policy, one server at a time',
      terms: ['--requirement', '68ms', '--policy', 'worst-qos'],
      cost: 'delay',
      expectMet: ({ figures }: Decision) => expect(figures.meanMs).toBeLessThanOrEqual(68),
      requirement: { meanMs: 68, percentile: null, availability: null },
    },
  ])('is kept $what, and explained', async ({ terms, cost, expectMet, requirement }) => {
    const farm = await newFarm();
    const root = await farm.raise({ args: [...terms, '--settle', '4', ...standing('London')] });
    const cities = ['Tokyo', 'Singapore', 'Sao Paulo', 'Johannesburg'];
    // In the first rounds not everybody is there.
    const isMetByAll = ({ met, servers, figures }: Decision): boolean =>
      met && servers > 1 && figures.clients === 1 + cities.length;
    await Promise.all(cities.map((city) => farm.volunteer(city, { args: ['--serve', ...standing(city)] })));
    await until('the requirement is met by volunteers', async () => (await decisionsOf(root)).some(isMetByAll));
    const { exitCode, entries } = await explained(farm, root, '--last', '100');
    expect(exitCode).toBe(0);
    const decisions = (entries as DecisionEntry[]).filter((entry) => entry.kind === 'decided');
    const acting = decisions.filter(({ actions }) => actions.some(({ action }) => action === 'promote'));
    expect(acting[0]).toMatchObject({ met: false, servers: 1, cost, requirement });
    const met = decisions.find(isMetByAll);
    if (met === undefined) throw new Error('the decision that found it met is not explained');
    expectMet(met);
    if (!terms.includes('worst-qos')) return;
    expect(acting.length).toBeGreaterThanOrEqual(2);
    for (const { actions, reason } of acting) {
      expect(actions).toHaveLength(1);
      expect(reason).toContain('the descent through the worst averages');
    }
  });

  it('leaves its volunteers alone while the root does without them; a volunteer says who decides', async () => {
    const farm = await newFarm();
    const root = await farm.raise({ args: ['--requirement', '10s,50%', '--settle', '2'] });
    const volunteers = [await farm.volunteer('oak'), await farm.volunteer('elm', { args: [] })];
    const atRest = (entries: readonly DecisionEntry[]): boolean =>
      entries.some(
        (entry) => entry.kind === 'decided' && entry.met && entry.before >= 2 && entry.figures.clients === 3,
      );
    await until('the farm has been at rest for some rounds, with both volunteers heard', async () =>
      atRest(await decisionsOf(root)),
    );
    for (const volunteer of volunteers) {
      const { role, limits, requestsServed } = await volunteer.status();
      expect([volunteer.name, role, limits !== null, requestsServed]).toEqual([volunteer.name, 'client', true, 0]);
    }
    // They probed it, but nobody asked for anything.
    const { requestsServed, quality } = await root.status();
    expect(requestsServed).toBe(0);
    expect(quality).toMatchObject({
      requirement: { meanMs: 10_000, percentile: null, availability: 0.5 },
      latest: { met: true },
      lastAction: null,
    });
    expect(await explained(farm, volunteers[0] ?? root)).toMatchObject({
      exitCode: 1,
      code: 'wrong-part',
      message: expect.stringContaining('only the root'),
    });
    const { stdout } = await farm.banyan(['status', '--state', root.state.path]);
    expect(stdout).toMatch(/required\s+10000ms, 50%: met with mean \d+ ms/);
  });
});
